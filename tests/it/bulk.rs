//! A partner sends many orders in one request: each is taken by itself, each once, and one signature is over all of them.

mod processes;

use futures_util::future::join_all;
use sales_order_api::domain::expectation_policy::ExpectationPolicy;
use sales_order_api::domain::reference_policy::ReferencePolicy;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::service::clients::ClientChange;
use serde_json::{Value, json};

use crate::support::{Answer, Partner, TestApp, camel_case, order, respelled};

const BATCH: &str = "/api/v1/sales-orders/batch";
const CREATE_MANY: &str = "mutation($input: CreateSalesOrdersInput!) { createSalesOrders(input: $input) { orders {
    status idempotencyKey replayed salesOrder { orderNumber totalAmount } warnings { code pointer }
    problem { code message errors { pointer code message } orderNumber retryAfter } } } }";

/// The sample order under a key of its own.
fn row(key: &str) -> Value {
    let mut order = order();
    order["idempotency_key"] = json!(key);
    order
}

fn rows(count: usize) -> Value {
    json!({"orders": (0..count).map(|n| row(&format!("po-{n}"))).collect::<Vec<_>>()})
}

/// Sends orders over REST, freshly signed in the form that binds them.
async fn send(partner: &Partner<'_>, app: &TestApp, orders: &Value) -> Answer {
    let body = orders.to_string();
    app.post_text(BATCH, &partner.sign_body(BATCH, body.as_bytes()).headers(), body).await
}

/// What became of each order.
fn outcomes(answer: &Answer) -> Vec<Value> {
    answer.expect(207)["orders"].as_array().unwrap().clone()
}

fn statuses(outcomes: &[Value]) -> Vec<u64> {
    outcomes.iter().map(|outcome| outcome["status"].as_u64().unwrap()).collect()
}

fn numbers(outcomes: &[Value]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome["data"]["order_number"].as_str().unwrap()).collect()
}

async fn change(app: &TestApp, partner: &Partner<'_>, change: ClientChange) {
    app.clients.update_client(&partner.client_id.parse().unwrap(), change).await.unwrap();
}

#[tokio::test]
async fn each_order_is_answered_as_it_would_be_alone_and_a_bad_one_takes_no_other_with_it() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut faulty = row("po 1");
    faulty["products"][0]["quantity"] = json!(0);
    faulty["typo"] = json!(1);
    let mut keyless = order();
    keyless["currency"] = json!("USD");
    let sent = json!({"orders": [row("po-0"), faulty, row("po-2"), keyless, 5]});
    let told = outcomes(&send(&partner, &app, &sent).await);
    assert_eq!(statuses(&told), [201, 400, 201, 400, 400]);
    assert_eq!(told[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["status", "idempotency_key", "data"]);
    let alone = partner.create_with_key("po-0", &order()).await.expect(201)["data"].take();
    assert_eq!((&told[0]["idempotency_key"], &told[0]["data"]), (&json!("po-0"), &alone));

    let keys: Vec<_> = told.iter().map(|outcome| &outcome["idempotency_key"]).collect();
    assert_eq!(keys, [&json!("po-0"), &Value::Null, &json!("po-2"), &Value::Null, &Value::Null], "`po 1` can be none");

    let problem = &told[1]["problem"];
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/orders/1/idempotency_key", "/orders/1/products/0/quantity", "/orders/1/typo"]);
    assert_eq!((&problem["code"], &problem["instance"]), (&json!("VALIDATION_FAILED"), &json!(BATCH)));
    assert_eq!(problem["type"], "/docs#VALIDATION_FAILED");
    let names: Vec<_> = problem.as_object().unwrap().keys().cloned().collect();
    let of_alone = partner.create(&json!({})).await.expect_problem(400, "VALIDATION_FAILED");
    assert_eq!(names, of_alone.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
    let error = &told[3]["problem"]["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/orders/3/idempotency_key"), &json!("required")));
    assert_eq!(told[4]["problem"]["errors"][0]["pointer"], "/orders/4");
    let mut faulty = row("po-9");
    faulty["address"] = json!("");
    let told = outcomes(&send(&partner, &app, &json!({"orders": [faulty]})).await);
    assert_eq!((&told[0]["status"], &told[0]["idempotency_key"]), (&json!(400), &json!("po-9")));
    app.database.whole_orders(2).await;
}

#[tokio::test]
async fn the_same_request_again_gives_every_order_again_and_makes_none() {
    let app = TestApp::new().await;
    for policy in SignaturePolicy::ALL {
        let partner = app.partner_named(policy.as_str(), policy).await;
        let body = rows(40).to_string();
        let signed = partner.sign_body(BATCH, body.as_bytes());
        let first = outcomes(&app.post_text(BATCH, &signed.headers(), body.clone()).await);
        assert!(first.iter().all(|outcome| outcome["status"] == 201 && outcome.get("replayed").is_none()), "{first:?}");
        let again = outcomes(&app.post_text(BATCH, &signed.headers(), body.clone()).await);
        assert!(again.iter().all(|outcome| outcome["replayed"] == true), "{again:?}");
        assert_eq!(numbers(&first), numbers(&again), "{policy}");
        // Signed anew, with one order more: the keys name the others.
        let more = outcomes(&send(&partner, &app, &rows(41)).await);
        assert_eq!(numbers(&more)[..40], numbers(&first), "{policy}");
        assert_eq!(more[40].get("replayed"), None, "{policy}");
    }
    app.database.whole_orders(2).await;
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 3 * 41);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_signed_texts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_requests_at_the_same_time_make_each_order_once() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let answers = join_all((0..6).map(|_| async { outcomes(&send(&partner, &app, &rows(50)).await) })).await;
    for told in &answers {
        assert_eq!(numbers(told), numbers(&answers[0]));
    }
    let made = answers.iter().flatten().filter(|outcome| outcome.get("replayed").is_none()).count();
    assert_eq!(made, 50);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 50);
    app.database.whole_orders(2).await;
}

#[tokio::test]
async fn a_key_that_comes_twice_is_one_order_and_another_order_with_it_is_refused_alone() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut other = row("po-0");
    other["site_code"] = json!("SITE-002");
    let mut sent = rows(60);
    sent["orders"].as_array_mut().unwrap().extend([row("po-0"), other]);
    let told = outcomes(&send(&partner, &app, &sent).await);
    assert_eq!(told[60]["data"]["order_number"], told[0]["data"]["order_number"]);
    assert_eq!((told[0].get("replayed"), &told[60]["replayed"]), (None, &json!(true)));
    assert_eq!((&told[61]["status"], &told[61]["problem"]["code"]), (&json!(422), &json!("IDEMPOTENCY_KEY_REUSED")));
    assert_eq!(told[61]["problem"]["order_number"], told[0]["data"]["order_number"]);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 60);
}

#[tokio::test]
async fn policies_hold_for_each_order() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let referenced = |key: &str, reference: &str| {
        let mut row = row(key);
        row["partner_reference"] = json!(reference);
        row
    };
    let mut unexpected = referenced("3", "PO-2");
    unexpected["expected_total"] = json!(1);
    let sent = json!({"orders": [referenced("1", "PO-1"), referenced("2", "PO-1"), unexpected]});
    change(&app, &partner, ClientChange { reference_policy: Some(ReferencePolicy::Warn), ..ClientChange::default() })
        .await;
    let told = outcomes(&send(&partner, &app, &sent).await);
    assert_eq!(statuses(&told), [201; 3]);
    for (one, other) in [(0, 1), (1, 0)] {
        let warning = &told[one]["warnings"][0];
        assert_eq!(warning["order_number"], told[other]["data"]["order_number"]);
        assert_eq!(warning["pointer"], format!("/orders/{one}/partner_reference"));
    }
    assert_eq!(told[2]["warnings"][0]["pointer"], "/orders/2/expected_total");

    let other = app.partner_named("other", SignaturePolicy::Documented).await;
    let refusing = ClientChange {
        reference_policy: Some(ReferencePolicy::Refuse),
        expectation_policy: Some(ExpectationPolicy::Refuse),
        ..ClientChange::default()
    };
    change(&app, &other, refusing).await;
    let told = outcomes(&send(&other, &app, &sent).await);
    assert_eq!(statuses(&told), [201, 409, 400]);
    assert_eq!(told[1]["problem"]["code"], "DUPLICATE_PARTNER_REFERENCE");
    assert_eq!(told[1]["problem"]["order_number"], told[0]["data"]["order_number"]);
    assert_eq!(told[2]["problem"]["errors"][0]["pointer"], "/orders/2/expected_total");
    app.database.whole_orders(2).await;
}

#[tokio::test]
async fn only_a_signature_that_binds_the_body_is_taken_and_none_of_another_path() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let body = rows(2).to_string();
    let published = app.post_text(BATCH, &partner.sign().headers(), body.clone()).await;
    let problem = published.expect_problem(401, "INVALID_SIGNATURE");
    assert_eq!(problem["hint"], "signed_body_bound_expected");
    assert!(problem["string_to_sign"].as_str().unwrap().starts_with("POST:/api/v1/sales-orders/batch:"), "{problem}");
    for (signed, sent) in [("/api/v1/sales-orders", BATCH), (BATCH, "/api/v1/sales-orders")] {
        let signed = partner.sign_body(signed, body.as_bytes());
        let refused = app.post_text(sent, &signed.headers(), body.clone()).await;
        assert_eq!(refused.expect_problem(401, "INVALID_SIGNATURE")["hint"], "signed_other_path", "{sent}");
    }
    let signed = partner.sign_body(BATCH, body.as_bytes());
    let with_key = [&signed.headers()[..], &[("idempotency-key", "po-1")]].concat();
    let refused = app.post_text(BATCH, &with_key, body.clone()).await.expect_problem(400, "INVALID_HEADER");
    assert!(refused["message"].as_str().unwrap().contains("idempotency_key"), "{refused}");
    let over_graphql = partner.signed_graphql(CREATE_MANY, json!({"input": respelled(&rows(1), camel_case)})).await;
    let error = over_graphql.expect_error("INVALID_SIGNATURE");
    assert_eq!(error["extensions"]["hint"], "signed_body_bound_expected");
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 0);
}

#[tokio::test]
async fn what_is_no_list_of_up_to_a_hundred_orders_is_refused_as_a_whole() {
    let app = TestApp::with(|config| config.http.max_body_bytes = 100_000).await;
    let partner = app.partner().await;
    for (sent, pointer, code) in [
        (json!({}), "/orders", "required"),
        (json!({"orders": []}), "/orders", "length"),
        (json!({"orders": vec![json!({}); 101]}), "/orders", "length"),
        (json!({"orders": [row("1")], "atomic": true}), "/atomic", "unknown"),
    ] {
        let problem = send(&partner, &app, &sent).await.expect_problem(400, "VALIDATION_FAILED");
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{sent}");
    }
    let signed = partner.sign_body(BATCH, b"{");
    app.post_text(BATCH, &signed.headers(), "{".to_owned()).await.expect_problem(400, "MALFORMED_BODY");
    let mut large = rows(1);
    large["orders"][0]["note"] = json!("x".repeat(110_000));
    send(&partner, &app, &large).await.expect_problem(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 0);
}

#[tokio::test]
async fn each_order_counts_as_a_request_and_without_room_for_all_none_is_taken() {
    let app = TestApp::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.requests_per_minute = 10.try_into().unwrap();
    })
    .await;
    let partner = app.partner().await;
    let answer = send(&partner, &app, &rows(7)).await;
    assert_eq!(statuses(&outcomes(&answer)), [201; 7]);
    assert!(answer.header("ratelimit").unwrap().contains("r=3;"), "{:?}", answer.headers);
    let refused = send(&partner, &app, &json!({"orders": [row("a"), row("b"), row("c"), row("d")]})).await;
    refused.expect_problem(429, "RATE_LIMITED");
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 7);
    // More than may ever come at once take all that there is.
    let other = app.partner_named("other", SignaturePolicy::Documented).await;
    let answer = send(&other, &app, &rows(20)).await;
    assert_eq!(statuses(&outcomes(&answer)), [201; 20]);
    assert!(answer.header("ratelimit").unwrap().contains("r=0;"), "{:?}", answer.headers);
}

#[tokio::test]
async fn orders_for_which_there_is_no_room_are_told_to_come_again_and_the_others_are_taken() {
    let app = TestApp::with(|config| config.orders.max_waiting = 4).await;
    let partner = app.partner().await;
    let told = outcomes(&send(&partner, &app, &rows(50)).await);
    let (taken, left): (Vec<_>, Vec<_>) = told.iter().partition(|outcome| outcome["status"] == 201);
    assert!(!taken.is_empty() && !left.is_empty(), "{told:?}");
    for outcome in left {
        assert_eq!((&outcome["status"], &outcome["problem"]["code"]), (&json!(503), &json!("OVERLOADED")));
        assert_eq!(outcome["problem"]["retry_after"], 1);
    }
    let stored = app.database.whole_orders(2).await;
    assert_eq!(stored, i64::try_from(taken.len()).unwrap());
}

#[tokio::test]
async fn over_graphql_many_orders_are_taken_alike() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut faulty = row("po-1");
    faulty["products"][0]["quantity"] = json!(0);
    let sent = json!({"orders": [row("po-0"), faulty, row("po-2")]});
    let body = json!({"query": CREATE_MANY, "variables": {"input": respelled(&sent, camel_case)}}).to_string();
    let signed = partner.sign_body("/graphql", body.as_bytes());
    for is_again in [false, true] {
        let answer = app.post_text("/graphql", &signed.headers(), body.clone()).await;
        let told = answer.data()["createSalesOrders"]["orders"].as_array().unwrap().clone();
        assert_eq!(statuses(&told), [201, 400, 201]);
        assert_eq!((&told[0]["replayed"], &told[0]["idempotencyKey"]), (&json!(is_again), &json!("po-0")));
        let fault = &told[1]["problem"]["errors"][0];
        assert_eq!((&fault["pointer"], &fault["code"]), (&json!("/orders/1/products/0/quantity"), &json!("range")));
        assert_eq!(told[1]["salesOrder"], Value::Null);
    }
    // A field that is not of the type refuses the request: nothing runs.
    let mut mistyped = sent.clone();
    mistyped["orders"][2]["products"][0]["quantity"] = json!("two");
    mistyped["orders"][2]["idempotency_key"] = json!("po-3");
    let body = json!({"query": CREATE_MANY, "variables": {"input": respelled(&mistyped, camel_case)}}).to_string();
    let signed = partner.sign_body("/graphql", body.as_bytes());
    let error = app.post_text("/graphql", &signed.headers(), body).await.expect_error("VALIDATION_FAILED");
    let pointers: Vec<_> =
        error["extensions"]["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/orders/1/products/0/quantity", "/orders/2/products/0/quantity"]);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 2);
    // Many orders and one more have one signature between them.
    let both = "mutation($input: CreateSalesOrdersInput!, $one: CreateSalesOrderInput!) {
        createSalesOrders(input: $input) { orders { status } } createSalesOrder(input: $one) { message } }";
    let variables = json!({"input": respelled(&rows(1), camel_case), "one": respelled(&order(), camel_case)});
    partner.signed_graphql(both, variables).await.expect_error("ONE_ORDER_PER_REQUEST");
}

#[tokio::test]
async fn the_receipt_of_each_order_proves_it_by_the_one_signed_text() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let told = outcomes(&send(&partner, &app, &rows(3)).await);
    let dashboard = app.dashboard().await;
    let mut texts = Vec::new();
    for number in numbers(&told) {
        let document =
            format!("{{ salesOrder(orderNumber: \"{number}\") {{ receipt {{ signatureForm stringToSign }} }} }}");
        let receipt = dashboard.graphql(&document, Value::Null).await.data()["salesOrder"]["receipt"].take();
        assert_eq!(receipt["signatureForm"], "body_bound");
        texts.push(receipt["stringToSign"].clone());
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}
