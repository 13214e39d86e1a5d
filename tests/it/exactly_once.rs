//! A partner that does not know whether its request arrived sends it again, and there is one order all the same.

mod crossing;
mod forgetting;
mod signed_text;

use std::time::Duration;

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use crate::support::{Answer, Partner, Signed, TestApp, camel_case, key_of, order, respelled};

const ORDERS: &str = "/api/v1/sales-orders";
const CREATE: &str = "mutation($input: CreateSalesOrderInput!) {
    createSalesOrder(input: $input) { message replayed salesOrder { orderNumber status version totalAmount } } }";

/// The order with this customer.
fn order_of(customer_code: &str) -> Value {
    let mut order = order();
    order["customer_code"] = json!(customer_code);
    order
}

fn graphql_body(order: &Value) -> String {
    json!({"query": CREATE, "variables": {"input": respelled(order, camel_case)}}).to_string()
}

fn with_key<'a>(signed: &'a Signed, key: &'a str) -> Vec<(&'a str, &'a str)> {
    [&signed.headers()[..], &[("idempotency-key", key)]].concat()
}

fn number(answer: &Answer) -> String {
    answer.expect(201)["data"]["order_number"].as_str().unwrap().to_owned()
}

/// The number of an order this very request made.
#[track_caller]
fn new_number(answer: &Answer) -> String {
    assert_eq!(answer.header("idempotent-replayed"), None, "{}", answer.text);
    assert_eq!(answer.json().get("replayed"), None, "{}", answer.text);
    number(answer)
}

/// The number of an order that was there before this request.
#[track_caller]
fn replayed_number(answer: &Answer) -> String {
    assert_eq!(answer.header("idempotent-replayed"), Some("true"), "{}", answer.text);
    assert_eq!(answer.json()["replayed"], true, "{}", answer.text);
    number(answer)
}

/// An answer without the member that tells a replay.
fn published(answer: &Answer) -> String {
    answer.text.replace(",\"replayed\":true", "")
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_identical_signed_requests_at_once_make_one_order_and_get_one_answer() {
    let app = TestApp::new().await;
    let signed = app.partner().await.sign();
    let request = || TestApp::post_request(ORDERS, &signed.headers(), order().to_string());
    let answers = app.send_at_once((0..50).map(|_| request())).await;
    for answer in &answers {
        answer.expect(201);
        assert_eq!(published(answer), published(&answers[0]));
        assert_eq!(answer.header("location"), answers[0].header("location"));
    }
    let replayed = answers.iter().filter(|answer| answer.header("idempotent-replayed") == Some("true")).count();
    assert_eq!(replayed, 49);
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_identical_signed_mutations_at_once_make_one_order_and_say_so() {
    let app = TestApp::new().await;
    let signed = app.partner().await.sign();
    let request = || TestApp::post_request("/graphql", &signed.headers(), graphql_body(&order()));
    let answers = app.send_at_once((0..50).map(|_| request())).await;
    let created: Vec<_> = answers.iter().map(|answer| answer.data()["createSalesOrder"].clone()).collect();
    assert!(created.iter().all(|payload| payload["salesOrder"] == created[0]["salesOrder"]), "{created:?}");
    assert_eq!(created[0]["salesOrder"]["totalAmount"], "250000.5");
    assert_eq!(created.iter().filter(|payload| payload["replayed"] == true).count(), 49);
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_orders_fighting_for_one_key_one_wins_and_the_other_learns_its_number() {
    let app = TestApp::new().await;
    let signed = app.partner().await.sign();
    let orders = [order_of("FIRST").to_string(), order_of("SECOND").to_string()];
    let requests = (0..50).map(|n| TestApp::post_request(ORDERS, &with_key(&signed, "one-key"), orders[n % 2].clone()));
    let answers = app.send_at_once(requests).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((won.len(), lost.len()), (25, 25));
    assert_eq!(won.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count(), 1);
    let winner = number(won[0]);
    for answer in won {
        assert_eq!(published(answer), published(answers.iter().find(|answer| answer.status == 201).unwrap()));
    }
    for answer in lost {
        assert_eq!(answer.expect_problem(422, "IDEMPOTENCY_KEY_REUSED")["order_number"], winner.as_str());
    }
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn one_key_and_one_order_are_one_order_however_it_is_written_and_whenever_it_is_signed() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let first = partner.create_with_key("po-4711", &order()).await;
    let reversed: Value = order().as_object().unwrap().clone().into_iter().rev().collect();
    assert_ne!(reversed.to_string(), order().to_string());
    app.clock.advance(Duration::from_hours(1));
    for body in [serde_json::to_string_pretty(&order()).unwrap(), reversed.to_string()] {
        let answer = app.post_text(ORDERS, &with_key(&partner.sign(), "po-4711"), body).await;
        assert_eq!(replayed_number(&answer), new_number(&first));
        assert_eq!(published(&answer), first.text, "the order's own times do not move");
    }
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn one_key_for_another_order_is_refused_with_the_first_orders_number() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let first = new_number(&partner.create_with_key("po-4711", &order()).await);
    let problem =
        partner.create_with_key("po-4711", &order_of("CUST-002")).await.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(problem["order_number"], first.as_str());
    assert!(problem["message"].as_str().unwrap().contains(&first), "{problem}");
    assert_eq!(replayed_number(&partner.create_with_key("po-4711", &order()).await), first);
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn two_partners_may_use_the_same_key() {
    let app = TestApp::new().await;
    let (versuni, other) = (app.partner().await, app.partner_named("other-partner", SignaturePolicy::default()).await);
    let first = new_number(&versuni.create_with_key("1", &order()).await);
    assert_ne!(first, new_number(&other.create_with_key("1", &order()).await));
    assert_eq!(app.database.whole_orders(2).await, 2);
}

#[tokio::test]
async fn rest_and_graphql_share_the_key() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let over_graphql = async |key: &str, order: &Value| {
        app.post_text("/graphql", &with_key(&partner.sign(), key), graphql_body(order)).await
    };
    let first = new_number(&partner.create_with_key("rest-first", &order()).await);
    let payload = over_graphql("rest-first", &order()).await.data()["createSalesOrder"].clone();
    assert_eq!(payload["replayed"], true);
    assert_eq!(payload["salesOrder"]["orderNumber"], first.as_str());
    let error = over_graphql("rest-first", &order_of("CUST-002")).await.expect_error("IDEMPOTENCY_KEY_REUSED");
    assert!(error["message"].as_str().unwrap().contains(&first), "{error}");

    let payload = over_graphql("graphql-first", &order()).await.data()["createSalesOrder"].clone();
    assert_eq!(payload["replayed"], false);
    let second = replayed_number(&partner.create_with_key("graphql-first", &order()).await);
    assert_eq!(payload["salesOrder"]["orderNumber"], second.as_str());
    assert_eq!(app.database.whole_orders(2).await, 2);
}

#[tokio::test]
async fn without_a_key_the_signed_second_and_the_order_tell_requests_apart() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    let first = new_number(&partner.send_order(&signed, &order()).await);
    assert_ne!(new_number(&partner.send_order(&signed, &order_of("CUST-002")).await), first);
    let resent = app.post_text(ORDERS, &signed.headers(), serde_json::to_string_pretty(&order()).unwrap()).await;
    assert_eq!(replayed_number(&resent), first);
    app.clock.advance(Duration::from_secs(1));
    assert_ne!(new_number(&partner.create(&order()).await), first);
    assert_eq!(replayed_number(&partner.send_order(&signed, &order()).await), first);
    assert_eq!(app.database.whole_orders(2).await, 3);
}

#[tokio::test]
async fn a_partner_cannot_pick_the_key_the_service_derived_for_another_order() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    new_number(&partner.create(&order()).await);
    let derived = app.database.db_text("SELECT idempotency_key FROM sales_orders").await;
    let bare = derived.split(':').next_back().unwrap();
    for picked in [derived.as_str(), bare] {
        new_number(&partner.create_with_key(picked, &order_of("CUST-002")).await);
    }
    assert_eq!(app.database.whole_orders(2).await, 3);
}

#[tokio::test]
async fn a_refused_request_uses_up_no_key() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut invalid = order();
    invalid["products"][0]["quantity"] = json!(0);
    partner.create_with_key("a", &invalid).await.expect_problem(400, "VALIDATION_FAILED");
    app.post_text(ORDERS, &with_key(&partner.sign(), "a"), "{").await.expect_problem(400, "MALFORMED_BODY");
    let forged = partner.sign_text(&partner.sign().timestamp, "something else");
    let refused = app.post_text(ORDERS, &with_key(&forged, "a"), order().to_string()).await;
    refused.expect_problem(401, "INVALID_SIGNATURE");
    let id = partner.client_id.parse().unwrap();
    app.clients.disable_client(&id).await.unwrap();
    partner.create_with_key("a", &order()).await.expect_problem(403, "CLIENT_DISABLED");
    app.clients.enable_client(&id).await.unwrap();
    let partner = partner.log_in_again().await;
    assert_eq!(app.database.whole_orders(2).await, 0);
    new_number(&partner.create_with_key("a", &order()).await);
}

#[tokio::test]
async fn a_client_that_may_not_create_uses_up_no_key() {
    let app = TestApp::new().await;
    let key = key_of("reader").public_key().to_pem();
    let secret = app.client("reader", &[Permission::OrdersRead], SignaturePolicy::default(), vec![key]).await;
    let reader = Partner::log_in(&app, "reader", secret, key_of("reader")).await;
    reader.create_with_key("a", &order()).await.expect_problem(403, "INSUFFICIENT_SCOPE");
    assert_eq!(app.database.whole_orders(2).await, 0);
    new_number(&app.partner().await.create_with_key("a", &order()).await);
}

#[tokio::test]
async fn a_replay_answers_with_the_order_as_it_is_now() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    let first = new_number(&partner.send_order(&signed, &order()).await);
    app.database.db_execute("UPDATE sales_orders SET status = 'CONFIRMED', version = 2").await.unwrap();
    let answer = partner.send_order(&signed, &order()).await;
    assert_eq!(replayed_number(&answer), first);
    let now = &answer.json()["data"];
    assert_eq!((&now["status"], &now["version"]), (&json!("CONFIRMED"), &json!(2)));
    assert_eq!(now, &partner.get(&format!("{ORDERS}/{first}")).await.expect(200)["data"]);
}

#[tokio::test]
async fn a_key_is_one_header_of_1_to_255_visible_ascii_characters() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let longest = "k".repeat(255);
    let first = new_number(&partner.create_with_key(&longest, &order()).await);
    assert_eq!(replayed_number(&partner.create_with_key(&longest, &order()).await), first);
    for refused in ["", "k".repeat(256).as_str(), "two words", "schlüssel", "tab\tbed"] {
        let problem = partner.create_with_key(refused, &order()).await.expect_problem(400, "INVALID_HEADER");
        assert_eq!(problem["headers"], json!(["Idempotency-Key"]), "{refused}");
    }
    let signed = partner.sign();
    let twice = [&with_key(&signed, "a")[..], &[("idempotency-key", "a")]].concat();
    app.post_text(ORDERS, &twice, order().to_string()).await.expect_problem(400, "INVALID_HEADER");

    assert_eq!(app.database.whole_orders(2).await, 1);
}
