//! The codes of faulty fields are what the service really answers with: each of them is reached by a request.

use std::collections::BTreeSet;

use sales_order_api::domain::expectation_policy::ExpectationPolicy;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::error::FieldErrorCode as Code;
use sales_order_api::service::clients::ClientChange;
use serde_json::{Value, json};

use crate::support::{PARTNER_KEY, Partner, TestApp, order};

/// The codes of the faulty fields of an answer, over either wire.
fn codes(refusal: &Value) -> Vec<String> {
    let errors = [&refusal["errors"], &refusal["extensions"]["errors"]].into_iter().find_map(Value::as_array);
    errors.unwrap().iter().map(|error| error["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_code_of_a_faulty_field_is_what_some_request_is_answered_with() {
    let app = TestApp::new().await;
    let mut reached = BTreeSet::new();
    let partner = app.partner().await;
    let change = ClientChange { expectation_policy: Some(ExpectationPolicy::Refuse), ..ClientChange::default() };
    app.clients.update_client(&partner.client_id.parse().unwrap(), change).await.unwrap();
    of_an_order(&partner, &mut reached).await;
    of_arguments(&app, &mut reached).await;
    // Needs a feed that went back in time; `restored` has one and asserts this code.
    reached.insert(Code::CursorAhead.as_str().to_owned());
    let all: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(reached, all, "each code needs a request here that is answered with it");
}

async fn of_an_order(partner: &Partner<'_>, reached: &mut BTreeSet<String>) {
    let price = |price: &str| json!({"product_code": "P", "quantity": 1, "unit_price": price});
    for (member, value, code) in [
        ("customer_code", json!(" "), Code::Blank),
        ("site_code", json!("a\u{7}b"), Code::ControlCharacter),
        ("currency", json!("XYZ"), Code::Currency),
        ("products", json!([price("1,5")]), Code::Format),
        ("products", json!([]), Code::Length),
        ("products", json!([price("0.00001")]), Code::Precision),
        ("products", json!([price("-1")]), Code::Range),
        ("address", Value::Null, Code::Required),
        ("expected_total", json!("0.01"), Code::Mismatch),
        ("sales_name", json!("n".repeat(129)), Code::TooLong),
        ("note", json!(1), Code::Type),
        ("colour", json!("red"), Code::Unknown),
    ] {
        let mut faulty = order();
        faulty[member] = value;
        let found = codes(&partner.create(&faulty).await.expect_problem(400, "VALIDATION_FAILED"));
        assert_eq!(found, [code.as_str()], "{member}");
        reached.extend(found);
    }
    let many: serde_json::Map<_, _> = (0..1100).map(|n| (format!("f{n}"), json!(1))).collect();
    let problem = partner.create(&many.into()).await.expect_problem(400, "VALIDATION_FAILED");
    let last = codes(&problem).pop().unwrap();
    assert_eq!(last, Code::More.as_str());
    reached.insert(last);
}

async fn of_arguments(app: &TestApp, reached: &mut BTreeSet<String>) {
    let scopes = [Permission::ClientsManage, Permission::OrdersRead];
    let secret = app.client("manager", &scopes, SignaturePolicy::Documented, Vec::new()).await;
    let operator = Partner::log_in(app, "manager", secret, &PARTNER_KEY).await;
    let explain = "query($input: ExplainSignatureInput!) { explainSignature(input: $input) { valid } }";
    let signed = json!({"input": {"clientId": "c", "timestamp": "1", "signature": "s", "publicKey": "none"}});
    let create = "mutation($input: CreateClientInput!) { createClient(input: $input) { client { name } } }";
    let client = json!({"input": {"clientId": "new", "name": "New", "scopes": ["orders:eat"]}});
    let orders = "query($first: Int, $last: Int, $after: String, $where: SalesOrderFilter) {
        salesOrders(first: $first, last: $last, after: $after, where: $where) { nodes { orderNumber } } }";
    for (document, variables, code) in [
        (explain, signed, Code::PublicKey),
        (create, client, Code::Value),
        (orders, json!({"first": 1, "last": 1}), Code::Conflict),
        (orders, json!({"after": "nothing"}), Code::Cursor),
        (orders, json!({"where": {"status": {"eq": "LOST"}}}), Code::Status),
    ] {
        let found = codes(&operator.graphql(document, variables).await.expect_error("VALIDATION_FAILED"));
        assert_eq!(found, [code.as_str()]);
        reached.extend(found);
    }
}
