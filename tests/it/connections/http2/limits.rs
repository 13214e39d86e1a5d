//! Streams that do nothing, or read nothing, or are too many: each is held to what a connection of HTTP/1.1 is.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use h2::client::ResponseFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::limits::large_events;
use super::*;
use crate::support::{PATIENCE, found};

/// A client that takes so many bytes of each answer, until it makes room for more.
fn taking(bytes: u32) -> Builder {
    let mut builder = Builder::new();
    builder.initial_window_size(bytes);
    builder
}

/// A request that is at work until its body of nine bytes comes; none where it is answered without.
async fn busy(wire: &Http2) -> Option<(ResponseFuture, h2::SendStream<Bytes>)> {
    let waiting = post("/graphql", &[("content-length", "9"), ("expect", "100-continue")]);
    let (mut answer, sender) = wire.begin(waiting, "", false).await.ok()?;
    let told = in_time("leave to go on", poll_fn(|cx| answer.poll_informational(cx))).await;
    told?.ok().map(|_| (answer, sender))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_whose_answer_nobody_takes_is_ended_and_the_others_of_its_connection_go_on() {
    let app = TestApp::with(|config| config.http.write_timeout = Duration::from_millis(300)).await;
    let base = app.listen().await;
    for window in [0, 1, 20_000] {
        let wire = Http2::open_with(&base, &mut taking(window)).await;
        let (answer, _sender) = wire.begin(get("/schema.graphql"), "", true).await.unwrap();
        let mut stalled = in_time("the head", answer).await.unwrap().into_body();
        // What there was room for has come, and no more than that.
        let mut taken = 0;
        let ended = loop {
            match in_time("the end of the stream", stalled.data()).await {
                Some(Ok(data)) => taken += data.len(),
                Some(Err(error)) => break error.reason(),
                None => panic!("the whole answer came"),
            }
        };
        assert_eq!((ended, taken), (Some(Reason::CANCEL), window as usize));
        // Whoever makes room is served on, also a byte at a time.
        if window > 0 {
            assert_eq!(wire.get("/health/live").await.unwrap().0.status(), 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_takes_nothing_is_ended_sooner_and_its_slots_are_free_again() {
    let app = TestApp::with(|config| {
        config.http.subscription_write_timeout = Duration::from_millis(300);
        config.http.write_timeout = PATIENCE;
        config.http.max_connections_per_address = 4;
    })
    .await;
    let base = app.listen().await;
    let (dashboard, follow) = large_events(&app).await;
    let (authorization, follow) = (dashboard.authorization(), json!({"query": follow}).to_string());
    let wire = Http2::open_with(&base, &mut taking(0)).await;
    for _ in 0..3 {
        let followers = join_all((0..4).map(|_| async {
            let events = post("/graphql", &[("authorization", &authorization), ("accept", "text/event-stream")]);
            let (answer, _sender) = wire.begin(events, &follow, true).await.unwrap();
            let (head, body) = in_time("the head", answer).await.unwrap().into_parts();
            assert_eq!(head.status, 200);
            read(body).await.unwrap_err().reason()
        }));
        assert_eq!(followers.await, [Some(Reason::CANCEL); 4]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_as_many_streams_as_connections_and_idle_ones_make_room_for_them() {
    let app = TestApp::with(|config| {
        config.http.max_connections_per_address = 4;
        config.http.request_timeout = PATIENCE * 2;
    })
    .await;
    let base = app.listen().await;
    let idle = Http2::open(&base).await;
    assert_eq!(idle.get("/health/live").await.unwrap().0.status(), 200);
    let wire = Http2::open(&base).await;
    let mut busy_streams = Vec::new();
    for _ in 0..4 {
        // The client has an answer a moment before the service knows that the connection is idle.
        busy_streams.push(found("a slot", async || busy(&wire).await).await);
    }
    assert_eq!(idle.ended().await, None, "told to go, and that nothing was lost");
    // More are told why, and how the service is; beyond a few, only that they were not looked at.
    let (head, body) = wire.get("/schema.graphql").await.unwrap();
    assert!(head.status() == 429 && head.headers()["retry-after"] == "1" && body.contains("RATE_LIMITED"), "{body}");
    assert_eq!(wire.get("/health/live").await.unwrap().0.status(), 200);
    let more = Http2::open(&base).await;
    assert_eq!(more.get("/docs").await.unwrap().0.status(), 429);
    assert_eq!(more.ended().await, None, "it was for asking how the service is");
    let mut old = Wire::open(&base).await.unwrap();
    old.write("GET /docs HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert!(old.read_to_end().await.starts_with("HTTP/1.1 429"));
    busy_streams.clear();
    until("room", async || wire.get("/schema.graphql").await.is_ok_and(|(head, _)| head.status() == 200)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_streams_than_a_connection_may_have_are_refused() {
    let app = TestApp::with(|config| config.http.request_timeout = PATIENCE * 2).await;
    let base = app.listen().await;
    // A client that does not wait to be told how many there may be: each is a POST whose body never comes.
    let mut wire = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    wire.write_all(&waiting_streams(1..500)).await.unwrap();
    // The first hundred are at work, and the connection outlives as many refusals and more.
    for _ in 0..150 {
        let (stream, code) = in_time("a refusal", next_reset(&mut wire)).await.expect("the connection goes on");
        assert!(stream > 200 && code == 7, "{stream}: {code}");
    }
}

/// The beginning of a connection with requests on these streams, of which each waits for its body.
fn waiting_streams(streams: std::ops::Range<u32>) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let head = b"\x83\x86\x44\x08/graphql\x41\x04test\x5f\x10application/json";
    for stream in streams.step_by(2) {
        bytes.extend([0, 0, u8::try_from(head.len()).unwrap(), 1, 4]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(head);
    }
    bytes
}

/// The next stream that the service ends, and why; none when the connection has ended.
async fn next_reset(wire: &mut TcpStream) -> Option<(u32, u8)> {
    loop {
        let mut frame = [0; 9];
        wire.read_exact(&mut frame).await.ok()?;
        let mut rest = vec![0; usize::from(u16::from_be_bytes([frame[1], frame[2]]))];
        wire.read_exact(&mut rest).await.ok()?;
        if frame[3] == 3 {
            return Some((u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]), rest[3]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_breaks_the_rules_until_the_connection_ends_puts_no_line_into_the_log() {
    let (_database, service, _) = super::super::start().await;
    let mut wire = TcpStream::connect(service.base.trim_start_matches("http://")).await.unwrap();
    // The service may have ended it before all of them are sent.
    let _ = wire.write_all(&waiting_streams(1..4_000)).await;
    in_time("the end of the connection", async { while let Some(_reset) = next_reset(&mut wire).await {} }).await;
    let log = service.stop();
    assert!(log.contains("\"target\":\"sales_order_api") && !log.contains("\"target\":\"h2"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_begins_streams_only_to_end_them_is_told_to_begin_no_more_and_loses_none() {
    let app = TestApp::with(|config| config.http.request_timeout = PATIENCE * 2).await;
    let base = app.listen().await;
    // All at once, before they are looked at; and each once it is at work.
    for at_once in [true, false] {
        // By itself a client ends the connection that goes on about streams which it forgot.
        let wire = Http2::open_with(&base, Builder::new().max_local_error_reset_streams(None)).await;
        let (answer, mut sender) = busy(&wire).await.unwrap();
        let waiting = || post("/graphql", &[("content-length", "9"), ("expect", "100-continue")]);
        let cancel_on = async {
            while let Ok((mut answer, mut sender)) = wire.begin(waiting(), "", false).await {
                if !at_once {
                    let _ = in_time("leave to go on", poll_fn(|cx| answer.poll_informational(cx))).await;
                }
                sender.send_reset(Reason::CANCEL);
            }
        };
        in_time("the end of new streams", cancel_on).await;
        sender.send_data(Bytes::from_static(b"         "), true).unwrap();
        assert_eq!(in_time("an answer", answer).await.unwrap().status(), 400);
        assert_eq!(wire.ended().await, None, "{at_once}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_refused_by_its_head_is_not_asked_for() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let wire = Http2::open(&base).await;
    let too_large = post(ORDERS, &[("content-length", "99999999"), ("expect", "100-continue")]);
    let (mut answer, _sender) = wire.begin(too_large, "", false).await.unwrap();
    let asked = poll_fn(|cx| answer.poll_informational(cx));
    assert!(in_time("the end of waiting", asked).await.is_none());
    assert_eq!(in_time("an answer", answer).await.unwrap().status(), 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_too_large_is_refused_and_a_large_one_is_read() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let wire = Http2::open(&base).await;
    let long = |bytes: usize| request("GET", "/health/live", &[("x-long", &"x".repeat(bytes))]);
    assert_eq!(wire.ask(long(20_000), "").await.unwrap().0.status(), 200);
    assert_eq!(wire.ask(long(40_000), "").await.unwrap().0.status(), 431);
    assert_eq!(wire.get("/health/live").await.unwrap().0.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stands_still_is_given_up_and_the_connection_goes_on() {
    let app = TestApp::with(|config| config.http.request_timeout = Duration::from_millis(300)).await;
    let base = app.listen().await;
    let wire = Http2::open(&base).await;
    let (answer, _sender) = busy(&wire).await.unwrap();
    let (head, body) = in_time("an answer", answer).await.unwrap().into_parts();
    assert_eq!(head.status, 408);
    assert!(read(body).await.unwrap().contains("REQUEST_TIMEOUT"));
    assert_eq!(wire.get("/health/live").await.unwrap().0.status(), 200);
    // One that is larger than what may come before it is read.
    let large = " ".repeat(300_000);
    let (head, body) = wire.ask(post("/graphql", &[]), &large).await.unwrap();
    assert_eq!(head.status(), 400, "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_told_to_end_whatever_it_sends_beside_requests() {
    let app = TestApp::with(|config| {
        config.http.header_timeout = Duration::from_secs(1);
        config.http.idle_timeout = Duration::from_secs(1);
    })
    .await;
    let base = app.listen().await;
    let opened = Instant::now();
    let never = Http2::open(&base).await;
    let stream = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    let (requests, mut connection) = Builder::new().handshake(stream).await.unwrap();
    let mut pings = connection.ping_pong().unwrap();
    let wire = Http2 { requests, ended: tokio::spawn(connection) };
    assert_eq!(wire.get("/health/live").await.unwrap().0.status(), 200);
    let asked = Instant::now();
    let pinging = tokio::spawn(async move {
        let mut answered = None;
        while let Ok(pong) = pings.ping(h2::Ping::opaque()).await {
            answered = Some(pong);
        }
        answered
    });
    assert_eq!(wire.ended().await, None);
    assert!(asked.elapsed() >= Duration::from_secs(1), "{:?}", asked.elapsed());
    assert!(in_time("the last ping", pinging).await.unwrap().is_some());
    assert_eq!(never.ended().await, None);
    assert!(opened.elapsed() >= Duration::from_secs(1), "{:?}", opened.elapsed());
}
