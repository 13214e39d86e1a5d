//! What a browser is not talked into, and what a caller who may not learns.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{TestApp, order};

const CREATE: &str = "mutation($input: CreateSalesOrderInput!) { createSalesOrder(input: $input) { message } }";

/// The order as GraphQL spells it.
fn input() -> Value {
    let order = order();
    json!({
        "customerCode": order["customer_code"], "siteCode": order["site_code"], "salesName": order["sales_name"],
        "address": order["address"], "products": [{"productCode": "HD9650", "quantity": 2}],
    })
}

#[tokio::test]
async fn what_a_foreign_page_can_send_without_asking_is_not_taken() {
    let app = TestApp::new().await;
    let body = json!({"query": "{ __typename }"}).to_string();
    for content_type in [
        None,
        Some("text/plain"),
        Some("text/plain; charset=utf-8; application/json"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/graphql"),
    ] {
        let mut request = Request::post("/graphql");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = app.send(request.body(Body::from(body.clone())).unwrap()).await;
        answer.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
}

#[tokio::test]
async fn a_caller_without_a_token_is_told_so_in_the_answer() {
    let app = TestApp::new().await;
    let answer = app.graphql("{ viewer { clientId } }", json!({})).await;
    assert_eq!(
        answer.expect(200),
        json!({
            "data": null,
            "errors": [{
                "message": "No bearer token: send \"Authorization: Bearer <token>\" with a token from login",
                "locations": [{"line": 1, "column": 3}],
                "path": ["viewer"],
                "extensions": {"code": "UNAUTHENTICATED"},
            }],
            "extensions": {"cost": {"complexity": 2, "maxComplexity": 20000}},
        })
    );
    let mut expired = app.partner().await;
    app.clock.advance(std::time::Duration::from_hours(12));
    let error = expired.graphql("{ viewer { clientId } }", json!({})).await.expect_error("UNAUTHENTICATED");
    assert_eq!(error["extensions"]["expiredAt"], app.clock.now().timestamp());
    expired.token = "damaged".to_owned();
    expired.graphql("{ viewer { clientId } }", json!({})).await.expect_error("UNAUTHENTICATED");
}

#[tokio::test]
async fn a_refused_signature_is_explained_in_camel_case() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let body = json!({"query": CREATE, "variables": {"input": input()}}).to_string();
    let timestamp = partner.sign().timestamp;
    let signed = partner.sign_text(&timestamp, &format!("versuni-client-001|{timestamp}\n"));
    let answer = app.post_text("/graphql", &signed.headers(), body.clone()).await;
    assert_eq!(answer.status, 200);
    let error = answer.expect_error("INVALID_SIGNATURE");
    let extensions = error["extensions"].as_object().unwrap();
    assert_eq!(extensions["hint"], "signed_trailing_newline");
    assert_eq!(extensions["stringToSign"], format!("versuni-client-001|{timestamp}"));
    assert_eq!(extensions["signedString"], format!("versuni-client-001|{timestamp}\n"));
    assert_eq!(extensions["serverTime"], "2026-11-23T13:37:16.123456Z");
    assert_eq!(extensions["keysTried"].as_array().unwrap().len(), 1);
    assert_eq!(extensions["skewSeconds"], 0);
    assert!(extensions.keys().all(|name| !name.contains('_')), "{extensions:?}");
    assert_eq!(answer.json()["data"], json!({"createSalesOrder": null}));

    let unsigned = [("authorization", partner.authorization())];
    let unsigned = [(unsigned[0].0, unsigned[0].1.as_str())];
    let error = app.post_text("/graphql", &unsigned, body).await.expect_error("MISSING_HEADER");
    assert_eq!(error["extensions"]["headers"], json!(["X-CLIENT-ID", "X-TIMESTAMP", "X-SIGNATURE"]));
}

#[tokio::test]
async fn an_order_signed_with_its_body_is_taken_over_graphql_by_its_own_path() {
    let app = TestApp::new().await;
    let partner =
        app.partner_named("bound", sales_order_api::domain::signature_policy::SignaturePolicy::BodyBound).await;
    let body = json!({"query": CREATE, "variables": {"input": input()}}).to_string();
    let wrong_path = partner.sign_body("/api/v1/sales-orders", body.as_bytes());
    let error = app.post_text("/graphql", &wrong_path.headers(), body.clone()).await.expect_error("INVALID_SIGNATURE");
    assert!(error["extensions"]["stringToSign"].as_str().unwrap().starts_with("POST:/graphql:"), "{error}");
    let signed = partner.sign_body("/graphql", body.as_bytes());
    let created = app.post_text("/graphql", &signed.headers(), body).await.data();
    assert_eq!(created["createSalesOrder"]["message"], "Sales order created successfully");
}

#[tokio::test]
async fn faulty_fields_are_named_in_the_callers_own_spelling() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut faulty = input();
    faulty["customerCode"] = json!(" ");
    faulty["products"][0]["unitPrice"] = json!(-1);
    let error = partner.signed_graphql(CREATE, json!({"input": faulty})).await.expect_error("VALIDATION_FAILED");
    let pointers: Vec<_> = error["extensions"]["errors"].as_array().unwrap().iter().map(|e| &e["pointer"]).collect();
    assert_eq!(pointers, ["/customerCode", "/products/0/unitPrice"]);
}

#[tokio::test]
async fn a_limited_login_says_when_to_come_back() {
    let app = TestApp::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.login_burst = 1.try_into().unwrap();
        config.rate_limit.login_attempts_per_minute = 1.try_into().unwrap();
    })
    .await;
    let login = "mutation { login(input: {clientId: \"nobody\", clientSecret: \"guess\"}) { token } }";
    app.graphql(login, json!({})).await.expect_error("INVALID_CREDENTIALS");
    let error = app.graphql(login, json!({})).await.expect_error("RATE_LIMITED");
    assert!((1..=60).contains(&error["extensions"]["retryAfter"].as_u64().unwrap()), "{error}");
}

/// An order in a cache on the way would be anybody's.
#[tokio::test]
async fn nothing_that_tells_of_a_client_is_kept_on_the_way() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let dashboard = app.dashboard().await;
    let mut answers = vec![
        ("an order", partner.create(&order()).await),
        ("its repetition", partner.create(&order()).await),
        ("a refused order", partner.create(&json!({})).await),
        ("an order without a token", app.post("/api/v1/sales-orders", &order()).await),
        ("a check", app.post_text("/api/v1/signature/check", &partner.sign().headers(), "{}").await),
        ("a query by POST", partner.graphql("{ salesOrders { nodes { orderNumber } } }", json!({})).await),
        ("an invalid query", partner.graphql("{ nothing }", json!({})).await),
        ("what is no query", app.post_text("/graphql", &[], "{").await),
        ("a single event", app.subscribe(Some(partner.authorization()), "{ viewer { name } }", json!({})).await),
        ("a signature explained", app.graphql("{ explainSignature(input: {}) { valid } }", json!({})).await),
    ];
    for path in [
        "/api/v1/sales-orders/SO-0000000001",
        "/api/v1/sales-orders/SO-0000000002",
        "/api/v1/sales-orders.csv",
        "/api/v1/sales-orders.jsonl",
        "/api/v1/sales-orders.csv?colour=red",
        "/graphql?query=%7BsalesOrders%7Bnodes%7BorderNumber%7D%7D%7D",
        "/graphql?query=%7B",
        "/api/v1/nothing",
        "/health/ready",
        "/metrics",
    ] {
        answers.push((path, partner.get(path).await));
        answers.push((path, dashboard.get(path).await));
        let head = Request::head(path).header("authorization", dashboard.authorization());
        answers.push((path, app.send(head.body(Body::empty()).unwrap()).await));
    }
    for (what, answer) in answers {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}: {}", answer.status);
    }
}
