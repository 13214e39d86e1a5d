//! Which orders stay.

use std::time::Duration;

use sales_order_api::domain::archive::{Kept, Left};
use serde_json::{Value, json};

use super::{Archivist, cancel, line, only, orders};
use crate::lines::{NUMBER, confirm, move_to};
use crate::support::{TestApp, order};

/// What keeps each order that the command looks at.
async fn kept(archivist: &Archivist) -> Vec<Option<Kept>> {
    archivist.examine().await.iter().map(|it| it.kept).collect()
}

#[tokio::test]
async fn an_order_to_which_something_may_still_happen_stays() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    for _ in 0..2 {
        partner.create(&order()).await.expect(201);
        app.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(kept(&Archivist::of(&app)).await, [], "they are under way");
    let answers =
        json!([{"lineNo": 1, "confirmedQuantity": 1, "backOrderedQuantity": 1}, {"lineNo": 2, "confirmedQuantity": 1}]);
    confirm(&operator, &answers).await;
    let left = "mutation { recordShipment(input: {orderNumber: \"SO-0000000001\", shipmentNumber: \"S1\",
                lines: [{lineNo: 1, quantity: 1}, {lineNo: 2, quantity: 1}]}) { status } }";
    operator.graphql(left, Value::Null).await.data();
    let arrived =
        "mutation { recordDelivery(input: {orderNumber: \"SO-0000000001\", shipmentNumber: \"S1\"}) { status } }";
    assert_eq!(operator.graphql(arrived, Value::Null).await.data()["recordDelivery"]["status"], "DELIVERED");
    let archivist = Archivist::of(&app);
    let examined = archivist.examine().await;
    assert_eq!(examined.iter().map(|it| it.kept).collect::<Vec<_>>(), [Some(Kept::Open)], "one piece is to come later");
    // A file that has it nevertheless makes no difference.
    assert_eq!(archivist.remove("orders-1.jsonl", examined.iter().map(line).collect()).await, only(Kept::Open, 1));
    assert_eq!(app.database.whole_orders(2).await, 2);
}

#[tokio::test]
async fn an_order_that_was_changed_since_it_was_written_to_its_file_stays() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    partner.create(&order()).await.expect(201);
    cancel(&operator, NUMBER).await;
    let archivist = Archivist::of(&app);
    let lines = archivist.lines().await;
    let acknowledge = format!(
        "mutation {{ acknowledgeSalesOrder(input: {{orderNumber: \"{NUMBER}\", system: \"erp\", externalNumber: \"1\"}}) {{ version }} }}"
    );
    operator.graphql(&acknowledge, Value::Null).await.data();
    assert_eq!(archivist.remove("orders-1.jsonl", lines).await, only(Kept::Changed, 1), "its version is the same");
    assert_eq!(orders(&app).await, 1);
    assert_eq!(archivist.remove("orders-2.jsonl", archivist.lines().await).await.removed, 1);
}

#[tokio::test]
async fn an_order_whose_events_a_consumer_has_not_read_stays_until_it_has() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    partner.create(&order()).await.expect(201);
    cancel(&operator, NUMBER).await;
    let consumer = format!(
        "INSERT INTO event_consumers (client_id, name, position, created_at, updated_at) VALUES ('{}', 'warehouse', 1, 0, 0)",
        partner.client_id
    );
    app.database.db_execute(&consumer).await.unwrap();
    let archivist = Archivist::of(&app);
    let examined = archivist.examine().await;
    assert_eq!(examined.iter().map(|it| it.kept).collect::<Vec<_>>(), [Some(Kept::Unread)]);
    assert_eq!(archivist.remove("orders-1.jsonl", examined.iter().map(line).collect()).await, only(Kept::Unread, 1));
    let passed = archivist.archiving.passed().await.unwrap();
    assert_eq!(passed.slowest(), Some("consumer warehouse of versuni-client-001"));
    app.database.db_execute("UPDATE event_consumers SET position = 2").await.unwrap();
    assert_eq!(archivist.remove("orders-2.jsonl", archivist.lines().await).await.removed, 1);
}

#[tokio::test]
async fn an_order_of_which_an_endpoint_has_not_taken_an_event_stays() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    partner.create(&order()).await.expect(201);
    cancel(&operator, NUMBER).await;
    let endpoint = format!(
        "INSERT INTO webhook_endpoints (client_id, name, url, kinds, payload, signatures, on_exhausted, max_in_flight, version, state,
             position, created_at, updated_at)
         VALUES ('{}', 'erp', 'https://receiver.example', '', 'FULL', 'HMAC', 'CONTINUE', 1, 1, 'ACTIVE', 9, 0, 0)",
        partner.client_id
    );
    let parked = "INSERT INTO webhook_parked (endpoint_id, position, order_id, state, attempts, updated_at)
                  SELECT id, 1, 1, 'EXHAUSTED', 9, 0 FROM webhook_endpoints";
    for sql in [&*endpoint, parked] {
        app.database.db_execute(sql).await.unwrap();
    }
    let archivist = Archivist::of(&app);
    assert_eq!(kept(&archivist).await, [Some(Kept::Undelivered)]);
    app.database.db_execute("DELETE FROM webhook_parked").await.unwrap();
    assert_eq!(archivist.archive().await.removed, 1);
}

#[tokio::test]
async fn orders_that_changed_at_the_date_or_later_stay() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    for number in [NUMBER, "SO-0000000002"] {
        partner.create(&order()).await.expect(201);
        cancel(&operator, number).await;
        app.clock.advance(Duration::from_secs(10));
    }
    let mut archivist = Archivist::of(&app);
    let times: Vec<_> = archivist.examine().await.iter().map(|it| it.order.updated_at).collect();
    archivist.before = times[1];
    assert_eq!(archivist.lines().await.len(), 1);
    assert_eq!(archivist.archive().await, Left { removed: 1, ..Left::default() });
    assert_eq!(app.database.db_text("SELECT order_number FROM sales_orders").await, "SO-0000000002");
}

#[tokio::test]
async fn to_remove_the_orders_of_a_file_again_changes_nothing() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    partner.create(&order()).await.expect(201);
    cancel(&operator, NUMBER).await;
    let archivist = Archivist::of(&app);
    let lines = archivist.lines().await;
    assert_eq!(archivist.remove("orders-1.jsonl", lines.clone()).await.removed, 1);
    assert_eq!(archivist.remove("orders-1.jsonl", lines).await, Left::default());
    assert_eq!(app.database.db_number("SELECT count(*) FROM archived_sales_orders").await, 1);
    let entries = "SELECT count(*) FROM client_audit_log WHERE action = 'ORDERS_ARCHIVED'";
    assert_eq!(app.database.db_number(entries).await, 1);
}

#[tokio::test]
async fn all_kinds_of_rows_leave_with_their_order() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    partner.create(&order()).await.expect(201);
    let answers = json!([{"lineNo": 1, "confirmedQuantity": 2}, {"lineNo": 2, "confirmedQuantity": 1}]);
    confirm(&operator, &answers).await;
    let left = "mutation { recordShipment(input: {orderNumber: \"SO-0000000001\", shipmentNumber: \"S1\",
                lines: [{lineNo: 1, quantity: 2}, {lineNo: 2, quantity: 1}]}) { status } }";
    operator.graphql(left, Value::Null).await.data();
    move_to(&operator, "DELIVERED").await;
    assert_eq!(Archivist::of(&app).archive().await.removed, 1);
    for table in ["sales_order_shipments", "sales_order_shipment_lines", "sales_order_lines", "sales_order_events"] {
        assert_eq!(app.database.db_number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    assert_eq!(app.database.whole_orders(2).await, 0);
    let dashboard = app.dashboard().await;
    let document = "{ salesOrders(where: {search: \"HD9650\"}) { nodes { orderNumber } } }";
    assert_eq!(dashboard.graphql(document, Value::Null).await.data()["salesOrders"]["nodes"], json!([]));
}
