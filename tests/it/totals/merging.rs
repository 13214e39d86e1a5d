//! On PostgreSQL what a transaction changes of the totals stands beside them until it is merged.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::json;

use super::{insert, take_back};
use crate::support::{TestApp, in_time, order, until};

/// Every row of the totals is a change of some transaction until it is merged.
#[tokio::test(flavor = "multi_thread")]
async fn totals_are_merged_on_postgresql_beside_transactions_that_change_them() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for key in ["1", "2", "3"] {
        partner.create_with_key(key, &order()).await.expect(201);
    }
    let rows =
        async |part: &str| app.database.db_number(&format!("SELECT count(*) FROM sales_order_totals_{part}")).await;
    assert_eq!((rows("base").await, rows("delta").await), (0, 3));
    // One that changed the same totals and has not committed yet.
    let open = app.database.db_connect().await;
    let cancel = "BEGIN; UPDATE sales_orders SET status = 'CANCELLED' WHERE id = 1; SET CONSTRAINTS ALL IMMEDIATE";
    open.execute_unprepared(cancel).await.unwrap();
    in_time("the merge", app.store.merge_totals()).await.unwrap();
    assert_eq!((rows("base").await, rows("delta").await), (1, 0));
    app.database.true_totals().await;
    open.execute_unprepared("COMMIT").await.unwrap();
    app.database.true_totals().await;
    // While one merges, another instance goes on with what it does.
    open.execute_unprepared("BEGIN; SELECT merge_sales_order_totals()").await.unwrap();
    in_time("the other merge", app.store.merge_totals()).await.unwrap();
    app.database.true_totals().await;
    open.execute_unprepared("ROLLBACK").await.unwrap();
    assert_eq!((rows("base").await, rows("delta").await), (1, 2));
    app.store.merge_totals().await.unwrap();
    assert_eq!((rows("base").await, rows("delta").await), (2, 0));
    // Nothing is left of what every order has left.
    app.database.db_execute("UPDATE sales_orders SET status = 'CANCELLED'").await.unwrap();
    app.store.merge_totals().await.unwrap();
    assert_eq!((rows("base").await, rows("delta").await), (1, 0));
    app.database.true_totals().await;
    open.close().await.unwrap();
}

#[tokio::test]
async fn a_merge_looks_up_the_rows_it_deletes_also_on_a_connection_that_knew_the_totals_without_any() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let merging = app.database.db_connect().await;
    // A plan is kept by its connection.
    merging.execute_unprepared("VACUUM ANALYZE sales_order_totals_delta").await.unwrap();
    merging.execute_unprepared("SELECT merge_sales_order_totals()").await.unwrap();
    partner.create(&order()).await.expect(201);
    // This connection's own scans.
    let scans = async || {
        let scans = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'sales_order_totals_delta'";
        let scans = merging.query_one_raw(Statement::from_string(DbBackend::Postgres, scans)).await.unwrap().unwrap();
        scans.try_get_by_index::<i64>(0).unwrap()
    };
    merging.execute_unprepared("BEGIN").await.unwrap();
    let before = scans().await;
    merging.execute_unprepared("SELECT merge_sales_order_totals()").await.unwrap();
    assert_eq!(scans().await - before, 1, "to find some rows, and not once more to delete them");
    merging.execute_unprepared("COMMIT").await.unwrap();
    merging.close().await.unwrap();
    app.database.true_totals().await;
}

/// It publishes deletes, which need something to tell a row by.
#[tokio::test]
async fn totals_are_merged_on_postgresql_while_all_tables_are_published() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    app.database.db_execute("CREATE PUBLICATION everything FOR ALL TABLES").await.unwrap();
    app.store.merge_totals().await.unwrap();
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_totals_base").await, 1);
}

#[tokio::test]
async fn a_merge_in_a_view_of_the_database_that_stands_still_is_refused_on_postgresql() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let merge = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT merge_sales_order_totals()";
    let refused = app.database.db_execute(merge).await.unwrap_err().to_string();
    assert!(refused.contains("read committed"), "{refused}");
}

/// A summary of the version before reads orders, then totals.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_waits_for_a_summary_under_way_and_no_summary_for_half_a_migration_on_postgresql() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    take_back(&app.database, "store_orders_side_by_side").await;
    let summary = app.database.db_connect().await;
    summary.execute_unprepared("BEGIN; SELECT count(*) FROM sales_orders").await.unwrap();
    let migrating = tokio::spawn({
        let store = app.store.clone();
        async move { store.migrate_up().await }
    });
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'sales_orders'::regclass";
    until("the migration waits", async || app.database.db_number(waiting).await == 1).await;
    summary.execute_unprepared("SELECT count(*) FROM sales_order_totals; COMMIT").await.unwrap();
    summary.close().await.unwrap();
    in_time("the migration", migrating).await.unwrap().unwrap();
}

/// A status that the only order of a customer has left, and a currency: as rows of the totals they add up to nothing.
#[tokio::test]
async fn a_summary_shows_no_group_customer_or_currency_that_every_order_has_left() {
    let app = TestApp::new().await;
    app.partner().await;
    let of = |id, customer, currency| insert(id, ["versuni-client-001", customer, "N", currency], [1, 1, 1]);
    for order in [of(1, "C1", "IDR"), of(2, "C2", "USD"), of(3, "C3", "IDR")] {
        app.database.db_execute(&order).await.unwrap();
    }
    app.store.merge_totals().await.unwrap();
    app.database.db_execute("UPDATE sales_orders SET status = 'CONFIRMED' WHERE id <= 2").await.unwrap();
    let dashboard = app.dashboard().await;
    let figures = "figures { orders customers amounts { currency } }";
    let query = format!(
        "{{ salesOrderSummary(groupBy: [STATUS]) {{ groups {{ keys {{ value }} {figures} }} totals {{ customers }} }}
            received: salesOrderSummary(groupBy: [CUSTOMER], where: {{status: {{in: [RECEIVED]}}}}) {{
                groups {{ keys {{ value }} }} totals {{ customers }} }} }}"
    );
    let answer = dashboard.graphql(&query, json!({})).await.data();
    let group = |status: &str, customers: u32, currencies: &[&str]| {
        let amounts: Vec<_> = currencies.iter().map(|currency| json!({"currency": currency})).collect();
        json!({"keys": [{"value": status}],
            "figures": {"orders": customers, "customers": customers, "amounts": amounts}})
    };
    let expected = [group("CONFIRMED", 2, &["IDR", "USD"]), group("RECEIVED", 1, &["IDR"])];
    assert_eq!(answer["salesOrderSummary"]["groups"], json!(expected));
    assert_eq!(answer["salesOrderSummary"]["totals"], json!({"customers": 3}));
    assert_eq!(answer["received"], json!({"groups": [{"keys": [{"value": "C3"}]}], "totals": {"customers": 1}}));
}

/// Its role was granted what the version before needed, and goes on beside the migration.
#[tokio::test]
async fn an_instance_of_the_version_before_stores_orders_with_the_rights_it_had_on_postgresql() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    app.partner().await;
    take_back(&app.database, "store_orders_side_by_side").await;
    let connection = app.database.db_connect().await;
    let role = format!("before_{}", std::process::id());
    let rights = format!(
        "CREATE ROLE {role}; GRANT SELECT, INSERT, UPDATE ON sales_orders, sales_order_totals TO {role};
         GRANT DELETE ON sales_order_totals TO {role}; GRANT USAGE ON SEQUENCE sales_orders_id_seq TO {role}"
    );
    connection.execute_unprepared(&rights).await.unwrap();
    app.store.migrate_up().await.unwrap();
    connection.execute_unprepared(&format!("SET ROLE {role}")).await.unwrap();
    connection.execute_unprepared(&insert(1, ["versuni-client-001", "C1", "N", "IDR"], [1, 1, 1])).await.unwrap();
    connection.execute_unprepared("SELECT merge_sales_order_totals(); SELECT * FROM sales_order_totals").await.unwrap();
    connection.execute_unprepared(&format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    connection.close().await.unwrap();
    app.database.true_totals().await;
}
