//! Turns take their time; orders, logins and health checks have theirs all the same.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, TransactionTrait as _};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::{TestApp, on_postgres, order, until};

const LOCK: &str = "LOCK TABLE sales_order_acknowledgements IN ACCESS EXCLUSIVE MODE";
const REPORT: &str = "{ salesOrders(where: {notAcknowledgedBy: \"erp\"}) { nodes { orderNumber } } }";
const PAGE: &str = "{ salesOrders { nodes { acknowledgements { system } } } }";

/// How many statements of the service wait for a lock.
async fn waiting(connection: &DatabaseConnection) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sales-order-api'
        AND datname = current_database() AND state = 'active' AND wait_event_type = 'Lock'";
    let row = connection.query_one_raw(sea_orm::Statement::from_string(DbBackend::Postgres, count)).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_orders_and_logs_in_while_reports_hold_every_connection() {
    // Readers of SQLite wait for nobody, so nothing holds their connections for as long as a test needs.
    if on_postgres().is_none() {
        return;
    }
    // As many as there are requests: what holds the connections back is the database alone.
    let app = TestApp::with(|config| config.graphql.max_queries_per_client = 100).await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    partner.create(&order()).await.expect(201);
    let outside = app.database.db_connect().await;
    let lock = outside.begin().await.unwrap();
    lock.execute_unprepared(LOCK).await.unwrap();

    let request = |query: &str| {
        let body = json!({"query": query}).to_string();
        TestApp::post_request("/graphql", &[("authorization", &dashboard.authorization())], body)
    };
    let requests: Vec<_> = (0..40).map(|number| request(if number % 2 == 0 { REPORT } else { PAGE })).collect();
    let reads = requests.into_iter().map(|request| {
        let router = app.router.clone();
        tokio::spawn(tower::ServiceExt::oneshot(router, request))
    });
    let reads: Vec<_> = reads.collect();
    let watcher = app.database.db_connect().await;
    // Two reports of this client, and every connection of pages.
    until("the reads hold their connections", async || waiting(&watcher).await >= 4).await;

    partner.create_with_key("meanwhile", &order()).await.expect(201);
    let credentials = json!({"client_id": partner.client_id, "client_secret": partner.secret.expose_secret()});
    app.post("/api/v1/auth/login", &credentials).await.expect(200);
    app.get("/health/ready").await.expect(200);

    lock.rollback().await.unwrap();
    for read in reads {
        assert_eq!(read.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_whose_dashboard_hung_up_is_ended_in_the_database() {
    if on_postgres().is_none() {
        return;
    }
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    let outside = app.database.db_connect().await;
    let lock = outside.begin().await.unwrap();
    lock.execute_unprepared(LOCK).await.unwrap();
    let body = json!({"query": REPORT}).to_string();
    let request = TestApp::post_request("/graphql", &[("authorization", &dashboard.authorization())], body);
    let read = tokio::spawn(tower::ServiceExt::oneshot(app.router.clone(), request));
    let watcher = app.database.db_connect().await;
    until("the report waits", async || waiting(&watcher).await == 1).await;
    read.abort();
    until("the report is ended", async || waiting(&watcher).await == 0).await;
    lock.rollback().await.unwrap();
    let answer: Value = dashboard.graphql(REPORT, json!({})).await.data();
    assert_eq!(answer["salesOrders"]["nodes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_waits_for_its_turn_and_is_then_told_to_come_again() {
    if on_postgres().is_none() {
        return;
    }
    let app = TestApp::with(|config| {
        config.database.max_reports_per_client = 1;
        config.database.acquire_timeout = Duration::from_millis(50);
    })
    .await;
    let dashboard = app.dashboard().await;
    let outside = app.database.db_connect().await;
    let lock = outside.begin().await.unwrap();
    lock.execute_unprepared(LOCK).await.unwrap();
    let body = json!({"query": REPORT}).to_string();
    let request = TestApp::post_request("/graphql", &[("authorization", &dashboard.authorization())], body);
    let first = tokio::spawn(tower::ServiceExt::oneshot(app.router.clone(), request));
    let watcher = app.database.db_connect().await;
    until("the first one runs", async || waiting(&watcher).await == 1).await;
    let error = dashboard.graphql(REPORT, json!({})).await.expect_error("OVERLOADED");
    assert!(error["extensions"]["retryAfter"].is_number(), "{error}");
    lock.rollback().await.unwrap();
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
}
