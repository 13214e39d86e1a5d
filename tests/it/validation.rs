//! A partner has an order validated: it learns all that the order would be answered, and nothing is kept.

use sales_order_api::auth::string_to_sign::body_and_key_bound_string;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::reference_policy::ReferencePolicy;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::service::clients::ClientChange;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Answer, Partner, TestApp, camel_case, key_of, order, respelled};

const ORDERS: &str = "/api/v1/sales-orders";
const VALIDATION: &str = "/api/v1/sales-orders/validation";

/// Both operations, with the order in `$input`.
const CREATE: &str = "mutation($input: CreateSalesOrderInput!) { createSalesOrder(input: $input) { replayed } }";
const VALIDATE: &str = "mutation($input: CreateSalesOrderInput!) { validateSalesOrder(input: $input) {
    message replayed orderNumber salesOrder { currency totalQuantity totalAmount products { lineNo unitPrice } }
    warnings { code message pointer orderNumber } } }";

/// The sample order under a reference of the partner's.
fn referenced(reference: &str) -> Value {
    let mut order = order();
    order["partner_reference"] = json!(reference);
    order
}

async fn validate_over_graphql(partner: &Partner<'_>, order: &Value) -> Answer {
    partner.signed_graphql(VALIDATE, json!({"input": respelled(order, camel_case)})).await
}

async fn set_policy(app: &TestApp, client_id: &str, policy: ReferencePolicy) {
    let change = ClientChange { reference_policy: Some(policy), ..ClientChange::default() };
    app.clients.update_client(&client_id.parse().unwrap(), change).await.unwrap();
}

/// The names of an answer's members.
fn members(answer: &Answer) -> Vec<String> {
    answer.expect(200).as_object().unwrap().keys().cloned().collect()
}

fn number(answer: &Answer) -> String {
    answer.expect(201)["data"]["order_number"].as_str().unwrap().to_owned()
}

/// How many rows there are of all that an order writes.
async fn rows(app: &TestApp) -> i64 {
    let mut rows = 0;
    for table in
        ["sales_orders", "sales_order_lines", "sales_order_events", "sales_order_receipts", "sales_order_signed_texts"]
    {
        rows += app.database.db_number(&format!("SELECT count(*) FROM {table}")).await;
    }
    rows
}

#[tokio::test]
async fn a_valid_order_is_answered_with_its_totals_and_nothing_is_kept_of_it() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for _ in 0..2 {
        let answer = partner.validate_with_key("po-1", &order()).await;
        assert_eq!(members(&answer), ["message", "data"]);
        let data = answer.json()["data"].take();
        assert_eq!((&data["total_quantity"], &data["total_amount"]), (&json!(3), &json!("250000.5")));
        assert_eq!((answer.header("location"), answer.header("idempotent-replayed")), (None, None));
        let payload = validate_over_graphql(&partner, &order()).await.data()["validateSalesOrder"].take();
        assert_eq!((&payload["replayed"], &payload["orderNumber"]), (&json!(false), &Value::Null));
        assert_eq!(payload["salesOrder"]["totalAmount"], "250000.5");
        assert_eq!(payload["salesOrder"]["products"][1], json!({"lineNo": 2, "unitPrice": "0.5"}));
        assert_eq!(payload["warnings"], json!([]));
    }
    let body = order().to_string();
    let bound = partner.sign_body(VALIDATION, body.as_bytes());
    app.post_text(VALIDATION, &bound.headers(), body).await.expect(200);
    assert_eq!(rows(&app).await, 0);
    let key = app.clients.list_keys(&partner.client_id.parse().unwrap()).await.unwrap().remove(0);
    assert_eq!(key.last_used_at, None, "a validation is no use of the key");
    // The key is free, the first number too, and the first use of the public key is still to be noted.
    let created = partner.create_with_key("po-1", &order()).await;
    assert_eq!((number(&created).as_str(), created.header("idempotent-replayed")), ("SO-0000000001", None));
    let key = app.clients.list_keys(&partner.client_id.parse().unwrap()).await.unwrap().remove(0);
    assert!(key.last_used_at.is_some());
}

/// What a refusal says, without what names the request and its path.
fn told(answer: &Answer) -> (u16, Value) {
    let mut problem = answer.json();
    for of_request in ["instance", "request_id", "body_bound_string"] {
        problem.as_object_mut().unwrap().remove(of_request);
    }
    (answer.status.as_u16(), problem)
}

#[tokio::test]
async fn what_an_order_is_refused_for_its_validation_is_refused_for_in_the_same_words() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let reader_key = key_of("reader");
    let keys = vec![reader_key.public_key().to_pem()];
    let secret = app.client("reader", &[Permission::OrdersRead], SignaturePolicy::Documented, keys).await;
    let reader = Partner::log_in(&app, "reader", secret, reader_key).await;
    let (signed, of_reader) = (partner.sign(), reader.sign());
    let now = app.clock.now().timestamp().to_string();
    let wrong = partner.sign_text(&now, "something else");
    let mut of_other = partner.sign();
    "other".clone_into(&mut of_other.client_id);
    let mut stale = partner.sign();
    "1".clone_into(&mut stale.timestamp);
    let (right, empty_key) = (order().to_string(), [&signed.headers()[..], &[("idempotency-key", "")]].concat());
    let faulty =
        json!({"customer_code": "", "typo": 1, "products": [{"quantity": 0, "unit_price": "1.23456"}]}).to_string();
    for (why, headers, body, code) in [
        ("no token", &[][..], &right, "UNAUTHENTICATED"),
        ("no signature", &signed.headers()[..1], &right, "MISSING_HEADER"),
        ("another client", &of_other.headers()[..], &right, "CLIENT_ID_MISMATCH"),
        ("an old timestamp", &stale.headers()[..], &right, "INVALID_TIMESTAMP"),
        ("a wrong signature", &wrong.headers()[..], &right, "INVALID_SIGNATURE"),
        ("no scope", &of_reader.headers()[..], &right, "INSUFFICIENT_SCOPE"),
        ("no JSON", &signed.headers()[..], &"{".to_owned(), "MALFORMED_BODY"),
        ("faults", &signed.headers()[..], &faulty, "VALIDATION_FAILED"),
        ("an empty key", &empty_key[..], &right, "INVALID_HEADER"),
    ] {
        let of_order = app.post_text(ORDERS, headers, body.clone()).await;
        let of_validation = app.post_text(VALIDATION, headers, body.clone()).await;
        assert_eq!(told(&of_order), told(&of_validation), "{why}");
        assert_eq!(of_order.json()["code"], code, "{why}");
        // The same over GraphQL, where the body is the document's.
        let Ok(input) = serde_json::from_str::<Value>(body) else { continue };
        let send = async |document: &str| {
            let body = json!({"query": document, "variables": {"input": respelled(&input, camel_case)}});
            app.post_text("/graphql", headers, body.to_string()).await.expect_error(code)["extensions"].take()
        };
        let [mut of_order, mut of_validation] = [send(CREATE).await, send(VALIDATE).await];
        for extensions in [&mut of_order, &mut of_validation] {
            extensions.as_object_mut().unwrap().remove("requestId");
            // It has the hash of the body.
            extensions.as_object_mut().unwrap().remove("bodyBoundString");
        }
        assert_eq!(of_order, of_validation, "{why}");
    }
    app.clients.disable_client(&partner.client_id.parse().unwrap()).await.unwrap();
    partner.validate_with_key("po-1", &order()).await.expect_problem(403, "CLIENT_DISABLED");
    assert_eq!(rows(&app).await, 0);
}

#[tokio::test]
async fn a_used_key_is_told_of_as_the_order_would_be_told_and_only_to_the_client_whose_it_is() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let first = number(&partner.create_with_key("po-1", &order()).await);
    let again = partner.validate_with_key("po-1", &order()).await;
    assert_eq!(members(&again), ["message", "data", "replayed", "order_number"]);
    assert_eq!((&again.json()["replayed"], &again.json()["order_number"]), (&json!(true), &json!(first)));
    let refused = partner.validate_with_key("po-1", &referenced("PO-1")).await;
    assert_eq!(told(&refused), told(&partner.create_with_key("po-1", &referenced("PO-1")).await));
    assert_eq!(refused.expect_problem(422, "IDEMPOTENCY_KEY_REUSED")["order_number"], first.as_str());
    // Without a key the timestamp and the content name the order, on both wires.
    let signed = partner.sign();
    let unnamed = number(&partner.send_order(&signed, &order()).await);
    let again = app.post_text(VALIDATION, &signed.headers(), order().to_string()).await.expect(200);
    assert_eq!(again["order_number"], unnamed.as_str());
    let payload = validate_over_graphql(&partner, &order()).await.data()["validateSalesOrder"].take();
    assert_eq!((&payload["replayed"], &payload["orderNumber"]), (&json!(true), &json!(unnamed)));
    let other = app.partner_named("other", SignaturePolicy::Documented).await;
    for order in [order(), referenced("PO-1")] {
        assert_eq!(
            members(&other.validate_with_key("po-1", &order).await),
            ["message", "data"],
            "a key is one client's"
        );
    }
}

#[tokio::test]
async fn a_used_reference_is_refused_or_warned_of_by_the_clients_policy_and_only_to_the_client_whose_it_is() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let other = app.partner_named("other", SignaturePolicy::Documented).await;
    let first = number(&partner.create_with_key("1", &referenced("PO-1")).await);
    for policy in ReferencePolicy::ALL {
        for client in [&partner, &other] {
            set_policy(&app, &client.client_id, policy).await;
        }
        let answer = partner.validate_with_key("2", &referenced("PO-1")).await;
        let over_graphql = validate_over_graphql(&partner, &referenced("PO-1")).await;
        match policy {
            ReferencePolicy::Accept => assert_eq!(members(&answer), ["message", "data"]),
            ReferencePolicy::Warn => {
                let warned = answer.expect(200)["warnings"][0].take();
                assert_eq!(
                    (&warned["code"], &warned["order_number"]),
                    (&json!("DUPLICATE_PARTNER_REFERENCE"), &json!(first))
                );
                let payload = over_graphql.data()["validateSalesOrder"].take();
                assert_eq!(payload["warnings"][0]["pointer"], "/partnerReference");
            }
            ReferencePolicy::Refuse => {
                assert_eq!(told(&answer), told(&partner.create_with_key("2", &referenced("PO-1")).await));
                assert_eq!(answer.expect_problem(409, "DUPLICATE_PARTNER_REFERENCE")["order_number"], first.as_str());
                over_graphql.expect_error("DUPLICATE_PARTNER_REFERENCE");
            }
        }
        // The order that has the reference is in nobody's way when it is asked for again, nor another client's.
        let again = partner.validate_with_key("1", &referenced("PO-1")).await;
        assert_eq!(members(&again), ["message", "data", "replayed", "order_number"], "{policy}");
        assert_eq!(members(&other.validate_with_key("2", &referenced("PO-1")).await), ["message", "data"], "{policy}");
        assert_eq!(
            members(&partner.validate_with_key("2", &referenced("PO-2")).await),
            ["message", "data"],
            "{policy}"
        );
    }
    app.database.whole_orders(2).await;
}

#[tokio::test]
async fn what_binds_the_body_of_a_validation_makes_no_order_and_that_of_an_order_passes_no_validation() {
    let app = TestApp::new().await;
    let now = app.clock.now().timestamp().to_string();
    let body = order().to_string();
    for policy in [SignaturePolicy::BodyBound, SignaturePolicy::BodyAndKeyBound] {
        let (partner, before) = (app.partner_named(policy.as_str(), policy).await, rows(&app).await);
        let sign = |path: &str| match policy {
            SignaturePolicy::BodyAndKeyBound => {
                let text =
                    body_and_key_bound_string("POST", path, &Sha256::digest(&body).into(), &now, "po-1").unwrap();
                partner.sign_text(&now, &text)
            }
            _ => partner.sign_body(path, body.as_bytes()),
        };
        let send = async |of: &str, to: &str| {
            let signed = sign(of);
            let headers = [&signed.headers()[..], &[("idempotency-key", "po-1")]].concat();
            app.post_text(to, &headers, body.clone()).await
        };
        for (of, to) in [(VALIDATION, ORDERS), (ORDERS, VALIDATION), ("/graphql", VALIDATION)] {
            let refused = send(of, to).await;
            let problem = refused.expect_problem(401, "INVALID_SIGNATURE");
            assert!(of == "/graphql" || problem["hint"] == "signed_other_path", "{policy}: {problem}");
        }
        assert_eq!(rows(&app).await, before, "{policy}");
        // Any number of times, and it uses up no text.
        for _ in 0..2 {
            assert_eq!(members(&send(VALIDATION, VALIDATION).await), ["message", "data"], "{policy}");
        }
        let made = number(&send(ORDERS, ORDERS).await);
        assert_eq!(send(VALIDATION, VALIDATION).await.expect(200)["order_number"], made.as_str(), "{policy}");
    }
}

#[tokio::test]
async fn a_request_holds_one_order_or_one_validation_and_either_has_the_same_length_at_most() {
    let app = TestApp::with(|config| config.http.max_body_bytes = 70_000).await;
    let partner = app.partner().await;
    let both = "mutation($input: CreateSalesOrderInput!) { validateSalesOrder(input: $input) { message }
        createSalesOrder(input: $input) { message } }";
    let answer = partner.signed_graphql(both, json!({"input": respelled(&order(), camel_case)})).await;
    answer.expect_error("ONE_ORDER_PER_REQUEST");
    let mut large = order();
    large["note"] = json!("x".repeat(80_000));
    let refused = partner.validate_with_key("po-1", &large).await;
    assert_eq!(told(&refused), told(&partner.create_with_key("po-1", &large).await));
    refused.expect_problem(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(rows(&app).await, 0);
}

#[tokio::test]
async fn a_validation_is_counted_as_a_request_like_an_order() {
    let app = TestApp::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.requests_per_minute = 2.try_into().unwrap();
    })
    .await;
    let partner = app.partner().await;
    for left in ["1", "0"] {
        let answer = partner.validate_with_key("po-1", &order()).await;
        answer.expect(200);
        assert!(answer.header("ratelimit").unwrap().contains(&format!("r={left};")), "{:?}", answer.headers);
    }
    partner.validate_with_key("po-1", &order()).await.expect_problem(429, "RATE_LIMITED");
    partner.create_with_key("po-1", &order()).await.expect_problem(429, "RATE_LIMITED");
}

#[tokio::test]
async fn a_validation_is_answered_while_no_order_can_be_stored() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let first = number(&partner.create_with_key("1", &referenced("PO-1")).await);
    set_policy(&app, &partner.client_id, ReferencePolicy::Warn).await;
    let held = app.database.hold_orders().await;
    let answer = partner.validate_with_key("2", &referenced("PO-1")).await.expect(200);
    assert_eq!(answer["warnings"][0]["order_number"], first.as_str());
    assert_eq!(partner.validate_with_key("1", &referenced("PO-1")).await.expect(200)["replayed"], true);
    held.close().await.unwrap();
}
