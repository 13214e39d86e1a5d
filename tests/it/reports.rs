//! Turns take their time; orders, logins and health checks have theirs all the same.

use std::time::Duration;

use sales_order_api::store::{DatabaseOptions, Store};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, TransactionTrait as _};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};

use crate::support::{Answer, Link, Partner, TestApp, options, order, until};

const LOCK: &str = "LOCK TABLE sales_order_acknowledgements IN ACCESS EXCLUSIVE MODE";
const REPORT: &str = "{ salesOrders(where: {notAcknowledgedBy: \"erp\"}) { nodes { orderNumber } } }";
/// Of SQLite: acknowledgements without an end, of no order that there is.
const ENDLESS: &str = "CREATE VIEW sales_order_acknowledgements AS
    WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
    SELECT -x AS order_id, 'erp' AS system, '' AS external_number, '' AS actor, 0 AS created_at FROM n";
const PAGE: &str = "{ salesOrders { nodes { acknowledgements { system } } } }";

/// Holds what reports read, so that each of them waits in PostgreSQL. Readers of SQLite wait for nobody.
struct Held {
    lock: DatabaseTransaction,
    watcher: DatabaseConnection,
}

impl Held {
    async fn begin(app: &TestApp) -> Self {
        let lock = app.database.db_connect().await.begin().await.unwrap();
        lock.execute_unprepared(LOCK).await.unwrap();
        Self { lock, watcher: app.database.db_connect().await }
    }

    /// How many statements of the service wait for the lock.
    async fn waiting(&self) -> i64 {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sales-order-api'
            AND datname = current_database() AND state = 'active' AND wait_event_type = 'Lock'";
        let count = sea_orm::Statement::from_string(DbBackend::Postgres, count);
        let row = self.watcher.query_one_raw(count).await.unwrap();
        row.unwrap().try_get_by_index(0).unwrap()
    }

    async fn end(self) {
        self.lock.rollback().await.unwrap();
    }
}

/// Begins a query of a client.
fn begin(client: &Partner<'_>, query: &str) -> JoinHandle<Answer> {
    let body = json!({"query": query}).to_string();
    let request = TestApp::post_request("/graphql", &[("authorization", &client.authorization())], body);
    let router = client.app.router.clone();
    tokio::spawn(async move { Answer::read(tower::ServiceExt::oneshot(router, request).await.unwrap()).await })
}

/// What nobody waits for, whatever reports do.
async fn expect_served(partner: &Partner<'_>) {
    partner.create_with_key("meanwhile", &order()).await.expect(201);
    let credentials = json!({"client_id": partner.client_id, "client_secret": partner.secret.expose_secret()});
    partner.app.post("/api/v1/auth/login", &credentials).await.expect(200);
    partner.app.get("/health/ready").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_orders_and_logs_in_while_reports_hold_every_connection() {
    only_on!(Postgres);
    // As many as there are requests: what holds the connections back is the database alone.
    let app = TestApp::with(|config| config.graphql.max_queries_per_client = 100).await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    partner.create(&order()).await.expect(201);
    let held = Held::begin(&app).await;
    let reads: Vec<_> = (0..40).map(|number| begin(&dashboard, if number % 2 == 0 { REPORT } else { PAGE })).collect();
    // Two reports of this client, and every connection of pages.
    until("the reads hold their connections", async || held.waiting().await >= 4).await;
    expect_served(&partner).await;
    held.end().await;
    for read in reads {
        assert_eq!(read.await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_orders_and_logs_in_while_endless_reports_hold_every_connection_of_sqlite() {
    only_on!(Sqlite);
    let app = TestApp::with(|config| {
        config.database.max_reports_per_client = 100;
        config.database.acquire_timeout = Duration::from_millis(50);
    })
    .await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    partner.create(&order()).await.expect(201);
    app.database.db_execute("DROP TABLE sales_order_acknowledgements").await.unwrap();
    app.database.db_execute(ENDLESS).await.unwrap();
    // One more than there are connections for: when it is sent away, the others have them all.
    let mut reports = JoinSet::new();
    for _ in 0..=app.store.reports_at_once() {
        reports.spawn(begin(&dashboard, REPORT));
    }
    let sent_away = reports.join_next().await.unwrap().unwrap().unwrap();
    sent_away.expect_error("OVERLOADED");
    expect_served(&partner).await;
    assert!(reports.try_join_next().is_none(), "a report has ended, so they need not have held every connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_whose_dashboard_hung_up_is_ended_in_the_database() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    let held = Held::begin(&app).await;
    let read = begin(&dashboard, REPORT);
    until("the report waits", async || held.waiting().await == 1).await;
    read.abort();
    until("the report is ended", async || held.waiting().await == 0).await;
    held.end().await;
    let answer: Value = dashboard.graphql(REPORT, json!({})).await.data();
    assert_eq!(answer["salesOrders"]["nodes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_cannot_be_ended_because_the_machine_vanished_gives_its_connection_back() {
    only_on!(Postgres);
    let mut app = TestApp::new().await;
    let link = Link::to(&app.database).await;
    let options =
        DatabaseOptions { report_connections: 1, acquire_timeout: Duration::from_secs(1), ..options(&link.url) };
    let store = Store::connect(&options).await.unwrap();
    app.router = TestApp::router_on(&store, &app.clock, |_| {});
    let dashboard = app.dashboard().await;
    let held = Held::begin(&app).await;
    let read = begin(&dashboard, REPORT);
    until("the report waits", async || held.waiting().await == 1).await;
    link.vanish_at("pg_cancel_backend");
    read.abort();
    until("the report is to be ended", async || link.has_vanished()).await;
    held.end().await;
    link.mend();
    // There is no other connection for reports, and nobody answers on that one.
    until("the next report is answered", async || {
        dashboard.graphql(REPORT, json!({})).await.json()["data"]["salesOrders"]["nodes"] == json!([])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_waits_for_its_turn_and_is_then_told_to_come_again() {
    only_on!(Postgres);
    let app = TestApp::with(|config| {
        config.database.max_reports_per_client = 1;
        config.database.acquire_timeout = Duration::from_millis(50);
    })
    .await;
    let dashboard = app.dashboard().await;
    let held = Held::begin(&app).await;
    let first = begin(&dashboard, REPORT);
    until("the first one runs", async || held.waiting().await == 1).await;
    let error = dashboard.graphql(REPORT, json!({})).await.expect_error("OVERLOADED");
    assert!(error["extensions"]["retryAfter"].is_number(), "{error}");
    held.end().await;
    assert_eq!(first.await.unwrap().status, 200);
}
