//! A partner tells what its order comes to by its own figures: what happens when it comes to something else is the client's policy.

use sales_order_api::domain::expectation_policy::ExpectationPolicy;
use sales_order_api::service::clients::ClientChange;
use serde_json::{Value, json};

use crate::support::{Answer, Partner, TestApp, camel_case, order, respelled};

const CREATE: &str = "mutation($input: CreateSalesOrderInput!) { createSalesOrder(input: $input) {
    replayed warnings { code message pointer orderNumber } } }";
const VALIDATE: &str = "mutation($input: CreateSalesOrderInput!) { validateSalesOrder(input: $input) {
    replayed warnings { code message pointer orderNumber } } }";

/// The sample order, which comes to 250000.5, with a third line that has no price.
fn expecting(total: &Value, lines: [&Value; 3]) -> Value {
    let mut order = order();
    order["expected_total"] = total.clone();
    order["products"].as_array_mut().unwrap().push(json!({"product_code": "X", "quantity": 7}));
    for (line, expected) in order["products"].as_array_mut().unwrap().iter_mut().zip(lines) {
        line["expected_line_amount"] = expected.clone();
    }
    order
}

/// What it really comes to.
fn right() -> Value {
    expecting(&json!("250000.50"), [&json!(250_000), &json!(0.5), &json!(0)])
}

/// Nothing of it is.
fn wrong() -> Value {
    expecting(&json!(250_000), [&json!("125000"), &json!(1), &json!("0.0001")])
}

const WRONG: [(&str, &str, &str); 4] = [
    ("/expected_total", "250000", "250000.5"),
    ("/products/0/expected_line_amount", "125000", "250000"),
    ("/products/1/expected_line_amount", "1", "0.5"),
    ("/products/2/expected_line_amount", "0.0001", "0"),
];

async fn set_policy(app: &TestApp, partner: &Partner<'_>, policy: ExpectationPolicy) {
    let change = ClientChange { expectation_policy: Some(policy), ..ClientChange::default() };
    app.clients.update_client(&partner.client_id.parse().unwrap(), change).await.unwrap();
}

async fn over_graphql(partner: &Partner<'_>, document: &str, order: &Value) -> Answer {
    partner.signed_graphql(document, json!({"input": respelled(order, camel_case)})).await
}

/// Fails unless these are all the mismatches of the wrong order.
fn tell_all(told: &Value, spelled: fn(&str) -> String) {
    let told = told.as_array().unwrap();
    assert_eq!(told.len(), WRONG.len(), "{told:?}");
    for (told, (pointer, expected, computed)) in told.iter().zip(WRONG) {
        assert_eq!(told["pointer"], spelled(pointer));
        let message = told["message"].as_str().unwrap();
        assert!(message.contains(&format!("is {expected}, ")), "{message}");
        assert!(message.contains(&format!("comes to {computed};")), "{message}");
    }
}

fn camel_pointer(pointer: &str) -> String {
    pointer.split('/').map(camel_case).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn an_order_that_comes_to_what_is_expected_is_like_any_other_under_each_policy() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for policy in ExpectationPolicy::ALL {
        set_policy(&app, &partner, policy).await;
        let key = policy.as_str();
        for answer in [partner.validate_with_key(key, &right()).await, partner.create_with_key(key, &right()).await] {
            assert_eq!(answer.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["message", "data"]);
            assert!(!answer.text.contains("expected"), "{}", answer.text);
        }
        // An amount that is blank, or null, is none.
        let unsaid = expecting(&json!(" "), [&Value::Null, &json!(""), &Value::Null]);
        let again = partner.create_with_key(key, &unsaid).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "what is expected is no part of the order");
    }
}

#[tokio::test]
async fn every_other_amount_is_warned_of_at_once_and_the_order_is_taken() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let validated = partner.validate_with_key("po-1", &wrong()).await.expect(200)["warnings"].take();
    let created = partner.create_with_key("po-1", &wrong()).await;
    let again = partner.create_with_key("po-1", &wrong()).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    for warnings in [&validated, &created.expect(201)["warnings"], &again.expect(201)["warnings"]] {
        tell_all(warnings, str::to_owned);
        for warning in warnings.as_array().unwrap() {
            assert_eq!((&warning["code"], &warning["order_number"]), (&json!("AMOUNT_MISMATCH"), &Value::Null));
        }
    }
    for (document, field) in [(VALIDATE, "validateSalesOrder"), (CREATE, "createSalesOrder")] {
        let warnings = over_graphql(&partner, document, &wrong()).await.data()[field]["warnings"].take();
        tell_all(&warnings, camel_pointer);
    }
    app.database.whole_orders(3).await;
}

#[tokio::test]
async fn every_other_amount_is_refused_at_once_and_nothing_is_kept_where_the_client_asked_for_that() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    set_policy(&app, &partner, ExpectationPolicy::Refuse).await;
    for refused in [partner.validate_with_key("po-1", &wrong()).await, partner.create_with_key("po-1", &wrong()).await]
    {
        let problem = refused.expect_problem(400, "VALIDATION_FAILED");
        tell_all(&problem["errors"], str::to_owned);
        assert!(problem["errors"].as_array().unwrap().iter().all(|error| error["code"] == "mismatch"), "{problem}");
    }
    for document in [VALIDATE, CREATE] {
        let error = over_graphql(&partner, document, &wrong()).await.expect_error("VALIDATION_FAILED");
        tell_all(&error["extensions"]["errors"], camel_pointer);
    }
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 0);
    // Its key is free. What is asked for again is answered, whatever is expected of it, and told of all the same.
    partner.create_with_key("po-1", &right()).await.expect(201);
    for answer in [partner.validate_with_key("po-1", &wrong()).await, partner.create_with_key("po-1", &wrong()).await] {
        let answer = answer.json();
        assert_eq!(answer["replayed"], true, "{answer}");
        tell_all(&answer["warnings"], str::to_owned);
    }
    let mut other = wrong();
    other["site_code"] = json!("SITE-002");
    partner.create_with_key("po-1", &other).await.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    app.database.whole_orders(3).await;
}

#[tokio::test]
async fn an_expected_amount_is_read_as_exactly_as_a_price_and_may_be_as_large_as_a_total() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let largest = "9999999999999.9999";
    let answer = partner.create(&expecting(&json!(largest), [&json!(largest), &json!("0.5000"), &json!(0)])).await;
    let warned = answer.expect(201)["warnings"].as_array().unwrap().len();
    assert_eq!(warned, 2);
    let faulty = expecting(&json!("10000000000000"), [&json!("-1"), &json!("0.00001"), &json!(true)]);
    let problem = partner.create(&faulty).await.expect_problem(400, "VALIDATION_FAILED");
    let told: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|it| (&it["pointer"], &it["code"])).collect();
    assert_eq!(
        told,
        [
            (&json!("/expected_total"), &json!("range")),
            (&json!("/products/0/expected_line_amount"), &json!("range")),
            (&json!("/products/1/expected_line_amount"), &json!("precision")),
            (&json!("/products/2/expected_line_amount"), &json!("type")),
        ]
    );
    assert!(problem.to_string().contains("must be at most 9999999999999.9999"), "{problem}");
}
