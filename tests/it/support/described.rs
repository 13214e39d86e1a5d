//! Every answer of a documented operation is as documented, whichever test gets it.

use std::sync::LazyLock;

use axum::http::Method;
use serde_json::Value;

use super::Answer;

/// The description as it is committed.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
});

/// Fails when the description does not list the answer: its status, its content type, its headers; of a problem its code and
/// its members.
#[track_caller]
pub fn ensure_described(method: &Method, path: &str, answer: &Answer) {
    let operation = &DOCUMENT["paths"][template(path)][method.as_str().to_lowercase()];
    // What is sent with a method that the path does not have is no operation.
    if operation.is_null() {
        return;
    }
    let (status, text) = (answer.status.as_u16().to_string(), &answer.text);
    let described = &operation["responses"][&status];
    assert!(described.is_object(), "{method} {path} does not list {status}: {text}");
    for header in described["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
        let is_required = DOCUMENT["components"]["headers"][header]["required"] == true;
        assert!(!is_required || answer.header(header).is_some(), "{method} {path} {status} lacks {header}: {text}");
    }
    if ["204", "304"].contains(&status.as_str()) {
        return;
    }
    let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let content = &described["content"][kind];
    assert!(content.is_object(), "{method} {path} does not list {status} as {kind:?}: {text}");
    if kind != "application/problem+json" {
        return;
    }
    let problem = answer.json();
    let code = problem["code"].as_str().unwrap();
    assert!(content["examples"][code].is_object(), "{method} {path} {status} does not list {code}: {text}");
    let members = &DOCUMENT["components"]["schemas"]["Problem"]["properties"];
    for member in problem.as_object().unwrap().keys() {
        assert!(members[member].is_object(), "a problem's {member} is not described: {text}");
    }
}

fn template(path: &str) -> &str {
    if path.starts_with("/api/v1/requests.") {
        return "/api/v1/requests.{format}";
    }
    if path.starts_with("/api/v1/events/consumers/") {
        return "/api/v1/events/consumers/{name}";
    }
    if let Some(of_endpoint) = path.strip_prefix("/api/v1/webhook-endpoints/") {
        return match of_endpoint.split_once('/').map(|(_, action)| action) {
            None => "/api/v1/webhook-endpoints/{name}",
            Some("attempts") => "/api/v1/webhook-endpoints/{name}/attempts",
            Some("pause") => "/api/v1/webhook-endpoints/{name}/pause",
            Some("replay") => "/api/v1/webhook-endpoints/{name}/replay",
            Some("resume") => "/api/v1/webhook-endpoints/{name}/resume",
            Some("secret") => "/api/v1/webhook-endpoints/{name}/secret",
            Some("test") => "/api/v1/webhook-endpoints/{name}/test",
            Some("verification") => "/api/v1/webhook-endpoints/{name}/verification",
            Some(_) => path,
        };
    }
    match path.strip_prefix("/api/v1/sales-orders") {
        Some(by) if by.strip_prefix("/by-reference/").is_some_and(|reference| !reference.contains('/')) => {
            "/api/v1/sales-orders/by-reference/{partner_reference}"
        }
        Some("/validation") => path,
        Some(of_order) if of_order.ends_with("/cancellation") => "/api/v1/sales-orders/{order_number}/cancellation",
        Some(of_order) if of_order.ends_with("/change") => "/api/v1/sales-orders/{order_number}/change",
        Some(".csv" | ".jsonl") => "/api/v1/sales-orders.{format}",
        Some(number) if number.len() > 1 && number.rfind('/') == Some(0) => "/api/v1/sales-orders/{order_number}",
        _ => path,
    }
}
