//! A partner's program is told at once: by a request that waits, or by a stream.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::http;
use serde_json::Value;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use super::{FEED, Page, move_order, rest, take};
use crate::support::{Answer, Partner, TestApp, found, in_time, until};

fn request(reader: &Partner<'_>, query: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(format!("{FEED}?{query}")).header("authorization", reader.authorization());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// Asks in a task of its own.
fn asking(router: &Router, reader: &Partner<'_>, query: &str) -> JoinHandle<Answer> {
    let (router, request) = (router.clone(), request(reader, query, &[]));
    tokio::spawn(async move { Answer::read(router.oneshot(request).await.unwrap()).await })
}

async fn answer_of(asking: JoinHandle<Answer>) -> Answer {
    in_time("the answer", asking).await.unwrap()
}

/// A stream of events, as a client reads it.
struct Stream(BodyDataStream);

impl Stream {
    async fn open(router: &Router, reader: &Partner<'_>, query: &str, last: Option<&str>) -> Self {
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(last.map(|last| ("last-event-id", last)));
        let response = router.clone().oneshot(request(reader, query, &headers)).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response.into_body().into_data_stream())
    }

    /// The next event, and its id.
    async fn next(&mut self) -> (String, Value) {
        let chunk = in_time("the next event", self.0.next()).await.unwrap().unwrap();
        let text = String::from_utf8(chunk.to_vec()).unwrap();
        let (id, data) = text.strip_prefix("id: ").and_then(|text| text.split_once("\ndata: ")).unwrap();
        (id.to_owned(), serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_is_answered_with_the_next_event_whichever_instance_takes_it() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let other = TestApp::router_on(&app.database.connect().await, &app.clock, |_| {});
    for n in 0..10 {
        let (_, cursor) = rest(&dashboard, "", None).await;
        let query = format!("wait=30&orders=true&after={cursor}");
        let (began, waiting) =
            (Instant::now(), [&app.router, &other].map(|instance| asking(instance, &dashboard, &query)));
        let number = take(&partner, &format!("PO-{n}")).await;
        for waiting in waiting {
            let page = Page::of(&answer_of(waiting).await);
            assert_eq!(page.events.len(), 1);
            assert_eq!(page.events[0]["order"]["order_number"], number);
            assert_eq!(rest(&dashboard, "", Some(&page.cursor)).await.0, [] as [Value; 0]);
        }
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_as_often_as_it_may_still_reads_pages() {
    let app = TestApp::with(|config| config.http.max_subscriptions_per_client = 1).await;
    let partner = app.partner().await;
    take(&partner, "PO-1").await;
    let (events, cursor) = rest(&partner, "", None).await;
    let stream = Stream::open(&app.router, &partner, "", None).await;
    let query = format!("wait=30&after={cursor}");
    let refused = answer_of(asking(&app.router, &partner, &query)).await;
    let problem = refused.expect_problem(429, "RATE_LIMITED");
    assert!(problem["detail"].as_str().unwrap().contains("1 subscriptions at once"), "{problem}");
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(Page::of(&answer_of(asking(&app.router, &partner, "wait=30")).await).events, events);
    drop(stream);
    let waits = async || answer_of(asking(&app.router, &partner, &query.replace("30", "1"))).await.status == 200;
    until("the stream's place is free", waits).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_waits_as_long_as_it_asks_for_and_no_longer() {
    let app = TestApp::with(|config| config.http.request_timeout = Duration::from_secs(5)).await;
    let (partner, other) = (app.partner().await, app.partner_named("other", SignaturePolicy::default()).await);
    take(&partner, "PO-1").await;
    let (_, cursor) = rest(&partner, "", None).await;
    let began = Instant::now();
    let waiting = asking(&app.router, &partner, &format!("wait=6&after={cursor}"));
    take(&other, "X-1").await;
    let page = Page::of(&answer_of(waiting).await);
    assert!(page.events.is_empty() && !page.has_more, "what others do is no event of the partner's");
    assert!(began.elapsed() >= Duration::from_secs(6), "and its time does not count as the request's");
    // Where there is something, nobody waits.
    let first = Page::of(&answer_of(asking(&app.router, &partner, "wait=30")).await);
    assert_eq!(first.events.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_hold_no_connection_of_the_database_and_count_as_one_each() {
    let app = TestApp::with(|config| config.rate_limit.enabled = true).await;
    let partner = app.partner().await;
    let left = async || {
        let answer = answer_of(asking(&app.router, &partner, "limit=1")).await;
        let told = answer.header("ratelimit").unwrap().to_owned();
        told.split(';').find_map(|part| part.strip_prefix("r=")).unwrap().parse::<u64>().unwrap()
    };
    take(&partner, "PO-1").await;
    let (_, cursor) = rest(&partner, "", None).await;
    let before = left().await;
    // More than there are connections.
    let query = format!("wait=30&after={cursor}");
    let waiting: Vec<_> = (0..40).map(|_| asking(&app.router, &partner, &query)).collect();
    take(&partner, "PO-2").await;
    for answer in join_all(waiting.into_iter().map(answer_of)).await {
        assert_eq!(Page::of(&answer).events.len(), 1);
    }
    // Each of them, the order, and the look at what is left.
    assert_eq!(before - left().await, 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stops_lets_nobody_wait() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    take(&partner, "PO-1").await;
    let (_, cursor) = rest(&partner, "", None).await;
    let state = TestApp::state_in(&app.database.connect().await, &app.clock, &[], |_| {});
    let router = http::router(state.clone());
    let (began, waiting) = (Instant::now(), asking(&router, &partner, &format!("wait=30&after={cursor}")));
    state.stop_streams();
    let page = Page::of(&answer_of(waiting).await);
    assert!(page.events.is_empty() && page.cursor == cursor);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_where_it_broke_off() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let (_, begin) = rest(&partner, "", None).await;
    let one = take(&partner, "PO-1").await;
    let mut stream = Stream::open(&app.router, &partner, &format!("after={begin}"), None).await;
    let (id, created) = stream.next().await;
    assert_eq!((&created["kind"], &created["cursor"]), (&"CREATED".into(), &id.as_str().into()));
    assert!(created.get("order").is_none());
    move_order(&operator, &one, "CONFIRMED").await;
    assert_eq!(stream.next().await.1["status"], "CONFIRMED");
    drop(stream);
    take(&partner, "PO-2").await;
    // What a browser sends again: the address that it knows, and the last id.
    let mut again = Stream::open(&app.router, &partner, &format!("orders=true&after={begin}"), Some(&id)).await;
    let (_, changed) = again.next().await;
    assert_eq!((&changed["kind"], &changed["order"]["status"]), (&"STATUS_CHANGED".into(), &"CONFIRMED".into()));
    assert_eq!(again.next().await.1["partner_reference"], "PO-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_a_cursor_begins_now_and_ends_with_its_session() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    take(&partner, "BEFORE").await;
    let mut stream = Stream::open(&app.router, &partner, "", None).await;
    take(&partner, "PO-1").await;
    assert_eq!(stream.next().await.1["partner_reference"], "PO-1");
    app.clients.disable_client(&"versuni-client-001".parse().unwrap()).await.unwrap();
    let text = found("the end", async || {
        let chunk = in_time("the end", stream.0.next()).await?.ok()?;
        let text = String::from_utf8(chunk.to_vec()).unwrap();
        text.starts_with(":CLIENT_DISABLED").then_some(text)
    });
    assert!(text.await.contains("disabled"));
    assert!(stream.0.next().await.unwrap().is_err(), "it breaks off");
    let refused = app.router.clone().oneshot(request(&partner, "", &[("accept", "text/event-stream")])).await.unwrap();
    assert_eq!(refused.status(), 403);
}
