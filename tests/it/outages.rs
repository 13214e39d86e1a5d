//! The database goes silent, takes no writes, or is held by somebody else: what partners, dashboards and operators see.

mod causes;
mod certificate;
mod full;
mod listening;
mod to_be_mended;
mod vanished;

use std::time::{Duration, Instant};

use sales_order_api::store::{DatabaseOptions, Store};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::subscriptions::FOLLOW;
use crate::support::{Link, Partner, Socket, TestApp, Told, found, options, order, take_back_to, until};

/// The database by this address, with so little patience that a test can wait for its end.
pub async fn hurried(url: &str, max_connections: u32) -> Store {
    let (acquire_timeout, statement_timeout) = (Duration::from_secs(2), Duration::from_secs(8));
    let options = DatabaseOptions { max_connections, acquire_timeout, statement_timeout, ..options(url) };
    Store::connect(&options).await.unwrap()
}

/// A service that reaches its database by a link that can fail.
async fn linked() -> (TestApp, Link) {
    let mut app = TestApp::new().await;
    let link = Link::to(&app.database).await;
    let store = hurried(&link.url, 8).await;
    app.router = TestApp::router_on(&store, &app.clock, |config| {
        (config.http.request_timeout, config.http.ready_timeout) = (Duration::from_secs(5), Duration::from_secs(2));
    });
    (app, link)
}

/// Reads events until there are so many; comes back with the last cursor when the subscription ends. Gives their orders.
pub async fn follow(base: &str, token: &str, mut socket: Socket, count: usize) -> Vec<String> {
    let (mut told, mut cursor) = (Vec::new(), json!("ZTA"));
    while told.len() < count {
        match socket.next().await {
            Told::Message(message) if message["type"] == "next" => {
                let event = &message["payload"]["data"]["salesOrderEvents"];
                told.push(event["orderNumber"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned());
                cursor = event["cursor"].clone();
            }
            _ => {
                let again = async || Socket::try_log_in(base, token).await;
                socket = found("a connection of the follower that comes back", again).await;
                socket.subscribe("1", FOLLOW, json!({"after": cursor})).await;
            }
        }
    }
    told
}

/// Sends an order again and again until it is taken; every answer before must be one that asks for that.
async fn until_taken(partner: &Partner<'_>, key: &str) -> Value {
    let mut taken = Value::Null;
    until("the order is taken", async || {
        let answer = partner.create_with_key(key, &order()).await;
        if answer.status == 201 {
            taken = answer.expect(201);
            return true;
        }
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(answer.header("retry-after").is_some(), "{}", answer.text);
        false
    })
    .await;
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_the_servers_machine_vanishes_orders_and_events_go_on_at_the_one_that_took_over() {
    only_on!(Postgres);
    let (app, link) = linked().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let base = app.listen().await;
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
    let mut taken = vec![until_taken(&partner, "before").await];
    for round in 0..3 {
        // Of the second time nothing is under way: every connection is idle.
        let keys = if round == 1 { 0 } else { 8 };
        let keys: Vec<_> = (0..keys).map(|n| format!("meanwhile-{round}-{n}")).collect();
        let sending = keys.iter().map(|key| until_taken(&partner, key));
        let vanishes = async { link.silence() };
        let (orders, ()) = tokio::join!(futures_util::future::join_all(sending), vanishes);
        taken.extend(orders);
        taken.push(until_taken(&partner, &format!("after-{round}")).await);
        until("the service is ready", async || app.get("/health/ready").await.status == 200).await;
    }
    let count = taken.len();
    assert_eq!(
        app.database.whole_orders(2).await,
        i64::try_from(count).unwrap(),
        "none is lost and none is there twice"
    );
    let mut told = follow(&base, &dashboard.token, socket, count).await;
    let mut numbers: Vec<_> =
        taken.iter().map(|order| order["data"]["order_number"].as_str().unwrap().to_owned()).collect();
    numbers.sort();
    told.sort();
    assert_eq!(told, numbers, "the follower was told of each order once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_firewall_that_forgot_idle_connections_costs_no_order() {
    only_on!(Postgres);
    let (app, link) = linked().await;
    let partner = app.partner().await;
    for round in 0..3 {
        partner.create_with_key(&format!("before-{round}"), &order()).await.expect(201);
        // Only what was idle for a while is tested; that the rest still works was seen when it was put back.
        let began = Instant::now();
        until("the connections are idle", async || began.elapsed() > Duration::from_millis(300)).await;
        link.silence();
        let answers = (0..12).map(|n| {
            let partner = &partner;
            async move { partner.create_with_key(&format!("after-{round}-{n}"), &order()).await }
        });
        for answer in futures_util::future::join_all(answers).await {
            answer.expect(201);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_no_writes_is_no_error_of_ours_and_orders_go_on_once_it_does() {
    only_on!(Postgres);
    let (app, link) = linked().await;
    let partner = app.partner().await;
    partner.create_with_key("before", &order()).await.expect(201);
    let name = app.database.url.rsplit_once('/').unwrap().1;
    let read_only = async |setting: &str| {
        let connection = app.database.db_connect().await;
        let change = format!("ALTER DATABASE {name} SET default_transaction_read_only = {setting}");
        // Not together: they would be one transaction, which is read-only from its beginning on.
        for sql in ["SET default_transaction_read_only = off", &change] {
            connection.execute_unprepared(sql).await.unwrap();
        }
        connection.close().await.unwrap();
    };
    read_only("on").await;
    // A server that stops being the primary closes its connections.
    link.cut();
    link.mend();
    let mut answer = partner.create_with_key("after", &order()).await;
    until("the service meets the server again", async || {
        let problem = answer.expect_problem(503, "DATABASE_UNAVAILABLE");
        assert!(answer.header("retry-after").is_some());
        let is_told = problem["detail"].as_str().unwrap().contains("read-only");
        if !is_told {
            answer = partner.create_with_key("after", &order()).await;
        }
        is_told
    })
    .await;
    app.get("/health/ready").await.expect_problem(503, "DATABASE_UNAVAILABLE");
    app.get("/health/live").await.expect(200);
    read_only("off").await;
    until_taken(&partner, "after").await;
    until("the service is ready", async || app.get("/health/ready").await.status == 200).await;
    assert_eq!(app.database.whole_orders(2).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_ready_only_while_it_could_store_an_order() {
    let mut app = TestApp::new().await;
    let store = app.database.connect().await;
    app.router =
        TestApp::router_on(&store, &app.clock, |config| config.http.ready_timeout = Duration::from_millis(300));
    until("the service is ready", async || app.get("/health/ready").await.status == 200).await;
    let held = app.database.hold_orders().await;
    // An order that was stored a moment ago says so for a second.
    until("the service is not ready", async || app.get("/health/ready").await.status == 503).await;
    let answer = app.get("/health/ready").await;
    answer.expect_problem(503, "DATABASE_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some());
    app.get("/health/live").await.expect(200);
    held.execute_unprepared("ROLLBACK").await.unwrap();
    held.close().await.unwrap();
    until("the service is ready", async || app.get("/health/ready").await.status == 200).await;
    assert_eq!(app.database.whole_orders(2).await, 0, "to find out leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_may_not_write_some_table_is_not_ready() {
    only_on!(Postgres);
    let mut app = TestApp::new().await;
    // A trigger stands for any reason why a table takes no rows.
    let (store, tables) =
        (app.database.connect().await, ["sales_order_lines", "sales_order_receipts", "sales_order_events"]);
    app.router = TestApp::router_on(&store, &app.clock, |_| {});
    for table in tables {
        let refuse = "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '42501'; END $$;";
        let trigger = format!("{refuse} CREATE TRIGGER refuse BEFORE INSERT ON {table} EXECUTE FUNCTION refuse()");
        app.database.db_execute(&trigger).await.unwrap();
        until("the service is not ready", async || app.get("/health/ready").await.status != 200).await;
        app.database.db_execute(&format!("DROP TRIGGER refuse ON {table}")).await.unwrap();
        until("the service is ready", async || app.get("/health/ready").await.status == 200).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_could_not_store_an_order_is_not_ready_until_it_could_store_that_one() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let partner = app.partner().await;
    app.get("/health/ready").await.expect(200);
    // What only a row needs, such as room on the disk of the tables: a statement without rows does not miss it.
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON sales_order_lines FOR EACH ROW EXECUTE FUNCTION refuse()";
    app.database.db_execute(refuse).await.unwrap();
    partner.create_with_key("first", &order()).await.expect_problem(503, "DATABASE_UNAVAILABLE");
    for _ in 0..3 {
        app.get("/health/ready").await.expect_problem(503, "DATABASE_UNAVAILABLE");
    }
    app.database.db_execute("DROP TRIGGER refuse ON sales_order_lines").await.unwrap();
    app.get("/health/ready").await.expect(200);
    assert_eq!(app.database.whole_orders(2).await, 0, "to find out leaves nothing behind");
    assert_eq!(partner.create_with_key("first", &order()).await.expect(201)["data"]["version"], 1);
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_cannot_read_its_clients_is_not_ready() {
    let app = TestApp::new().await;
    for table in ["clients", "client_public_keys"] {
        app.get("/health/ready").await.expect(200);
        app.database.db_execute(&format!("ALTER TABLE {table} RENAME TO away")).await.unwrap();
        assert!(app.get("/health/ready").await.status.is_server_error(), "{table}");
        app.database.db_execute(&format!("ALTER TABLE away RENAME TO {table}")).await.unwrap();
    }
    app.get("/health/ready").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_single_connection_orders_are_taken_and_told_of() {
    let mut app = TestApp::new().await;
    let store = hurried(&app.database.url, 1).await;
    app.router = TestApp::router_on(&store, &app.clock, |_| {});
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let base = app.listen().await;
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
    for n in 0..5 {
        let made = until_taken(&partner, &n.to_string()).await;
        let data = socket.next_data("1").await;
        assert_eq!(data["salesOrderEvents"]["orderNumber"], made["data"]["order_number"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_waits_for_a_long_reader_does_not_keep_orders_waiting_for_as_long() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let taken_back = take_back_to(&app.store, "add_requested_delivery_date").await;
    let reader = app.database.db_connect().await;
    reader.execute_unprepared("BEGIN; LOCK TABLE sales_orders IN ROW EXCLUSIVE MODE").await.unwrap();
    let store = app.database.connect().await;
    let migrating = tokio::spawn(async move { store.migrate_up().await });
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'sales_orders'::regclass";
    until("the migration waits", async || app.database.db_number(waiting).await > 0).await;
    // Each, of an instance of the version before, waits behind the migration and passes when that gives up for a while.
    for _ in 0..3 {
        app.database.db_execute("UPDATE sales_orders SET version = version WHERE false").await.unwrap();
    }
    assert!(!migrating.is_finished());
    reader.execute_unprepared("COMMIT").await.unwrap();
    assert_eq!(migrating.await.unwrap().unwrap(), taken_back);
    partner.create_with_key("after", &order()).await.expect(201);
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_service_goes_on_at_a_database_that_a_newer_one_has_migrated() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for sql in [
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_of_a_newer_version', 0)",
        "ALTER TABLE sales_orders ADD COLUMN of_a_newer_version text",
        "CREATE TABLE of_a_newer_version (id integer PRIMARY KEY)",
    ] {
        app.database.db_execute(sql).await.unwrap();
    }
    partner.create_with_key("after", &order()).await.expect(201);
    app.get("/health/ready").await.expect(200);
    let store = app.database.connect().await;
    assert_eq!(store.migrate_up().await.unwrap(), Vec::<String>::new());
    assert_eq!(app.database.whole_orders(2).await, 1);
}
