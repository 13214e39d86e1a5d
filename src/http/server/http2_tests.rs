use std::net::IpAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::IntoResponse as _;
use axum::routing::{any, get};
use futures_util::stream;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::super::connection::Timeouts;
use super::super::connections::{Capacity, Connections};
use super::super::{Stage, run};
use super::*;

const WRITE: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(75);
/// Longer than anything takes here.
const LONG: Duration = Duration::from_hours(24);
const LARGE: usize = 150_000;

/// A service with one connection, and its other end.
struct Service {
    stage: watch::Sender<Stage>,
    requests: SendRequest<Bytes>,
    ended: JoinHandle<Result<(), h2::Error>>,
}

fn routes() -> Router {
    Router::new()
        .route("/small", get(async || "small"))
        .route("/large", get(async || vec![b'x'; LARGE]))
        .route("/late", any(async || sleep(Duration::from_mins(10)).await))
        .route("/length", any(async |request: Request| whole(request.into_body()).await.to_string()))
        .route(
            "/unread",
            any(async |request: Request| {
                sleep(Duration::from_mins(10)).await;
                whole(request.into_body()).await.to_string()
            }),
        )
}

async fn whole(body: Body) -> usize {
    body.collect().await.unwrap().to_bytes().len()
}

impl Service {
    /// A connection whose client makes so much room for each answer.
    async fn over(ours: DuplexStream, theirs: DuplexStream, window: u32, routes: Router) -> Self {
        let timeouts = Timeouts { header: Duration::from_secs(30), idle: IDLE, write: WRITE };
        let capacity = Capacity { connections: 50, per_address: 40, trusted_proxies: Vec::new() };
        let peer = Peer(([192, 0, 2, 1], 40_000).into());
        let counted = Connections::new(capacity, timeouts).open(IpAddr::from([192, 0, 2, 1])).ok().unwrap();
        let stage = watch::Sender::new(Stage::Serving);
        tokio::spawn(run(ours, peer, counted, routes.into(), stage.subscribe()));
        let mut builder = Builder::new();
        builder.initial_window_size(window).initial_connection_window_size(1 << 30);
        let (requests, connection) = builder.handshake(theirs).await.unwrap();
        Self { stage, requests, ended: tokio::spawn(connection) }
    }

    async fn new() -> Self {
        let (ours, theirs) = duplex(64 * 1024);
        Self::over(ours, theirs, 1 << 20, routes()).await
    }

    /// A client to which so many bytes come each second.
    async fn slow(bytes: usize, routes: Router) -> Self {
        let (ours, mut slow) = duplex(4 * 1024);
        let (theirs, mut fast) = duplex(64 * 1024);
        tokio::spawn(async move {
            let (mut from_service, mut to_service) = tokio::io::split(&mut slow);
            let (mut from_client, mut to_client) = tokio::io::split(&mut fast);
            let slowly = async {
                let mut piece = vec![0; (bytes / 100).max(1)];
                while let Ok(1..) = from_service.read(&mut piece).await.inspect(|read| piece.truncate((*read).max(1))) {
                    if to_client.write_all(&piece).await.is_err() {
                        break;
                    }
                    piece.resize((bytes / 100).max(1), 0);
                    sleep(Duration::from_millis(10)).await;
                }
                let _ = to_client.shutdown().await;
            };
            tokio::join!(slowly, tokio::io::copy(&mut from_client, &mut to_service))
        });
        Self::over(ours, theirs, 1 << 20, routes).await
    }

    async fn begin(&self, path: &str, is_end: bool) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let request = axum::http::Request::builder().method(if is_end { "GET" } else { "POST" });
        let request = request.uri(format!("http://test{path}")).body(()).unwrap();
        self.requests.clone().ready().await?.send_request(request, is_end)
    }

    async fn get(&self, path: &str) -> Result<String, h2::Error> {
        read(self.begin(path, true).await?.0).await
    }

    /// How the service ended the connection.
    async fn ended(self) -> Result<(), h2::Error> {
        let ended = timeout(LONG, self.ended).await.expect("the connection ends").unwrap();
        drop(self.requests);
        ended
    }
}

async fn read(answer: ResponseFuture) -> Result<String, h2::Error> {
    let answer = timeout(LONG, answer).await.expect("an answer")?;
    read_body(answer.into_body()).await
}

async fn read_body(mut body: RecvStream) -> Result<String, h2::Error> {
    let mut text = String::new();
    while let Some(data) = timeout(LONG, body.data()).await.expect("a piece of an answer") {
        let data = data?;
        let _ = body.flow_control().release_capacity(data.len());
        text.push_str(std::str::from_utf8(&data).unwrap());
    }
    Ok(text)
}

fn reason<T>(came: Result<T, h2::Error>) -> Option<Reason> {
    came.err().and_then(|error| error.reason())
}

#[tokio::test(start_paused = true)]
async fn whoever_cancels_many_requests_on_a_connection_of_many_callers_ends_the_requests_of_nobody_else() {
    for is_at_work in [false, true] {
        let service = Service::new().await;
        let (order, _sender) = service.begin("/late", true).await.unwrap();
        let mut cancelled = 0;
        while let Ok((_answer, mut sender)) = service.begin("/late", false).await {
            if is_at_work {
                sleep(Duration::from_millis(1)).await;
            }
            sender.send_reset(Reason::CANCEL);
            cancelled += 1;
            if cancelled % 20 == 0 {
                tokio::task::yield_now().await;
            }
            assert!(cancelled < 10_000, "told to begin no more");
        }
        assert!(cancelled > CANCELLED);
        assert_eq!(read(order).await.unwrap(), "");
        assert_eq!(reason(service.ended().await), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_on_although_it_was_told_to_begin_no_more_is_refused_and_then_cut() {
    // It never acknowledges that it was told, and so h2 would have it go on for ever.
    let (ours, mut client) = duplex(64 * 1024);
    let timeouts = Timeouts { header: WRITE, idle: IDLE, write: WRITE };
    let capacity = Capacity { connections: 50, per_address: 40, trusted_proxies: Vec::new() };
    let counted = Connections::new(capacity, timeouts).open(IpAddr::from([192, 0, 2, 1])).ok().unwrap();
    let stage = watch::Sender::new(Stage::Leaving);
    tokio::spawn(run(ours, Peer(([192, 0, 2, 1], 40_000).into()), counted, routes().into(), stage.subscribe()));
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    // An answer that is under way keeps the connection open.
    client.write_all(b"\0\0\x0c\x01\x05\0\0\0\x01\x82\x86\x44\x05/late\x41\x01t").await.unwrap();
    let begun = Instant::now();
    let mut stream = 3_u32;
    let going_on = async {
        loop {
            let mut bytes = vec![0, 0, 13, 1, 5];
            bytes.extend(stream.to_be_bytes());
            bytes.extend(b"\x82\x86\x44\x06/small\x41\x01t");
            stream += 2;
            sleep(Duration::from_millis(10)).await;
            let read = timeout(Duration::ZERO, client.read(&mut [0; 4096])).await;
            if client.write_all(&bytes).await.is_err() || matches!(read, Ok(Ok(0))) {
                break;
            }
        }
    };
    timeout(LONG, going_on).await.expect("the connection ends");
    let lasted = begun.elapsed();
    assert!((LAST_STREAMS..LAST_STREAMS * 6).contains(&lasted), "{lasted:?}");
}

#[tokio::test(start_paused = true)]
async fn callers_who_send_a_body_in_small_pieces_are_served_and_take_nothing_from_others() {
    let service = Service::new().await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let (answer, mut sender) = service.begin("/unread", false).await.unwrap();
        for _ in 0..1_000 {
            sender.send_data(Bytes::from_static(&[b' '; 60]), false).unwrap();
        }
        sender.send_data(Bytes::new(), true).unwrap();
        waiting.push(answer);
    }
    for answer in waiting {
        assert_eq!(read(answer).await.unwrap(), "60000");
    }
    assert_eq!(service.get("/small").await.unwrap(), "small");
}

#[tokio::test(start_paused = true)]
async fn bodies_that_nobody_reads_leave_room_for_those_of_later_requests() {
    let service = Service::new().await;
    // More than the connection takes of all streams at once.
    for _ in 0..150 {
        let (answer, mut sender) = service.begin("/small", false).await.unwrap();
        sender.send_data(Bytes::from(vec![b' '; 60_000]), false).unwrap();
        let _ = read(answer).await;
    }
    let (answer, mut sender) = service.begin("/length", false).await.unwrap();
    sender.send_data(Bytes::from(vec![b' '; LARGE]), true).unwrap();
    assert_eq!(read(answer).await.unwrap(), LARGE.to_string());
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_its_last_answer_whole_when_the_connection_ends() {
    for stage in [Stage::Serving, Stage::Leaving, Stage::Closing] {
        // Longer than a connection may do nothing.
        let service = Service::slow(1_000, routes()).await;
        let (answer, _sender) = service.begin("/large", true).await.unwrap();
        let answer = answer.await.unwrap();
        service.stage.send_replace(stage);
        assert_eq!(read_body(answer.into_body()).await.unwrap().len(), LARGE, "{stage:?}");
        assert_eq!(reason(service.ended().await), None, "{stage:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_wait_for_a_slow_socket_are_not_taken_for_ones_that_nobody_makes_room_for() {
    // Each of them waits longer for its turn than a reader may take nothing.
    let service = Service::slow(5_000, routes()).await;
    let answers = (0..30).map(|_| service.get("/large"));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.unwrap().len(), LARGE);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_its_client_makes_no_room_for_is_ended_although_others_go_on() {
    let (ours, theirs) = duplex(64 * 1024);
    let service = Service::over(ours, theirs, 1_000, routes()).await;
    let (answer, _sender) = service.begin("/large", true).await.unwrap();
    let stalled = answer.await.unwrap();
    let begun = Instant::now();
    let others = async {
        loop {
            assert_eq!(service.get("/small").await.unwrap(), "small");
            sleep(Duration::from_secs(1)).await;
        }
    };
    let mut body = stalled.into_body();
    let ended = async {
        while let Some(data) = body.data().await {
            data?;
        }
        Ok(())
    };
    tokio::select! {
        ended = timeout(LONG, ended) => assert_eq!(reason(ended.expect("an end")), Some(Reason::CANCEL)),
        () = others => {}
    }
    assert!((WRITE..WRITE * 2 + Duration::from_secs(2)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_drains_ends_a_connection_with_its_next_answer_and_no_sooner() {
    let service = Service::new().await;
    assert_eq!(service.get("/small").await.unwrap(), "small");
    service.stage.send_replace(Stage::Leaving);
    sleep(IDLE / 2).await;
    assert!(!service.ended.is_finished());
    assert_eq!(service.get("/small").await.unwrap(), "small");
    sleep(LAST_HEAD).await;
    assert!(service.ended.is_finished());
    assert_eq!(reason(service.ended().await), None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let broken = async || {
        let pieces = [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("broken"))];
        Body::from_stream(stream::iter(pieces)).into_response()
    };
    let (ours, theirs) = duplex(1024);
    let service = Service::over(ours, theirs, 1 << 20, routes().route("/broken", get(broken))).await;
    assert_eq!(reason(service.get("/broken").await), Some(Reason::INTERNAL_ERROR));
    assert_eq!(service.get("/small").await.unwrap(), "small");
}
