//! Connections that do nothing, or read nothing, or are too many.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::SinkExt as _;
use futures_util::future::join_all;
use serde_json::json;
use socket2::{Domain, Socket as RawSocket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::Wire;
use crate::support::{PATIENCE, Partner, TestApp, in_time, order, until};

fn address_of(base: &str) -> SocketAddr {
    base.trim_start_matches("http://").parse().unwrap()
}

/// A connection whose system takes hardly anything that is not read.
fn narrow(base: &str) -> TcpStream {
    let socket = RawSocket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    socket.connect(&address_of(base).into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    TcpStream::from_std(socket.into()).unwrap()
}

/// A connection from another address of this machine.
async fn open_from(source: &str, base: &str) -> Wire {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{source}:0").parse().unwrap()).unwrap();
    Wire(socket.connect(address_of(base)).await.unwrap())
}

async fn is_cut(stream: &TcpStream) {
    in_time("the connection is cut", stream.ready(Interest::ERROR)).await.unwrap();
}

/// The largest file of the pages, which `make web` builds.
fn largest_file() -> String {
    let dist = concat!(env!("CARGO_MANIFEST_DIR"), "/web/dist/assets");
    let files = std::fs::read_dir(dist).unwrap().map(|entry| entry.unwrap());
    let gzip = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "gz"));
    let largest = gzip.max_by_key(|file| file.metadata().unwrap().len()).unwrap();
    format!("/assets/{}", largest.file_name().to_str().unwrap().trim_end_matches(".gz"))
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_nothing_of_an_answer_is_cut_off() {
    let app = TestApp::with(|config| config.http.write_timeout = Duration::from_millis(300)).await;
    let base = app.listen().await;
    let mut stream = narrow(&base);
    stream.write_all(get(&largest_file()).as_bytes()).await.unwrap();
    is_cut(&stream).await;
}

/// A dashboard's subscription whose every event is large, from the first event on.
pub async fn large_events(app: &TestApp) -> (Partner<'_>, String) {
    let partner = app.partner().await;
    let mut order = order();
    order["address"] = json!("x".repeat(1000));
    for n in 0..20 {
        partner.create_with_key(&n.to_string(), &order).await.expect(201);
    }
    let dashboard = app.dashboard().await;
    let query = "{ salesOrderEvents(first: 1) { edges { cursor } } }";
    let first = dashboard.graphql(query, json!({})).await.data();
    let after = first["salesOrderEvents"]["edges"][0]["cursor"].as_str().unwrap().to_owned();
    let addresses = (0..90).map(|n| format!("a{n}: address ")).collect::<String>();
    let follow = format!("subscription {{ salesOrderEvents(after: \"{after}\") {{ salesOrder {{ {addresses} }} }} }}");
    (dashboard, follow)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_reads_nothing_is_cut_off_sooner_over_either_wire() {
    let app = TestApp::with(|config| config.http.subscription_write_timeout = Duration::from_millis(300)).await;
    let base = app.listen().await;
    let (dashboard, follow) = large_events(&app).await;

    let mut events = narrow(&base);
    let body = json!({"query": follow}).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\naccept: text/event-stream\r\n\
         authorization: {}\r\ncontent-length: {}\r\n\r\n{body}",
        dashboard.authorization(),
        body.len()
    );
    events.write_all(request.as_bytes()).await.unwrap();
    is_cut(&events).await;

    let mut request = format!("{}/graphql/ws", base.replacen("http", "ws", 1)).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    request.headers_mut().insert("authorization", dashboard.authorization().parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, narrow(&base)).await.unwrap();
    for message in
        [json!({"type": "connection_init"}), json!({"type": "subscribe", "id": "1", "payload": {"query": follow}})]
    {
        socket.send(Message::text(message.to_string())).await.unwrap();
    }
    is_cut(socket.get_ref()).await;
    assert!(app.get("/health/ready").await.status == 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_ends_after_what_was_announced_and_not_before() {
    let app = TestApp::with(|config| {
        config.http.header_timeout = Duration::from_secs(1);
        config.http.idle_timeout = Duration::from_secs(1);
    })
    .await;
    let base = app.listen().await;
    // One that is answered at once, and one for which the connection waits meanwhile.
    let ends = ["/health/live", "/health/ready"].map(async |path| {
        let mut wire = Wire::open(&base).await.unwrap();
        let mut asked = Instant::now();
        for _ in 0..2 {
            asked = Instant::now();
            wire.write(&get(path)).await;
            let head = wire.read_head().await;
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            assert!(
                head.contains("keep-alive: timeout=1\r\n") && head.contains("connection: keep-alive\r\n"),
                "{head}"
            );
            wire.read_body(&head).await;
        }
        assert_eq!(wire.read_to_end().await, "");
        // Longer than a head may take, and a second longer than announced: whoever keeps to that never sends into the end.
        assert!(asked.elapsed() >= Duration::from_secs(2), "{path}: {:?}", asked.elapsed());
    });
    join_all(ends).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_does_not_come_to_an_end_is_not_waited_for() {
    let app = TestApp::with(|config| config.http.header_timeout = Duration::from_millis(200)).await;
    let base = app.listen().await;
    let mut silent = Wire::open(&base).await.unwrap();
    assert_eq!(silent.read_to_end().await, "");
    let mut slow = Wire::open(&base).await.unwrap();
    slow.write("GET /health/live HTTP/1.1\r\nhost: te").await;
    assert_eq!(slow.read_to_end().await, "");
    // Nor for the second one, after a first that was good.
    let mut slow = Wire::open(&base).await.unwrap();
    slow.write(&format!("{}G", get("/health/live"))).await;
    let head = slow.read_head().await;
    slow.read_body(&head).await;
    slow.write("ET ").await;
    assert_eq!(slow.read_to_end().await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_of_30_kib_is_read_and_one_of_256_kib_refused() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    for (bytes, status) in [(30 * 1024, "200"), (256 * 1024, "431")] {
        let mut wire = Wire::open(&base).await.unwrap();
        let long = "a".repeat(bytes);
        wire.write(&format!("GET /health/live HTTP/1.1\r\nhost: test\r\nx-long: {long}\r\n\r\n")).await;
        let head = wire.read_head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes}: {head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_closes_or_speaks_the_older_protocol_is_promised_nothing() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    for request in [
        "GET /health/live HTTP/1.1\r\nhost: test\r\nconnection: Close\r\n\r\n",
        "GET /health/live HTTP/1.0\r\nhost: test\r\n\r\n",
    ] {
        let mut wire = Wire::open(&base).await.unwrap();
        wire.write(request).await;
        let answer = wire.read_to_end().await;
        assert!(answer.contains(" 200 OK") && !answer.contains("keep-alive"), "{answer}");
    }
    let mut wire = Wire::open(&base).await.unwrap();
    wire.write(&get("/health/live")).await;
    assert!(wire.read_head().await.contains("keep-alive: timeout=75\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_body_reaches_a_client_that_is_still_sending() {
    let app = TestApp::with(|config| config.http.max_body_bytes = 1000).await;
    let base = app.listen().await;
    for _ in 0..20 {
        let mut wire = Wire::open(&base).await.unwrap();
        let head =
            "POST /graphql HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 300000\r\n\r\n";
        wire.write(head).await;
        wire.write(&" ".repeat(300_000)).await;
        let answer = wire.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
}

/// A connection that is at work: a request whose body does not come.
async fn busy(mut wire: Wire) -> Wire {
    wire.write(
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\
         expect: 100-continue\r\n\r\n",
    )
    .await;
    assert_eq!(wire.read_head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    wire
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_so_many_connections_and_its_idle_ones_make_room() {
    let app = TestApp::with(|config| {
        config.http.max_connections_per_address = 2;
        config.http.request_timeout = PATIENCE * 2;
    })
    .await;
    let base = app.listen().await;
    let mut idle = Wire::open(&base).await.unwrap();
    idle.write(&get("/health/ready")).await;
    let head = idle.read_head().await;
    idle.read_body(&head).await;
    let _first = busy(Wire::open(&base).await.unwrap()).await;
    let _second = busy(Wire::open(&base).await.unwrap()).await;
    assert_eq!(idle.read_to_end().await, "");
    // One more is for asking how the service is, and for nothing else.
    let mut probe = Wire::open(&base).await.unwrap();
    probe.write(&get("/health/ready")).await;
    let healthy = probe.read_to_end().await;
    assert!(healthy.starts_with("HTTP/1.1 200 "), "{healthy}");
    let mut over = Wire::open(&base).await.unwrap();
    over.write(&get("/docs")).await;
    let refused = over.read_to_end().await;
    assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("retry-after: 1\r\n"), "{refused}");
    let (_, body) = refused.split_once("\r\n\r\n").unwrap();
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&problem["code"], &problem["status"]), (&json!("RATE_LIMITED"), &json!(429)), "{problem}");
    // Another address is not concerned.
    busy(open_from("127.0.0.2", &base).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_connections_are_all_at_work_still_says_how_it_is() {
    let app = TestApp::with(|config| {
        config.http.max_connections = 2;
        config.http.request_timeout = PATIENCE * 2;
    })
    .await;
    let base = app.listen().await;
    let first = busy(open_from("127.0.0.1", &base).await).await;
    let second = busy(open_from("127.0.0.2", &base).await).await;
    let ask = async |request: &str| {
        let mut wire = open_from("127.0.0.3", &base).await;
        wire.write(request).await;
        wire.read_to_end().await
    };
    // Connections that say nothing do not fill what is kept for that.
    let silent: Vec<_> = join_all((4..40).map(|n| {
        let base = base.clone();
        async move { open_from(&format!("127.0.0.{n}"), &base).await }
    }))
    .await;
    for path in ["/health/live", "/health/ready"] {
        let answer = ask(&get(path)).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close\r\n"), "{answer}");
    }
    let answer = ask(&get("/api/v1/sales-orders/SO-0000000001")).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("OVERLOADED"), "{answer}");
    drop((first, second, silent));
    let last = get("/schema.graphql").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    until("room for one more", async || ask(&last).await.starts_with("HTTP/1.1 200")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_that_come_and_go_leave_no_trace() {
    let app = TestApp::with(|config| config.http.max_connections_per_address = 20).await;
    let base = app.listen().await;
    for n in 0..1000 {
        let mut wire = Wire::open(&base).await.unwrap();
        if n % 2 == 0 {
            // The system may have been told already that the connection was refused.
            let _ = wire.0.write_all(b"GET /").await;
        }
    }
    until("an answer", async || {
        let mut wire = Wire::open(&base).await.unwrap();
        let sent: io::Result<()> = wire.0.write_all(get("/health/live").as_bytes()).await;
        let mut answer = [0; 12];
        sent.is_ok() && wire.0.read_exact(&mut answer).await.is_ok() && answer.ends_with(b"200")
    })
    .await;
}
