//! Goods leave by shipments and arrive, and the order with them.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::lines::{CONFIRM, MOVE, NUMBER, confirm, lines, move_to, stage};
use crate::support::{Answer, Partner, TestApp, order};

const SHIP: &str = "mutation($input: RecordShipmentInput!) { recordShipment(input: $input) {
    status version nextStatuses shipments { shipmentNumber shippedAt deliveredAt lines { lineNo quantity } } } }";

const DELIVER: &str = "mutation($input: RecordDeliveryInput!) { recordDelivery(input: $input) {
    status version shipments { shipmentNumber deliveredAt } } }";

fn shipment(number: &str, lines: &Value) -> Value {
    json!({"input": {"orderNumber": NUMBER, "shipmentNumber": number, "carrier": "JNE", "lines": lines}})
}

async fn ship(operator: &Partner<'_>, number: &str, lines: &Value) -> Value {
    operator.graphql(SHIP, shipment(number, lines)).await.data()["recordShipment"].take()
}

async fn deliver(operator: &Partner<'_>, number: &str) -> Value {
    let input = json!({"input": {"orderNumber": NUMBER, "shipmentNumber": number}});
    operator.graphql(DELIVER, input).await.data()["recordDelivery"].take()
}

async fn read(partner: &Partner<'_>) -> Value {
    partner.get(&format!("/api/v1/sales-orders/{NUMBER}")).await.expect(200)["data"].take()
}

async fn count(app: &TestApp, kind: &str) -> i64 {
    app.database.db_number(&format!("SELECT count(*) FROM sales_order_events WHERE kind = '{kind}'")).await
}

/// Everything is confirmed, two of the first line and one of the second.
async fn confirmed(app: &TestApp) -> (Partner<'_>, Partner<'_>) {
    let (partner, operator) = stage(app).await;
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 2}, {"lineNo": 2, "confirmedQuantity": 1}])).await;
    (partner, operator)
}

#[tokio::test]
async fn goods_leave_in_parts_and_the_order_has_arrived_with_the_last_of_them() {
    let app = TestApp::new().await;
    let (partner, operator) = confirmed(&app).await;
    app.clock.advance(Duration::from_mins(1));
    let first = ship(&operator, "S1", &json!([{"lineNo": 1, "quantity": 1}])).await;
    assert_eq!(
        first,
        json!({"status": "CONFIRMED", "version": 3, "nextStatuses": ["SHIPPED"], "shipments": [
            {"shipmentNumber": "S1", "shippedAt": "2026-11-23T13:38:16.123456Z", "deliveredAt": null,
             "lines": [{"lineNo": 1, "quantity": 1}]}]})
    );
    let input = json!({"orderNumber": NUMBER, "shipmentNumber": "S2", "carrier": "JNE", "trackingNumber": "0012345678",
                       "shippedAt": "2026-11-23T20:00:00+07:00",
                       "lines": [{"lineNo": 2, "quantity": 1}, {"lineNo": 1, "quantity": 1}]});
    let second = operator.graphql(SHIP, json!({"input": input})).await.data()["recordShipment"].take();
    assert_eq!((&second["status"], &second["version"]), (&json!("SHIPPED"), &json!(4)));
    assert_eq!(deliver(&operator, "S2").await["status"], "SHIPPED", "the first one is on its way");
    assert_eq!(deliver(&operator, "S1").await["status"], "DELIVERED");

    let order = read(&partner).await;
    assert_eq!((&order["status"], &order["version"]), (&json!("DELIVERED"), &json!(6)));
    assert_eq!(order["products"][0]["answer"]["shipped_quantity"], 2);
    assert_eq!(
        order["shipments"][1],
        json!({"shipment_number": "S2", "carrier": "JNE", "tracking_number": "0012345678",
               "shipped_at": "2026-11-23T13:00:00.000000Z", "delivered_at": "2026-11-23T13:38:16.123456Z",
               "lines": [{"line_no": 1, "quantity": 1}, {"line_no": 2, "quantity": 1}]})
    );
    let list = partner.get("/api/v1/sales-orders").await.expect(200);
    assert_eq!(list["data"], json!([order]));
    let exported = app.dashboard().await.get("/api/v1/sales-orders.jsonl").await.text;
    assert_eq!(serde_json::from_str::<Value>(&exported).unwrap(), order);
    let history = format!(
        "{{ salesOrder(orderNumber: \"{NUMBER}\") {{ events {{ kind version
        shipment {{ shipmentNumber deliveredAt lines {{ quantity }} }} }} }} }}"
    );
    let history = partner.graphql(&history, json!({})).await.data()["salesOrder"]["events"].take();
    let kinds: Vec<_> = history.as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "CREATED",
            "LINES_CONFIRMED",
            "STATUS_CHANGED",
            "SHIPMENT_RECORDED",
            "SHIPMENT_RECORDED",
            "STATUS_CHANGED",
            "SHIPMENT_DELIVERED",
            "SHIPMENT_DELIVERED",
            "STATUS_CHANGED"
        ]
    );
    let arrived = json!({"shipmentNumber": "S2", "deliveredAt": "2026-11-23T13:38:16.123456Z",
                         "lines": [{"quantity": 1}, {"quantity": 1}]});
    assert_eq!(history[6]["shipment"], arrived);
    app.database.true_totals().await;
}

#[tokio::test]
async fn the_same_shipment_again_changes_nothing_and_another_of_its_number_is_a_conflict() {
    let app = TestApp::new().await;
    let (_, operator) = confirmed(&app).await;
    let parts = json!([{"lineNo": 1, "quantity": 1}, {"lineNo": 2, "quantity": 1}]);
    let first = ship(&operator, "S1", &parts).await;
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(ship(&operator, "S1", &parts).await, first);
    let turned = json!([{"lineNo": 2, "quantity": 1}, {"lineNo": 1, "quantity": 1}]);
    assert_eq!(ship(&operator, "S1", &turned).await, first, "the sequence of its lines says nothing");
    for (name, value) in [
        ("carrier", json!("DHL")),
        ("trackingNumber", json!("1")),
        ("shippedAt", json!("2026-11-23T00:00:00Z")),
        ("lines", json!([{"lineNo": 1, "quantity": 1}])),
    ] {
        let mut other = shipment("S1", &parts);
        other["input"][name] = value;
        let refused = operator.graphql(SHIP, other).await.expect_error("CONFLICT");
        assert!(refused["message"].as_str().unwrap().contains("carrier JNE"), "{name}: {refused}");
    }
    assert_eq!(count(&app, "SHIPMENT_RECORDED").await, 1);
}

#[tokio::test]
async fn no_more_leaves_than_is_confirmed_and_every_line_that_has_too_much_is_named() {
    let app = TestApp::new().await;
    let (_, operator) = stage(&app).await;
    let refused =
        operator.graphql(SHIP, shipment("S1", &json!([{"lineNo": 1, "quantity": 1}]))).await.expect_error("CONFLICT");
    assert_eq!(refused["extensions"]["errors"][0]["pointer"], "/lines/0/quantity", "nothing is confirmed: {refused}");
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 1}])).await;
    let parts = json!([{"lineNo": 1, "quantity": 2}, {"lineNo": 2, "quantity": 1}]);
    let refused = operator.graphql(SHIP, shipment("S1", &parts)).await.expect_error("CONFLICT");
    assert_eq!(refused["extensions"]["errors"].as_array().unwrap().len(), 2, "{refused}");
    let unknown = shipment("S1", &json!([{"lineNo": 3, "quantity": 1}]));
    operator.graphql(SHIP, unknown).await.expect_error("VALIDATION_FAILED");
    let mut faulty = shipment(&"n".repeat(65), &json!([{"lineNo": 1, "quantity": 0}, {"lineNo": 1, "quantity": 1}]));
    (faulty["input"]["carrier"], faulty["input"]["trackingNumber"]) = (json!("J\u{7}NE"), json!("t".repeat(65)));
    let refused = operator.graphql(SHIP, faulty).await.expect_error("VALIDATION_FAILED");
    let pointers: Vec<_> =
        refused["extensions"]["errors"].as_array().unwrap().iter().map(|it| &it["pointer"]).collect();
    assert_eq!(
        pointers,
        ["/shipmentNumber", "/carrier", "/trackingNumber", "/lines/0/quantity", "/lines/1/lineNo"],
        "{refused}"
    );
    ship(&operator, "S1", &json!([{"lineNo": 1, "quantity": 1}])).await;
    let less = lines(&json!([{"lineNo": 1, "confirmedQuantity": 0}]));
    let refused = operator.graphql(CONFIRM, less).await.expect_error("CONFLICT");
    assert_eq!(refused["extensions"]["errors"][0]["pointer"], "/lines/0/confirmedQuantity", "it has left: {refused}");
    assert_eq!(count(&app, "SHIPMENT_RECORDED").await, 1);
}

#[tokio::test]
async fn an_order_that_was_confirmed_as_a_whole_leaves_in_parts_too() {
    let app = TestApp::new().await;
    let (partner, operator) = stage(&app).await;
    move_to(&operator, "CONFIRMED").await;
    assert_eq!(ship(&operator, "S1", &json!([{"lineNo": 1, "quantity": 2}])).await["status"], "CONFIRMED");
    let refused = operator.graphql(MOVE, json!({"input": {"orderNumber": NUMBER, "status": "CANCELLED"}})).await;
    let refused = refused.expect_error("ILLEGAL_TRANSITION");
    assert_eq!(refused["extensions"]["nextStatuses"], json!(["SHIPPED"]), "what has left is cancelled no more");
    assert_eq!(move_to(&operator, "SHIPPED").await["status"], "SHIPPED");
    assert_eq!(deliver(&operator, "S1").await["status"], "SHIPPED", "the second line left without a shipment");
    move_to(&operator, "DELIVERED").await;
    let order = read(&partner).await;
    assert_eq!(order["products"][1]["answer"]["shipped_quantity"], 1);
    let next = format!("{{ salesOrder(orderNumber: \"{NUMBER}\") {{ nextStatuses }} }}");
    assert_eq!(partner.graphql(&next, json!({})).await.data()["salesOrder"]["nextStatuses"], json!([]));
}

#[tokio::test]
async fn what_comes_later_brings_an_order_back_that_was_shipped() {
    let app = TestApp::new().await;
    let (_, operator) = stage(&app).await;
    let all = |later: i32| {
        json!([{"lineNo": 1, "confirmedQuantity": 2 - later, "backOrderedQuantity": later},
               {"lineNo": 2, "confirmedQuantity": 1}])
    };
    confirm(&operator, &all(1)).await;
    let parts = json!([{"lineNo": 1, "quantity": 1}, {"lineNo": 2, "quantity": 1}]);
    assert_eq!(ship(&operator, "S1", &parts).await["status"], "SHIPPED");
    assert_eq!(confirm(&operator, &all(0)).await["status"], "CONFIRMED");
    assert_eq!(ship(&operator, "S2", &json!([{"lineNo": 1, "quantity": 1}])).await["status"], "SHIPPED");
    move_to(&operator, "DELIVERED").await;
    let undelivered = "SELECT count(*) FROM sales_order_shipments WHERE delivered_at IS NULL";
    assert_eq!(app.database.db_number(undelivered).await, 0, "the whole order says so of each shipment");
}

#[tokio::test]
async fn a_shipment_arrives_once_and_not_before_it_left() {
    let app = TestApp::new().await;
    let (_, operator) = confirmed(&app).await;
    ship(&operator, "S1", &json!([{"lineNo": 1, "quantity": 1}])).await;
    let at = |time: &str| json!({"input": {"orderNumber": NUMBER, "shipmentNumber": "S1", "deliveredAt": time}});
    let refused = operator.graphql(DELIVER, at("2026-11-23T00:00:00Z")).await.expect_error("VALIDATION_FAILED");
    assert_eq!(refused["extensions"]["errors"][0]["pointer"], "/deliveredAt");
    let first = operator.graphql(DELIVER, at("2026-11-24T00:00:00Z")).await.data();
    assert_eq!(operator.graphql(DELIVER, at("2026-11-24T00:00:00Z")).await.data(), first);
    assert_eq!(deliver(&operator, "S1").await, first["recordDelivery"]);
    let refused = operator.graphql(DELIVER, at("2026-11-25T00:00:00Z")).await.expect_error("CONFLICT");
    assert!(refused["message"].as_str().unwrap().contains("arrived at 2026-11-24T00:00:00"), "{refused}");
    let unknown = json!({"input": {"orderNumber": NUMBER, "shipmentNumber": "S2"}});
    operator.graphql(DELIVER, unknown).await.expect_error("NOT_FOUND");
    assert_eq!(count(&app, "SHIPMENT_DELIVERED").await, 1);
}

#[tokio::test]
async fn an_order_has_two_hundred_shipments_at_most() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let mut large = order();
    large["products"][0]["quantity"] = json!(1000);
    partner.create(&large).await.expect(201);
    confirm(&operator, &json!([{"lineNo": 1, "confirmedQuantity": 1000}])).await;
    for n in 0..200 {
        operator.graphql(SHIP, shipment(&n.to_string(), &json!([{"lineNo": 1, "quantity": 1}]))).await.data();
    }
    let one_more = shipment("one more", &json!([{"lineNo": 1, "quantity": 1}]));
    let refused = operator.graphql(SHIP, one_more).await.expect_error("CONFLICT");
    assert!(refused["message"].as_str().unwrap().contains("200"), "{refused}");
    assert_eq!(read(&partner).await["shipments"].as_array().unwrap().len(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_equal_shipments_at_once_are_one() {
    let app = TestApp::new().await;
    let (_, operator) = confirmed(&app).await;
    let parts = json!([{"lineNo": 1, "quantity": 1}]);
    let answers = join_all((0..50).map(|_| operator.graphql(SHIP, shipment("S1", &parts)))).await;
    for answer in &answers {
        assert_eq!(answer.data(), answers[0].data());
    }
    assert_eq!(count(&app, "SHIPMENT_RECORDED").await, 1);
    assert_eq!(app.database.db_number("SELECT sum(shipped_quantity) FROM sales_order_lines").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_piece_leaves_once_and_what_leaves_is_not_cancelled() {
    let app = TestApp::new().await;
    let (_, operator) = confirmed(&app).await;
    let last =
        (0..20).map(|n| operator.graphql(SHIP, shipment(&n.to_string(), &json!([{"lineNo": 2, "quantity": 1}]))));
    let cancel = json!({"input": {"orderNumber": NUMBER, "status": "CANCELLED"}});
    let cancels = join_all((0..5).map(|_| operator.graphql(MOVE, cancel.clone())));
    let (ships, cancels) = tokio::join!(join_all(last), cancels);
    let shipped = ships.iter().filter(|answer| answer.json()["errors"].is_null()).count();
    let cancelled = cancels.iter().filter(|answer| answer.json()["errors"].is_null()).count();
    assert!(shipped == 1 && cancelled == 0 || shipped == 0 && cancelled == 5, "{shipped} left, {cancelled} cancelled");
    let rows = app.database.db_number("SELECT count(*) FROM sales_order_shipments").await;
    assert_eq!(rows, i64::try_from(shipped).unwrap());
    assert_eq!(count(&app, "SHIPMENT_RECORDED").await, rows);
    app.database.true_totals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_instances_are_told_at_once_is_done_once() {
    only_on!(Postgres); // Two services on one file share its lock.
    let app = TestApp::new().await;
    let (_, operator) = confirmed(&app).await;
    let other = TestApp::router_on(&app.database.connect().await, &app.clock, |_| {});
    let authorization = operator.authorization();
    let both = |n: usize| if n.is_multiple_of(2) { app.router.clone() } else { other.clone() };
    let ask = async |n: usize, query: &str, variables: Value| {
        let body = json!({"query": query, "variables": variables}).to_string();
        let request = TestApp::post_request("/graphql", &[("authorization", &authorization)], body);
        Answer::read(both(n).oneshot(request).await.unwrap()).await.json()
    };
    // Half of them send the last piece under one number, half under numbers of their own, and some would cancel.
    let cancel = json!({"input": {"orderNumber": NUMBER, "status": "CANCELLED"}});
    let asked = (0..64).map(|n| {
        let number = if n % 4 < 2 { "S".to_owned() } else { format!("S{n}") };
        let sent = shipment(&number, &json!([{"lineNo": 2, "quantity": 1}]));
        if n % 16 == 15 { ask(n, MOVE, cancel.clone()) } else { ask(n, SHIP, sent) }
    });
    join_all(asked).await;
    let left = app.database.db_number("SELECT sum(shipped_quantity) FROM sales_order_lines").await;
    let cancelled = app.database.db_number("SELECT count(*) FROM sales_orders WHERE status = 'CANCELLED'").await;
    assert_eq!(left + cancelled, 1, "{left} left, {cancelled} cancelled");
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_shipments").await, left);
    assert_eq!(count(&app, "SHIPMENT_RECORDED").await, left);
    let history = "SELECT count(*) FROM sales_order_events WHERE sequence <> 1 + (SELECT count(*) FROM sales_order_events AS before
                   WHERE before.order_id = sales_order_events.order_id AND before.position < sales_order_events.position)";
    assert_eq!(app.database.db_number(history).await, 0, "the history has no gap");
    app.database.true_totals().await;
}
