//! What a caller has left, and how it learns that.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{HOME, limited, log_in_from, number, partner, wait_of};
use crate::support::{PARTNER_KEY, TestApp, order};

#[tokio::test]
async fn a_stranger_has_only_so_many_signatures_explained() {
    let app = TestApp::with(limited).await;
    let key = PARTNER_KEY.public_key().to_pem();
    let body = json!({
        "query": "query($input: ExplainSignatureInput!) { explainSignature(input: $input) { valid } }",
        "variables": {"input": {"clientId": "a", "timestamp": "1", "signature": "b", "publicKey": key}},
    });
    for _ in 0..8 {
        app.post_from("198.51.100.1", "/graphql", &[], &body).await.data();
    }
    app.post_from("198.51.100.1", "/graphql", &[], &body).await.expect_error("RATE_LIMITED");
    app.post_from("198.51.100.2", "/graphql", &[], &body).await.data();
}

#[tokio::test]
async fn a_client_reads_its_quota_in_every_answer_and_waits_when_it_is_used_up() {
    let app = TestApp::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.requests_per_minute = number(60);
    })
    .await;
    let partner = app.partner().await;
    let created = partner.create(&order()).await;
    created.expect(201);
    assert_eq!(created.header("ratelimit-policy"), Some("\"requests\";q=60;w=60"));
    assert_eq!(created.header("ratelimit"), Some("\"requests\";r=59;t=1"));
    for left in (0..59).rev() {
        // Over either wire.
        let answer = partner.graphql("{ viewer { clientId } }", Value::Null).await;
        answer.data();
        assert_eq!(answer.header("ratelimit"), Some(&*format!("\"requests\";r={left};t={}", 60 - left)));
    }
    let refused = partner.create(&order()).await;
    assert_eq!(wait_of(&refused), 1);
    assert_eq!(refused.header("ratelimit"), Some("\"requests\";r=0;t=60"));
    assert_eq!(refused.header("ratelimit-policy"), Some("\"requests\";q=60;w=60"));
    let answer = partner.graphql("{ viewer { clientId } }", Value::Null).await;
    assert_eq!(answer.expect_error("RATE_LIMITED")["extensions"]["retryAfter"], 1);
    assert_eq!(answer.header("retry-after"), Some("1"));
    let refresh = app.post("/api/v1/auth/refresh", &json!({"token": partner.token})).await;
    assert_eq!(wait_of(&refresh), 1, "a refresh is a request like any other");
    // Another client's quota is its own.
    app.dashboard().await.graphql("{ viewer { clientId } }", Value::Null).await.data();
    app.clock.advance(Duration::from_secs(1));
    partner.create(&order()).await.expect(201);
    wait_of(&partner.create(&order()).await);
}

#[tokio::test]
async fn whoever_logs_in_reads_what_is_left_of_its_attempts() {
    let app = TestApp::with(limited).await;
    let secret = partner(&app).await;
    let answer = log_in_from(&app, HOME, super::PARTNER, secret.expose_secret()).await;
    answer.expect(200);
    assert_eq!(answer.header("ratelimit-policy"), Some("\"login\";q=10;w=600"));
    assert_eq!(answer.header("ratelimit"), Some("\"login\";r=9;t=60"));
    // What asks for no quota tells of none.
    assert_eq!(app.get("/health/live").await.header("ratelimit"), None);
}
