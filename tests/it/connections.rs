//! Callers that are slow, send too much or hang up, and a service that is told to stop meanwhile.

mod files;
mod http2;
mod limits;
mod stopping;

use std::io;
use std::process::Command;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{FutureExt as _, stream};
use sea_orm::ConnectionTrait as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use crate::support::{Answer, Database, MemoryLog, Process, Remote, Signed, TestApp, in_time, order, until};

const ORDERS: &str = "/api/v1/sales-orders";

/// A connection on which every byte is the test's own.
struct Wire(TcpStream);

impl Wire {
    async fn open(base: &str) -> io::Result<Self> {
        TcpStream::connect(base.trim_start_matches("http://")).await.map(Self)
    }

    async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads up to the end of a head without a body.
    async fn read_head(&mut self) -> String {
        let mut head = Vec::new();
        in_time("the head of an answer", async {
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.0.read_u8().await.unwrap());
            }
        })
        .await;
        String::from_utf8(head).unwrap()
    }

    /// Reads the body that a head announces.
    async fn read_body(&mut self, head: &str) -> String {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        in_time("the body of an answer", self.0.read_exact(&mut body)).await.unwrap();
        String::from_utf8(body).unwrap()
    }

    /// Reads until the service closes the connection.
    async fn read_to_end(&mut self) -> String {
        let mut rest = String::new();
        in_time("the end of the connection", self.0.read_to_string(&mut rest)).await.unwrap();
        rest
    }

    /// Sends a request's head and waits until the service asks for the body: from then on it is at work on it.
    async fn begin(base: &str, signed: &Signed, length: usize) -> Self {
        let mut wire = Self::open(base).await.unwrap();
        wire.write(&format!("{}expect: 100-continue\r\n\r\n", head(signed, length))).await;
        assert_eq!(wire.read_head().await, "HTTP/1.1 100 Continue\r\n\r\n");
        wire
    }
}

/// A request's head without the empty line that ends it.
fn head(signed: &Signed, length: usize) -> String {
    let headers = signed.headers().map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    format!(
        "POST {ORDERS} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}"
    )
}

async fn start() -> (Database, Process, Remote) {
    start_with(|_| {}).await
}

async fn start_with(change: impl FnOnce(&mut Command)) -> (Database, Process, Remote) {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, change);
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    (database, service, partner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_told_to_stop_finishes_what_it_began_and_takes_nothing_new() {
    let (database, service, partner) = start().await;
    let base = service.base.clone();
    let body = order().to_string();
    let (first_half, second_half) = body.split_at(body.len() / 2);
    let mut idle = Wire::open(&base).await.unwrap();
    idle.write("GET /health/live HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert!(idle.read_head().await.starts_with("HTTP/1.1 200"));
    let mut busy = Wire::begin(&base, &partner.sign(), body.len()).await;
    busy.write(first_half).await;

    service.ask_to_stop();
    until("a connection that is refused", async || Wire::open(&base).await.is_err()).await;
    idle.read_to_end().await;
    busy.write(second_half).await;
    let answer = busy.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(answer.contains("SO-0000000001"), "{answer}");
    let log = service.wait();
    assert!(log.contains("\"message\":\"stopped\""), "{log}");
    assert_eq!(database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn a_service_told_to_stop_as_soon_as_it_listens_stops_well() {
    let database = Database::new().await;
    for _ in 0..10 {
        Process::serve(database.folder.path(), &database.url, |_| {}).stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_hangs_longer_than_the_service_waits_does_not_keep_it_from_stopping() {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |command| {
        command.env("SALES_ORDER_HTTP__SHUTDOWN_TIMEOUT", "50ms");
    });
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let mut hanging = Wire::begin(&service.base, &partner.sign(), 1000).await;
    let log = service.stop();
    assert!(log.contains("requests still under way were given up"), "{log}");
    hanging.read_to_end().await;
    assert_eq!(database.whole_orders(2).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_leaves_nothing_and_the_service_goes_on() {
    let (database, service, partner) = start().await;
    let signed = partner.sign();
    let body = order().to_string();
    let mut wire = Wire::begin(&service.base, &signed, body.len()).await;
    wire.write(&body[..body.len() / 2]).await;
    wire.0.shutdown().await.unwrap();
    let answer = wire.read_to_end().await;
    assert!(!answer.contains("HTTP/1.1 2"), "{answer}");
    for _ in 0..20 {
        let mut wire = Wire::begin(&service.base, &signed, body.len()).await;
        wire.write(&body[..body.len() - 1]).await;
    }
    assert_eq!(database.whole_orders(2).await, 0);
    let answer = partner.create(&signed, None, &order()).await.unwrap();
    answer.expect(201);
    assert_eq!(answer.header("idempotent-replayed"), None);
    service.stop();
    assert_eq!(database.whole_orders(2).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_hangs_up_before_the_answer_is_logged_as_499_and_can_send_again() {
    let (database, service, partner) = start().await;
    let signed = partner.sign();
    let body = order().to_string();
    let held = database.hold_orders().await;
    let mut wire = Wire::begin(&service.base, &signed, body.len()).await;
    wire.write(&body).await;
    drop(wire);
    let counted = r#"http_requests_total{method="POST",route="/api/v1/sales-orders",status="499"} 1"#;
    until("the service notices", async || partner.get("/metrics").await.text.contains(counted)).await;
    held.execute_unprepared("ROLLBACK").await.unwrap();
    held.close().await.unwrap();

    partner.create(&signed, None, &order()).await.unwrap().expect(201);
    assert_eq!(database.whole_orders(2).await, 1);
    let log = service.stop();
    let line = log.lines().find(|line| line.contains("\"status\":499")).unwrap();
    assert!(line.contains("\"route\":\"/api/v1/sales-orders\""), "{line}");
}

#[tokio::test]
async fn a_caller_that_gives_up_while_sending_is_logged_as_499() {
    let app = TestApp::new().await;
    let (log, logging) = MemoryLog::begin();
    let request = TestApp::post_request(ORDERS, &[], never_ending());
    // Begun, not finished, and gone: what the server does with the request of a caller that hung up.
    assert!(app.router.clone().oneshot(request).now_or_never().is_none());
    drop(logging);
    let log = log.text();
    assert!(log.contains("\"status\":499") && log.contains(ORDERS), "{log}");
}

fn never_ending() -> Body {
    Body::from_stream(stream::pending::<io::Result<Bytes>>())
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_answered_with_408() {
    let app = TestApp::new().await;
    let hurried = TestApp::router_on(&app.store, &app.clock, |config| {
        config.http.request_timeout = Duration::from_millis(500);
    });
    for path in [ORDERS, "/api/v1/auth/login", "/graphql"] {
        let request = TestApp::post_request(path, &[], never_ending());
        let answer = Answer::read(hurried.clone().oneshot(request).await.unwrap()).await;
        answer.expect_problem(408, "REQUEST_TIMEOUT");
    }
    app.get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_or_not_its_length_is_announced() {
    let app = TestApp::with(|config| config.http.max_body_bytes = 2000).await;
    let partner = app.partner().await;
    let signed = partner.sign();
    for path in [ORDERS, "/graphql"] {
        let announced = [&signed.headers()[..], &[("content-length", "2001")]].concat();
        let problem = app.post_text(path, &announced, never_ending()).await.expect_problem(413, "PAYLOAD_TOO_LARGE");
        assert_eq!(problem["limit_bytes"], 2000);
        // No end, so it is refused for what arrived and not for what would.
        let chunks = stream::repeat_with(|| io::Result::Ok(Bytes::from_static(&[b' '; 100])));
        let unannounced = app.post_text(path, &signed.headers(), Body::from_stream(chunks)).await;
        unannounced.expect_problem(413, "PAYLOAD_TOO_LARGE");
    }
    assert_eq!(app.database.whole_orders(2).await, 0);

    let body = order().to_string();
    let largest = body.clone() + &" ".repeat(2000 - body.len());
    app.post_text(ORDERS, &signed.headers(), largest).await.expect(201);
}
