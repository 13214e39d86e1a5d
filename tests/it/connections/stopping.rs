//! The operator stops an instance: whoever watches it sends requests elsewhere before the port closes.

use std::process::Command;
use std::time::{Duration, Instant};

use sales_order_api::domain::permission::Permission;
use serde_json::json;

use super::{Wire, head, start_with};
use crate::support::{Answer, PATIENCE, Remote, Socket, Told, order, plain_http, until};

const FOLLOW: &str = "subscription { salesOrderEvents(after: \"ZTA\") { orderNumber } }";

fn setting(name: &'static str, value: impl Into<String>) -> impl FnOnce(&mut Command) {
    let value = value.into();
    move |command| {
        command.env(format!("SALES_ORDER_HTTP__{name}"), value);
    }
}

/// So long that the test sees everything there is to see before it ends.
fn for_long(command: &mut Command) {
    setting("DRAIN_DELAY", format!("{}s", PATIENCE.as_secs()))(command);
    setting("SHUTDOWN_TIMEOUT", format!("{}s", 2 * PATIENCE.as_secs()))(command);
}

async fn ready(base: &str) -> Answer {
    let response = plain_http().build().unwrap().get(format!("{base}/health/ready"));
    let response = response.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn during_the_drain_delay_an_instance_is_not_ready_and_serves_everybody_who_comes() {
    let (database, service, partner) = start_with(for_long).await;
    let secret = Remote::register_with(&database, "board", vec![Permission::OrdersRead]).await;
    let token = Remote::log_in(&service.base, "board", &secret).await.token;
    let mut follower = Socket::log_in(&service.base, &token).await;
    follower.subscribe("1", FOLLOW, json!({})).await;
    follower.send(json!({"type": "ping"})).await;
    assert_eq!(follower.next().await, Told::Message(json!({"type": "pong"})));
    let body = order().to_string();
    let mut kept = Wire::open(&service.base).await.unwrap();
    let send = async |wire: &mut Wire, key: &str| {
        wire.write(&format!("{}idempotency-key: {key}\r\n\r\n{body}", head(&partner.sign(), body.len()))).await;
        let head = wire.read_head().await;
        assert!(head.starts_with("HTTP/1.1 201"), "{head}");
        wire.read_body(&head).await;
        head
    };
    let head = send(&mut kept, "before").await;
    assert!(head.contains("connection: keep-alive"), "{head}");
    ready(&service.base).await.expect(200);

    service.ask_to_stop();
    until("not ready", async || ready(&service.base).await.status == 503).await;
    let answer = ready(&service.base).await;
    answer.expect_problem(503, "STOPPING");
    assert!(answer.header("retry-after").is_some());
    // A proxy uses none of its connections again, and so never one that is being closed.
    let head = send(&mut kept, "kept").await;
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(kept.read_to_end().await, "");
    let head = send(&mut Wire::open(&service.base).await.unwrap(), "new").await;
    assert!(head.contains("connection: close"), "{head}");
    for number in 1..=3 {
        assert_eq!(follower.next_data("1").await["salesOrderEvents"]["orderNumber"], format!("SO-000000000{number}"));
    }
    let mut late = Socket::log_in(&service.base, &token).await;
    late.subscribe("1", "{ viewer { name } }", json!({})).await;
    late.next_data("1").await;
    assert_eq!(database.whole_orders(2).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_drain_delay_connections_and_followers_are_told_and_the_instance_ends_well() {
    let delay = Duration::from_millis(300);
    let (database, service, _) = start_with(setting("DRAIN_DELAY", "300ms")).await;
    let secret = Remote::register_with(&database, "board", vec![Permission::OrdersRead]).await;
    let token = Remote::log_in(&service.base, "board", &secret).await.token;
    let mut follower = Socket::log_in(&service.base, &token).await;
    follower.subscribe("1", FOLLOW, json!({})).await;
    let mut idle = Wire::open(&service.base).await.unwrap();
    idle.write("GET /health/live HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let head = idle.read_head().await;
    idle.read_body(&head).await;
    let told = Instant::now();
    service.ask_to_stop();
    assert_eq!(idle.read_to_end().await, "");
    assert!(told.elapsed() >= delay, "it waited only {:?}", told.elapsed());
    assert_eq!(follower.next().await, Told::Closed(1001));
    let log = service.wait();
    assert!(log.contains("\"message\":\"stopped\"") && !log.contains("given up"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_hangs_keeps_an_instance_beyond_its_time_to_stop() {
    let (database, service, partner) = start_with(|command| {
        setting("DRAIN_DELAY", "100ms")(command);
        setting("SHUTDOWN_TIMEOUT", "400ms")(command);
    })
    .await;
    // A body that never comes, and an order that waits in the database: each would take as long as requests may here.
    let mut hanging = Wire::begin(&service.base, &partner.sign(), 1000).await;
    let held = database.hold_orders().await;
    let body = order().to_string();
    let mut waiting = Wire::begin(&service.base, &partner.sign(), body.len()).await;
    waiting.write(&body).await;
    let log = service.stop();
    assert!(log.contains("requests still under way were given up"), "{log}");
    assert!(log.contains("\"message\":\"stopped\""), "{log}");
    assert_eq!(hanging.read_to_end().await, "");
    // The order may still learn that the database was closed before the connection is.
    let answer = waiting.read_to_end().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503 "), "{answer}");
    held.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_opened_in_advance_does_not_keep_an_instance_from_stopping() {
    let seconds = format!("{}s", PATIENCE.as_secs());
    let (_database, service, _) = start_with(|command| {
        setting("HEADER_TIMEOUT", seconds.clone())(command);
        setting("SHUTDOWN_TIMEOUT", seconds)(command);
    })
    .await;
    let mut silent = Wire::open(&service.base).await.unwrap();
    let log = service.stop();
    assert!(!log.contains("given up"), "{log}");
    silent.read_to_end().await;
}
