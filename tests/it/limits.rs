//! What one request may ask for: just as much as the limits say, however it is dressed up.

mod bombs;
mod counts;
mod introspection;
mod merging;
mod work;

use serde_json::{Value, json};

use crate::support::TestApp;

/// Sends a document that no limit may refuse; gives the answer.
#[track_caller]
fn assert_not_limited(what: &str, answer: &Value) {
    let code = &answer["errors"][0]["extensions"]["code"];
    assert_ne!(code, "LIMIT_EXCEEDED", "{what}: {answer}");
}

/// Sends a document that asks for as much as it may: whatever else may be wrong with it.
async fn send_within_limits(app: &TestApp, what: &str, document: &str) -> Value {
    let answer = app.graphql(document, json!({})).await.expect(200);
    assert_not_limited(what, &answer);
    answer
}

/// Sends a document that asks for too much, which must be refused before any of it runs; gives the reason.
async fn send_beyond_limits(app: &TestApp, what: &str, document: &str) -> String {
    let answer = app.graphql(document, json!({})).await;
    let body = answer.expect(200);
    let start: String = answer.text.chars().take(500).collect();
    assert_eq!(body["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{what}: {start}");
    assert_eq!(body["errors"].as_array().unwrap().len(), 1, "{what}: {start}");
    assert!(body.get("data").is_none(), "{what}: {start}");
    body["errors"][0]["message"].as_str().unwrap().to_owned()
}
