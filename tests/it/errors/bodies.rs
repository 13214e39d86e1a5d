//! What a partner learns about a body that cannot be taken.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::assert_nothing_internal;
use crate::support::{TestApp, order};

const ORDERS: &str = "/api/v1/sales-orders";

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_with_the_place() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let deep = "[".repeat(60_000);
    for (body, said) in [
        (&b"{\"customer_code\":"[..], "EOF while parsing a value at line 1 column 17"),
        (b"{'a': 1}", "at line 1 column 2"),
        (b"{} {}", "trailing characters"),
        (b"", "The body is empty"),
        (b" \n", "The body is empty"),
        (b"{\"a\": \"\xff\"}", "at line 1 column"),
        (b"\xef\xbb\xbf", "The body is empty"),
        (b"{\xef\xbb\xbf}", "at line 1 column 2"),
        (b"{\"note\": 1, \"note\": 2}", "\"note\" is given twice"),
        (b"{\"products\": [{\"unit\": \"a\", \"unit\": \"b\"}]}", "\"unit\" is given twice"),
        (deep.as_bytes(), "recursion limit exceeded"),
    ] {
        let answer = app.post_text(ORDERS, &partner.sign().headers(), body.to_vec()).await;
        let problem = answer.expect_problem(400, "MALFORMED_BODY");
        assert!(problem["message"].as_str().unwrap().contains(said), "{}", answer.text);
        assert_nothing_internal(&answer);
    }
}

#[tokio::test]
async fn json_that_is_no_object_is_refused_by_type() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for body in ["[]", "null", "\"text\"", "1", "true"] {
        let answer = app.post_text(ORDERS, &partner.sign().headers(), body).await;
        let problem = answer.expect_problem(400, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "", "{body}");
        assert_eq!(problem["errors"][0]["code"], "type", "{body}");
    }
}

#[tokio::test]
async fn only_json_in_utf_8_is_taken() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    let send = async |content_type: Option<&str>| {
        let mut request = Request::post(ORDERS);
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        app.send(request.body(Body::from(order().to_string())).unwrap()).await
    };
    for refused in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=latin1"),
        Some("application/json; charset=iso-8859-1"),
        Some("application/jsonp"),
        Some("text/json"),
    ] {
        let answer = send(refused).await;
        let problem = answer.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
        assert!(problem["message"].as_str().unwrap().contains("Content-Type: application/json"), "{}", answer.text);
    }
    for taken in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json; charset=utf8",
        "application/json; charset=US-ASCII",
    ] {
        send(Some(taken)).await.expect(201);
    }
}

#[tokio::test]
async fn every_faulty_field_is_named_at_once_by_its_pointer() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let faulty = json!({
        "customer_code": "C".repeat(65), "site_code": 5, "address": "a\u{7}b", "currency": "idr",
        "a/b~c": "typo",
        "products": [{"product_code": "P", "quantity": 0, "unit_price": "1.00001"}, {"quantity": "2", "qty": 1}, []],
    });
    let answer = partner.create(&faulty).await;
    let problem = answer.expect_problem(400, "VALIDATION_FAILED");
    let errors: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|e| (e["pointer"].clone(), e["code"].clone())).collect();
    let expected = [
        ("/customer_code", "too_long"),
        ("/site_code", "type"),
        ("/sales_name", "required"),
        ("/address", "control_character"),
        ("/currency", "currency"),
        ("/products/0/quantity", "range"),
        ("/products/0/unit_price", "precision"),
        ("/products/1/product_code", "required"),
        ("/products/1/quantity", "type"),
        ("/products/1/qty", "unknown"),
        ("/products/2", "type"),
        ("/a~1b~0c", "unknown"),
    ];
    assert_eq!(errors, expected.map(|(pointer, code)| (json!(pointer), json!(code))));
    assert!(problem["errors"].as_array().unwrap().iter().all(|error| error["message"].as_str().unwrap().len() > 5));
    assert_eq!(problem["message"], "12 fields are invalid; see errors");
}

#[tokio::test]
async fn logging_in_and_refreshing_name_every_faulty_field_too() {
    let app = TestApp::new().await;
    let pointers = |problem: &Value| -> Vec<Value> {
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect()
    };
    let answer = app.post("/api/v1/auth/login", &json!({"client_id": 1, "secret": "x"})).await;
    let problem = answer.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(pointers(&problem), ["/client_id", "/client_secret", "/secret"]);
    let answer = app.post("/api/v1/auth/refresh", &json!({"token": "", "Token": "x"})).await;
    let problem = answer.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(pointers(&problem), ["/token", "/Token"]);
}

#[tokio::test]
async fn who_sends_it_is_asked_before_what_is_sent() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for body in ["{", "", "{\"customer_code\": 5}"] {
        let mut bad_token = partner.sign();
        bad_token.authorization = "Bearer not-a-token".to_owned();
        app.post_text(ORDERS, &bad_token.headers(), body).await.expect_problem(401, "UNAUTHENTICATED");
        let mut bad_signature = partner.sign();
        bad_signature.signature = "AAAA".to_owned();
        app.post_text(ORDERS, &bad_signature.headers(), body).await.expect_problem(401, "INVALID_SIGNATURE");
    }
}

#[tokio::test]
async fn a_thousand_faults_are_listed_and_the_rest_counted() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut faulty = order();
    faulty["products"] = json!(vec![json!({"a": 1, "b": 2}); 500]);
    let problem = partner.create(&faulty).await.expect_problem(400, "VALIDATION_FAILED");
    let errors = problem["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1001);
    assert_eq!(errors[1000]["code"], "more");
    assert_eq!(errors[1000]["message"], "1000 more faults are not listed");
}
