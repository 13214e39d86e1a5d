//! What a developer reads in the OpenAPI description is what a partner gets: paths, statuses, and every key.

use std::collections::BTreeSet;
use std::time::Duration;

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::cancellations::{PATH, cancel, cancel_with_key, line, whole};
use crate::changing::{self, change, change_with_key, quantity};
use crate::lines::{move_to, stage};
use crate::support::{Answer, Partner, TestApp, key_of, order};

/// The description as it is committed, which `tests/contracts.rs` holds to the code.
struct OpenApi(Value);

impl OpenApi {
    fn committed() -> Self {
        Self(serde_json::from_str(&committed("docs/openapi.json")).unwrap())
    }

    /// Fails unless the description lists this status for this operation with a schema that the answer fits, key by key.
    #[track_caller]
    fn describes(&self, method: &str, path: &str, answer: &Answer, status: u16) -> Value {
        let body = answer.expect(status);
        let described = &self.0["paths"][path][method]["responses"][status.to_string()];
        assert!(described.is_object(), "{method} {path} does not list {status}: {}", answer.text);
        let media_type = answer.header("content-type").unwrap();
        let schema = &described["content"][media_type]["schema"];
        assert!(schema.is_object(), "{method} {path} does not list {status} as {media_type}");
        let faults = self.faults(schema, &body, "");
        assert!(faults.is_empty(), "{method} {path} {status}: {faults:?}\n{}", answer.text);
        for header in described["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
            // A header of only some answers is said to be so.
            let is_required = self.0["components"]["headers"][header]["required"] == true;
            assert!(answer.header(header).is_some() || !is_required, "{header} is missing");
        }
        body
    }

    /// Where a value differs from its schema.
    fn faults(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.faults(self.0.pointer(&reference[1..]).unwrap(), value, at);
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[choice].as_array() {
                let all: Vec<_> = choices.iter().map(|choice| self.faults(choice, value, at)).collect();
                return if all.iter().any(Vec::is_empty) { Vec::new() } else { all.concat() };
            }
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let also = if kind == "integer" { "number" } else { kind };
        if !kinds.contains(&kind) && !kinds.contains(&also) {
            return vec![format!("{at} is {kind}, not {kinds:?}")];
        }
        if let Some(values) = schema["enum"].as_array()
            && !values.contains(value)
        {
            return vec![format!("{at} is {value}, not one of {values:?}")];
        }
        let items = value.as_array().into_iter().flatten().enumerate();
        let mut faults: Vec<_> =
            items.flat_map(|(place, item)| self.faults(&schema["items"], item, &format!("{at}/{place}"))).collect();
        let Some(members) = value.as_object() else { return faults };
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(required) {
                faults.push(format!("{at} lacks {required}"));
            }
        }
        for (name, member) in members {
            match schema["properties"].get(name) {
                Some(schema) => faults.extend(self.faults(schema, member, &format!("{at}/{name}"))),
                None => faults.push(format!("{at}/{name} is not described")),
            }
        }
        faults
    }
}

fn committed(file: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}; run `make contracts`"))
}

#[test]
fn an_answer_that_is_not_as_described_is_noticed() {
    let api = OpenApi::committed();
    let schema = json!({"$ref": "#/components/schemas/AuthToken"});
    assert_eq!(api.faults(&schema, &json!({"token": "t", "expired_at": 1}), ""), Vec::<String>::new());
    assert_eq!(api.faults(&schema, &json!({"token": "t"}), ""), [" lacks expired_at"]);
    let odd = json!({"token": 1, "expired_at": 1, "more": 2});
    assert_eq!(api.faults(&schema, &odd, ""), ["/token is integer, not [\"string\"]", "/more is not described"]);
}

#[tokio::test]
async fn every_documented_path_is_there() {
    let app = TestApp::new().await;
    let OpenApi(document) = OpenApi::committed();
    let paths = document["paths"].as_object().unwrap();
    assert!(!paths.is_empty());
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{format}", "csv");
            let request = axum::http::Request::builder().method(method.to_uppercase().as_str()).uri(&path);
            let answer = app.send(request.body(axum::body::Body::empty()).unwrap()).await;
            assert!(![404, 405].contains(&answer.status.as_u16()), "{method} {path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn the_contracts_that_are_served_are_the_committed_ones() {
    let app = TestApp::new().await;
    let served = app.get("/api/v1/openapi.json").await.expect(200);
    assert_eq!(served, OpenApi::committed().0, "run `make contracts`");
    let schema = app.get("/schema.graphql").await;
    assert_eq!(schema.status.as_u16(), 200);
    assert!(schema.text == committed("schema.graphql"), "schema.graphql is not what is served; run `make contracts`");
    let picture = app.get("/docs/order-life.svg").await;
    // Without its style everything in it is black.
    let policy = picture.header("content-security-policy").unwrap();
    assert_eq!(policy, "default-src 'none'; style-src 'unsafe-inline'");
    assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    assert!(
        picture.text == committed("docs/order-life.svg"),
        "the picture is not what is served; run `make contracts`"
    );
}

#[tokio::test]
async fn a_session_is_answered_as_described() {
    let app = TestApp::new().await;
    let api = OpenApi::committed();
    let partner = app.partner().await;
    let login = "/api/v1/auth/login";
    let secret = partner.secret.expose_secret();
    let opened = app.post(login, &json!({"client_id": partner.client_id, "client_secret": secret})).await;
    let token = api.describes("post", login, &opened, 200)["token"].clone();
    let wrong = json!({"client_id": partner.client_id, "client_secret": "wrong"});
    api.describes("post", login, &app.post(login, &wrong).await, 401);
    api.describes("post", login, &app.post(login, &json!({"client": 1})).await, 400);

    let refresh = "/api/v1/auth/refresh";
    api.describes("post", refresh, &app.post(refresh, &json!({"token": token})).await, 200);
    api.describes("post", refresh, &app.post(refresh, &json!({"token": "no token"})).await, 401);
    api.describes("post", refresh, &app.post(refresh, &json!({})).await, 400);
}

#[tokio::test]
async fn an_order_is_answered_as_described() {
    let app = TestApp::new().await;
    let api = OpenApi::committed();
    let partner = app.partner().await;
    let path = "/api/v1/sales-orders";
    let request = json!({"$ref": "#/components/schemas/CreateSalesOrderInput"});
    assert_eq!(api.faults(&request, &order(), ""), Vec::<String>::new(), "the sample order is not as described");

    api.describes("post", path, &partner.create_with_key("k", &order()).await, 201);
    let mut other = order();
    other["note"] = json!("another order");
    api.describes("post", path, &partner.create_with_key("k", &other).await, 422);
    let invalid = api.describes("post", path, &partner.create(&json!({"products": [{}], "typo": 1})).await, 400);
    assert!(invalid["errors"].as_array().unwrap().len() > 4, "{invalid:#}");
    let required = api.0["components"]["schemas"]["Problem"]["required"].as_array().unwrap();
    let always: BTreeSet<_> = required.iter().map(|name| name.as_str().unwrap()).chain(["errors"]).collect();
    let members: BTreeSet<_> = invalid.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, always, "a plain problem has these members exactly");
    api.describes("post", path, &app.post(path, &order()).await, 401);
    let mut request = axum::http::Request::post(path).header("content-type", "text/plain");
    for (name, value) in partner.sign().headers() {
        request = request.header(name, value);
    }
    api.describes("post", path, &app.send(request.body("text".into()).unwrap()).await, 415);

    let one = "/api/v1/sales-orders/{order_number}";
    api.describes("get", one, &partner.get("/api/v1/sales-orders/SO-0000000001").await, 200);
    api.describes("get", one, &partner.get("/api/v1/sales-orders/SO-0000000009").await, 404);
    api.describes("get", one, &app.get("/api/v1/sales-orders/SO-0000000001").await, 401);
}

#[tokio::test]
async fn a_cancellation_is_answered_as_described() {
    let app = TestApp::new().await;
    let api = OpenApi::committed();
    let (partner, operator) = stage(&app).await;
    let path = "/api/v1/sales-orders/{order_number}/cancellation";
    let request = json!({"$ref": "#/components/schemas/CancelSalesOrderInput"});
    for sent in [whole(), line(1, 1)] {
        assert_eq!(api.faults(&request, &sent, ""), Vec::<String>::new());
    }
    api.describes("post", path, &cancel_with_key(&partner, &app, "k", PATH, &line(1, 1)).await, 200);
    api.describes("post", path, &cancel_with_key(&partner, &app, "k", PATH, &line(1, 2)).await, 422);
    move_to(&operator, "CONFIRMED").await;
    api.describes("post", path, &cancel(&partner, &app, &whole()).await, 202);
    api.describes("post", path, &cancel(&partner, &app, &line(2, 1)).await, 409);
    api.describes("post", path, &cancel(&partner, &app, &json!({})).await, 400);
    let other = PATH.replace("0001", "0009");
    api.describes("post", path, &cancel_with_key(&partner, &app, "l", &other, &whole()).await, 404);
    api.describes("post", path, &app.post(PATH, &whole()).await, 401);
}

#[tokio::test]
async fn a_change_is_answered_as_described() {
    let app = TestApp::new().await;
    let api = OpenApi::committed();
    let (partner, operator) = stage(&app).await;
    let path = "/api/v1/sales-orders/{order_number}/change";
    let request = json!({"$ref": "#/components/schemas/ChangeSalesOrderInput"});
    let example = api.0["components"]["schemas"]["ChangeSalesOrderInput"]["examples"][0].clone();
    assert_eq!(api.faults(&request, &example, ""), Vec::<String>::new());
    api.describes("post", path, &change_with_key(&partner, &app, "k", &example).await, 200);
    api.describes("post", path, &change_with_key(&partner, &app, "k", &quantity(2, 1, 9)).await, 422);
    move_to(&operator, "CONFIRMED").await;
    api.describes("post", path, &change(&partner, &app, &quantity(3, 1, 9)).await, 202);
    api.describes("post", path, &change(&partner, &app, &quantity(3, 1, 8)).await, 409);
    api.describes("post", path, &change(&partner, &app, &json!({})).await, 400);
    api.describes("post", path, &app.post(changing::PATH, &quantity(1, 1, 9)).await, 401);
}

#[tokio::test]
async fn the_order_that_the_description_shows_is_taken_and_answered_as_it_shows() {
    let app = TestApp::new().await;
    let schemas = OpenApi::committed().0["components"]["schemas"].take();
    let mut shown = schemas["CreateSalesOrderPayload"]["examples"][0].clone();
    let example = &schemas["CreateSalesOrderInput"]["examples"][0];
    let mut taken = app.partner().await.create(example).await.expect(201);
    for answer in [&mut shown, &mut taken] {
        for told_by_us in ["order_number", "created_at", "updated_at"] {
            assert!(answer["data"][told_by_us].take().is_string(), "{told_by_us}");
        }
    }
    assert_eq!(taken, shown);
}

#[tokio::test]
async fn the_list_that_the_description_shows_finds_the_order_that_it_shows() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let OpenApi(document) = OpenApi::committed();
    let example = &document["components"]["schemas"]["CreateSalesOrderInput"]["examples"][0];
    let number = partner.create(example).await.expect(201)["data"]["order_number"].take();
    let description = document["info"]["description"].as_str().unwrap();
    let body =
        description.split("/graphql\" ").nth(1).unwrap().split("-d '").nth(1).unwrap().split("'\n").next().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let listed = partner.graphql(body["query"].as_str().unwrap(), body["variables"].clone()).await.data();
    assert_eq!(listed["salesOrders"]["nodes"][0]["orderNumber"], number, "{listed}");
}

#[tokio::test]
async fn partners_read_the_limits_that_the_operator_set() {
    let app = TestApp::with(|config| {
        config.auth.token_lifetime = Duration::from_hours(2);
        config.auth.refresh_window = Duration::from_hours(3 * 24);
        config.auth.session_lifetime = Duration::from_hours(20 * 24);
        config.auth.timestamp_tolerance = Duration::from_secs(45);
        config.http.max_body_bytes = 70_000;
        config.webhooks.timeout = Duration::from_secs(11);
        config.webhooks.log_retention = Duration::from_hours(9 * 24);
        config.request_log.retention = Duration::from_hours(8 * 24);
        config.rate_limit.requests_per_minute = 4321.try_into().unwrap();
        config.orders.default_currency = "EUR".to_owned();
    })
    .await;
    let mut described = app.get("/api/v1/openapi.json").await.expect(200);
    // Programs have numbers and braces of their own.
    for path in described["paths"].as_object_mut().unwrap().values_mut() {
        for operation in path.as_object_mut().unwrap().values_mut() {
            operation["x-codeSamples"].take();
        }
    }
    let text = described.to_string();
    for told in [
        "2 hours",
        "3 days",
        "20 days",
        "45 seconds",
        "11 seconds",
        "9 days",
        "8 days",
        "70000 bytes",
        "| 4321 a minute",
    ] {
        assert!(text.contains(told), "{told}");
    }
    for default in [
        "12 hours",
        "7 days",
        "30 days",
        "300 seconds",
        "6291456",
        "{token",
        "{refresh",
        "{session",
        "{max",
        "{webhook",
    ] {
        assert!(!text.contains(default), "{default}");
    }
    let request = &described["components"]["schemas"]["CreateSalesOrderInput"]["properties"];
    assert_eq!(request["currency"]["default"], "EUR");
}

#[tokio::test]
async fn a_client_that_may_not_send_orders_is_answered_as_described() {
    let app = TestApp::new().await;
    let api = OpenApi::committed();
    let keys = vec![key_of("reader-001").public_key().to_pem()];
    let secret = app.client("reader-001", &[Permission::OrdersRead], SignaturePolicy::Documented, keys).await;
    let reader = Partner::log_in(&app, "reader-001", secret, key_of("reader-001")).await;
    api.describes("post", "/api/v1/sales-orders", &reader.create(&order()).await, 403);
    app.clients.disable_client(&"reader-001".parse().unwrap()).await.unwrap();
    api.describes(
        "get",
        "/api/v1/sales-orders/{order_number}",
        &reader.get("/api/v1/sales-orders/SO-0000000001").await,
        403,
    );
}
