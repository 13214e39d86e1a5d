//! An export that ends before its end must not look whole.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::middleware::map_response;
use axum::response::Response;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use sales_order_api::app::AppState;
use sales_order_api::http;
use sales_order_api::store::{DatabaseOptions, Store};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::stock_pages;
use crate::support::{Link, PATIENCE, TestApp, options, until};

/// An instance that listens, and hands out no more than the first piece of an export until the semaphore is closed.
pub(super) async fn halting(app: &TestApp, state: &AppState) -> (String, Arc<Semaphore>) {
    let halt = Arc::new(Semaphore::new(0));
    let halted = Arc::clone(&halt);
    let router = http::router(state.clone()).layer(map_response(move |response: Response| {
        let halted = Arc::clone(&halted);
        async move {
            if !response.headers().contains_key("content-disposition") {
                return response;
            }
            response.map(|body| {
                Body::from_stream(stream::unfold((body.into_data_stream(), true), move |(mut pieces, is_first)| {
                    let halted = Arc::clone(&halted);
                    async move {
                        if !is_first {
                            let _ = halted.acquire().await;
                        }
                        Some((pieces.next().await?, (pieces, false)))
                    }
                }))
            })
        }
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(http::serve(listener, router, app.server.clone(), pending(), pending()));
    (address, halt)
}

/// Begins an export and reads its first piece.
async fn begin(address: &str, token: &str) -> TcpStream {
    let mut wire = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET /api/v1/sales-orders.jsonl HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\n\
         connection: close\r\n\r\n"
    );
    wire.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("\"SO-") {
        assert_ne!(wire.read_buf(&mut answer).await.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
    }
    wire
}

/// Reads an export to its end, whatever that is; whether it is whole, as the protocol tells.
async fn is_whole(mut wire: TcpStream) -> bool {
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(PATIENCE / 2, wire.read_to_end(&mut rest)).await;
    let is_closed = ended.unwrap().is_ok();
    is_closed && rest.ends_with(b"\r\n0\r\n\r\n")
}

/// The same by HTTP/2, where only a stream that was not reset is whole.
async fn begin_by_http2(address: &str, token: &str) -> h2::RecvStream {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::get("http://test/api/v1/sales-orders.jsonl").header("authorization", format!("Bearer {token}"));
    let (answer, _) = requests.send_request(request.body(()).unwrap(), true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    let piece = body.data().await.unwrap().unwrap();
    body.flow_control().release_capacity(piece.len()).unwrap();
    body
}

async fn is_whole_by_http2(mut body: h2::RecvStream) -> bool {
    loop {
        match tokio::time::timeout(PATIENCE / 2, body.data()).await.unwrap() {
            Some(Ok(piece)) => body.flow_control().release_capacity(piece.len()).unwrap(),
            Some(Err(error)) => {
                assert_eq!(error.reason(), Some(h2::Reason::INTERNAL_ERROR));
                return false;
            }
            None => return true,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_a_stop_cuts_short_does_not_look_whole() {
    let app = TestApp::new().await;
    stock_pages(&app).await;
    let dashboard = app.dashboard().await;
    for stops in [false, true] {
        let state = TestApp::state_in(&app.store, &app.clock, &[], |_| {});
        let (address, halt) = halting(&app, &state).await;
        let wire = begin(&address, &dashboard.token).await;
        let stream = begin_by_http2(&address, &dashboard.token).await;
        if stops {
            state.stop_streams();
        }
        halt.close();
        assert_eq!(is_whole(wire).await, !stops, "stops: {stops}");
        assert_eq!(is_whole_by_http2(stream).await, !stops, "stops: {stops}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_whose_database_vanishes_are_broken_off_and_hold_no_connection() {
    only_on!(Postgres);
    let mut app = TestApp::new().await;
    stock_pages(&app).await;
    let dashboard = app.dashboard().await;
    let link = Link::to(&app.database).await;
    let options = DatabaseOptions { acquire_timeout: Duration::from_secs(2), ..options(&link.url) };
    let store = Store::connect(&options).await.unwrap();
    let state =
        TestApp::state_in(&store, &app.clock, &[], |config| config.http.request_timeout = Duration::from_secs(9));
    let (address, halt) = halting(&app, &state).await;
    // As many as there are connections for readers.
    let wires = join_all((0..3).map(|_| begin(&address, &dashboard.token))).await;
    link.vanish();
    halt.close();
    assert_eq!(join_all(wires.into_iter().map(is_whole)).await, [false; 3]);
    link.mend();
    let token = dashboard.authorization();
    app.router = http::router(state);
    until("a dashboard reads orders again", async || {
        let question = json!({"query": "{ salesOrders(first: 1) { nodes { orderNumber } } }"}).to_string();
        let answer = app.post_text("/graphql", &[("authorization", &token)], question).await;
        answer.json()["data"]["salesOrders"].is_object()
    })
    .await;
}
