//! The budget of an address for requests without a valid token: it stops a flood, and nobody who can show who it is.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use sales_order_api::config::Config;
use sales_order_api::http::Peer;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{HOME, number, until_known};
use crate::support::{Answer, Partner, Signed, TestApp, order, until};

/// Where the flood comes from.
pub const FLOOD: &str = "198.51.100.1";

/// Five requests at once, then one a second.
pub fn limited(config: &mut Config) {
    config.rate_limit.enabled = true;
    config.rate_limit.anonymous_burst = number(5);
    config.rate_limit.anonymous_requests_per_minute = number(60);
}

pub async fn send_from(app: &TestApp, address: &str, mut request: Request<Body>) -> Answer {
    request.extensions_mut().insert(Peer((address.parse::<std::net::IpAddr>().unwrap(), 40_000).into()));
    app.send(request).await
}

async fn get_from(app: &TestApp, address: &str, path: &str) -> Answer {
    send_from(app, address, Request::get(path).body(Body::empty()).unwrap()).await
}

/// Uses up the budget of an address; gives how much was left of it.
pub async fn use_up(app: &TestApp, address: &str) -> usize {
    for n in 0..100 {
        if get_from(app, address, "/schema.graphql").await.status == 429 {
            return n;
        }
    }
    panic!("nobody stopped the flood");
}

#[tokio::test]
async fn a_flood_without_a_token_is_stopped_on_every_path_and_its_neighbours_are_not() {
    let app = TestApp::with(limited).await;
    assert_eq!(use_up(&app, FLOOD).await, 5);
    let signed = Signed {
        authorization: "Bearer forged".to_owned(),
        client_id: "a".to_owned(),
        timestamp: "1".to_owned(),
        signature: "b".to_owned(),
    };
    for path in ["/", "/docs", "/graphiql", "/assets/none.js", "/schema.graphql", "/api/v1/openapi.json", "/nothing"] {
        let answer = get_from(&app, FLOOD, path).await;
        let problem = answer.expect_problem(429, "RATE_LIMITED");
        assert!(problem["message"].as_str().unwrap().contains("without a valid token"), "{problem}");
        assert_eq!(answer.header("retry-after"), Some("1"), "{path}");
        assert_eq!(answer.header("ratelimit-policy"), Some("\"anonymous\";q=5;w=5"), "{path}");
        assert_eq!(answer.header("ratelimit"), Some("\"anonymous\";r=0;t=5"), "{path}");
    }
    let endless = || Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    for path in ["/api/v1/sales-orders", "/api/v1/signature/check"] {
        // Before the body is read: this one never ends.
        let request = TestApp::post_request(path, &signed.headers(), endless());
        send_from(&app, FLOOD, request).await.expect_problem(429, "RATE_LIMITED");
    }
    // GraphQL clients are told in their own shape.
    for request in [
        Request::get("/graphql?query={__typename}").body(Body::empty()).unwrap(),
        TestApp::post_request("/graphql", &[], json!({"query": "{ __schema { types { name } } }"}).to_string()),
        TestApp::post_request("/graphql", &[], json!({"query": "{ __typename }", "extensions": {}}).to_string()),
        TestApp::post_request("/graphql", &[], "{"),
        TestApp::post_request("/graphql", &[], " ".repeat(100_000)),
    ] {
        let answer = send_from(&app, FLOOD, request).await;
        assert_eq!(answer.status, 429, "{}", answer.text);
        let error = answer.expect_error("RATE_LIMITED");
        assert_eq!((&error["extensions"]["retryAfter"], answer.header("retry-after")), (&json!(1), Some("1")));
        assert!(answer.header("ratelimit").is_some());
    }
    get_from(&app, "198.51.100.2", "/schema.graphql").await;
    assert_eq!(get_from(&app, "198.51.100.2", "/schema.graphql").await.status, 200);
    // One household is one address.
    assert_eq!(use_up(&app, "2001:db8::1").await, 5);
    assert_eq!(get_from(&app, "2001:db8::2", "/docs").await.status, 429);
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(use_up(&app, FLOOD).await, 1);
}

#[tokio::test]
async fn health_metrics_and_preflights_are_answered_whatever_the_address_did() {
    let app = TestApp::with(|config| {
        limited(config);
        config.http.cors_origins = vec!["https://dashboard.example.com".to_owned()];
    })
    .await;
    let preflight = || {
        let request = Request::builder().method(Method::OPTIONS).uri("/graphql");
        let request = request.header("origin", "https://dashboard.example.com");
        request.header("access-control-request-method", "POST").body(Body::empty()).unwrap()
    };
    for _ in 0..2 {
        for _ in 0..10 {
            for path in ["/health/live", "/health/ready", "/metrics"] {
                assert_eq!(get_from(&app, FLOOD, path).await.status, 200, "{path}");
            }
            assert_eq!(send_from(&app, FLOOD, preflight()).await.status, 200);
        }
        // Neither did they count.
        if get_from(&app, FLOOD, "/schema.graphql").await.status == 200 {
            assert_eq!(use_up(&app, FLOOD).await, 4);
        }
    }
    // A page that may call us can read the refusal.
    let request = Request::get("/schema.graphql").header("origin", "https://dashboard.example.com");
    let refused = send_from(&app, FLOOD, request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://dashboard.example.com"));
}

#[tokio::test]
async fn a_partner_with_a_valid_token_is_served_beside_a_flood_from_its_own_address() {
    let app = TestApp::with(limited).await;
    let partner = app.partner().await;
    let from_flood = async |token: &str, path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        send_from(&app, FLOOD, request.body(Body::empty()).unwrap()).await
    };
    let post = async |body: Value| app.post_from(FLOOD, "/graphql", &partner.sign().headers(), &body).await;
    for _ in 0..10 {
        // None of it counts.
        assert_eq!(from_flood(&partner.token, "/schema.graphql").await.status, 200);
    }
    assert_eq!(use_up(&app, FLOOD).await, 5);
    let request = TestApp::post_request("/api/v1/sales-orders", &partner.sign().headers(), order().to_string());
    send_from(&app, FLOOD, request).await.expect(201);
    post(json!({"query": "{ viewer { clientId } }"})).await.data();
    from_flood(&partner.token, "/api/v1/sales-orders/SO-0000000001").await.expect(200);
    assert_eq!(from_flood(&partner.token, "/docs").await.status, 200);
    // A token that is none of ours, or has expired, is no token.
    from_flood("forged", "/docs").await.expect_problem(429, "RATE_LIMITED");
    app.clock.advance(Duration::from_hours(12));
    assert_eq!(use_up(&app, FLOOD).await, 5);
    from_flood(&partner.token, "/docs").await.expect_problem(429, "RATE_LIMITED");
}

#[tokio::test]
async fn a_token_whose_session_was_ended_counts_like_none() {
    let app = TestApp::with(limited).await;
    let partner = app.partner().await;
    app.clients.revoke_sessions(&"versuni-client-001".parse().unwrap()).await.unwrap();
    let revoked = async || {
        let request = Request::get("/api/v1/sales-orders/SO-0000000001");
        let request = request.header("authorization", partner.authorization()).body(Body::empty());
        send_from(&app, FLOOD, request.unwrap()).await
    };
    for _ in 0..5 {
        revoked().await.expect_problem(401, "UNAUTHENTICATED");
    }
    revoked().await.expect_problem(429, "RATE_LIMITED");
}

#[tokio::test]
async fn by_default_an_office_behind_one_address_opens_all_the_pages() {
    let app = TestApp::with(|config| config.rate_limit.enabled = true).await;
    for person in 0..40 {
        for _ in 0..60 {
            assert_eq!(get_from(&app, HOME, "/assets/licences.md").await.status, 200, "person {person}");
        }
    }
}

#[tokio::test]
async fn a_client_that_was_refused_recovers_by_logging_in() {
    let app = TestApp::with(limited).await;
    let partner = app.partner().await;
    let Partner { client_id, secret, .. } = &partner;
    until_known(&app, 1).await;
    app.clock.advance(Duration::from_hours(13));
    // Its address in these tests: none is known.
    let expired = async || partner.get("/api/v1/sales-orders/SO-0000000001").await;
    until("a refusal for too many", async || expired().await.status == 429).await;
    let credentials = json!({"client_id": client_id, "client_secret": secret.expose_secret()});
    let token = app.post("/api/v1/auth/login", &credentials).await.expect(200);
    let request = Request::get("/api/v1/sales-orders/SO-0000000001");
    let request = request.header("authorization", format!("Bearer {}", token["token"].as_str().unwrap()));
    app.send(request.body(Body::empty()).unwrap()).await.expect_problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn large_bodies_without_a_token_have_only_so_much_room_and_a_partner_has_all_it_needs() {
    let app = TestApp::with(|config| config.rate_limit.enabled = true).await;
    let partner = app.partner().await;
    let begun = |authorization: &str| {
        let chunks = futures_util::stream::once(async { Ok::<_, std::io::Error>(vec![b' '; 20_000]) });
        let body = Body::from_stream(futures_util::StreamExt::chain(chunks, futures_util::stream::pending()));
        let mut request = TestApp::post_request("/graphql", &[("authorization", authorization)], body);
        request.extensions_mut().insert(Peer(([198, 51, 100, 1], 40_000).into()));
        tower::ServiceExt::oneshot(app.router.clone(), request)
    };
    let authorization = partner.authorization();
    let mut held: Vec<_> = (0..16).map(|_| Box::pin(begun("none"))).collect();
    held.extend((0..16).map(|_| Box::pin(begun(&authorization))));
    // Begun, and none of them finished.
    for request in &mut held {
        assert!(futures_util::FutureExt::now_or_never(request).is_none());
    }
    let large = "{\"query\": \"{ __typename }\"}".to_owned() + &" ".repeat(20_000);
    let send = async |address: &str, headers: &[(&str, &str)], body: &str| {
        send_from(&app, address, TestApp::post_request("/graphql", headers, body.to_owned())).await
    };
    let refused = send(FLOOD, &[], &large).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("1")));
    assert!(refused.expect_error("RATE_LIMITED")["message"].as_str().unwrap().contains("large bodies"));
    send(FLOOD, &[], large.trim()).await.data();
    send(FLOOD, &[("authorization", &authorization)], &large).await.data();
    send(HOME, &[], &large).await.data();
    drop(held);
    send(FLOOD, &[], &large).await.data();
}
