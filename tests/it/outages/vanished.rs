//! The database's machine vanishes: packets are dropped, and nobody says so.

use std::time::{Duration, Instant};

use sales_order_api::domain::permission::Permission;
use sales_order_api::store::{DatabaseOptions, Store};
use serde_json::json;

use super::{follow, until_taken};
use crate::subscriptions::FOLLOW;
use crate::support::{Database, Link, PATIENCE, Process, Remote, Socket, TestApp, Told, options, order, until};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_machine_is_away_a_service_is_not_ready_sends_followers_away_and_stops_in_time() {
    only_on!(Postgres);
    let database = Database::new().await;
    let link = Link::to(&database).await;
    let secret = Remote::register(&database, "partner").await;
    let reader = Remote::register_with(&database, "reader", vec![Permission::OrdersRead]).await;
    let service = Process::serve(database.folder.path(), &link.url, |command| {
        command
            .env("SALES_ORDER_HTTP__REQUEST_TIMEOUT", "9s")
            // Less than a request may take, so that readiness says what it waited for.
            .env("SALES_ORDER_HTTP__READY_TIMEOUT", "2s")
            .env("SALES_ORDER_DATABASE__STATEMENT_TIMEOUT", "8s")
            // An order without an answer is waited for longer than a stop may take.
            .env("SALES_ORDER_DATABASE__ACQUIRE_TIMEOUT", "10m")
            .env("SALES_ORDER_HTTP__SHUTDOWN_TIMEOUT", format!("{}s", PATIENCE.as_secs()));
    });
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let reader = Remote::log_in(&service.base, "reader", &reader).await;
    partner.create(&partner.sign(), Some("before"), &order()).await.unwrap().expect(201);
    let mut socket = Socket::log_in(&service.base, &reader.token).await;
    socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
    socket.next_data("1").await;

    link.vanish();
    let waiting = {
        let partner = partner.clone();
        tokio::spawn(async move { partner.create(&partner.sign(), Some("meanwhile"), &order()).await })
    };
    until("the service is not ready", async || reader.get("/health/ready").await.status == 503).await;
    reader.get("/health/live").await.expect(200);
    // The feed is given up after ten seconds without a look, whatever limits there are for everything else.
    let code = loop {
        match tokio::time::timeout(PATIENCE / 2, socket.next()).await.expect("the follower is told") {
            Told::Message(message) => assert_eq!(message["type"], "next", "{message}"),
            Told::Closed(code) => break code,
        }
    };
    assert_eq!(code, 1013);
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(answer.status, 503, "{}", answer.text);
    reader.get("/health/ready").await.expect_problem(503, "DATABASE_UNAVAILABLE");

    let began = Instant::now();
    let log = service.stop();
    assert!(began.elapsed() < PATIENCE / 2, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_listener_that_is_cut_off_however_long_its_way_hinders_no_order() {
    only_on!(Postgres);
    let mut app = TestApp::new().await;
    let link = Link::to(&app.database).await;
    let store = Store::connect(&DatabaseOptions { max_connections: 8, ..options(&link.url) }).await.unwrap();
    app.router = TestApp::router_on(&store, &app.clock, |_| {});
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let base = app.listen().await;
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
    link.delay(Duration::from_millis(60));
    let listeners =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN %'";
    // Whoever is cut off while an event is read is sent away, and comes back.
    let following = follow(&base, &dashboard.token, socket, 26);
    let ordering = async {
        let mut taken = Vec::new();
        for round in 0..4 {
            until("the database is listened to", async || app.database.db_number(listeners).await == 1).await;
            let opened = link.opened();
            app.database.db_number(&format!("{listeners} AND pg_terminate_backend(pid)")).await;
            if round % 2 == 1 {
                // In the middle of connecting again, which takes several round trips.
                until("it connects again", async || link.opened() > opened).await;
                link.cut();
                link.mend();
                // Those that were cut off too.
                taken.push(until_taken(&partner, &format!("cut-{round}")).await);
            }
            for n in 0..6 {
                let made = partner.create_with_key(&format!("{round}-{n}"), &order()).await;
                taken.push(made.expect(201));
            }
        }
        taken
    };
    let (mut told, taken) = tokio::join!(following, ordering);
    assert_eq!(app.database.whole_orders(2).await, 26);
    let mut numbers: Vec<_> =
        taken.iter().map(|order| order["data"]["order_number"].as_str().unwrap().to_owned()).collect();
    numbers.sort();
    told.sort();
    assert_eq!(told, numbers, "the follower was told of each order once");
}
