//! What browsers are told, so that no foreign page gets at the service.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::support::{Answer, TestApp, order};

const OURS: &str = "https://dashboard.example.com";

#[tokio::test]
async fn every_answer_tells_browsers_to_load_nothing_frame_nothing_and_guess_nothing() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let answers = [
        partner.create(&order()).await,
        partner.graphql("{ viewer { clientId } }", json!({})).await,
        app.get("/health/live").await,
        app.get("/schema.graphql").await,
        app.get("/nowhere").await,
        app.post("/api/v1/auth/login", &json!({})).await,
    ];
    for answer in answers {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name} {}", answer.text);
        }
        assert_eq!(answer.header("strict-transport-security"), None, "nobody said that it is behind TLS");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn behind_tls_browsers_are_told_to_use_nothing_else() {
    let app = TestApp::with(|config| config.http.behind_tls = true).await;
    let answer = app.get("/health/live").await;
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=63072000"));
}

async fn preflight(app: &TestApp, origin: &str, path: &str) -> Answer {
    let request = Request::options(path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,x-signature");
    app.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn no_foreign_page_may_call_the_service_unless_its_origin_is_configured() {
    let app = TestApp::new().await;
    let refused = preflight(&app, OURS, "/graphql").await;
    refused.expect_problem(405, "METHOD_NOT_ALLOWED");
    assert_eq!(refused.header("access-control-allow-origin"), None);

    let app = TestApp::with(|config| config.http.cors_origins = vec![OURS.to_owned()]).await;
    for path in ["/graphql", "/api/v1/sales-orders"] {
        let allowed = preflight(&app, OURS, path).await;
        assert_eq!(allowed.status, 200);
        assert_eq!(allowed.header("access-control-allow-origin"), Some(OURS));
        assert_eq!(allowed.header("access-control-allow-methods"), Some("GET,POST,PUT,DELETE"));
        assert!(allowed.header("access-control-allow-headers").unwrap().contains("x-signature"));
        // Nothing of ours is in a cookie.
        assert_eq!(allowed.header("access-control-allow-credentials"), None);
        for stranger in ["https://dashboard.example.com.evil.org", "http://dashboard.example.com", "null"] {
            assert_eq!(preflight(&app, stranger, path).await.header("access-control-allow-origin"), None, "{stranger}");
        }
    }
    let body = json!({"query": "{ __typename }"});
    let answer = app.post_text("/graphql", &[("origin", OURS)], body.to_string()).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(OURS));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("idempotent-replayed"));
}

#[tokio::test]
async fn a_token_in_the_address_is_no_token() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for name in ["access_token", "token", "authorization"] {
        let path = format!("/api/v1/sales-orders/SO-0000000001?{name}={}", partner.token);
        app.get(&path).await.expect_problem(401, "UNAUTHENTICATED");
    }
}
