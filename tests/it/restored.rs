//! A database that lost its last changes: a backup was restored, or a standby was promoted that had not everything. Nobody is
//! given a number that another has, and whoever follows the feed is told that it began anew.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{PATIENCE, Partner, Socket, TestApp, Told, on_postgres, order};

const EVENTS: &str = "query($after: String, $where: SalesOrderFilter) {
    salesOrderEvents(after: $after, first: 100, where: $where) { nodes { cursor orderNumber } } }";
const FOLLOW: &str = "subscription($after: String) { salesOrderEvents(after: $after) { orderNumber } }";

async fn send(app: &TestApp, partner: &Partner<'_>, orders: usize) -> Vec<String> {
    let mut numbers = Vec::new();
    for _ in 0..orders {
        app.clock.advance(Duration::from_secs(1));
        let answer = partner.create(&order()).await.expect(201);
        numbers.push(answer["data"]["order_number"].as_str().unwrap().to_owned());
    }
    numbers
}

async fn last_cursor(dashboard: &Partner<'_>) -> Value {
    let mut events = dashboard.graphql(EVENTS, json!({})).await.data()["salesOrderEvents"]["nodes"].take();
    events.as_array_mut().unwrap().pop().unwrap()["cursor"].take()
}

/// The database is as it was before the last orders: their rows are gone, and the counters stand where they stood.
pub async fn lose_orders_after(app: &TestApp, last: i64) {
    let deletes = [
        ("sales_order_lines", "order_id"),
        ("sales_order_receipts", "order_id"),
        ("sales_order_events", "order_id"),
        ("sales_orders", "id"),
    ]
    .map(|(table, column)| format!("DELETE FROM {table} WHERE {column} > {last};"))
    .concat();
    let counters = if on_postgres().is_some() {
        format!(
            "SELECT setval(pg_get_serial_sequence('sales_orders', 'id')::regclass, {last});
             SELECT setval(pg_get_serial_sequence('sales_order_events', 'position')::regclass, {last});"
        )
    } else {
        format!("UPDATE sqlite_sequence SET seq = {last} WHERE name IN ('sales_orders', 'sales_order_events');")
    };
    app.database.db_execute(&format!("BEGIN; {deletes} {counters} COMMIT")).await.unwrap();
}

fn assert_ahead(error: &Value) {
    let field = &error["extensions"]["errors"][0];
    assert_eq!((&field["pointer"], &field["code"]), (&json!("/after"), &json!("cursor_ahead")), "{error}");
    assert!(field["message"].as_str().unwrap().contains("read the feed again"), "{error}");
}

#[tokio::test]
async fn a_partner_whose_list_is_ahead_of_a_restored_feed_is_told_to_begin_anew() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let list = "/api/v1/sales-orders?limit=2";
    send(&app, &partner, 3).await;
    let of_listing = partner.get(list).await.expect(200)["next_cursor"].take();
    let of_feed = partner.get("/api/v1/sales-orders").await.expect(200)["next_cursor"].take();
    lose_orders_after(&app, 1).await;
    for cursor in [of_listing, of_feed] {
        let answer = partner.get(&format!("{list}&cursor={}", cursor.as_str().unwrap())).await;
        let fault = answer.expect_problem(400, "VALIDATION_FAILED")["errors"][0].take();
        assert_eq!((&fault["pointer"], &fault["code"]), (&json!("/cursor"), &json!("cursor_ahead")), "{fault}");
    }
    partner.get(list).await.expect(200);
}

#[tokio::test]
async fn a_dashboard_whose_cursor_is_ahead_of_a_restored_feed_is_told_so_and_not_left_waiting() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    send(&app, &partner, 3).await;
    let seen = last_cursor(&dashboard).await;
    // At the end of the feed is not ahead of it.
    let none = dashboard.graphql(EVENTS, json!({"after": seen})).await.data();
    assert_eq!(none["salesOrderEvents"]["nodes"], json!([]));

    lose_orders_after(&app, 1).await;
    for filter in [Value::Null, json!({"customerCode": {"eq": "CUST-001"}})] {
        let variables = json!({"after": seen, "where": filter});
        assert_ahead(&dashboard.graphql(EVENTS, variables).await.expect_error("VALIDATION_FAILED"));
    }
    // The stream ends with the refusal instead of going on in silence.
    let told = app.subscribe(Some(dashboard.authorization()), FOLLOW, json!({"after": seen})).await;
    assert!(told.text.contains("cursor_ahead"), "{}", told.text);
}

#[tokio::test]
async fn after_an_operator_adopts_a_restored_database_no_number_is_given_twice_and_followers_miss_nothing_new() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let before = send(&app, &partner, 5).await;
    let seen = last_cursor(&dashboard).await;
    lose_orders_after(&app, 2).await;

    let adopted = app.store.adopt_restored(1_000).await.unwrap();
    assert_eq!(adopted.next_order.to_string(), "SO-0000001003");
    assert_eq!(adopted.next_request.to_string(), "RQ-0000001001");
    // What they saw last lies within what was left out: they wait for what comes, and no longer in vain.
    dashboard.graphql(EVENTS, json!({"after": seen})).await.data();
    let after = send(&app, &partner, 3).await;
    assert_eq!(after, ["SO-0000001003", "SO-0000001004", "SO-0000001005"]);
    assert!(after.iter().all(|number| !before.contains(number)));
    let mut told = dashboard.graphql(EVENTS, json!({"after": seen})).await.data();
    let told: Vec<Value> = serde_json::from_value(told["salesOrderEvents"]["nodes"].take()).unwrap();
    let told: Vec<_> = told.iter().map(|event| event["orderNumber"].as_str().unwrap()).collect();
    assert_eq!(told, after);
}

/// Follows from the beginning, and has been told of so many orders.
async fn follow(app: &TestApp, dashboard: &Partner<'_>, orders: usize) -> Socket {
    let mut socket = Socket::log_in(&app.listen().await, &dashboard.token).await;
    let first = dashboard.graphql(EVENTS, json!({})).await.data()["salesOrderEvents"]["nodes"][0]["cursor"].take();
    socket.subscribe("1", FOLLOW, json!({"after": first})).await;
    for number in 2..=orders {
        assert_eq!(told_of(&mut socket).await, format!("SO-{number:010}"));
    }
    socket
}

async fn told_of(socket: &mut Socket) -> String {
    let data = tokio::time::timeout(PATIENCE, socket.next_data("1")).await.unwrap();
    data["salesOrderEvents"]["orderNumber"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_that_follows_while_a_backup_is_restored_is_told_to_begin_anew_and_then_told_what_comes() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    send(&app, &partner, 5).await;
    let mut socket = follow(&app, &dashboard, 5).await;
    lose_orders_after(&app, 2).await;
    let Told::Message(mut end) = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap() else {
        panic!("the connection ended");
    };
    assert_eq!(end["type"], "next", "{end}");
    assert_ahead(&end["payload"]["errors"][0].take());
    assert_eq!(socket.next().await, Told::Message(json!({"id": "1", "type": "complete"})));

    // On the same connection it reads the feed again.
    socket.subscribe("1", FOLLOW, json!({"after": null})).await;
    let first = dashboard.graphql(EVENTS, json!({})).await.data()["salesOrderEvents"]["nodes"][0]["cursor"].take();
    socket.subscribe("2", FOLLOW, json!({"after": first})).await;
    assert_eq!(socket.next_data("2").await["salesOrderEvents"]["orderNumber"], "SO-0000000002");
    let new = send(&app, &partner, 1).await;
    assert_eq!(new, ["SO-0000000003"], "the counter was restored too");
    let mut told = Vec::new();
    while told.len() < 2 {
        let Told::Message(mut message) = socket.next().await else { panic!("the connection ended") };
        told.push(message["id"].as_str().unwrap().to_owned());
        assert_eq!(message["payload"]["data"]["salesOrderEvents"]["orderNumber"].take(), new[0], "{message}");
    }
    told.sort();
    assert_eq!(told, ["1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_goes_on_following_while_an_operator_archives_what_it_was_told() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    send(&app, &partner, 3).await;
    let mut socket = follow(&app, &dashboard, 3).await;
    app.database.db_execute("DELETE FROM sales_order_events").await.unwrap();
    // Meanwhile the feed is looked at several times.
    let silence = tokio::time::timeout(Duration::from_secs(1), socket.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    let new = send(&app, &partner, 1).await;
    assert_eq!(told_of(&mut socket).await, new[0]);
}

/// Who archives by SQL takes the last events as well; what was given out stays known.
#[tokio::test]
async fn a_cursor_of_an_event_that_was_archived_is_not_ahead() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    send(&app, &partner, 2).await;
    let seen = last_cursor(&dashboard).await;
    app.database.db_execute("DELETE FROM sales_order_events").await.unwrap();
    let none = dashboard.graphql(EVENTS, json!({"after": seen})).await.data();
    assert_eq!(none["salesOrderEvents"]["nodes"], json!([]));
}

#[tokio::test]
async fn an_empty_database_can_be_adopted_too() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    app.store.adopt_restored(7).await.unwrap();
    assert_eq!(send(&app, &partner, 1).await, ["SO-0000000008"]);
    assert_eq!(app.database.db_number("SELECT max(position) FROM sales_order_events").await, 8);
}
