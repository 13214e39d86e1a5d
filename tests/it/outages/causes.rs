//! What an operator reads in the log of a service whose database is away: why, once, and that it is back.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use sales_order_api::store::{DatabaseOptions, Store};
use sea_orm::ConnectionTrait as _;
use serde_json::Value;

use crate::subscriptions::FOLLOW;
use crate::support::{Database, Link, Process, Remote, Socket, TestApp, on_postgres, options, order, until};

/// Runs a statement in another database than the test's.
async fn elsewhere(sql: &str) {
    let connection = sea_orm::Database::connect(on_postgres().unwrap()).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
}

/// The lines with this message.
fn lines(log: &str, message: &str) -> Vec<Value> {
    // The last line may be written in part.
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == message).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cause_of_an_outage_is_in_the_log_once_and_its_end_too() {
    only_on!(Postgres);
    let database = Database::new().await;
    let name = database.url.rsplit_once('/').unwrap().1.to_owned();
    let link = Link::to(&database).await;
    let service = Process::serve(database.folder.path(), &link.url, |command| {
        command.env("SALES_ORDER_DATABASE__ACQUIRE_TIMEOUT", "1s");
    });
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let create = async |key: &str| partner.create(&partner.sign(), Some(key), &order()).await.unwrap();
    create("before").await.expect(201);
    for (ends, cause) in
        [(1, "closed the connection before it was ready"), (2, "is not currently accepting connections")]
    {
        if ends == 1 {
            link.cut();
        } else {
            elsewhere(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname =";
            elsewhere(&format!("{end} '{name}'")).await;
        }
        until("the cause is told", async || {
            assert_ne!(create("meanwhile").await.status, 201);
            lines(&service.log(), "the database cannot be reached; trying again")
                .iter()
                .any(|line| line["cause"].as_str().unwrap().contains(cause))
        })
        .await;
        // It goes on, and everybody asks.
        for _ in 0..3 {
            for answer in join_all((0..8).map(|_| create("meanwhile"))).await {
                answer.expect_problem(503, "DATABASE_UNAVAILABLE");
            }
        }
        if ends == 1 {
            link.mend();
        } else {
            elsewhere(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
        }
        until("the end is told", async || lines(&service.log(), "the database can be reached again").len() == ends)
            .await;
        until("orders are taken", async || create(&format!("after-{ends}")).await.status == 201).await;
    }
    let log = service.stop();
    for message in ["the database cannot be reached; trying again", "request failed"] {
        let mut causes = BTreeMap::new();
        for line in lines(&log, message) {
            *causes.entry(line["cause"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
        assert!(!causes.is_empty() && causes.values().all(|times| *times <= 2), "{message}: {causes:#?}");
    }
    assert!(!lines(&log, "the database takes changes again").is_empty(), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_listened_for_at_whichever_host_of_the_address_is_the_right_one() {
    only_on!(Postgres);
    let mut app = TestApp::new().await;
    let (login, place) = app.database.url.rsplit_once('@').unwrap();
    let listen_url = format!("{login}@127.0.0.1:1,{place}?target_session_attrs=read-write");
    let options = DatabaseOptions { listen_url: Some(listen_url), ..options(&app.database.url) };
    let store = Store::connect(&options).await.unwrap();
    app.router = TestApp::router_on(&store, &app.clock, |_| {});
    let dashboard = app.dashboard().await;
    let base = app.listen().await;
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    socket.subscribe("1", FOLLOW, serde_json::json!({"after": "ZTA"})).await;
    let listening =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN %'";
    for _ in 0..2 {
        until("the database is listened to", async || app.database.db_number(listening).await == 1).await;
        // And again at the one that is the right one after that connection broke.
        let end = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN %'
                       AND pg_terminate_backend(pid)";
        app.database.db_number(end).await;
        until("the connection is gone", async || app.database.db_number(listening).await == 0).await;
    }
    until("the database is listened to", async || app.database.db_number(listening).await == 1).await;
}
