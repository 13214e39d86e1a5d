//! An operator answers the lines of an order, and the order's status follows from them.

mod kept;

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Partner, TestApp, order};

pub const CONFIRM: &str = "mutation($input: ConfirmSalesOrderLinesInput!) {
    confirmSalesOrderLines(input: $input) { orderNumber status version nextStatuses updatedAt } }";

pub const MOVE: &str = "mutation($input: UpdateSalesOrderStatusInput!) {
    updateSalesOrderStatus(input: $input) { orderNumber status version nextStatuses } }";

pub const NUMBER: &str = "SO-0000000001";

/// What is said of lines of the first order.
pub fn lines(lines: &Value) -> Value {
    json!({"input": {"orderNumber": NUMBER, "lines": lines}})
}

pub async fn confirm(operator: &Partner<'_>, answers: &Value) -> Value {
    operator.graphql(CONFIRM, lines(answers)).await.data()["confirmSalesOrderLines"].take()
}

pub async fn move_to(operator: &Partner<'_>, status: &str) -> Value {
    let input = json!({"input": {"orderNumber": NUMBER, "status": status}});
    operator.graphql(MOVE, input).await.data()["updateSalesOrderStatus"].take()
}

/// The answers to the lines of the first order as its partner reads them.
async fn answers(partner: &Partner<'_>) -> Vec<Value> {
    let read = partner.get(&format!("/api/v1/sales-orders/{NUMBER}")).await.expect(200);
    read["data"]["products"].as_array().unwrap().iter().map(|line| line["answer"].clone()).collect()
}

/// An answer without day and reason: what of it is open, confirmed, back-ordered, rejected, cancelled and shipped.
fn answer([open, confirmed, back_ordered, rejected, cancelled, shipped]: [i32; 6]) -> Value {
    json!({"open_quantity": open, "confirmed_quantity": confirmed, "back_ordered_quantity": back_ordered,
           "rejected_quantity": rejected, "cancelled_quantity": cancelled, "shipped_quantity": shipped,
           "promised_on": null, "reason": null})
}

/// The contract's sample order, of which two and one are ordered, with those who deal with it.
pub async fn stage(app: &TestApp) -> (Partner<'_>, Partner<'_>) {
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    (partner, app.operator().await)
}

pub async fn events(app: &TestApp) -> i64 {
    app.database.db_number("SELECT count(*) FROM sales_order_events").await
}

#[tokio::test]
async fn an_operator_answers_lines_and_the_partner_reads_the_same_everywhere() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    let list = partner.get("/api/v1/sales-orders?limit=10").await.expect(200);
    app.clock.advance(Duration::from_mins(1));
    let said = json!([
        {"lineNo": 1, "confirmedQuantity": 1, "backOrderedQuantity": 1, "promisedOn": "2026-12-24", "reason": "OUT_OF_STOCK"},
        {"lineNo": 2, "confirmedQuantity": 0, "rejectedQuantity": 1, "reason": "DISCONTINUED"},
    ]);
    let confirmed = confirm(&operator, &said).await;
    assert_eq!(
        confirmed,
        json!({"orderNumber": NUMBER, "status": "CONFIRMED", "version": 2, "nextStatuses": ["SHIPPED", "CANCELLED"],
               "updatedAt": "2026-11-23T13:38:16.123456Z"})
    );
    let mut first = answer([0, 1, 1, 0, 0, 0]);
    (first["promised_on"], first["reason"]) = (json!("2026-12-24"), json!("OUT_OF_STOCK"));
    let mut second = answer([0, 0, 0, 1, 0, 0]);
    second["reason"] = json!("DISCONTINUED");
    assert_eq!(answers(&partner).await, [first.clone(), second]);

    let read = partner.get(&format!("/api/v1/sales-orders/{NUMBER}")).await.expect(200)["data"].take();
    let cursor = list["next_cursor"].as_str().unwrap();
    let changed = partner.get(&format!("/api/v1/sales-orders?cursor={cursor}")).await.expect(200);
    assert_eq!(changed["data"], json!([read]), "the list tells of it");
    let dashboard = app.dashboard().await;
    let exported = dashboard.get("/api/v1/sales-orders.jsonl").await.text;
    assert_eq!(serde_json::from_str::<Value>(&exported).unwrap(), read);
    let csv = dashboard.get("/api/v1/sales-orders.csv").await.text;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let headings = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    for (name, value) in first.as_object().unwrap() {
        let at = headings.iter().position(|heading| heading == name).unwrap();
        assert_eq!(row[at], value.as_str().map_or_else(|| value.to_string(), str::to_owned), "{name}");
    }
    let page = "{ salesOrders { nodes { products { lineNo answer { confirmedQuantity reason } } } } }";
    let page = dashboard.graphql(page, json!({})).await.data();
    assert_eq!(
        page["salesOrders"]["nodes"][0]["products"][0],
        json!({"lineNo": 1, "answer": {"confirmedQuantity": 1, "reason": "OUT_OF_STOCK"}})
    );
    app.database.true_totals().await;
}

#[tokio::test]
async fn a_line_that_was_never_answered_follows_its_order_and_nothing_is_written_of_it() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    assert_eq!(answers(&partner).await, [Value::Null, Value::Null]);
    for (status, first) in
        [("CONFIRMED", [0, 2, 0, 0, 0, 0]), ("SHIPPED", [0, 2, 0, 0, 0, 2]), ("DELIVERED", [0, 2, 0, 0, 0, 2])]
    {
        move_to(&operator, status).await;
        assert_eq!(answers(&partner).await[0], answer(first), "{status}");
    }
    let written = "SELECT count(*) FROM sales_order_lines WHERE confirmed_quantity IS NOT NULL";
    assert_eq!(app.database.db_number(written).await, 0);
    partner.create_with_key("second", &order()).await.expect(201);
    let cancelled = json!({"input": {"orderNumber": "SO-0000000002", "status": "CANCELLED"}});
    operator.graphql(MOVE, cancelled).await.data();
    let second = partner.get("/api/v1/sales-orders/SO-0000000002").await.expect(200);
    assert_eq!(second["data"]["products"][0]["answer"], answer([0, 0, 0, 0, 2, 0]));
}

#[tokio::test]
async fn an_answer_that_is_there_already_changes_nothing_and_a_stale_one_is_a_conflict() {
    let app = TestApp::new().await;
    let (_, operator) = stage(&app).await;
    let mut once = lines(&json!([{"lineNo": 1, "confirmedQuantity": 2}]));
    once["input"]["expectedVersion"] = json!(1);
    let first = operator.graphql(CONFIRM, once.clone()).await.data();
    assert_eq!(first["confirmSalesOrderLines"]["version"], 2);
    app.clock.advance(Duration::from_mins(1));
    // The answer was lost, so the operator asks again with the version it knew.
    assert_eq!(operator.graphql(CONFIRM, once.clone()).await.data(), first);
    assert_eq!(events(&app).await, 3, "created, lines answered, status changed");
    once["input"]["lines"] = json!([{"lineNo": 1, "confirmedQuantity": 1}]);
    let refused = operator.graphql(CONFIRM, once.clone()).await.expect_error("CONFLICT");
    assert_eq!(refused["extensions"]["currentVersion"], 2);
    assert_eq!(refused["extensions"]["currentStatus"], "CONFIRMED");
    once["input"]["lines"] = json!([{"lineNo": 1, "confirmedQuantity": 3}]);
    operator.graphql(CONFIRM, once.clone()).await.expect_error("CONFLICT");
    once["input"]["expectedVersion"] = json!(2);
    operator.graphql(CONFIRM, once.clone()).await.expect_error("VALIDATION_FAILED");
    once["input"]["lines"] = json!([{"lineNo": 1, "confirmedQuantity": 1}]);
    assert_eq!(operator.graphql(CONFIRM, once).await.data()["confirmSalesOrderLines"]["version"], 3);
}

#[tokio::test]
async fn each_answer_is_in_the_history_with_who_gave_it_and_what_changed() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 1}])).await;
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 1}, {"lineNo": 2, "confirmedQuantity": 1}])).await;
    let history = "{ salesOrderEvents(first: 10) { nodes { sequence kind actor status version
        lines { lineNo answer { openQuantity confirmedQuantity } } shipment { shipmentNumber } } } }";
    let event = |sequence, kind: &str, actor: Value, status: Value, version, lines: Value| {
        json!({"sequence": sequence, "kind": kind, "actor": actor, "status": status, "version": version, "lines": lines,
               "shipment": null})
    };
    let line = |line_no, open, confirmed| json!([{"lineNo": line_no, "answer": {"openQuantity": open, "confirmedQuantity": confirmed}}]);
    for (reader, actor) in [(app.dashboard().await, json!("erp-001")), (partner, Value::Null)] {
        let told = reader.graphql(history, json!({})).await.data()["salesOrderEvents"]["nodes"].take();
        assert_eq!(
            told,
            json!([
                event(1, "CREATED", json!("versuni-client-001"), json!("RECEIVED"), 1, Value::Null),
                event(2, "LINES_CONFIRMED", actor.clone(), Value::Null, 2, line(1, 1, 1)),
                event(3, "STATUS_CHANGED", actor.clone(), json!("CONFIRMED"), 2, Value::Null),
                event(4, "LINES_CONFIRMED", actor.clone(), Value::Null, 3, line(2, 0, 1)),
            ]),
            "what did not change is in no event"
        );
    }
}

#[tokio::test]
async fn an_order_that_is_rejected_line_by_line_is_cancelled_and_stays_so() {
    let app = TestApp::new().await;
    let (_, operator) = stage(&app).await;
    let first = confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 0, "rejectedQuantity": 2}])).await;
    assert_eq!(first["status"], "RECEIVED", "the other line is open");
    let rejected = json!([{"lineNo": 2, "confirmedQuantity": 0, "rejectedQuantity": 1}]);
    let second = confirm(&operator, &rejected).await;
    assert_eq!((&second["status"], &second["nextStatuses"]), (&json!("CANCELLED"), &json!([])));
    assert_eq!(confirm(&operator, &rejected).await, second, "a repeat is no error");
    let other = lines(&json!([{"lineNo": 2, "confirmedQuantity": 1}]));
    let refused = operator.graphql(CONFIRM, other).await.expect_error("CONFLICT");
    assert_eq!(refused["extensions"]["currentStatus"], "CANCELLED", "{refused}");
    app.database.true_totals().await;
}

#[tokio::test]
async fn a_change_of_the_whole_order_is_one_of_all_of_its_lines() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 0, "rejectedQuantity": 1}])).await;
    assert_eq!(move_to(&operator, "CONFIRMED").await["version"], 3);
    assert_eq!(answers(&partner).await, [answer([0, 1, 0, 1, 0, 0]), answer([0, 1, 0, 0, 0, 0])]);
    move_to(&operator, "CANCELLED").await;
    assert_eq!(answers(&partner).await, [answer([0, 0, 0, 1, 1, 0]), answer([0, 0, 0, 0, 1, 0])]);
    app.database.true_totals().await;
}

#[tokio::test]
async fn lines_go_along_with_an_order_that_an_older_version_moved() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 1}])).await;
    app.database.db_execute("UPDATE sales_orders SET status = 'SHIPPED', version = 3").await.unwrap();
    assert_eq!(answers(&partner).await, [answer([0, 2, 0, 0, 0, 2]), answer([0, 1, 0, 0, 0, 1])]);
    assert_eq!(move_to(&operator, "DELIVERED").await["status"], "DELIVERED");
    let shipped = "SELECT sum(shipped_quantity) FROM sales_order_lines";
    assert_eq!(app.database.db_number(shipped).await, 3, "from then on it is stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_answers_at_once_one_wins_and_equal_ones_are_one() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    let equal = lines(&json!([{"lineNo": 1, "confirmedQuantity": 1}, {"lineNo": 2, "confirmedQuantity": 1}]));
    for answer in join_all((0..50).map(|_| operator.graphql(CONFIRM, equal.clone()))).await {
        let order = &answer.data()["confirmSalesOrderLines"];
        assert_eq!((&order["version"], &order["status"]), (&json!(2), &json!("CONFIRMED")));
    }
    assert_eq!(events(&app).await, 3, "one of fifty is an event, and the change of status");
    let different = (0..20).map(|n| {
        let mut input =
            lines(&json!([{"lineNo": 1, "confirmedQuantity": 2, "promisedOn": format!("2026-12-{:02}", n + 1)}]));
        input["input"]["expectedVersion"] = json!(2);
        operator.graphql(CONFIRM, input)
    });
    let outcomes = join_all(different).await;
    let won = outcomes.iter().filter(|answer| answer.json()["errors"].is_null()).count();
    assert_eq!(won, 1, "all saw the same version");
    assert_eq!(events(&app).await, 4);
    assert_eq!(answers(&partner).await[0]["confirmed_quantity"], 2);
}
