//! Pages and reports are read from a replica, and nobody notices but the operator, whose primary has less to do.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use crate::support::{
    Cluster, Database, Link, MemoryLog, PARTNER_KEY, PATIENCE, Partner, TestApp, command, connect_with_replica,
    in_time, order, until,
};

/// What a dashboard asks for: a page, how many there are, and what they come to.
const OVERVIEW: &str = "query($where: SalesOrderFilter) {
    salesOrders(first: 100, where: $where) { totalCount nodes { orderNumber status products { lineNo } } }
    salesOrderSummary(where: $where, groupBy: [STATUS]) { totals { orders } groups { figures { orders } } } }";

const ONE: &str =
    "query($orderNumber: String!) { salesOrder(orderNumber: $orderNumber) { status products { lineNo } } }";

const MOVE: &str =
    "mutation($input: UpdateSalesOrderStatusInput!) { updateSalesOrderStatus(input: $input) { status } }";

/// Such a read waits only shortly.
const SHORTLY: Duration = Duration::from_millis(100);

/// What the operator is told at the beginning of an outage, and at its end.
const BEHIND: &str = "too far behind";
const AWAY: &str = "cannot be read from";
const READING: &str = "are read from the replica";
/// In the same line where there was an outage.
const AFTER: &str = "outage_seconds";

/// How many orders a dashboard sees: on the page, in its count, and in the totals.
async fn seen(dashboard: &Partner<'_>, filter: &Value) -> [u64; 3] {
    let data = dashboard.graphql(OVERVIEW, json!({"where": filter})).await.data();
    let nodes = data["salesOrders"]["nodes"].as_array().unwrap();
    assert!(nodes.iter().all(|order| !order["products"].as_array().unwrap().is_empty()), "an order is whole: {data}");
    let count = |value: &Value| value.as_u64().unwrap();
    [
        nodes.len() as u64,
        count(&data["salesOrders"]["totalCount"]),
        count(&data["salesOrderSummary"]["totals"]["orders"]),
    ]
}

async fn create(partner: &Partner<'_>) -> String {
    static KEYS: AtomicU32 = AtomicU32::new(0);
    let key = format!("key-{}", KEYS.fetch_add(1, Ordering::Relaxed));
    let created = partner.create_with_key(&key, &order()).await.expect(201);
    created["data"]["order_number"].as_str().unwrap().to_owned()
}

/// From here on each order is there at the replica alone; whoever asks the primary finds none.
async fn hide_at_the_primary(cluster: &Cluster) {
    let hide = "ALTER TABLE sales_orders RENAME TO elsewhere;
        CREATE VIEW sales_orders AS SELECT * FROM elsewhere WHERE pg_is_in_recovery()";
    cluster.primary.execute(hide).await;
}

fn count(log: &MemoryLog, words: &str) -> usize {
    log.text().matches(words).count()
}

/// What was told last of a host.
fn last(log: &MemoryLog, host: &str) -> String {
    log.text().lines().rfind(|line| line.contains(host)).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_dashboard_reads_pages_counts_summaries_single_orders_and_exports_from_the_replica() {
    only_on!(Postgres);
    let cluster = Cluster::start().await;
    let app = cluster.app(PATIENCE).await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let number = create(&partner).await;
    hide_at_the_primary(&cluster).await;
    // By a part of a text, so that no totals are asked that the database keeps.
    let filter = json!({"customerCode": {"contains": "CUST"}});
    until("the dashboard reads from the replica", async || seen(&dashboard, &filter).await == [1, 1, 1]).await;
    until("a single order", async || {
        !dashboard.graphql(ONE, json!({"orderNumber": number})).await.data()["salesOrder"].is_null()
    })
    .await;
    until("an export", async || dashboard.get("/api/v1/sales-orders.csv").await.text.contains(&number)).await;
    // Partners' own orders, whatever shows what happened to orders, and documents with both are of the primary.
    partner.get(&format!("/api/v1/sales-orders/{number}")).await.expect_problem(404, "NOT_FOUND");
    let both = "{ salesOrders { nodes { orderNumber } } salesOrderEvents { nodes { orderNumber } } }";
    assert_eq!(dashboard.graphql(both, json!({})).await.data()["salesOrders"]["nodes"], json!([]));
}

#[tokio::test]
async fn whoever_wrote_something_reads_it_back_through_every_instance_however_far_behind_the_replica_is() {
    only_on!(Postgres);
    let (log, _logging) = MemoryLog::begin();
    let cluster = Cluster::start().await;
    let app = cluster.app(SHORTLY).await;
    // By another way, so that what each of them tells can be told apart.
    let link = Link::to_socket(&cluster.standby.socket()).await;
    let other = connect_with_replica(&cluster.primary.url(), &link.url, SHORTLY).await;
    let (partner, tool) = (app.partner().await, app.operator().await);
    let dashboard = app.dashboard().await;
    until("a replica is read from", async || count(&log, READING) > 0).await;
    cluster.pause().await;
    let elsewhere = TestApp::on(Database::at(&cluster.primary.url()), other.clone(), |_| {});
    let there = Partner { app: &elsewhere, ..dashboard.log_in_again().await };
    for orders in 1..=3 {
        let number = create(&partner).await;
        let input = json!({"orderNumber": number, "status": "CONFIRMED"});
        tool.graphql(MOVE, json!({"input": input})).await.data();
        for dashboard in [&dashboard, &there] {
            assert_eq!(seen(dashboard, &json!({"status": {"eq": "CONFIRMED"}})).await, [orders; 3]);
            let one = dashboard.graphql(ONE, json!({"orderNumber": number})).await.data();
            assert_eq!(one["salesOrder"]["status"], "CONFIRMED");
        }
    }
    let socket = cluster.standby.socket().display().to_string();
    let ways = [&*socket, link.url.rsplit(['@', '/']).nth(1).unwrap()];
    let both = |words: &str| ways.iter().all(|way| last(&log, way).contains(words));
    until("both instances tell of it", async || both(BEHIND)).await;
    let told = count(&log, BEHIND);
    for _ in 0..3 {
        assert_eq!(seen(&there, &Value::Null).await, [3; 3]);
    }
    assert_eq!(count(&log, BEHIND), told, "{}", log.text());
    cluster.resume().await;
    until("both read from the replica again", async || both(READING)).await;
    assert_eq!(seen(&there, &Value::Null).await, [3; 3]);
    other.close().await;
}

#[tokio::test]
async fn pages_from_the_replica_and_from_the_primary_fit_together() {
    only_on!(Postgres);
    let (log, _logging) = MemoryLog::begin();
    let cluster = Cluster::start().await;
    let app = cluster.app(SHORTLY).await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let mut sent = Vec::new();
    for _ in 0..6 {
        sent.push(create(&partner).await);
    }
    let page = "query($after: String) { salesOrders(first: 2, after: $after, orderBy: CREATED_AT_ASC) {
        nodes { orderNumber } pageInfo { endCursor } } }";
    let (mut after, mut read) = (Value::Null, Vec::new());
    for pages in 0..4 {
        // From the second page on the replica stands still, and what is new is not there.
        if pages == 1 {
            cluster.pause().await;
        }
        if pages > 0 && pages < 3 {
            sent.push(create(&partner).await);
        }
        let data = dashboard.graphql(page, json!({"after": after})).await.data();
        let nodes = data["salesOrders"]["nodes"].as_array().unwrap();
        read.extend(nodes.iter().map(|order| order["orderNumber"].as_str().unwrap().to_owned()));
        after = data["salesOrders"]["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(read, sent);
    cluster.resume().await;
    until("the replica is read from", async || count(&log, READING) > 0).await;
    assert_eq!(seen(&dashboard, &Value::Null).await, [8; 3]);
}

#[tokio::test]
async fn reads_go_on_while_the_replica_is_away_and_go_back_to_it_by_themselves() {
    only_on!(Postgres);
    let (log, _logging) = MemoryLog::begin();
    let mut cluster = Cluster::start().await;
    let link = Link::to_socket(&cluster.standby.socket()).await;
    let store = connect_with_replica(&cluster.primary.url(), &link.url, PATIENCE).await;
    let app = TestApp::on(Database::at(&cluster.primary.url()), store, |_| {});
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    create(&partner).await;
    until("the replica is read from", async || count(&log, READING) > 0).await;
    let told = count(&log, AWAY);
    // Its machine vanishes when the page is on its way there.
    link.vanish_at("\"sales_orders\"");
    in_time("a page", async { assert_eq!(seen(&dashboard, &Value::Null).await, [1; 3]) }).await;
    until("the operator is told", async || count(&log, AWAY) > told).await;
    let told = count(&log, AFTER);
    link.cut();
    link.mend();
    until("the replica is read from again", async || count(&log, AFTER) > told).await;

    let told = count(&log, AWAY);
    cluster.standby.kill();
    for orders in 2..=5 {
        create(&partner).await;
        assert_eq!(seen(&dashboard, &Value::Null).await, [orders; 3]);
    }
    until("the operator is told again", async || count(&log, AWAY) > told).await;
    let told = count(&log, AFTER);
    cluster.standby.start().await;
    until("the replica is read from again", async || count(&log, AFTER) > told).await;
    assert_eq!(seen(&dashboard, &Value::Null).await, [5; 3]);
    app.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_the_replica_ends_in_the_middle_is_made_at_the_primary() {
    only_on!(Postgres);
    let cluster = Cluster::start().await;
    let app = cluster.app(PATIENCE).await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    create(&partner).await;
    // At the replica a read of orders takes for ever.
    let slow = "ALTER TABLE sales_orders RENAME TO elsewhere;
        CREATE VIEW sales_orders AS SELECT * FROM elsewhere
            WHERE NOT pg_is_in_recovery() OR pg_sleep(1000000) IS NOT NULL";
    cluster.primary.execute(slow).await;
    let under_way = "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    let conflict = "BEGIN; LOCK TABLE elsewhere IN ACCESS EXCLUSIVE MODE; COMMIT";
    let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    for (server, sql) in [(&cluster.primary, conflict), (&cluster.standby, cancel), (&cluster.standby, end)] {
        let page = "{ salesOrders { nodes { orderNumber products { lineNo } } } }";
        let reading = dashboard.graphql(page, json!({}));
        let ending = async {
            until("the read is under way there", async || cluster.standby.text(under_way).await != "0").await;
            server.execute(sql).await;
        };
        let (answer, ()) = in_time(sql, Box::pin(async { tokio::join!(reading, ending) })).await;
        assert_eq!(answer.data()["salesOrders"]["nodes"].as_array().unwrap().len(), 1, "{sql}");
    }
}

#[tokio::test]
async fn a_server_that_is_no_standby_of_this_database_is_told_once_and_not_read_from() {
    only_on!(Postgres);
    let (log, _logging) = MemoryLog::begin();
    let cluster = Cluster::start().await;
    let database = Database::new().await;
    let (own, others) = (database.url.clone(), cluster.standby.url());
    for (read_url, why) in [(own, "is no standby"), (others, "is a standby of another database")] {
        let store = connect_with_replica(&database.url, &read_url, PATIENCE).await;
        let app = TestApp::on(Database::at(&database.url), store, |_| {});
        let reader = format!("reader-{}", why.len());
        let secret = app.client(&reader, &[Permission::OrdersRead], SignaturePolicy::Documented, Vec::new()).await;
        let dashboard = Partner::log_in(&app, &reader, secret, &PARTNER_KEY).await;
        until("the operator is told", async || count(&log, why) > 0).await;
        for _ in 0..3 {
            assert_eq!(seen(&dashboard, &Value::Null).await, [0; 3]);
        }
        assert_eq!(count(&log, why), 1, "{}", log.text());
        app.store.close().await;
    }
}

/// A command of the operator's with a replica; gives what it said.
fn run(folder: &Path, [url, read_url]: [&str; 2], arguments: &[&str]) -> String {
    let mut command = command(folder);
    command.args(arguments).env("SALES_ORDER_DATABASE__URL", url).env("SALES_ORDER_DATABASE__READ_URL", read_url);
    let ran = command.output().unwrap();
    format!("{}{}", String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap())
}

/// What doctor says of the replica.
fn examined(folder: &Path, urls: [&str; 2]) -> String {
    let report = run(folder, urls, &["doctor", "--json"]);
    let report: Value = serde_json::from_str(&report).unwrap_or_else(|error| panic!("{error}: {report}"));
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|found| found["check"] == "replica").unwrap();
    format!("{} {}", found["state"].as_str().unwrap(), found["found"].as_str().unwrap())
}

#[tokio::test]
async fn an_operator_exports_from_the_replica_and_doctor_tells_what_is_wrong_with_it() {
    only_on!(Postgres);
    let cluster = Cluster::start().await;
    let app = cluster.app(PATIENCE).await;
    let number = create(&app.partner().await).await;
    let (primary, standby) = (cluster.primary.url(), cluster.standby.url());
    let folder = app.database.folder.path();
    until("the replica has everything", async || examined(folder, [&primary, &standby]).contains("has all that")).await;
    assert!(examined(folder, [&primary, ""]).starts_with("ok database.read_url is empty"));
    for (read_url, why) in [(&*primary, "is no standby"), ("postgres://127.0.0.1:1/orders", "connection refused")] {
        let said = examined(folder, [&primary, read_url]);
        assert!(said.starts_with("error") && said.contains(why), "{said}");
    }
    cluster.pause().await;
    cluster.primary.execute("CREATE TABLE more (n integer)").await;
    let said = examined(folder, [&primary, &standby]);
    assert!(said.starts_with("warning") && said.contains("bytes of the primary's log"), "{said}");
    cluster.resume().await;

    hide_at_the_primary(&cluster).await;
    until("an export reads from the replica", async || {
        run(folder, [&primary, &standby], &["export", "--format", "jsonl"]).contains(&number)
    })
    .await;
}

#[tokio::test]
async fn an_address_of_a_replica_that_could_not_be_one_is_refused_at_the_start_and_its_password_is_not_shown() {
    only_on!(Postgres);
    let database = Database::new().await;
    let folder = database.folder.path();
    let wrong = "postgres://me:hunter2@db/orders?target_session_attrs=read-write";
    let said = run(folder, [&database.url, wrong], &["config", "check"]);
    assert!(said.contains("database.read_url") && said.contains("the replica is a standby"), "{said}");
    let said = run(folder, ["sqlite://orders.db", "postgres://me:hunter2@db/orders"], &["serve"]);
    assert!(said.contains("database.read_url must be empty"), "{said}");
    let shown = run(folder, [&database.url, "postgres://me:hunter2@db/orders"], &["config", "show"]);
    assert!(shown.contains("read_url") && !shown.contains("hunter2"), "{shown}");
}
