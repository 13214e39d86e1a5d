//! Following the log as it grows.

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::staff;
use crate::support::{Partner, TestApp, in_time, order};

struct Stream(BodyDataStream);

impl Stream {
    async fn open(reader: &Partner<'_>, query: &str) -> Self {
        let answer = Self::ask(reader, query).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        Self(answer.into_body().into_data_stream())
    }

    async fn ask(reader: &Partner<'_>, query: &str) -> axum::response::Response {
        let request = Request::get(format!("/api/v1/requests?{query}"))
            .header("authorization", reader.authorization())
            .header("accept", "text/event-stream");
        reader.app.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn next(&mut self) -> Value {
        loop {
            let chunk = in_time("the next entry", self.0.next()).await.unwrap().unwrap();
            let text = String::from_utf8(chunk.to_vec()).unwrap();
            if let Some(data) = text.strip_prefix("data: ") {
                return serde_json::from_str(data.trim_end()).unwrap();
            }
        }
    }
}

/// The clock of the tests stands still: what is answered at the moment at which a stream begins was there before.
async fn written(app: &TestApp) {
    app.state.request_log().flush().await.unwrap();
}

fn a_moment_later(app: &TestApp) {
    app.clock.advance(std::time::Duration::from_millis(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_follows_its_failures_as_they_happen_and_staff_everybodys() {
    let app = TestApp::new().await;
    let (partner, staff) = (app.partner().await, staff(&app).await);
    let (mut own, mut all) = (Stream::open(&partner, "outcome=FAILED").await, Stream::open(&staff, "").await);
    a_moment_later(&app);
    partner.create(&order()).await.expect(201);
    let refused = partner.get("/api/v1/sales-orders/SO-0000000099").await;
    let other = staff.get("/api/v1/sales-orders/SO-0000000099").await;
    written(&app).await;
    let id = |answer: &crate::support::Answer| answer.header("x-request-id").unwrap().to_owned();
    assert_eq!(own.next().await["request_id"], id(&refused));
    assert_eq!(all.next().await["status"], 201);
    assert_eq!(all.next().await["request_id"], id(&refused));
    assert_eq!(all.next().await["request_id"], id(&other));
    // Each entry once, also when further ones have the same time.
    partner.get("/api/v1/sales-orders/SO-0000000098").await.expect(404);
    written(&app).await;
    a_moment_later(&app);
    let last = partner.get("/api/v1/sales-orders/SO-0000000097").await;
    written(&app).await;
    assert_eq!(own.next().await["order_number"], "SO-0000000098");
    assert_eq!(own.next().await["request_id"], id(&last));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_of_another_instance_are_followed_too() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut stream = Stream::open(&partner, "outcome=FAILED").await;
    a_moment_later(&app);
    let elsewhere = TestApp::state_in(&app.database.connect().await, &app.clock, &[], |_| {});
    let router = sales_order_api::http::router(elsewhere.clone());
    let request = Request::get("/api/v1/sales-orders/SO-0000000096").header("authorization", partner.authorization());
    let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 404);
    elsewhere.request_log().flush().await.unwrap();
    assert_eq!(stream.next().await["order_number"], "SO-0000000096");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_session_and_a_client_has_four_of_them() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(Stream::open(&partner, "").await);
    }
    assert_eq!(Stream::ask(&partner, "").await.status(), 429);
    assert_eq!(Stream::ask(&partner, "limit=3").await.status(), 400, "a stream has no pages");
    drop(streams.split_off(1));
    let mut stream = streams.pop().unwrap();
    app.clients.disable_client(&partner.client_id.parse().unwrap()).await.unwrap();
    let broken = async {
        loop {
            match stream.0.next().await {
                Some(Ok(_)) => {}
                end => return end,
            }
        }
    };
    assert!(in_time("the end of the stream", broken).await.is_some_and(|end| end.is_err()), "it breaks off");
}
