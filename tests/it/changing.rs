//! A partner changes its order: at once while nothing was promised, else when staff accept it.

mod racing;
mod refused;

use std::time::Duration;

use serde_json::{Value, json};

use crate::cancellations::{ANSWER, answer, cancel, line};
use crate::lines::{NUMBER, confirm, move_to, stage};
use crate::support::{Answer, Partner, TestApp, order};
use crate::totals::take_back;

pub const PATH: &str = "/api/v1/sales-orders/SO-0000000001/change";

/// Sends a change of the first order, freshly signed in the form that binds it.
pub async fn change(partner: &Partner<'_>, app: &TestApp, body: &Value) -> Answer {
    let body = body.to_string();
    app.post_text(PATH, &partner.sign_body(PATH, body.as_bytes()).headers(), body).await
}

pub async fn change_with_key(partner: &Partner<'_>, app: &TestApp, key: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let signed = partner.sign_body(PATH, body.as_bytes());
    app.post_text(PATH, &[&signed.headers()[..], &[("idempotency-key", key)]].concat(), body).await
}

/// So much of a line.
pub fn quantity(version: i32, line_no: i32, quantity: i32) -> Value {
    json!({"expected_version": version, "changed_lines": [{"line_no": line_no, "quantity": quantity}]})
}

/// Something of everything.
fn everything() -> Value {
    json!({"expected_version": 1, "reason": "WRONG_DATA", "note": "They have moved", "address": "Jl. Thamrin No. 5, Jakarta",
           "requested_delivery_date": "2026-12-24", "changed_lines": [{"line_no": 1, "quantity": 5}],
           "removed_lines": [{"line_no": 2}],
           "added_lines": [{"product_code": "HR3868", "product_name": "Blender", "quantity": 3, "unit_price": "10.5"}]})
}

async fn read(partner: &Partner<'_>) -> Value {
    partner.get(&format!("/api/v1/sales-orders/{NUMBER}")).await.expect(200)["data"].take()
}

async fn accept(operator: &Partner<'_>) -> Value {
    operator.graphql(ANSWER, answer("ACCEPT", None)).await.data()["answerSalesOrderRequest"].take()
}

/// How many orders a search finds.
async fn found(partner: &Partner<'_>, text: &str) -> usize {
    let document = format!("{{ salesOrders(where: {{search: \"{text}\"}}) {{ nodes {{ orderNumber }} }} }}");
    partner.graphql(&document, json!({})).await.data()["salesOrders"]["nodes"].as_array().unwrap().len()
}

async fn history(reader: &Partner<'_>) -> Vec<Value> {
    let document = format!(
        "{{ salesOrder(orderNumber: \"{NUMBER}\") {{ events {{ kind version actor request {{ state change {{ address }} }}
        lines {{ lineNo }} changes {{ field lineNo before after }} }} }} }}"
    );
    reader.graphql(&document, json!({})).await.data()["salesOrder"]["events"].as_array().unwrap().clone()
}

fn kinds(history: &[Value]) -> Vec<&str> {
    history.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_partner_changes_its_order_while_nothing_is_promised() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create_with_key("first", &order()).await.expect(201);
    app.clock.advance(Duration::from_mins(1));
    let done = change(&partner, &app, &everything()).await.expect(200);
    assert_eq!(done.as_object().unwrap().keys().collect::<Vec<_>>(), ["message", "data", "request", "replayed"]);
    let at = "2026-11-23T13:38:16.123456Z";
    let asked = json!({"requested_delivery_date": "2026-12-24", "address": "Jl. Thamrin No. 5, Jakarta",
        "changed_lines": [{"line_no": 1, "quantity": 5}], "removed_lines": [{"line_no": 2}],
        "added_lines": [{"product_code": "HR3868", "product_name": "Blender", "quantity": 3, "unit": null,
                         "unit_price": "10.5", "note": null, "reference": null}]});
    let request = json!({"request_number": "RQ-0000000001", "kind": "CHANGE", "state": "ACCEPTED", "reason": "WRONG_DATA",
        "note": "They have moved", "lines": null, "change": asked, "requested_at": at, "answer_reason": null,
        "answer_note": null, "answered_at": at});
    assert_eq!((&done["request"], &done["replayed"]), (&request, &json!(false)));

    let order = read(&partner).await;
    assert_eq!(order, done["data"]);
    assert_eq!(
        (&order["status"], &order["version"], &order["updated_at"]),
        (&json!("RECEIVED"), &json!(2), &json!(at))
    );
    assert_eq!((&order["address"], &order["requested_delivery_date"]), (&asked["address"], &json!("2026-12-24")));
    assert_eq!((&order["total_quantity"], &order["total_amount"]), (&json!(9), &json!("625032")));
    let lines = order["products"].as_array().unwrap();
    let each = |of: fn(&Value) -> &Value| lines.iter().map(of).collect::<Vec<_>>();
    assert_eq!(each(|line| &line["line_no"]), [1, 2, 3]);
    assert_eq!(each(|line| &line["quantity"]), [5, 1, 3]);
    assert_eq!(each(|line| &line["answer"]["cancelled_quantity"]), [&Value::Null, &json!(1), &Value::Null]);
    assert_eq!((&lines[2]["product_code"], &lines[2]["unit_price"]), (&json!("HR3868"), &json!("10.5")));
    assert_eq!(order["requests"], json!([request]));

    // The list of changes, exports, searches and totals tell the same.
    assert_eq!(partner.get("/api/v1/sales-orders").await.expect(200)["data"], json!([order]));
    let dashboard = app.dashboard().await;
    let exported = dashboard.get("/api/v1/sales-orders.jsonl").await.text;
    assert_eq!(serde_json::from_str::<Value>(&exported).unwrap(), order);
    for (text, expected) in [("thamrin", 1), ("sudirman", 0), ("HR3868", 1), ("blender", 1)] {
        assert_eq!(found(&partner, text).await, expected, "{text}");
    }
    let summary = "{ salesOrderSummary(groupBy: [STATUS]) { groups { figures { orders quantity amounts { currency amount } } } } }";
    let figures =
        dashboard.graphql(summary, json!({})).await.data()["salesOrderSummary"]["groups"][0]["figures"].take();
    let amounts = json!([{"currency": "IDR", "amount": "625032"}]);
    assert_eq!(figures, json!({"orders": 1, "quantity": 9, "amounts": amounts}));
    app.database.true_totals().await;
    assert_eq!(app.store.find_wrong_totals().await.unwrap(), []);

    // Sent again, the order that was created is found, as it is now; what was signed for it stays.
    let retried = partner.create_with_key("first", &crate::support::order()).await;
    assert_eq!((&retried.expect(201)["data"], retried.header("idempotent-replayed")), (&order, Some("true")));
}

#[tokio::test]
async fn the_history_tells_what_was_and_what_is() {
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    change(&partner, &app, &everything()).await.expect(200);
    let history = history(&partner).await;
    assert_eq!(kinds(&history), ["CREATED", "REQUEST_ANSWERED", "ORDER_CHANGED"]);
    assert_eq!((&history[2]["actor"], &history[2]["version"]), (&json!("versuni-client-001"), &json!(2)));
    assert_eq!(history[1]["lines"], json!([{"lineNo": 1}, {"lineNo": 2}, {"lineNo": 3}]));
    let difference = |field: &str, line_no: Option<i32>, before: Value, after: &str| json!({"field": field, "lineNo": line_no, "before": before, "after": after});
    assert_eq!(
        history[2]["changes"],
        json!([
            difference("ADDRESS", None, json!("Jl. Sudirman No. 1, Jakarta"), "Jl. Thamrin No. 5, Jakarta"),
            difference("REQUESTED_DELIVERY_DATE", None, Value::Null, "2026-12-24"),
            difference("TOTAL_QUANTITY", None, json!("3"), "9"),
            difference("TOTAL_AMOUNT", None, json!("250000.5"), "625032"),
            difference("QUANTITY", Some(1), json!("2"), "5"),
            difference("CANCELLED_QUANTITY", Some(2), json!("0"), "1"),
            difference("PRODUCT_CODE", Some(3), Value::Null, "HR3868"),
            difference("QUANTITY", Some(3), Value::Null, "3"),
        ])
    );
}

#[tokio::test]
async fn a_change_beside_the_lines_leaves_them_to_follow_the_order() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    change(&partner, &app, &json!({"expected_version": 1, "address": "Jl. Thamrin No. 5"})).await.expect(200);
    let answered = "SELECT count(*) FROM sales_order_lines WHERE confirmed_quantity IS NOT NULL";
    assert_eq!(app.database.db_number(answered).await, 0);
    move_to(&operator, "CONFIRMED").await;
    assert_eq!(read(&partner).await["products"][0]["answer"]["confirmed_quantity"], 2);
    // What was promised with the whole order is written down when a line is changed.
    change(&partner, &app, &quantity(3, 1, 3)).await.expect(202);
    accept_second(&operator).await;
    let order = read(&partner).await;
    let answer = &order["products"][0]["answer"];
    assert_eq!((&answer["confirmed_quantity"], &answer["open_quantity"]), (&json!(2), &json!(1)));
    assert_eq!(order["products"][1]["answer"]["confirmed_quantity"], 1);
    assert_eq!(order["status"], "CONFIRMED");
    assert_eq!(app.database.db_number(answered).await, 2);
    app.database.true_totals().await;
}

/// Accepts the second request of the order.
async fn accept_second(operator: &Partner<'_>) {
    let mut said = answer("ACCEPT", None);
    said["input"]["requestNumber"] = json!("RQ-0000000002");
    operator.graphql(ANSWER, said).await.data();
}

#[tokio::test]
async fn what_is_promised_is_changed_when_staff_accept_it() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 1, "backOrderedQuantity": 1}])).await;
    let before = read(&partner).await;
    let mut asked = everything();
    asked["expected_version"] = json!(2);
    let pending = change(&partner, &app, &asked).await.expect(202);
    assert_eq!((&pending["request"]["state"], &pending["data"]["version"]), (&json!("PENDING"), &json!(3)));
    for same in ["address", "products", "total_amount", "total_quantity"] {
        assert_eq!(pending["data"][same], before[same], "nothing is changed yet: {same}");
    }
    let accepted = accept(&operator).await;
    assert_eq!((&accepted["status"], &accepted["version"]), (&json!("CONFIRMED"), &json!(4)));
    assert_eq!(accept(&operator).await, accepted, "said again it changes nothing");
    let order = read(&partner).await;
    assert_eq!((&order["address"], &order["total_amount"]), (&asked["address"], &json!("625032")));
    let answer = &order["products"][0]["answer"];
    assert_eq!(
        (&answer["open_quantity"], &answer["confirmed_quantity"], &answer["back_ordered_quantity"]),
        (&json!(3), &json!(1), &json!(1))
    );
    let history = history(&partner).await;
    let expected =
        ["CREATED", "LINES_CONFIRMED", "STATUS_CHANGED", "REQUEST_RECEIVED", "REQUEST_ANSWERED", "ORDER_CHANGED"];
    assert_eq!(kinds(&history), expected);
    assert_eq!(history[5]["version"], 4);
    app.database.true_totals().await;
}

#[tokio::test]
async fn staff_reject_a_change_with_a_reason_and_nothing_is_changed() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    move_to(&operator, "CONFIRMED").await;
    change(&partner, &app, &quantity(2, 1, 9)).await.expect(202);
    operator.graphql(ANSWER, answer("REJECT", Some("IN_PREPARATION"))).await.data();
    let order = read(&partner).await;
    assert_eq!((&order["products"][0]["quantity"], &order["version"]), (&json!(2), &json!(4)));
    let request = &order["requests"][0];
    assert_eq!((&request["state"], &request["answer_reason"]), (&json!("REJECTED"), &json!("IN_PREPARATION")));
    change(&partner, &app, &quantity(4, 1, 9)).await.expect(202);
}

#[tokio::test]
async fn a_change_is_superseded_when_it_can_no_longer_be_done_and_done_when_all_is_so() {
    let ship = "mutation($input: RecordShipmentInput!) { recordShipment(input: $input) { requests { state } } }";
    let sent = json!({"orderNumber": NUMBER, "shipmentNumber": "S1", "lines": [{"lineNo": 1, "quantity": 2}]});
    let removed = json!({"expected_version": 2, "removed_lines": [{"line_no": 1}]});
    let moved = json!({"expected_version": 2, "address": "Jl. Thamrin No. 5"});
    for (asked, state) in
        [(quantity(2, 1, 1), "SUPERSEDED"), (removed.clone(), "SUPERSEDED"), (moved.clone(), "PENDING")]
    {
        let app = TestApp::new().await;
        let (partner, operator) = stage(&app).await;
        move_to(&operator, "CONFIRMED").await;
        change(&partner, &app, &asked).await.expect(202);
        let shipped = operator.graphql(ship, json!({"input": sent})).await.data();
        assert_eq!(shipped["recordShipment"]["requests"], json!([{"state": state}]), "{asked}");
        assert_eq!(read(&partner).await["products"][0]["quantity"], 2);
    }
    for (status, asked, state) in [
        ("CANCELLED", removed, "ACCEPTED"),
        ("CANCELLED", moved.clone(), "SUPERSEDED"),
        ("SHIPPED", moved, "SUPERSEDED"),
    ] {
        let app = TestApp::new().await;
        let (partner, operator) = stage(&app).await;
        move_to(&operator, "CONFIRMED").await;
        change(&partner, &app, &asked).await.expect(202);
        move_to(&operator, status).await;
        let order = read(&partner).await;
        assert_eq!((&order["status"], &order["requests"][0]["state"]), (&json!(status), &json!(state)), "{asked}");
        assert_eq!(order["address"], "Jl. Sudirman No. 1, Jakarta");
        let refused = operator.graphql(ANSWER, answer("REJECT", Some("OTHER"))).await.expect_error("CONFLICT");
        assert_eq!(refused["extensions"]["requestState"], state);
    }
}

#[tokio::test]
async fn a_number_never_means_another_line() {
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    let added =
        |version: i32| json!({"expected_version": version, "added_lines": [{"product_code": "NEW", "quantity": 1}]});
    change(&partner, &app, &added(1)).await.expect(200);
    let removed = json!({"expected_version": 2, "removed_lines": [{"line_no": 3}]});
    change(&partner, &app, &removed).await.expect(200);
    let order = change(&partner, &app, &added(3)).await.expect(200)["data"].take();
    let lines: Vec<_> = order["products"].as_array().unwrap().iter().map(|line| &line["line_no"]).collect();
    assert_eq!(lines, [1, 2, 3, 4]);
    assert_eq!(order["products"][2]["answer"]["cancelled_quantity"], 1);
    assert_eq!(order["total_amount"], Value::Null, "a line without a price has no amount");
    let none = json!({"expected_version": 4, "removed_lines": [{"line_no": 1}, {"line_no": 2}, {"line_no": 4}]});
    let none = change(&partner, &app, &none).await.expect(200)["data"].take();
    assert_eq!(none["status"], "CANCELLED", "nothing is wanted any more");
    app.database.true_totals().await;
    assert_eq!(app.store.find_wrong_totals().await.unwrap(), []);
}

#[tokio::test]
async fn what_a_change_says_is_for_those_who_may_read_the_order() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    move_to(&operator, "CONFIRMED").await;
    let moved = json!({"expected_version": 2, "address": "Jl. Thamrin No. 5"});
    change(&partner, &app, &moved).await.expect(202);
    let document = "mutation($input: AnswerSalesOrderRequestInput!) { answerSalesOrderRequest(input: $input) {
        requests { kind change { address } } events { kind request { change { address } } changes { after } } } }";
    let tool = operator.graphql(document, answer("ACCEPT", None)).await;
    assert!(!tool.text.contains("Thamrin"), "{}", tool.text);
    assert_eq!(tool.data()["answerSalesOrderRequest"]["requests"], json!([{"kind": "CHANGE", "change": null}]));
    for reader in [&partner, &app.dashboard().await] {
        let history = history(reader).await;
        assert_eq!(history[2]["request"]["change"]["address"], "Jl. Thamrin No. 5");
        assert_eq!(history[4]["changes"][0]["after"], "Jl. Thamrin No. 5");
    }
}

#[tokio::test]
async fn a_change_and_a_cancellation_are_one_request_at_a_time() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    move_to(&operator, "CONFIRMED").await;
    cancel(&partner, &app, &line(1, 1)).await.expect(202);
    let refused = change(&partner, &app, &quantity(3, 2, 4)).await.expect_problem(409, "CONFLICT");
    assert_eq!((&refused["request_number"], &refused["request_state"]), (&json!("RQ-0000000001"), &json!("PENDING")));
    accept(&operator).await;
    let pending = change(&partner, &app, &quantity(4, 2, 4)).await.expect(202);
    assert_eq!(pending["request"]["request_number"], "RQ-0000000002");
    let refused = cancel(&partner, &app, &line(2, 1)).await.expect_problem(409, "CONFLICT");
    assert_eq!(refused["request_number"], "RQ-0000000002");
}

#[tokio::test]
async fn what_versions_before_cannot_read_goes_when_the_migration_is_taken_back() {
    let app = TestApp::new().await;
    let (partner, _) = stage(&app).await;
    let mut told = everything();
    told["note"] = json!("said \"kind\":\"CHANGE\"");
    change(&partner, &app, &told).await.expect(200);
    let mut cancelled = line(1, 1);
    cancelled["note"] = told["note"].clone();
    cancel(&partner, &app, &cancelled).await.expect(200);
    take_back(&app.database, "change_sales_orders").await;
    for (rows, expected) in [
        ("sales_order_requests WHERE kind = 'CANCELLATION'", 1),
        ("sales_order_requests", 1),
        ("sales_order_events WHERE kind IN ('CREATED', 'REQUEST_ANSWERED')", 2),
        ("sales_order_events", 2),
        ("sales_order_lines", 3),
    ] {
        assert_eq!(app.database.db_number(&format!("SELECT count(*) FROM {rows}")).await, expected, "{rows}");
    }
    app.store.migrate_up().await.unwrap();
    assert_eq!(read(&partner).await["requests"].as_array().unwrap().len(), 1);
}
