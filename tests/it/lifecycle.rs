//! An operator moves orders through their life.

use std::time::Duration;

use futures_util::future::join_all;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use crate::support::{PARTNER_KEY, Partner, TestApp, order};

const MOVE: &str = "mutation($input: UpdateSalesOrderStatusInput!) {
    updateSalesOrderStatus(input: $input) { orderNumber status version nextStatuses updatedAt } }";

fn input(status: &str) -> Value {
    json!({"input": {"orderNumber": "SO-0000000001", "status": status}})
}

#[tokio::test]
async fn an_operator_moves_an_order_all_the_way_and_each_step_is_in_its_history() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let operator = app.operator().await;
    for (version, status, next) in [
        (2, "CONFIRMED", json!(["SHIPPED", "CANCELLED"])),
        (3, "SHIPPED", json!(["DELIVERED"])),
        (4, "DELIVERED", json!([])),
    ] {
        app.clock.advance(Duration::from_mins(1));
        let moved = operator.graphql(MOVE, input(status)).await.data()["updateSalesOrderStatus"].take();
        assert_eq!(moved["status"], status);
        assert_eq!(moved["version"], version);
        assert_eq!(moved["nextStatuses"], next);
    }
    let events = "SELECT count(*) FROM sales_order_events WHERE order_id = 1 AND kind = 'STATUS_CHANGED' \
                  AND actor = 'erp-001' AND sequence BETWEEN 2 AND 4";
    assert_eq!(app.database.db_number(events).await, 3);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_events").await, 4);
    app.database.true_totals().await;
}

#[tokio::test]
async fn an_order_goes_only_where_its_life_leads_and_the_refusal_says_where_that_is() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let operator = app.operator().await;
    for status in ["SHIPPED", "DELIVERED"] {
        let refused = operator.graphql(MOVE, input(status)).await.expect_error("ILLEGAL_TRANSITION");
        assert_eq!(refused["extensions"]["nextStatuses"], json!(["CONFIRMED", "CANCELLED"]));
        assert_eq!(refused["extensions"]["currentStatus"], "RECEIVED");
    }
    operator.graphql(MOVE, input("CANCELLED")).await.data();
    let refused = operator.graphql(MOVE, input("CONFIRMED")).await.expect_error("ILLEGAL_TRANSITION");
    assert_eq!(refused["extensions"]["nextStatuses"], json!([]));
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_events").await, 2);
}

#[tokio::test]
async fn a_status_the_order_has_already_changes_nothing_and_is_no_error() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let operator = app.operator().await;
    let mut once = input("CONFIRMED");
    once["input"]["expectedVersion"] = json!(1);
    let first = operator.graphql(MOVE, once.clone()).await.data();
    app.clock.advance(Duration::from_mins(1));
    // The answer was lost, so the operator asks again with the version it knew.
    assert_eq!(operator.graphql(MOVE, once).await.data(), first);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_events").await, 2);
}

#[tokio::test]
async fn an_operator_who_saw_an_older_version_is_told_the_present_one() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let operator = app.operator().await;
    operator.graphql(MOVE, input("CONFIRMED")).await.data();
    let mut stale = input("CANCELLED");
    stale["input"]["expectedVersion"] = json!(1);
    let refused = operator.graphql(MOVE, stale.clone()).await.expect_error("CONFLICT");
    assert_eq!(refused["extensions"]["currentVersion"], 2);
    assert_eq!(refused["extensions"]["currentStatus"], "CONFIRMED");
    stale["input"]["expectedVersion"] = json!(2);
    operator.graphql(MOVE, stale).await.data();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_operators_who_saw_the_same_version_one_wins() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let operator = app.operator().await;
    let attempts = ["CONFIRMED", "CANCELLED"].repeat(5).into_iter().map(|status| {
        let mut input = input(status);
        input["input"]["expectedVersion"] = json!(1);
        operator.graphql(MOVE, input)
    });
    let answers: Vec<_> = join_all(attempts).await.iter().map(super::support::Answer::json).collect();
    let status = app.get_status("SO-0000000001").await;
    for answer in answers {
        match answer["data"]["updateSalesOrderStatus"]["status"].as_str() {
            Some(won) => assert_eq!(won, status),
            None => assert_eq!(answer["errors"][0]["extensions"]["code"], "CONFLICT"),
        }
    }
    assert_eq!(app.database.db_number("SELECT CAST(version AS BIGINT) FROM sales_orders").await, 2);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_events").await, 2);
}

#[tokio::test]
async fn a_faulty_change_names_every_field_and_an_unknown_order_is_not_found() {
    let app = TestApp::new().await;
    let operator = app.operator().await;
    let faulty =
        json!({"input": {"orderNumber": " ", "status": "CONFIRMED", "expectedVersion": 0, "note": "n".repeat(1001)}});
    let refused = operator.graphql(MOVE, faulty).await.expect_error("VALIDATION_FAILED");
    let pointers: Vec<_> = refused["extensions"]["errors"].as_array().unwrap().iter().map(|e| &e["pointer"]).collect();
    assert_eq!(pointers, ["/orderNumber", "/expectedVersion", "/note"]);
    operator.graphql(MOVE, input("CONFIRMED")).await.expect_error("NOT_FOUND");
}

#[tokio::test]
async fn only_a_client_with_the_scope_may_move_orders() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    partner.graphql(MOVE, input("CANCELLED")).await.expect_error("INSUFFICIENT_SCOPE");
    app.dashboard().await.graphql(MOVE, input("CANCELLED")).await.expect_error("INSUFFICIENT_SCOPE");
    app.graphql(MOVE, input("CANCELLED")).await.expect_error("UNAUTHENTICATED");
    assert_eq!(app.get_status("SO-0000000001").await, "RECEIVED");
}

impl TestApp {
    async fn get_status(&self, number: &str) -> String {
        let secret = self.client("reader", &[Permission::OrdersRead], SignaturePolicy::Documented, Vec::new()).await;
        let reader = Partner::log_in(self, "reader", secret, &PARTNER_KEY).await;
        let answer = reader.get(&format!("/api/v1/sales-orders/{number}")).await.expect(200);
        answer["data"]["status"].as_str().unwrap().to_owned()
    }
}
