//! The operator takes over a database that lost its last changes.

use serde_json::json;

use super::{Desk, keys};

#[tokio::test]
async fn adopting_a_restored_database_leaves_out_so_many_numbers_each_time() {
    let desk = Desk::new().await;
    desk.run(&["generate", "--orders", "40"]).succeeds();
    let given = |what: &str| format!("SELECT CAST(max({what}) AS bigint) FROM ");
    let orders = desk.database.db_number(&(given("id") + "sales_orders")).await;
    let events = desk.database.db_number(&(given("position") + "sales_order_events")).await;

    let adopted = desk.run(&["restore", "adopt", "--margin", "500", "--json"]).json();
    assert_eq!(keys(&adopted), ["next_order_number", "next_position", "next_request_number"]);
    // None of the orders has a request.
    let next = json!({"next_order_number": format!("SO-{:010}", orders + 501), "next_position": events + 501,
        "next_request_number": "RQ-0000000501"});
    assert_eq!(adopted, next);
    // By default a million more, behind what was left out before.
    let said = desk.run(&["restore", "adopt"]).succeeds();
    let (order, position) = (orders + 1_000_501, events + 1_000_501);
    let next = format!("next order number: SO-{order:010}\nnext feed position: {position}\n");
    assert_eq!(said, next + "next number of a request: RQ-0001000501\n");
    // What is there stays as it is.
    assert_eq!(desk.database.db_number(&(given("id") + "sales_orders")).await, orders);
    desk.run(&["totals", "check"]).succeeds();
}

#[tokio::test]
async fn a_restored_database_of_an_older_version_is_brought_up_to_date_when_it_is_adopted() {
    let desk = Desk::new().await;
    let said = desk.run(&["restore", "adopt", "--margin", "9"]).succeeds();
    let next = "next order number: SO-0000000010\nnext feed position: 10\nnext number of a request: RQ-0000000010\n";
    assert_eq!(said, next);
    let by_hand = Desk::new().await;
    let refused = by_hand.run_with(&["restore", "adopt"], "", |command| {
        command.env("SALES_ORDER_DATABASE__MIGRATE_ON_START", "false");
    });
    assert!(refused.fails().contains("sales-order-api migrate up"), "{refused:?}");
}

#[tokio::test]
async fn a_margin_that_leaves_nothing_out_or_leads_beyond_all_numbers_is_refused() {
    let desk = Desk::new().await;
    desk.run(&["restore", "adopt", "--margin", "1"]).succeeds();
    for margin in ["--margin=0", "--margin=-1", "--margin=4294967296", "--margin=many"] {
        let refused = desk.run(&["restore", "adopt", margin]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("--margin") && refused.stdout.is_empty(), "{refused:?}");
    }
    // The last number there is, as far as the database counts.
    let last = i64::MAX - 5;
    let counter = if crate::support::on_postgres().is_some() {
        format!("SELECT setval(pg_get_serial_sequence('sales_order_events', 'position')::regclass, {last})")
    } else {
        format!("UPDATE sqlite_sequence SET seq = {last} WHERE name = 'sales_order_events'")
    };
    desk.execute(&counter).await;
    let orders = desk.run(&["restore", "adopt", "--margin", "10"]).fails();
    assert!(orders.contains("last number"), "{orders}");
    // Nothing of it was done, for the numbers of orders neither.
    let adopted = desk.run(&["restore", "adopt", "--margin", "1", "--json"]).json();
    assert_eq!(adopted["next_order_number"], "SO-0000000003", "{adopted}");
}

#[tokio::test]
async fn a_database_that_is_not_there_cannot_be_adopted() {
    let desk = Desk::new().await;
    let nowhere = "postgres://u:hunter2@127.0.0.1:1/orders";
    let said = desk.run(&["restore", "adopt", "--database-url", nowhere]).fails();
    assert!(said.contains("connection refused at 127.0.0.1:1") && !said.contains("hunter2"), "{said}");
}
