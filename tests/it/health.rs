//! The operator asks how the service is, also on a bad day.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sales_order_api::app::{self, AppState};
use sales_order_api::clock::Clock;
use sales_order_api::config::{self, Overrides};
use sales_order_api::http;
use sales_order_api::store::{DatabaseOptions, Store};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    Database, Link, PARTNER_KEY, Partner, Process, Remote, TestApp, TestClock, found, on_postgres, options, order,
    plain_http, until,
};

/// The service on this store, with nothing else prepared.
fn app_on(database: Database, store: Store) -> TestApp {
    let clock = TestClock::new();
    let state = TestApp::state_in(&store, &clock, &[], |_| {});
    let (router, clients) = (http::router(state.clone()), app::clients(&store, &clock.clock()));
    TestApp { database, store, clock, clients, router, state, server: TestApp::default_server() }
}

#[tokio::test]
async fn a_healthy_service_is_alive_and_ready() {
    let app = TestApp::new().await;
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(app.get(path).await.expect(200), json!({"status": "ok"}), "{path}");
    }
}

#[tokio::test]
async fn a_service_whose_database_lacks_migrations_is_alive_but_not_ready_until_it_has_them() {
    let database = Database::empty().await;
    let store = database.connect().await;
    let app = app_on(database, store);
    app.get("/health/live").await.expect(200);
    let answer = app.get("/health/ready").await;
    let problem = answer.expect_problem(503, "DATABASE_UNAVAILABLE");
    assert!(problem["pending_migrations"].as_u64().unwrap() > 0, "{problem}");
    assert!(answer.header("retry-after").is_some());

    let applied = app.store.migrate_up().await.unwrap();
    assert_eq!(problem["pending_migrations"], applied.len());
    app.get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn a_service_without_its_database_is_alive_but_not_ready() {
    let app = TestApp::new().await;
    app.store.close().await;
    app.get("/health/live").await.expect(200);
    let answer = app.get("/health/ready").await;
    answer.expect_problem(503, "DATABASE_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some());
}

/// What stands between the service and its database: on PostgreSQL a link that can be cut, on SQLite somebody else
/// who writes and does not come to an end.
struct Outage {
    url: String,
    link: Option<Link>,
    held: Option<sea_orm::DatabaseConnection>,
}

impl Outage {
    async fn prepare(database: &Database) -> Self {
        let link = if on_postgres().is_some() { Some(Link::to(database).await) } else { None };
        let url = link.as_ref().map_or(&database.url, |link| &link.url).clone();
        Self { url, link, held: None }
    }

    async fn begin(&mut self, database: &Database) {
        match &self.link {
            Some(link) => link.cut(),
            None => self.held = Some(database.hold_orders().await),
        }
    }

    async fn end(self) -> Option<Link> {
        if let Some(held) = self.held {
            held.execute_unprepared("ROLLBACK").await.unwrap();
            held.close().await.unwrap();
        }
        self.link.inspect(Link::mend)
    }
}

#[tokio::test]
async fn an_order_sent_while_the_database_is_away_can_be_sent_again_and_is_there_once() {
    let database = Database::new().await;
    let mut outage = Outage::prepare(&database).await;
    // What goes before takes as long as it takes; only the service that meets the outage is in a hurry.
    let store = database.connect().await;
    let app = app_on(database, store);
    let before = app.partner().await;
    let (client_id, secret, token) = (before.client_id, before.secret, before.token);
    let options = DatabaseOptions {
        max_connections: 4,
        report_connections: 1,
        acquire_timeout: Duration::from_millis(300),
        ..options(&outage.url)
    };
    let hurried = Box::pin(found("a connection of one in a hurry", async || Store::connect(&options).await.ok())).await;
    let app = TestApp { router: TestApp::router_on(&hurried, &app.clock, |_| {}), ..app };
    let partner = Partner { app: &app, client_id, secret, token, key: &PARTNER_KEY };
    let signed = partner.sign();

    outage.begin(&app.database).await;
    for _ in 0..2 {
        let answer = partner.send_order(&signed, &order()).await;
        let problem = answer.expect_problem(503, "DATABASE_UNAVAILABLE");
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
        assert!(!answer.text.to_lowercase().contains("sql"), "nothing internal: {problem}");
    }
    app.get("/health/live").await.expect(200);
    app.get("/health/ready").await.expect_problem(503, "DATABASE_UNAVAILABLE");
    let _link = outage.end().await;

    // As often as the answer says so: in a hurry, even a whole database may come too late.
    let mut answer = partner.send_order(&signed, &order()).await;
    until("the order is taken", async || {
        if answer.status == 503 {
            answer = partner.send_order(&signed, &order()).await;
        }
        answer.status != 503
    })
    .await;
    answer.expect(201);
    assert_eq!(answer.header("idempotent-replayed"), None, "the refused ones left nothing");
    until("the service is ready", async || app.get("/health/ready").await.status == 200).await;
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn a_panic_is_answered_with_500_and_nothing_internal_and_the_service_goes_on() {
    let app = TestApp::new().await;
    let broken = Arc::new(AtomicBool::new(false));
    let (breaks, inner) = (Arc::clone(&broken), app.clock.clock());
    let clock = Clock::new(move || {
        assert!(!breaks.load(Ordering::SeqCst), "the inner works of the clock");
        inner.now()
    });
    let environment =
        [("SALES_ORDER_AUTH__JWT_SECRET".to_owned(), "a secret of more than 32 bytes, for a test".to_owned())];
    let config = config::load_from(&[], environment, &Overrides::default()).unwrap().config;
    let router = http::router(AppState::build(config, app.store.clone(), &clock).unwrap());
    let app = TestApp { router, ..app };
    let partner = app.partner().await;
    let signed = partner.sign();

    broken.store(true, Ordering::SeqCst);
    let answer = partner.send_order(&signed, &order()).await;
    let problem = answer.expect_problem(500, "INTERNAL_ERROR");
    assert!(!answer.text.contains("clock") && !answer.text.contains("panic"), "{problem}");
    let credentials = json!({"client_id": "nobody", "client_secret": "nothing"});
    app.post("/api/v1/auth/login", &credentials).await.expect_problem(500, "INTERNAL_ERROR");

    broken.store(false, Ordering::SeqCst);
    partner.send_order(&signed, &order()).await.expect(201);
}

#[tokio::test]
async fn metrics_with_an_address_of_their_own_are_nowhere_else_and_nothing_else_is_there() {
    let app = TestApp::new().await;
    let state = TestApp::state_in(&app.store, &app.clock, &[], |config| {
        config.metrics.listen = Some(([127, 0, 0, 1], 0).into());
    });
    let app = TestApp { router: http::router(state.clone()), ..app };
    app.get("/metrics").await.expect_problem(404, "NOT_FOUND");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(http::serve(listener, http::metrics_router(Some(&state)), app.server.clone(), pending(), pending()));
    let http = plain_http().build().unwrap();
    for (path, status) in [("/metrics", 200), ("/health/live", 404), ("/graphql", 404)] {
        assert_eq!(http.get(format!("{base}{path}")).send().await.unwrap().status(), status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_says_where_its_metrics_are_when_they_have_an_address_of_their_own() {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |command| {
        command.env("SALES_ORDER_METRICS__LISTEN", "127.0.0.1:0");
    });
    let http = plain_http().build().unwrap();
    assert_eq!(http.get(format!("{}/metrics", service.base)).send().await.unwrap().status(), 404);
    let log = service.stop();
    let line = log.lines().find(|line| line.contains("the metrics are served")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("127.0.0.1:"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_count_requests_by_route_and_orders_by_outcome() {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let signed = partner.sign();
    for _ in 0..3 {
        partner.create(&signed, None, &order()).await.unwrap().expect(201);
    }
    partner.create(&signed, None, &Value::Null).await.unwrap().expect_problem(400, "VALIDATION_FAILED");
    partner.get("/no/such/path/of/a/stranger").await.expect_problem(404, "NOT_FOUND");

    let answer = partner.get("/metrics").await;
    assert_eq!(answer.status, 200);
    let count = |labels: &str| {
        let line = answer.text.lines().find(|line| line.starts_with(labels));
        line.unwrap_or_else(|| panic!("no {labels} in {}", answer.text)).rsplit(' ').next().unwrap().to_owned()
    };
    let orders = r#"http_requests_total{method="POST",route="/api/v1/sales-orders",status="#;
    assert_eq!(count(&format!("{orders}\"201\"}}")), "3");
    assert_eq!(count(&format!("{orders}\"400\"}}")), "1");
    assert_eq!(count(r#"http_requests_total{method="GET",route="none",status="404"}"#), "1");
    assert_eq!(count(r#"sales_orders_total{outcome="created"}"#), "1");
    assert_eq!(count(r#"sales_orders_total{outcome="replayed"}"#), "2");
    let durations = r#"http_request_duration_seconds_count{method="POST",route="/api/v1/sales-orders"}"#;
    assert_eq!(count(durations), "4");
    assert!(!answer.text.contains("stranger"), "what strangers ask for has no end and must not become labels");
}
