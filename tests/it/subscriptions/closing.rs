//! Both sides of a connection's end (RFC 6455 §5.5.1, §7): a Close is answered with a Close, and then TCP ends, without a
//! reset.

use std::future::pending;

use sales_order_api::{http, telemetry};
use serde_json::json;
use tokio::net::TcpListener;

use super::FOLLOW;
use crate::support::frames::{BINARY, CLOSE, Frames, PING, TEXT};
use crate::support::{TestApp, in_time, keep_metrics, until};

fn payload(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason].concat()
}

fn subscribe(query: &str) -> serde_json::Value {
    json!({"id": "1", "type": "subscribe", "payload": {"query": query, "variables": {"after": "ZTA"}}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_close_is_answered_with_its_code_whatever_the_connection_does() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let token = app.dashboard().await.token;
    let payloads = [
        Vec::new(),
        payload(1000, b""),
        payload(1000, "done, übrigens".as_bytes()),
        payload(1001, b""),
        payload(1003, b""),
        payload(1007, b""),
        payload(1011, b""),
        payload(3000, b""),
        payload(4000, b"ours"),
        payload(4999, b""),
    ];
    for sent in payloads {
        for state in ["before init", "after init", "during a query", "in a subscription", "with two messages under way"]
        {
            let mut frames = match state {
                "before init" => Frames::open(&base, "/graphql/ws").await,
                _ => Frames::log_in(&base, &token).await,
            };
            match state {
                "during a query" => frames.send_json(&subscribe("{ salesOrderSummary { totals { orders } } }")).await,
                "in a subscription" => frames.send_json(&subscribe(FOLLOW)).await,
                "with two messages under way" => {
                    frames.send_json(&json!({"type": "ping"})).await;
                    frames.send(PING, b"there?").await;
                }
                _ => {}
            }
            frames.send(CLOSE, &sent).await;
            assert_eq!(frames.close().await, sent, "{state}");
            assert_eq!(frames.next().await, None, "{state}: TCP ends after it");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_that_nobody_may_send_is_answered_as_a_breach_of_the_protocol() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let refused = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
    let refused = refused.into_iter().map(|code| (payload(code, b""), 1002));
    let others = [(vec![3], 1002), (payload(1000, b"\xff\xfe"), 1007)];
    for (sent, code) in refused.chain(others) {
        let mut frames = Frames::open(&base, "/graphql/ws").await;
        frames.send(CLOSE, &sent).await;
        assert_eq!(frames.closed().await.0, code, "{sent:?}");
        assert_eq!(frames.next().await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_ends_the_connection_with_the_code_that_says_why() {
    let app = TestApp::with(|config| config.http.max_body_bytes = 100_000).await;
    let base = app.listen().await;
    let token = app.dashboard().await.token;
    let large = vec![b' '; 100_001];
    let unmasked = [TEXT, 2, b'{', b'}'];
    let long_control = [b'x'; 126];
    for (what, frames_sent, code) in [
        ("more than a message may have", vec![(TEXT, &large[..])], 1009),
        ("the same in two frames", vec![(0x01, &large[..60_000]), (0x80, &large[..60_000])], 1009),
        ("many times as much", vec![(TEXT, &large.repeat(200)[..])], 1009),
        ("binary of that size", vec![(BINARY, &large[..])], 1009),
        ("a text that is not UTF-8", vec![(TEXT, &b"\xc3\x28"[..])], 1007),
        ("the same in two frames", vec![(0x01, &b"\xc3"[..]), (0x80, &b"\x28"[..])], 1007),
        ("an opcode that is none", vec![(0x83, &b"{}"[..])], 1002),
        ("a control frame that is none", vec![(0x8b, &b""[..])], 1002),
        ("a reserved bit", vec![(0xc1, &b"{}"[..])], 1002),
        ("a continuation of nothing", vec![(0x80, &b"{}"[..])], 1002),
        ("a message within another", vec![(0x01, &b"{"[..]), (TEXT, &b"{}"[..])], 1002),
        ("a ping in pieces", vec![(0x09, &b""[..])], 1002),
        ("a ping that is too long", vec![(PING, &long_control[..])], 1002),
        ("a close that is too long", vec![(CLOSE, &long_control[..])], 1002),
    ] {
        let mut frames = Frames::log_in(&base, &token).await;
        for (head, payload) in frames_sent {
            frames.send(head, payload).await;
        }
        let (told, reason) = frames.closed().await;
        assert_eq!(told, code, "{what}: {reason}");
        assert!(!reason.is_empty(), "{what}");
        // Who reads the Close answers it, as it must.
        frames.send(CLOSE, &payload(code, b"")).await;
        assert_eq!(frames.next().await, None, "{what}");
    }
    let mut frames = Frames::log_in(&base, &token).await;
    frames.send_bytes(&unmasked).await;
    assert_eq!(frames.closed().await.0, 1002);
    // Whatever a body may have, a message has at most a mebibyte.
    let roomy = TestApp::with(|config| config.http.max_body_bytes = 4 << 20).await;
    let mut frames = Frames::open(&roomy.listen().await, "/graphql/ws").await;
    frames.send(TEXT, &vec![b' '; (1 << 20) + 1]).await;
    assert_eq!(frames.closed().await, (1009, "A message has at most 1048576 bytes".to_owned()));
    // What a message may have is read.
    let mut frames = Frames::log_in(&base, &token).await;
    let padding = " ".repeat(100_000 - json!({"type": "ping"}).to_string().len());
    frames.send(TEXT, format!("{}{padding}", json!({"type": "ping"})).as_bytes()).await;
    assert_eq!(frames.next().await, Some((TEXT, br#"{"type":"pong"}"#.to_vec())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_tells_why_it_closes_waits_for_the_answer_and_ends_tcp_all_the_same() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let token = app.dashboard().await.token;
    let former = |kind: &str| {
        format!(
            "unknown type \"{kind}\": that is the old subscriptions-transport-ws protocol; speak graphql-transport-ws"
        )
    };
    for (message, code, reason) in [
        (json!({"type": "start", "id": "1", "payload": {"query": FOLLOW}}), 4400, former("start")),
        (json!({"type": "stop", "id": "1"}), 4400, former("stop")),
        (json!({"type": "connection_terminate"}), 4400, former("connection_terminate")),
        (json!({"type": "subscribed"}), 4400, "Invalid message: unknown type \"subscribed\"".to_owned()),
        (json!({"type": 1}), 4400, "Invalid message: type must be a text".to_owned()),
        (json!({"type": "connection_init"}), 4429, "Too many initialisation requests".to_owned()),
    ] {
        for answers in [true, false] {
            let mut frames = Frames::log_in(&base, &token).await;
            frames.send_json(&message).await;
            assert_eq!(frames.closed().await, (code, reason.clone()));
            if answers {
                frames.send(CLOSE, &payload(code, b"")).await;
            }
            assert_eq!(frames.next().await, None, "{message}, answered: {answers}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stops_closes_every_connection_and_has_ended_when_all_are_answered() {
    let app = TestApp::new().await;
    let token = app.dashboard().await.token;
    let state = TestApp::state_in(&app.store, &app.clock, &[], |_| {});
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(http::serve(listener, http::router(state.clone()), app.server.clone(), pending(), pending()));
    let silent = Frames::open(&base, "/graphql/ws").await;
    let mut following = Frames::log_in(&base, &token).await;
    following.send_json(&subscribe(FOLLOW)).await;
    let mut closing = Frames::log_in(&base, &token).await;
    closing.send_json(&json!({"type": "ping"})).await;
    closing.next().await;
    state.stop_streams();
    for mut frames in [silent, following, closing] {
        let (code, reason) = frames.closed().await;
        assert_eq!((code, reason.as_str()), (1001, "The service is stopping; connect again"));
        frames.send(CLOSE, &payload(1001, b"")).await;
        assert_eq!(frames.next().await, None);
    }
    in_time("the end of every stream", state.streams_ended()).await;
}

/// Many clients know one path, that of GraphQL over HTTP.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_at_graphql_is_one_at_graphql_ws() {
    keep_metrics();
    let app = TestApp::with(|config| config.http.max_sockets_per_address = 1).await;
    let base = app.listen().await;
    let dashboard = app.dashboard().await;
    let mut frames = Frames::open(&base, "/graphql").await;
    // The limits are those of the other path.
    let handshake = axum::http::Request::get("/graphql")
        .header("connection", "upgrade")
        .header("upgrade", "WebSocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
    let refused = head_of_handshake(&base, "/graphql").await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    frames
        .send_json(&json!({"type": "connection_init", "payload": {"authorization": dashboard.authorization()}}))
        .await;
    assert_eq!(frames.next().await, Some((TEXT, br#"{"type":"connection_ack"}"#.to_vec())));
    // What runs there is logged and counted by the path on which the client came.
    frames.send_json(&subscribe("{ __typename }")).await;
    until("the operation is counted", async || {
        let counted = "http_requests_total{method=\"WS\",route=\"/graphql\",status=\"200\"}";
        telemetry::render_metrics(|| ()).contains(counted)
    })
    .await;
    frames.send(CLOSE, &payload(1000, b"")).await;
    assert_eq!(frames.closed().await.0, 1000);
    // A foreign page is refused there too, a version that is not spoken is told which one is, and GET is still for queries.
    let foreign = handshake.header("origin", "https://evil.example").body(axum::body::Body::empty()).unwrap();
    assert_eq!(app.send(foreign).await.status, 403);
    let older = axum::http::Request::get("/graphql")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "8")
        .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
    let refused = app.send(older.body(axum::body::Body::empty()).unwrap()).await;
    refused.expect_problem(400, "INVALID_HEADER");
    assert_eq!(refused.header("sec-websocket-version"), Some("13"));
    assert_eq!(dashboard.get("/graphql?query=%7B__typename%7D").await.data()["__typename"], "Query");
}

/// The head of the answer to a further handshake.
async fn head_of_handshake(base: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    let handshake = format!(
        "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
    );
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    in_time("the answer", stream.read_exact(&mut head)).await.unwrap();
    String::from_utf8(head.to_vec()).unwrap()
}
