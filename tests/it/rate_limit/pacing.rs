//! Answers that wait once their address was sent many of the kind: refusals, and what never counts.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;
use tokio::time::Instant;

use super::anonymous::{limited, send_from, use_up};
use crate::support::{Answer, TestApp};

/// So many answers of a kind an address is given at once.
const AT_ONCE: usize = 200;

/// Sends a request again and again until its answer waits; gives how many did not, and how long that one waited. Nothing is
/// asked of the database, so the runtime's clock may stand still: it moves on where waiting is all that is left.
async fn until_paced(app: &TestApp, address: &str, request: impl Fn() -> Request<Body>) -> (usize, Duration) {
    for at_once in 0..2 * AT_ONCE {
        let begun = Instant::now();
        expect_kind(&send_from(app, address, request()).await);
        if begun.elapsed() > Duration::ZERO {
            return (at_once, begun.elapsed());
        }
    }
    panic!("no answer waited");
}

/// A refusal, or an answer that is free.
#[track_caller]
fn expect_kind(answer: &Answer) {
    let is_refusal = answer.text.contains("RATE_LIMITED");
    assert!(is_refusal || answer.status == 200, "{} {}", answer.status, answer.text);
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn preflight() -> Request<Body> {
    let request = Request::builder().method(Method::OPTIONS).uri("/graphql");
    let request = request.header("origin", "https://dashboard.example.com");
    request.header("access-control-request-method", "POST").body(Body::empty()).unwrap()
}

#[tokio::test]
async fn refusals_wait_once_an_address_was_sent_many_whatever_it_sends() {
    let app = TestApp::with(limited).await;
    let post = |path: &str, body: &str| TestApp::post_request(path, &[], body.to_owned());
    let ask = |query: &str| post("/graphql", &json!({"query": query}).to_string());
    let requests: [&dyn Fn() -> Request<Body>; 6] = [
        &|| get("/schema.graphql"),
        &|| post("/api/v1/sales-orders", "{}"),
        &|| post("/api/v1/auth/refresh", r#"{"token": "forged"}"#),
        &|| ask("{ __typename }"),
        &|| ask(r#"mutation { refresh(input: {token: "forged"}) { token } }"#),
        &|| get("/graphql/ws"),
    ];
    tokio::time::pause();
    for (number, request) in requests.into_iter().enumerate() {
        let address = format!("198.51.100.{number}");
        use_up(&app, &address).await;
        let (at_once, waited) = until_paced(&app, &address, request).await;
        // One was sent to find out that the budget is used up.
        assert_eq!((at_once + 1, waited.as_secs()), (AT_ONCE, 1), "{:?}", request());
    }
    // A neighbour's refusals do not wait for theirs.
    use_up(&app, "198.51.100.99").await;
    let begun = Instant::now();
    send_from(&app, "198.51.100.99", get("/docs")).await.expect_problem(429, "RATE_LIMITED");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn preflights_and_health_checks_wait_a_little_once_an_address_has_sent_many() {
    let app = TestApp::with(|config| {
        limited(config);
        config.http.cors_origins = vec!["https://dashboard.example.com".to_owned()];
    })
    .await;
    tokio::time::pause();
    let requests: [fn() -> Request<Body>; 2] = [preflight, || get("/health/live")];
    for (number, request) in requests.into_iter().enumerate() {
        let address = format!("198.51.100.{number}");
        let (at_once, waited) = until_paced(&app, &address, request).await;
        assert_eq!(at_once, AT_ONCE, "{:?}", request());
        // They are answered all the same, within a tenth of a second.
        assert!((50..100).contains(&waited.as_millis()), "{waited:?}: {:?}", request());
        assert_eq!(send_from(&app, &address, request()).await.status, 200);
    }
}
