//! Clients log in, and carry their sessions on.

mod limit;
mod refresh;
mod rotation;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const LOGIN: &str = "mutation($id: String!, $secret: String!) {
    login(input: {clientId: $id, clientSecret: $secret}) { token expiredAt } }";
const REFRESH: &str = "mutation($token: String!) { refresh(input: {token: $token}) { token expiredAt } }";

/// When the clock of a test stands still.
const NOW: i64 = 1_795_441_036;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

async fn log_in(app: &TestApp, client_id: &str, secret: &str) -> Answer {
    app.post("/api/v1/auth/login", &json!({"client_id": client_id, "client_secret": secret})).await
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    app.post("/api/v1/auth/refresh", &json!({"token": token})).await
}

/// Asks who a token names: the least that a valid token is good for.
async fn viewer(app: &TestApp, token: &str) -> Answer {
    let body = json!({"query": "{ viewer { clientId } }"}).to_string();
    app.post_text("/graphql", &[("authorization", &format!("Bearer {token}"))], body).await
}

/// The token of an answer to a login or a refresh.
#[track_caller]
fn token(answer: &Answer) -> String {
    answer.expect(200)["token"].as_str().unwrap().to_owned()
}

/// What a token says.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

async fn client(app: &TestApp, client_id: &str) -> SecretString {
    app.client(client_id, &[Permission::OrdersCreate], SignaturePolicy::Documented, Vec::new()).await
}

#[tokio::test]
async fn a_client_logs_in_for_twelve_hours() {
    let app = TestApp::new().await;
    let secret = client(&app, "versuni-client-001").await;
    let answer = log_in(&app, "versuni-client-001", secret.expose_secret()).await;
    let token = token(&answer);
    assert_eq!(answer.json(), json!({"token": token, "expired_at": NOW + 12 * HOUR}));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    // A token in a shared cache would be anybody's.
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(viewer(&app, &token).await.data()["viewer"]["clientId"], "versuni-client-001");

    let claims = claims(&token);
    for (name, value) in [
        ("sub", json!("versuni-client-001")),
        ("iss", json!("sales-order-api")),
        ("aud", json!("sales-order-api")),
        ("iat", json!(NOW)),
        ("nbf", json!(NOW)),
        ("auth_time", json!(NOW)),
        ("exp", json!(NOW + 12 * HOUR)),
        ("scope", json!("orders:create")),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_token_counts_until_just_before_it_expires() {
    let app = TestApp::new().await;
    let secret = client(&app, "versuni-client-001").await;
    let token = token(&log_in(&app, "versuni-client-001", secret.expose_secret()).await);
    app.clock.advance(Duration::from_secs(12 * 3600 - 1));
    viewer(&app, &token).await.data();
    app.clock.advance(Duration::from_secs(1));
    let error = viewer(&app, &token).await.expect_error("UNAUTHENTICATED");
    assert_eq!(error["extensions"]["expiredAt"], NOW + 12 * HOUR);
}

#[tokio::test]
async fn every_login_gets_a_token_of_its_own() {
    let app = TestApp::new().await;
    let secret = client(&app, "versuni-client-001").await;
    let first = token(&log_in(&app, "versuni-client-001", secret.expose_secret()).await);
    let second = token(&log_in(&app, "versuni-client-001", secret.expose_secret()).await);
    assert_ne!(claims(&first)["jti"], claims(&second)["jti"]);
    viewer(&app, &first).await.data();
    viewer(&app, &second).await.data();
}

#[tokio::test]
async fn a_token_names_the_scopes_the_client_has() {
    let app = TestApp::new().await;
    let scopes = [Permission::ClientsRead, Permission::OrdersRead, Permission::OrdersRead, Permission::OrdersManage];
    let secret = app.client("dashboard-001", &scopes, SignaturePolicy::Documented, Vec::new()).await;
    let token = token(&log_in(&app, "dashboard-001", secret.expose_secret()).await);
    assert_eq!(claims(&token)["scope"], "orders:read orders:manage clients:read");
}

#[tokio::test]
async fn a_wrong_id_and_a_wrong_secret_are_one_answer() {
    let app = TestApp::new().await;
    let secret = client(&app, "versuni-client-001").await;
    let mut answers = Vec::new();
    for (id, secret) in [
        ("versuni-client-001", "not the secret"),
        ("nobody", "not the secret"),
        ("nobody", secret.expose_secret()),
        ("no id at all | %", "not the secret"),
        ("VERSUNI-CLIENT-001", secret.expose_secret()),
        ("versuni-client-001", &format!("{} ", secret.expose_secret())),
        ("versuni-client-001 ", secret.expose_secret()),
    ] {
        let body = json!({"client_id": id, "client_secret": secret}).to_string();
        answers.push(app.post_text("/api/v1/auth/login", &[("x-request-id", "the-same")], body).await);
    }
    let first = &answers[0];
    first.expect_problem(401, "INVALID_CREDENTIALS");
    assert_eq!(first.header("www-authenticate"), Some("Bearer realm=\"sales-order-api\""));
    for answer in &answers[1..] {
        assert_eq!((answer.status, &answer.headers, &answer.text), (first.status, &first.headers, &first.text));
    }
}

#[tokio::test]
async fn a_disabled_client_is_told_so_once_it_has_proven_who_it_is() {
    let app = TestApp::new().await;
    let secret = client(&app, "versuni-client-001").await;
    let id = "versuni-client-001".parse().unwrap();
    app.clients.disable_client(&id).await.unwrap();
    log_in(&app, "versuni-client-001", "not the secret").await.expect_problem(401, "INVALID_CREDENTIALS");
    log_in(&app, "versuni-client-001", secret.expose_secret()).await.expect_problem(403, "CLIENT_DISABLED");
    app.clients.enable_client(&id).await.unwrap();
    log_in(&app, "versuni-client-001", secret.expose_secret()).await.expect(200);
}

#[tokio::test]
async fn a_faulty_body_names_every_field_at_once() {
    let app = TestApp::new().await;
    for (path, body, faults) in [
        ("login", json!({}), json!([["/client_id", "required"], ["/client_secret", "required"]])),
        (
            "login",
            json!({"client_id": null, "client_secret": ""}),
            json!([["/client_id", "required"], ["/client_secret", "blank"]]),
        ),
        (
            "login",
            json!({"client_id": 7, "secret": "x", "remember": true}),
            json!([
                ["/client_id", "type"],
                ["/client_secret", "required"],
                ["/secret", "unknown"],
                ["/remember", "unknown"]
            ]),
        ),
        ("login", json!({"client_id": "c", "client_secret": "s", "clientId": "c"}), json!([["/clientId", "unknown"]])),
        (
            "login",
            json!({"client_id": "c".repeat(257), "client_secret": "s".repeat(1025)}),
            json!([["/client_id", "too_long"], ["/client_secret", "too_long"]]),
        ),
        ("login", json!({"client_id": "c", "client_secret": "s", "a/b~c": 1}), json!([["/a~1b~0c", "unknown"]])),
        ("login", json!(["c", "s"]), json!([["", "type"]])),
        ("login", json!("c"), json!([["", "type"]])),
        ("refresh", json!({}), json!([["/token", "required"]])),
        ("refresh", json!({"token": ["t"], "all": 1}), json!([["/token", "type"], ["/all", "unknown"]])),
        ("refresh", json!({"token": "t".repeat(8193)}), json!([["/token", "too_long"]])),
    ] {
        let problem = app.post(&format!("/api/v1/auth/{path}"), &body).await.expect_problem(400, "VALIDATION_FAILED");
        let told: Vec<_> = problem["errors"]
            .as_array()
            .unwrap_or_else(|| panic!("{body}: {problem}"))
            .iter()
            .map(|error| json!([error["pointer"], error["code"]]))
            .collect();
        assert_eq!(json!(told), faults, "{body}");
        let secrets_told = problem.to_string().contains("ssss") || problem.to_string().contains("tttt");
        assert!(!secrets_told, "a refusal must not repeat a secret: {problem}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_malformed() {
    let app = TestApp::new().await;
    for path in ["/api/v1/auth/login", "/api/v1/auth/refresh"] {
        for body in ["", "{", "client_id=x&client_secret=y", "{\"client_id\": \"c\",}", "{} {}"] {
            app.post_text(path, &[], body).await.expect_problem(400, "MALFORMED_BODY");
        }
    }
}

#[tokio::test]
async fn graphql_opens_and_carries_on_the_same_sessions() {
    let app = TestApp::new().await;
    let secret = client(&app, "versuni-client-001").await;
    let variables = json!({"id": "versuni-client-001", "secret": secret.expose_secret()});
    let opened = app.graphql(LOGIN, variables).await.data()["login"].take();
    assert_eq!(opened["expiredAt"], NOW + 12 * HOUR);
    let by_graphql = opened["token"].as_str().unwrap();
    let by_rest = token(&log_in(&app, "versuni-client-001", secret.expose_secret()).await);
    let without_jti = |token: &str| {
        let mut claims = claims(token);
        claims.as_object_mut().unwrap().remove("jti").unwrap();
        claims
    };
    assert_eq!(without_jti(by_graphql), without_jti(&by_rest));

    app.clock.advance(Duration::from_mins(1));
    let carried_on = app.graphql(REFRESH, json!({"token": by_rest})).await.data()["refresh"].take();
    assert_eq!(carried_on["expiredAt"], NOW + 60 + 12 * HOUR);
    let by_rest = token(&refresh(&app, by_graphql).await);
    assert_eq!(without_jti(carried_on["token"].as_str().unwrap()), without_jti(&by_rest));

    let variables = json!({"id": "versuni-client-001", "secret": "not the secret"});
    app.graphql(LOGIN, variables).await.expect_error("INVALID_CREDENTIALS");
    app.graphql(REFRESH, json!({"token": "x.y.z"})).await.expect_error("UNAUTHENTICATED");
}
