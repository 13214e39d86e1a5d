//! HTTP/2 with prior knowledge on the same port: what is asked by it is answered as by HTTP/1.1.

mod limits;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, Response};
use h2::client::{Builder, SendRequest};
use h2::{Reason, RecvStream};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{ORDERS, Wire, start};
use crate::support::{TestApp, in_time, order, until};
use crate::transport::public_url::below_orders;

/// A client's connection.
struct Http2 {
    requests: SendRequest<Bytes>,
    ended: JoinHandle<Result<(), h2::Error>>,
}

/// What came of a request: its answer, or why its stream ended.
type Came = Result<(Response<()>, String), h2::Error>;

impl Http2 {
    async fn open(base: &str) -> Self {
        Self::open_with(base, &mut Builder::new()).await
    }

    async fn open_with(base: &str, builder: &mut Builder) -> Self {
        let stream = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
        let (requests, connection) = builder.handshake(stream).await.unwrap();
        Self { requests, ended: tokio::spawn(connection) }
    }

    /// Begins a request, whose body may go on.
    async fn begin(
        &self,
        request: Request<()>,
        body: &str,
        is_end: bool,
    ) -> Result<(h2::client::ResponseFuture, h2::SendStream<Bytes>), h2::Error> {
        let mut requests = in_time("room for a stream", self.requests.clone().ready()).await?;
        let (answer, mut sender) = requests.send_request(request, is_end && body.is_empty())?;
        if !body.is_empty() {
            sender.send_data(Bytes::copy_from_slice(body.as_bytes()), is_end)?;
        }
        Ok((answer, sender))
    }

    async fn ask(&self, request: Request<()>, body: &str) -> Came {
        let (answer, _sender) = self.begin(request, body, true).await?;
        let (head, body) = in_time("an answer", answer).await?.into_parts();
        Ok((Response::from_parts(head, ()), read(body).await?))
    }

    async fn get(&self, path: &str) -> Came {
        self.ask(get(path), "").await
    }

    /// How the service ended the connection.
    async fn ended(self) -> Option<Reason> {
        let ended = in_time("the end of the connection", self.ended).await.unwrap();
        // Without these the client itself would have ended it.
        drop(self.requests);
        ended.err().and_then(|error| error.reason())
    }
}

/// The rest of a body; whoever reads it makes room for more.
async fn read(mut body: RecvStream) -> Result<String, h2::Error> {
    let mut text = Vec::new();
    while let Some(data) = in_time("a piece of a body", body.data()).await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        text.extend_from_slice(&data);
    }
    Ok(String::from_utf8(text).unwrap())
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let request = Request::builder().method(method).uri(format!("http://test{path}"));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).unwrap()
}

fn get(path: &str) -> Request<()> {
    request("GET", path, &[])
}

fn post(path: &str, headers: &[(&str, &str)]) -> Request<()> {
    request("POST", path, &[headers, &[("content-type", "application/json")]].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_orders_and_a_dashboard_asks_exports_and_follows_on_one_connection() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let wire = Http2::open(&base).await;

    let (head, created) = wire.ask(post(ORDERS, &partner.sign().headers()), &order().to_string()).await.unwrap();
    assert_eq!(head.status(), 201, "{created}");
    let headers: &HeaderMap = head.headers();
    assert!(headers.contains_key("date") && headers.contains_key("x-request-id"), "{headers:?}");
    assert!(!headers.contains_key("connection") && !headers.contains_key("keep-alive"), "{headers:?}");
    assert_eq!(headers["content-length"], created.len().to_string());

    let authorization = dashboard.authorization();
    let bearer = [("authorization", authorization.as_str())];
    let query = json!({"query": "{ salesOrders { edges { node { orderNumber } } } }"}).to_string();
    let (_, answer) = wire.ask(post("/graphql", &bearer), &query).await.unwrap();
    assert!(answer.contains("SO-0000000001"), "{answer}");
    let (head, export) = wire.ask(request("GET", "/api/v1/sales-orders.jsonl", &bearer), "").await.unwrap();
    assert!(head.status() == 200 && export.lines().count() == 1, "{export}");

    let first = dashboard.graphql("{ salesOrderEvents(first: 1) { edges { cursor } } }", json!({})).await.data();
    let after = &first["salesOrderEvents"]["edges"][0]["cursor"];
    let follow = format!("subscription {{ salesOrderEvents(after: {after}) {{ orderNumber }} }}");
    let follow = json!({"query": follow}).to_string();
    let events = post("/graphql", &[bearer[0], ("accept", "text/event-stream")]);
    let (events, _sender) = wire.begin(events, &follow, true).await.unwrap();
    let mut events = in_time("the events", events).await.unwrap().into_body();
    let mut told = String::new();
    let mut next = async |expected: &str| {
        while !told.contains(expected) {
            let data = in_time(expected, events.data()).await.unwrap().unwrap();
            events.flow_control().release_capacity(data.len()).unwrap();
            told.push_str(std::str::from_utf8(&data).unwrap());
        }
    };
    for n in 2..5 {
        let key = n.to_string();
        let signed = partner.sign();
        let headers = [&signed.headers()[..], &[("idempotency-key", key.as_str())]].concat();
        let (head, created) = wire.ask(post(ORDERS, &headers), &order().to_string()).await.unwrap();
        assert_eq!(head.status(), 201, "{created}");
        next(&format!("SO-000000000{n}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_signs_the_path_that_it_calls_below_a_public_address() {
    let app = TestApp::with(below_orders).await;
    let base = app.listen().await;
    let partner = app.partner().await;
    let wire = Http2::open(&base).await;
    let body = order().to_string();
    // The proxy may take the path off or leave it on.
    for called in [ORDERS, "/orders/api/v1/sales-orders"] {
        let signed = partner.sign_body("/orders/api/v1/sales-orders", body.as_bytes());
        let (head, created) = wire.ask(post(called, &signed.headers()), &body).await.unwrap();
        assert_eq!(head.status(), 201, "{created}");
        let location = head.headers()["location"].to_str().unwrap();
        assert!(location.starts_with("https://api.example.com/orders/api/v1/sales-orders/SO-"), "{location}");
        let elsewhere = partner.sign_body("/elsewhere", body.as_bytes());
        assert_eq!(wire.ask(post(called, &elsewhere.headers()), &body).await.unwrap().0.status(), 401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_carries_a_thousand_requests_and_http_1_1_is_spoken_beside_it() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let wire = Http2::open(&base).await;
    for _ in 0..100 {
        let asked = (0..10).map(|_| wire.get("/health/live"));
        for came in futures_util::future::join_all(asked).await {
            assert_eq!(came.unwrap().0.status(), 200);
        }
    }
    let mut old = Wire::open(&base).await.unwrap();
    // In pieces, of which the first could be either.
    old.write("P").await;
    old.write("OST /nowhere HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    assert!(old.read_to_end().await.starts_with("HTTP/1.1 404"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preface_that_is_none_is_refused_by_http_1_1() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    for begins in ["PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "PRI * HTTP/1.1\r\n\r\n", "\u{0}\u{0}\u{0}\r\n\r\n"] {
        let mut wire = Wire::open(&base).await.unwrap();
        wire.write(begins).await;
        let answer = wire.read_to_end().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{begins}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authority_is_the_host_and_no_other_one_is_named() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let wire = Http2::open(&base).await;
    let with_host = |host| request("GET", "/health/live", &[("host", host)]);
    assert_eq!(wire.ask(with_host("TEST"), "").await.unwrap().0.status(), 200);
    for refused in [
        with_host("other.example"),
        request("GET", "/health/live", &[("host", "test"), ("host", "test")]),
        Request::get("http://user@test/health/live").body(()).unwrap(),
    ] {
        let (head, body) = wire.ask(refused, "").await.unwrap();
        assert!(head.status() == 400 && body.contains("INVALID_HEADER"), "{body}");
    }
    // A health check of a proxy may name none.
    let nameless = Request::get("/health/live").body(()).unwrap();
    assert_eq!(wire.ask(nameless, "").await.unwrap().0.status(), 200);
    // There is neither a handshake nor a tunnel; the connection goes on.
    let (head, body) = wire.get("/graphql/ws").await.unwrap();
    assert!(head.status() == 400 && body.contains("WebSocket"), "{body}");
    let tunnel = Request::builder().method("CONNECT").uri("test:80").body(()).unwrap();
    let (head, _) = wire.ask(tunnel, "").await.unwrap();
    assert!(head.status().is_client_error(), "{head:?}");
    let problem: Value = serde_json::from_str(&wire.get("/nowhere").await.unwrap().1).unwrap();
    assert_eq!((&problem["status"], &problem["instance"]), (&json!(404), &json!("/nowhere")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_told_to_stop_finishes_the_streams_it_began_and_says_that_it_goes() {
    let (database, service, partner) = start().await;
    let body = order().to_string();
    let (first_half, second_half) = body.split_at(body.len() / 2);
    let idle = Http2::open(&service.base).await;
    assert_eq!(idle.get("/health/live").await.unwrap().0.status(), 200);
    let busy = Http2::open(&service.base).await;
    let signed = partner.sign();
    let expecting = [&signed.headers()[..], &[("expect", "100-continue")]].concat();
    let (mut answer, mut sender) = busy.begin(post(ORDERS, &expecting), "", false).await.unwrap();
    let told = std::future::poll_fn(|cx| answer.poll_informational(cx));
    assert_eq!(in_time("leave to go on", told).await.unwrap().unwrap().status(), 100);
    sender.send_data(Bytes::copy_from_slice(first_half.as_bytes()), false).unwrap();
    service.ask_to_stop();
    until("a connection that is refused", async || Wire::open(&service.base).await.is_err()).await;
    assert_eq!(idle.ended().await, None);
    sender.send_data(Bytes::copy_from_slice(second_half.as_bytes()), true).unwrap();
    let (head, body) = in_time("an answer", answer).await.unwrap().into_parts();
    assert_eq!(head.status, 201);
    assert!(read(body).await.unwrap().contains("SO-0000000001"));
    assert_eq!(busy.ended().await, None);
    let log = service.wait();
    assert!(log.contains("\"message\":\"stopped\"") && !log.contains("given up"), "{log}");
    assert_eq!(database.whole_orders(2).await, 1);
}
