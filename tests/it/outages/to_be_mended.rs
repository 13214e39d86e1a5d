//! What an operator must mend at the database is no error of ours: callers are asked to come again, and may.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use sea_orm::ConnectionTrait as _;

use super::until_taken;
use crate::support::{Answer, PATIENCE, Partner, TestApp, order, until};

/// An instance whose connections have read nothing yet.
async fn fresh(app: &mut TestApp) {
    let store = app.database.connect().await;
    app.router = TestApp::router_on(&store, &app.clock, |_| {});
}

#[track_caller]
fn expect_away(answer: &Answer) {
    answer.expect_problem(503, "DATABASE_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some(), "{}", answer.text);
}

/// Orders and readiness ask to be tried again.
async fn expect_away_everywhere(partner: &Partner<'_>) {
    expect_away(&partner.create_with_key("meanwhile", &order()).await);
    // An order that was stored a moment ago says for a second that the next one is.
    until("the service is not ready", async || partner.app.get("/health/ready").await.status != 200).await;
    expect_away(&partner.app.get("/health/ready").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_refuses_rows_for_a_reason_of_the_servers_is_to_be_tried_again() {
    only_on!(Postgres);
    let mut app = TestApp::new().await;
    fresh(&mut app).await;
    let partner = app.partner().await;
    let tables = ["sales_orders", "sales_order_lines", "sales_order_receipts", "sales_order_events"];
    // A trigger stands for the server: no right, no number left, a damaged page, no transaction numbers left.
    for (table, code) in tables.into_iter().zip(["42501", "2200H", "XX001", "54000"]) {
        let refuse = format!(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
        );
        app.database.db_execute(&refuse).await.unwrap();
        expect_away_everywhere(&partner).await;
        app.database.db_execute(&format!("DROP TRIGGER refuse ON {table}")).await.unwrap();
        until_taken(&partner, table).await;
        until("the service is ready", async || app.get("/health/ready").await.status == 200).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_numbers_that_are_used_up_are_no_error_of_ours() {
    only_on!(Postgres);
    let mut app = TestApp::new().await;
    fresh(&mut app).await;
    let partner = app.partner().await;
    // Two, because a sequence has more than one number.
    for key in ["first", "second"] {
        until_taken(&partner, key).await;
    }
    let counter = app.database.db_text("SELECT pg_get_serial_sequence('sales_orders', 'id')").await;
    let last = app.database.db_number(&format!("SELECT last_value FROM {counter}")).await;
    app.database.db_execute(&format!("ALTER SEQUENCE {counter} MAXVALUE {last}")).await.unwrap();
    expect_away(&partner.create_with_key("after", &order()).await);
    app.database.db_execute(&format!("ALTER SEQUENCE {counter} NO MAXVALUE")).await.unwrap();
    until_taken(&partner, "after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_database_file_is_no_error_of_ours() {
    only_on!(Sqlite);
    let mut app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let (token, moved) = (partner.token, app.database.db_number("PRAGMA wal_checkpoint(TRUNCATE)").await);
    assert_eq!(moved, 0, "the log was not emptied");
    let page = app.database.db_number("SELECT rootpage FROM sqlite_master WHERE name = 'sales_orders'").await;
    let size = app.database.db_number("PRAGMA page_size").await;
    let path = app.database.url.trim_start_matches("sqlite://");
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(u64::try_from((page - 1) * size).unwrap())).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(size).unwrap()]).unwrap();
    fresh(&mut app).await;
    let bearer = format!("Bearer {token}");
    let read = Request::get("/api/v1/sales-orders/SO-0000000001").header("authorization", bearer);
    expect_away(&app.send(read.body(Body::empty()).unwrap()).await);
    app.get("/health/live").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_service_at_a_database_without_its_tables_asks_to_be_tried_again() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    app.database.db_execute("ALTER TABLE sales_order_receipts RENAME TO not_there_yet").await.unwrap();
    expect_away_everywhere(&partner).await;
    app.database.db_execute("ALTER TABLE not_there_yet RENAME TO sales_order_receipts").await.unwrap();
    until_taken(&partner, "before").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_asks_for_what_only_some_orders_need() {
    only_on!(Postgres); // On SQLite one statement is for all orders.
    let app = TestApp::new().await;
    app.database.db_execute("ALTER TABLE sales_order_signed_texts RENAME TO not_there_yet").await.unwrap();
    until("the service is not ready", async || app.get("/health/ready").await.status != 200).await;
    app.database.db_execute("ALTER TABLE not_there_yet RENAME TO sales_order_signed_texts").await.unwrap();
    until("the service is ready", async || app.get("/health/ready").await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_waits_only_shortly_for_another_process_that_writes_to_sqlite() {
    only_on!(Sqlite);
    // Orders wait for as long as a test may take; the look at readiness does not, and no order waits behind it.
    let mut app = TestApp::new().await;
    fresh(&mut app).await;
    let partner = app.partner().await;
    let held = app.database.hold_orders().await;
    for _ in 0..2 {
        let answer = tokio::time::timeout(PATIENCE / 10, app.get("/health/ready")).await;
        expect_away(&answer.expect("readiness waits for as long as an order"));
    }
    let sent = order();
    let waiting = partner.create_with_key("meanwhile", &sent);
    let (answer, ()) = tokio::join!(waiting, async {
        // The next transaction is the order's, which has the usual patience again.
        let began = Instant::now();
        until("a look at readiness would be over", async || began.elapsed() > Duration::from_secs(2)).await;
        held.execute_unprepared("ROLLBACK").await.unwrap();
    });
    answer.expect(201);
    until("the service is ready", async || app.get("/health/ready").await.status == 200).await;
}
