//! An instance whose clock is wrong stamps orders with a time that never was: it is not ready until its clock is right.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use chrono::{DateTime, TimeDelta, Utc};
use sales_order_api::clock::Clock;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::http;
use sales_order_api::store::Store;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::support::{
    Answer, Database, Link, MemoryLog, PARTNER_KEY, Partner, TestApp, TestClock, keep_metrics, metric, on_postgres,
    options, order, until,
};

/// A service whose clock runs, and may be a second wrong.
async fn service() -> (TestApp, TestClock) {
    let app = TestApp::new().await;
    let clock = TestClock::running();
    let router = instance(&app.store, &clock, Duration::from_secs(1));
    keep_metrics();
    (TestApp { router, clock: clock.clone(), ..app }, clock)
}

fn instance(store: &Store, clock: &TestClock, bound: Duration) -> Router {
    TestApp::router_on(store, clock, |config| config.database.max_clock_skew = bound)
}

/// What the metrics say of the clocks.
async fn skew(app: &TestApp) -> f64 {
    metric(&app.get("/metrics").await, "database_clock_skew_seconds")
}

#[tokio::test]
async fn an_instance_whose_clock_is_wrong_is_not_ready_and_is_again_when_it_is_right() {
    let (app, clock) = service().await;
    app.get("/health/ready").await.expect(200);
    for (millis, how) in [(7_200_000, "ahead of"), (-7_200_000, "behind"), (1_500, "ahead of"), (-1_500, "behind")] {
        clock.put_ahead(millis);
        if on_postgres().is_none() {
            // The database's clock is the instance's own.
            app.get("/health/ready").await.expect(200);
            assert!(skew(&app).await.abs() < f64::EPSILON);
            continue;
        }
        let mut answer = app.get("/health/ready").await;
        until("the instance is not ready", async || {
            answer = app.get("/health/ready").await;
            answer.status == 503
        })
        .await;
        let problem = answer.expect_problem(503, "CLOCK_SKEW");
        assert!(answer.header("retry-after").is_some(), "{}", answer.text);
        let message = problem["message"].as_str().unwrap();
        for part in [how, "database.max_clock_skew", "1s", "NTP"] {
            assert!(message.contains(part), "{part} in {message}");
        }
        let expected = -f64::from(millis) / 1_000.0;
        assert!(problem["clock_skew_seconds"].as_f64().unwrap() * expected > 0.0, "{problem}");
        until("the metrics say by how much", async || {
            app.get("/health/ready").await;
            (skew(&app).await - expected).abs() < 0.25
        })
        .await;
        app.get("/health/live").await.expect(200);

        clock.put_ahead(0);
        until("the instance is ready", async || app.get("/health/ready").await.status == 200).await;
        until("the metrics say that it is right", async || {
            app.get("/health/ready").await;
            skew(&app).await.abs() < 0.25
        })
        .await;
    }
}

#[tokio::test]
async fn an_instance_without_a_bound_is_ready_whatever_its_clock_says() {
    let (app, clock) = service().await;
    clock.put_ahead(7_200_000);
    let app = TestApp { router: instance(&app.store, &clock, Duration::ZERO), ..app };
    app.get("/health/ready").await.expect(200);
    assert_eq!(skew(&app).await < -7_000.0, on_postgres().is_some(), "it is measured all the same");
}

#[tokio::test]
async fn an_order_that_reaches_an_instance_that_is_not_ready_is_taken_and_stamped_by_its_clock() {
    let (app, clock) = service().await;
    clock.put_ahead(60_000);
    let partner = app.partner().await;
    if on_postgres().is_some() {
        until("the instance is not ready", async || app.get("/health/ready").await.status == 503).await;
    }
    let before = app.clock.now();
    let order = partner.create(&order()).await.expect(201);
    let stamp: DateTime<Utc> = order["data"]["created_at"].as_str().unwrap().parse().unwrap();
    assert!((before..=app.clock.now()).contains(&stamp), "{stamp}");
    assert!(stamp > Clock::system().now() - TimeDelta::seconds(1), "{stamp}");
}

#[tokio::test]
async fn a_partner_whose_clock_is_right_is_not_blamed_by_an_instance_whose_clock_is_wrong() {
    let (app, clock) = service().await;
    let key = PARTNER_KEY.public_key().to_pem();
    let secret = app.client("partner", &[Permission::OrdersCreate], SignaturePolicy::Documented, vec![key]).await;
    clock.put_ahead(7_200_000);
    let partner = Partner::log_in(&app, "partner", secret, &PARTNER_KEY).await;
    clock.put_ahead(0);
    let signed = partner.sign();
    clock.put_ahead(7_200_000);
    // Nobody knows yet whose clock is wrong.
    let refused = partner.send_order(&signed, &order()).await.expect_problem(401, "INVALID_TIMESTAMP");
    assert_eq!(refused["hint"], "clock_skew");
    only_on!(Postgres);
    until("the instance is not ready", async || app.get("/health/ready").await.status == 503).await;
    let answer = partner.send_order(&signed, &order()).await;
    let problem = answer.expect_problem(503, "CLOCK_SKEW");
    assert!(answer.header("retry-after").is_some(), "{problem}");
    clock.put_ahead(0);
    let partner = partner.log_in_again().await;
    partner.create(&order()).await.expect(201);
}

#[tokio::test]
async fn a_slow_database_is_not_taken_for_a_wrong_clock_and_hides_none() {
    only_on!(Postgres);
    let (app, clock) = service().await;
    let link = Link::to(&app.database).await;
    let store = Store::connect(&options(&link.url)).await.unwrap();
    let app = TestApp { router: instance(&store, &clock, Duration::from_millis(100)), ..app };
    link.delay_answers(Duration::from_millis(400));
    until("an answer so late that half of its way is more than the bound", async || {
        app.get("/health/ready").await.expect(200);
        skew(&app).await < -0.1
    })
    .await;

    clock.put_ahead(-3_000);
    until("the instance is not ready", async || app.get("/health/ready").await.status == 503).await;
    clock.put_ahead(0);
    until("the instance is ready", async || app.get("/health/ready").await.status == 200).await;
    store.close().await;
}

/// The lines about clocks.
fn about_clocks(log: &MemoryLog) -> Vec<Value> {
    let log = log.text();
    log.lines().filter(|line| line.contains("clock")).map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn an_operator_reads_of_a_wrong_clock_once_though_nobody_asks_whether_the_instance_is_ready() {
    only_on!(Postgres);
    keep_metrics();
    let (database, clock) = (Database::new().await, TestClock::running());
    let store = database.connect().await;
    let (log, _logging) = MemoryLog::begin();
    clock.put_ahead(-7_200_000);
    let state = TestApp::state_in(&store, &clock, &[], |config| {
        config.database.max_clock_skew = Duration::from_secs(1);
    });
    let beside = state.clone();
    let beside = tokio::spawn(async move { Box::pin(beside.run_background_tasks(([127, 0, 0, 1], 0).into())).await });
    until("a line of the log", async || !about_clocks(&log).is_empty()).await;
    let router = http::router(state);
    let get = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        Answer::read(router.clone().oneshot(request).await.unwrap()).await
    };
    assert!(metric(&get("/metrics").await, "database_clock_skew_seconds") > 7_000.0);
    // Found wrong again and again, until it is right.
    for _ in 0..3 {
        get("/health/ready").await.expect_problem(503, "CLOCK_SKEW");
    }
    clock.put_ahead(0);
    until("the other line of the log", async || about_clocks(&log).len() > 1).await;
    get("/health/ready").await.expect(200);
    beside.abort();
    let lines = about_clocks(&log);
    let [warning, end] = &*lines else { panic!("{lines:?}") };
    assert_eq!((&warning["level"], &end["level"]), (&"WARN".into(), &"INFO".into()), "{lines:?}");
    let message = warning["fields"]["message"].as_str().unwrap();
    assert!(message.contains("database.max_clock_skew") && message.contains("NTP"), "{message}");
    assert!(warning["fields"]["skew_seconds"].as_f64().unwrap() > 7_000.0, "{warning}");
}
