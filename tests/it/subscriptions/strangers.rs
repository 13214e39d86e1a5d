//! What a WebSocket takes of its address as long as it has brought no valid token.

use std::num::NonZeroU32;

use serde_json::json;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;

use crate::support::{Partner, Socket, TestApp, Told};

/// A handshake that brings the client's token.
fn handshake(base: &str, client: &Partner<'_>) -> Request {
    let mut request = format!("{}/graphql/ws", base.replacen("http", "ws", 1)).into_client_request().unwrap();
    request.headers_mut().insert("authorization", client.authorization().parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_with_a_valid_token_takes_none_of_the_connections_of_its_address() {
    let app = TestApp::with(|config| config.http.max_sockets_per_address = 1).await;
    let base = app.listen().await;
    let dashboard = app.dashboard().await;
    let mut known = Vec::new();
    for _ in 0..3 {
        known.push(Socket::open_with(handshake(&base, &dashboard)).await);
    }
    let stranger = Socket::anonymous(&base).await;
    assert!(stranger.is_some(), "the address has its one connection");
    assert_eq!(Socket::open_from(&base, &base).await.err(), Some(429));
    // Nor does it need one.
    known.push(Socket::open_with(handshake(&base, &dashboard)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tenth_message_without_a_valid_token_counts_for_the_budget_of_the_address() {
    let app = TestApp::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.anonymous_burst = NonZeroU32::new(3).unwrap();
        config.rate_limit.anonymous_requests_per_minute = NonZeroU32::new(1).unwrap();
    })
    .await;
    let base = app.listen().await;
    let dashboard = app.dashboard().await;
    let mut stranger = Socket::anonymous(&base).await.unwrap();
    let mut pongs = 0;
    let code = loop {
        stranger.send(json!({"type": "ping"})).await;
        match stranger.next().await {
            Told::Message(message) => assert_eq!(message, json!({"type": "pong"})),
            Told::Closed(code) => break code,
        }
        pongs += 1;
    };
    // The handshake was one of three, the 10th and the 20th message the others, and the 30th one too many. Among them is the
    // one that opened the connection, and what the client answers to pings by itself.
    assert!((20..30).contains(&pongs) && code == 1013, "{pongs} answers, then {code}");
    // With a token nothing counts, whether it comes with the handshake or after it.
    for mut known in
        [Socket::open_with(handshake(&base, &dashboard)).await, Socket::log_in(&base, &dashboard.token).await]
    {
        for _ in 0..50 {
            known.send(json!({"type": "ping"})).await;
            assert_eq!(known.next().await, Told::Message(json!({"type": "pong"})));
        }
    }
}
