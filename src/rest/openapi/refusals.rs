//! Which failures an operation may answer with, with their headers and an example of each. They come from the catalogue of
//! codes and from what the operation asks of its caller, layer by layer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::error::ErrorCode;
use crate::graphql::{Needs, PreparedOperation};
use crate::rest::operations::operations;

/// What reads the feed of events from a point on that its caller names.
const READS_ON: [&str; 4] = ["salesOrderEventFeed", "salesOrderChanges", "saveWebhookEndpoint", "replayWebhookEvents"];

/// The codes with which an operation may be refused, by what it needs and where its parameters are.
fn codes(operation: &PreparedOperation, is_in: impl Fn(&str) -> bool) -> Vec<ErrorCode> {
    use ErrorCode as Code;
    // The connection, the router, the budget of the address, the database: what every request passes.
    let mut codes = vec![
        Code::InvalidHeader,
        Code::MethodNotAllowed,
        Code::RateLimited,
        Code::InternalError,
        Code::TransferCodingUnknown,
        Code::DatabaseUnavailable,
        Code::Overloaded,
    ];
    let has_input = operation.variables().iter().any(|variable| variable.name == "input");
    let is_signed = operation.needs().any(Needs::is_signed);
    if has_input || is_signed {
        codes.extend([Code::MalformedBody, Code::RequestTimeout, Code::PayloadTooLarge, Code::UnsupportedMediaType]);
    }
    if has_input || is_in("query") {
        codes.push(Code::ValidationFailed);
    }
    // A path that has a part of the caller's may lead nowhere.
    if is_in("path") {
        codes.push(Code::NotFound);
    }
    for needs in operation.needs() {
        match needs {
            Needs::Nothing => {}
            Needs::ClientSecret => codes.extend([Code::InvalidCredentials, Code::ClientDisabled]),
            _ => codes.extend([Code::Unauthenticated, Code::ClientDisabled]),
        }
        if needs.permission().is_some() {
            codes.push(Code::InsufficientScope);
        }
        if matches!(needs, Needs::Signature(_) | Needs::BoundSignature(_) | Needs::SignatureUnless(_)) {
            codes.extend([Code::MissingHeader, Code::ClientIdMismatch, Code::InvalidTimestamp, Code::InvalidSignature]);
            codes.push(Code::ClockSkew);
        }
        // Of many orders each says so for itself.
        if matches!(needs, Needs::Signature(_)) {
            codes.extend([Code::IdempotencyKeyReused, Code::DuplicatePartnerReference, Code::OrderArchived]);
            // The text of a validation makes no order, so it can be sent any number of times.
            if operation.name() != "validateSalesOrder" {
                codes.push(Code::SignatureReused);
            }
        }
    }
    match operation.name() {
        "cancelSalesOrder" | "changeSalesOrder" => {
            codes.extend([Code::Conflict, Code::IdempotencyKeyReused, Code::OrderArchived]);
        }
        "salesOrder" => codes.push(Code::OrderArchived),
        // Another one than those there may be; a name that is none.
        "saveEventConsumer" => codes.push(Code::Conflict),
        "deleteEventConsumer" | "deleteWebhookEndpoint" | "webhookEndpoint" => codes.push(Code::ValidationFailed),
        "pauseWebhookEndpoint" | "resumeWebhookEndpoint" | "replayWebhookEvents" => {
            codes.extend([Code::ValidationFailed, Code::Conflict]);
        }
        "saveWebhookEndpoint" | "rotateWebhookSecret" | "testWebhookEndpoint" | "verifyWebhookEndpoint" => {
            codes.extend([Code::ValidationFailed, Code::Conflict, Code::WebhooksOff]);
        }
        // The consumer, the client or the log may not be there.
        "salesOrderEventFeed" => codes.push(Code::NotFound),
        "requestLog" | "exportRequestLog" => codes.extend([Code::NotFound, Code::InsufficientScope]),
        _ => {}
    }
    if READS_ON.contains(&operation.name()) {
        codes.push(Code::CursorExpired);
    }
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The failures by status, as they stand among the responses of an operation.
pub fn of(operation: &PreparedOperation, parameters: &[Value]) -> Map<String, Value> {
    let is_in = |place: &str| parameters.iter().any(|parameter| parameter["in"] == place);
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in codes(operation, is_in) {
        by_status.entry(code.status()).or_default().push(code);
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), response(status, &codes))).collect()
}

fn response(status: u16, codes: &[ErrorCode]) -> Value {
    let described = codes.iter().map(|code| format!("`{code}`: {}", code.meaning()));
    let description = match codes {
        [_] => described.collect::<String>(),
        _ => described.map(|line| format!("- {line}\n")).collect::<String>().trim_end().to_owned(),
    };
    let examples: Map<_, _> =
        codes.iter().map(|code| (code.to_string(), json!({"$ref": format!("#/components/examples/{code}")}))).collect();
    let own = match status {
        401 => &["WWW-Authenticate"][..],
        405 => &["Allow"],
        415 => &["Accept-Encoding"],
        429 | 503 => &["Retry-After"],
        _ => &[],
    };
    json!({
        "description": description,
        "headers": headers(own),
        "content": {"application/problem+json": {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "examples": examples,
        }},
    })
}

/// The headers of every answer, and these.
pub fn headers(own: &[&str]) -> Value {
    let names = own.iter().chain(&["X-Request-Id", "RateLimit-Policy", "RateLimit"]);
    names.map(|name| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")}))).collect()
}

/// What answers point to: an example of each failure, and the headers.
pub fn add_components(document: &mut Value) {
    let used: BTreeSet<_> = operations().iter().flat_map(|operation| codes(operation, |_| true)).collect();
    let examples: Map<_, _> = used.into_iter().map(|code| (code.to_string(), example(code))).collect();
    document["components"]["examples"] = examples.into();
    let text = |description: &str, example: &str| json!({"description": description, "schema": {"type": "string"}, "example": example});
    let always = |mut header: Value| {
        header["required"] = true.into();
        header
    };
    document["components"]["headers"] = json!({
        "X-Request-Id": always(text(
            "Names this request in our log: quote it when you ask us about it. It is the `X-Request-Id` that you sent, if you sent \
             one of 1 to 128 visible ASCII characters.",
            "0b2d7c58f0e14c3a9d4f6a1b7e5c9d02",
        )),
        "RateLimit-Policy": text("The limit that counted this request.", "\"requests\";q=600000;w=60"),
        "RateLimit": text(
            "What is left of it: so many requests at once, and in so many seconds all of them again.",
            "\"requests\";r=599999;t=1",
        ),
        "Retry-After": always(json!({
            "description": "After so many seconds the same request may be sent again.",
            "schema": {"type": "integer", "minimum": 0},
            "example": 2,
        })),
        "WWW-Authenticate": always(text(
            "How to prove who you are (RFC 6750).",
            "Bearer realm=\"sales-order-api\", error=\"invalid_token\"",
        )),
        "Allow": always(text("The methods that the path has.", "POST")),
        "Accept-Encoding": text("Present where the body was compressed, which it must not be.", "identity"),
        "ETag": always(text("Names this content, for `If-None-Match`.", "\"3-5f0c1d2e3b4a59687766554f\"")),
        "Location": always(json!({
            "description": "The order's own address.",
            "schema": {"type": "string", "format": "uri-reference"},
            "example": "/api/v1/sales-orders/SO-0000000042",
        })),
        "Idempotent-Replayed": {
            "description": "Present where the order was there already: this request made none.",
            "schema": {"type": "string", "enum": ["true"]},
        },
        "Content-Disposition": always(text("The name of the file.", "attachment; filename=\"sales-orders.csv\"")),
    });
}

/// A problem as this code is written.
fn example(code: ErrorCode) -> Value {
    // Of what is said once for all requests of a kind; each answer says what is wrong with its own.
    let detail = code.meaning().replace('`', "");
    let mut value = json!({
        "type": format!("/docs#{code}"),
        "title": code.title(),
        "status": code.status(),
        "detail": detail,
        "instance": "/api/v1/sales-orders",
        "code": code.as_str(),
        "message": detail,
        "request_id": "0b2d7c58f0e14c3a9d4f6a1b7e5c9d02",
    });
    if code == ErrorCode::ValidationFailed {
        let message = "must be from 1 to 1000000";
        value["errors"] = json!([{"pointer": "/products/0/quantity", "code": "range", "message": message}]);
    }
    json!({"summary": code.title(), "value": value})
}
