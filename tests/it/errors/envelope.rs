//! What comes with every answer, whatever failed.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::assert_nothing_internal;
use crate::support::{TestApp, order};

#[tokio::test]
async fn a_path_that_does_not_exist_is_a_problem_too() {
    let app = TestApp::new().await;
    for path in ["/api/v1/sales-order", "/api/v2/auth/login", "/%ff", "/api/v1/sales-orders/1/2", "/graphql/x"] {
        let answer = app.get(path).await;
        let problem = answer.expect_problem(404, "NOT_FOUND");
        assert_eq!(problem["instance"], path);
    }
}

#[tokio::test]
async fn a_text_that_is_no_order_number_names_no_order() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for number in
        ["1", "SO-1", "SO-99999999999999999999", "so-0000000001", "%ff", "%00", "'%20OR%201=1", "%F0%9F%92%A5"]
    {
        let path = format!("/api/v1/sales-orders/{number}");
        let answer = partner.get(&path).await;
        answer.expect_problem(404, "NOT_FOUND");
        assert_nothing_internal(&answer);
        app.get(&path).await.expect_problem(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_method_a_path_does_not_take_is_answered_with_the_ones_it_takes() {
    let app = TestApp::new().await;
    for (method, path, allowed) in [
        ("GET", "/api/v1/auth/login", "POST"),
        ("PUT", "/api/v1/auth/refresh", "POST"),
        ("PUT", "/api/v1/sales-orders", "GET,HEAD,POST"),
        ("DELETE", "/api/v1/sales-orders/SO-0000000001", "GET,HEAD"),
        ("POST", "/api/v1/openapi.json", "GET,HEAD"),
        ("PUT", "/graphql", "GET,HEAD,POST"),
        ("POST", "/health/live", "GET,HEAD"),
        ("BREW", "/metrics", "GET,HEAD"),
    ] {
        let answer = app.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await;
        answer.expect_problem(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    for path in [
        "/api/v1/sales-orders",
        "/api/v1/sales-orders/SO-0000000001",
        "/health/live",
        "/schema.graphql",
        "/api/v1/openapi.json",
    ] {
        let head = Request::head(path).header("authorization", partner.authorization()).body(Body::empty()).unwrap();
        let (head, get) = (app.send(head).await, partner.get(path).await);
        assert_eq!((head.status, get.status), (200.try_into().unwrap(), 200.try_into().unwrap()), "{path}");
        assert_eq!(head.text, "", "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_eq!(head.header("content-length"), Some(get.text.len().to_string().as_str()), "{path}");
    }
}

#[tokio::test]
async fn a_401_says_how_to_authenticate_in_each_of_its_three_kinds() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let answer = app.post("/api/v1/auth/login", &json!({"client_id": "nobody", "client_secret": "wrong"})).await;
    answer.expect_problem(401, "INVALID_CREDENTIALS");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"sales-order-api\""));

    let mut signed = partner.sign();
    signed.authorization = "Bearer damaged".to_owned();
    let answer = partner.send_order(&signed, &order()).await;
    answer.expect_problem(401, "UNAUTHENTICATED");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"sales-order-api\", error=\"invalid_token\""));

    let forged = partner.sign_text(&partner.sign().timestamp, "another text");
    let answer = partner.send_order(&forged, &order()).await;
    answer.expect_problem(401, "INVALID_SIGNATURE");
    let challenge =
        "Bearer realm=\"sales-order-api\", error=\"invalid_request\", error_description=\"INVALID_SIGNATURE\"";
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
}

#[tokio::test]
async fn a_callers_own_request_id_comes_back_and_an_unusable_one_is_replaced() {
    let app = TestApp::new().await;
    let ask = async |id: &[u8]| {
        let request = Request::get("/nowhere").header("x-request-id", id).body(Body::empty()).unwrap();
        let answer = app.send(request).await;
        answer.expect_problem(404, "NOT_FOUND");
        answer.header("x-request-id").unwrap().to_owned()
    };
    let longest = "i".repeat(128);
    for id in ["abc-123", "7f9c:{}\"'", longest.as_str()] {
        assert_eq!(ask(id.as_bytes()).await, id);
    }
    let too_long = "i".repeat(129);
    for id in [&b""[..], b"two words", b"tab\there", b"\xc3\xa9", too_long.as_bytes()] {
        let given = ask(id).await;
        assert_eq!(given.len(), 32, "{given}");
        assert!(given.bytes().all(|byte| byte.is_ascii_hexdigit()), "{given}");
    }
    let (one, another) = (app.get("/health/live").await, app.get("/health/live").await);
    assert_ne!(one.header("x-request-id").unwrap(), another.header("x-request-id").unwrap());
}
