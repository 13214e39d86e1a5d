use std::net::IpAddr;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::routing::get;
use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::sleep;

use super::super::connection::{Connection, Timeouts};
use super::super::connections::{Capacity, Connections};
use super::super::{Stage, run};
use super::*;
use crate::http::address::Peer;
use crate::wire::unbuffered::WriteTimeout;

const WRITE: Duration = Duration::from_secs(30);

/// A client that has made room for everything, asks for `/` so many times and has read nothing yet; and its connection.
async fn ask_and_read_nothing(times: u8, answer: Router) -> (DuplexStream, Arc<Connection>) {
    let (ours, mut client) = duplex(1024);
    let timeouts = Timeouts { header: WRITE, idle: WRITE, write: WRITE };
    let capacity = Capacity { connections: 50, per_address: 40, trusted_proxies: Vec::new() };
    let counted = Connections::new(capacity, timeouts).open(IpAddr::from([192, 0, 2, 1])).ok().unwrap();
    let connection = Arc::clone(&counted.connection);
    let peer = Peer(([192, 0, 2, 1], 40_000).into());
    tokio::spawn(async move {
        let stage = watch::Sender::new(Stage::Serving);
        run(ours, peer, counted, answer.into(), stage.subscribe()).await;
    });
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\x7f\xff\xff\xff".to_vec();
    bytes.extend(b"\0\0\x04\x08\0\0\0\0\0\x70\0\0\0");
    for n in 0..times {
        bytes.extend([0, 0, 9, 1, 5, 0, 0, 0, 2 * n + 1]);
        bytes.extend(b"\x82\x86\x84\x41\x04test");
    }
    client.write_all(&bytes).await.unwrap();
    (client, connection)
}

#[tokio::test(start_paused = true)]
async fn an_answer_keeps_its_slot_until_the_socket_has_all_of_it() {
    let answer = Router::new().route("/", get(async || vec![b'x'; 20_000]));
    let (mut client, connection) = ask_and_read_nothing(10, answer).await;
    sleep(WRITE / 2).await;
    assert_eq!(connection.streams(), 10);
    let (mut taken, mut buffer) = (0, [0; 1024]);
    while connection.streams() > 0 {
        let read = client.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the connection ended with a slot in use");
        taken += read;
    }
    // But for what a socket holds.
    assert!(taken > 200_000 - 2_000, "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_has_its_own_limit_also_where_the_socket_takes_nothing() {
    const SUBSCRIPTION: Duration = Duration::from_secs(10);
    let follow = async || {
        let events = stream::repeat_with(|| Ok::<_, h2::Error>(Bytes::from_static(&[b'x'; 1_000])));
        let mut response = Body::from_stream(events).into_response();
        response.extensions_mut().insert(WriteTimeout(SUBSCRIPTION));
        response
    };
    let (_client, connection) = ask_and_read_nothing(3, Router::new().route("/", get(follow))).await;
    sleep(SUBSCRIPTION.mul_f32(0.9)).await;
    assert_eq!(connection.streams(), 3);
    sleep(SUBSCRIPTION / 5).await;
    assert_eq!(connection.streams(), 0);
}
