//! The operator rebuilds totals that went wrong past every trigger.

use sea_orm::ConnectionTrait as _;

use super::insert;
use crate::support::{Database, TestApp, on_postgres, order};

/// What makes the totals wrong past every trigger: more orders than there are, a missing row and a stray name; an hour and a day.
async fn spoil(database: &Database) {
    let allow = if on_postgres().is_some() { "SELECT set_config('sales_order.totals', 'rebuild', true);" } else { "" };
    let totals = database.merged_totals().await;
    let spoil = format!(
        "BEGIN; {allow} UPDATE {totals} SET orders = orders + 5, amount_low = amount_low - 3 WHERE currency = 'IDR';
         DELETE FROM {totals} WHERE currency = 'USD';
         INSERT INTO {totals} VALUES ('versuni-client-001', 'C', 'S', 'gone', 'RECEIVED', 'IDR', 0, 0, 0, 0, 0, 0);
         UPDATE sales_order_totals_by_period SET line_count = line_count + 1 WHERE currency = 'IDR' AND period_seconds = 3600;
         DELETE FROM sales_order_totals_by_period WHERE currency = 'USD' AND period_seconds = 86400;
         COMMIT"
    );
    database.db_execute(&spoil).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_rebuild_the_totals_two_at_once_while_partners_send_orders() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let of = |currency: &str| {
        let mut order = order();
        order["currency"] = currency.into();
        order
    };
    for currency in ["IDR", "USD"] {
        partner.create(&of(currency)).await.expect(201);
    }
    let (one, other) = (app.database.connect().await, app.database.connect().await);
    for round in 0..5 {
        spoil(&app.database).await;
        assert_eq!(app.store.find_wrong_totals().await.unwrap().len(), 5);
        let orders: Vec<_> = (0..40)
            .map(|n| {
                let signed = partner.sign();
                let key = format!("{round}-{n}");
                let headers = [&signed.headers()[..], &[("idempotency-key", key.as_str())]].concat();
                let currency = ["IDR", "USD"][n % 2];
                TestApp::post_request("/api/v1/sales-orders", &headers, of(currency).to_string())
            })
            .collect();
        let (answers, first, second) =
            tokio::join!(app.send_at_once(orders), one.rebuild_totals(), other.rebuild_totals());
        assert!(answers.iter().all(|answer| answer.status == 201));
        assert_eq!(first.unwrap() + second.unwrap(), 5, "each is put right once");
        app.database.true_totals().await;
        assert_eq!(app.store.find_wrong_totals().await.unwrap(), []);
    }
    one.close().await;
    other.close().await;
}

#[tokio::test]
async fn a_rebuild_on_postgresql_waits_for_no_order_and_no_order_waits_for_it() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    spoil(&app.database).await;
    // An order that is stored and not yet committed.
    let open = app.database.db_connect().await;
    let stored = insert(900, ["versuni-client-001", "C1", "John Doe", "IDR"], [1, 1, 1]);
    open.execute_unprepared(&format!("BEGIN; {stored}")).await.unwrap();
    assert_eq!(app.store.rebuild_totals().await.unwrap(), 3);
    app.database.true_totals().await;
    open.execute_unprepared("COMMIT").await.unwrap();
    open.close().await.unwrap();
    app.database.true_totals().await;
}
