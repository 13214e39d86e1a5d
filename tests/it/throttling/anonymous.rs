//! The budget of an address for requests without a valid token: it stops a flood, and nobody who can show who it is.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use sales_order_api::config::Config;
use sales_order_api::http::Peer;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{HOME, PARTNER, log_in_from, number, partner, until_known};
use crate::support::{Answer, Partner, Signed, TestApp, order};

/// Where the flood comes from.
const FLOOD: &str = "198.51.100.1";

/// Five requests at once, then one a second.
fn limited(config: &mut Config) {
    config.rate_limit.enabled = true;
    config.rate_limit.anonymous_burst = number(5);
    config.rate_limit.anonymous_requests_per_minute = number(60);
}

async fn send_from(app: &TestApp, address: &str, mut request: Request<Body>) -> Answer {
    request.extensions_mut().insert(Peer((address.parse::<std::net::IpAddr>().unwrap(), 40_000).into()));
    app.send(request).await
}

async fn get_from(app: &TestApp, address: &str, path: &str) -> Answer {
    send_from(app, address, Request::get(path).body(Body::empty()).unwrap()).await
}

/// Uses up the budget of an address; gives how much was left of it.
async fn use_up(app: &TestApp, address: &str) -> usize {
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

async fn refresh_from(app: &TestApp, address: &str, token: &str) -> Answer {
    app.post_from(address, "/api/v1/auth/refresh", &[], &json!({"token": token})).await
}

const REFRESH: &str = "mutation($token: String!) { refresh(input: {token: $token}) { token } }";
const LOGIN: &str =
    "mutation($id: String!, $secret: String!) { login(input: {clientId: $id, clientSecret: $secret}) { token } }";

#[tokio::test]
async fn a_true_refresh_neither_counts_nor_waits_for_the_budget() {
    let app = TestApp::with(limited).await;
    let partner = app.partner().await;
    app.clock.advance(Duration::from_hours(13));
    let over_graphql = json!({"query": REFRESH, "variables": {"token": partner.token}});
    for _ in 0..10 {
        refresh_from(&app, FLOOD, &partner.token).await.expect(200);
        app.post_from(FLOOD, "/graphql", &[], &over_graphql).await.data();
    }
    assert_eq!(use_up(&app, FLOOD).await, 5);
    let refreshed = refresh_from(&app, FLOOD, &partner.token).await.expect(200);
    app.post_from(FLOOD, "/graphql", &[], &over_graphql).await.data();
    // One that is none is answered like the rest of the flood, and so is one beside which something else is asked.
    refresh_from(&app, FLOOD, "forged").await.expect_problem(429, "RATE_LIMITED");
    app.post_from(FLOOD, "/api/v1/auth/refresh", &[], &json!({})).await.expect_problem(429, "RATE_LIMITED");
    let beside = REFRESH.replace("{ refresh", "{ createSalesOrder(input: {}) { message } refresh");
    let beside = json!({"query": beside, "variables": {"token": partner.token}});
    app.post_from(FLOOD, "/graphql", &[], &beside).await.expect_error("RATE_LIMITED");
    // A session that was ended is none either; where there is a budget it counts.
    app.clients.revoke_sessions(&"versuni-client-001".parse().unwrap()).await.unwrap();
    for token in [partner.token.as_str(), refreshed["token"].as_str().unwrap()] {
        refresh_from(&app, HOME, token).await.expect_problem(401, "UNAUTHENTICATED");
        refresh_from(&app, FLOOD, token).await.expect_problem(429, "RATE_LIMITED");
    }
    assert_eq!(use_up(&app, HOME).await, 3);
}

#[tokio::test]
async fn a_login_from_an_address_that_its_client_has_used_neither_counts_nor_waits_for_any_budget_of_the_address() {
    let app = TestApp::with(|config| {
        limited(config);
        config.rate_limit.address_burst = number(4);
        config.rate_limit.address_attempts_per_minute = number(1);
    })
    .await;
    let secret = partner(&app).await;
    let secret = secret.expose_secret();
    log_in_from(&app, HOME, PARTNER, secret).await.expect(200);
    until_known(&app, 1).await;
    let over_graphql = json!({"query": LOGIN, "variables": {"id": PARTNER, "secret": secret}});
    for _ in 0..8 {
        log_in_from(&app, HOME, PARTNER, secret).await.expect(200);
    }
    app.post_from(HOME, "/graphql", &[], &over_graphql).await.data();
    // The first login was from an address that nobody knew; it took one of five, and one of four logins.
    assert_eq!(use_up(&app, HOME).await, 4);
    log_in_from(&app, HOME, PARTNER, secret).await.expect(200);
    app.post_from(HOME, "/graphql", &[], &over_graphql).await.data();
    log_in_from(&app, HOME, "somebody-else", "a guess").await.expect_problem(429, "RATE_LIMITED");
    app.clock.advance(Duration::from_secs(5));
    for _ in 0..3 {
        log_in_from(&app, HOME, "somebody-else", "a guess").await.expect_problem(401, "INVALID_CREDENTIALS");
    }
    // Nor does it wait where neighbours have used up the logins of the address.
    log_in_from(&app, HOME, "somebody-else", "a guess").await.expect_problem(429, "RATE_LIMITED");
    log_in_from(&app, HOME, PARTNER, secret).await.expect(200);
    // Another instance asks the database.
    let other = TestApp { router: TestApp::router_on(&app.store, &app.clock, limited), ..app };
    assert_eq!(use_up(&other, HOME).await, 5);
    log_in_from(&other, HOME, PARTNER, secret).await.expect(200);
}

#[tokio::test]
async fn a_flood_of_logins_over_the_budget_costs_the_database_one_statement_a_minute() {
    let app = TestApp::with(limited).await;
    let secret = partner(&app).await;
    assert_eq!(use_up(&app, FLOOD).await, 5);
    log_in_from(&app, FLOOD, "nobody", "a guess").await.expect_problem(429, "RATE_LIMITED");
    // From here on there is no database to ask.
    app.store.close().await;
    for n in 0..100 {
        log_in_from(&app, FLOOD, &format!("nobody-{n}"), "a guess").await.expect_problem(429, "RATE_LIMITED");
    }
    log_in_from(&app, HOME, PARTNER, secret.expose_secret()).await.expect_problem(503, "DATABASE_UNAVAILABLE");
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
    while expired().await.status != 429 {}
    let credentials = json!({"client_id": client_id, "client_secret": secret.expose_secret()});
    let token = app.post("/api/v1/auth/login", &credentials).await.expect(200);
    let request = Request::get("/api/v1/sales-orders/SO-0000000001");
    let request = request.header("authorization", format!("Bearer {}", token["token"].as_str().unwrap()));
    app.send(request.body(Body::empty()).unwrap()).await.expect_problem(404, "NOT_FOUND");
}
