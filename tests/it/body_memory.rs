//! Bodies under way take no more memory than the operator gives them, and nobody waits for a client that takes much of it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Partner, TestApp, Wire, in_time, order, until};
use sales_order_api::domain::signature_policy::SignaturePolicy;

/// A service in which bodies of one client may take 96 KiB while they arrive.
async fn service() -> TestApp {
    TestApp::with(|config| {
        config.http.max_body_memory_bytes = 1 << 20;
        // The limit of time this is about.
        config.database.acquire_timeout = Duration::from_millis(50);
    })
    .await
}

/// An order of about 45 KiB.
fn large_order() -> Value {
    let mut order = order();
    order["products"] =
        (0..80).map(|n| json!({"product_code": format!("P-{n}"), "quantity": 1, "note": "n".repeat(500)})).collect();
    order
}

/// Begins to send a body, and gives what is answered to that: `100` to go on, or the refusal.
async fn begin(base: &str, path: &str, authorization: &str, bytes: usize) -> (TcpStream, String) {
    let mut wire = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\nauthorization: {authorization}\r\ncontent-type: application/json\r\n\
         content-length: {bytes}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
    );
    wire.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 25];
    in_time("an answer", wire.read_exact(&mut answer)).await.unwrap();
    if !answer.starts_with(b"HTTP/1.1 100") {
        // The service need not wait for the body.
        let _ = in_time("the end of the answer", wire.read_to_end(&mut answer)).await;
    }
    (wire, String::from_utf8(answer).unwrap())
}

/// What everybody may do while another client holds all the room it may have.
async fn others_go_on(app: &TestApp, holder: &Partner<'_>, other: &Partner<'_>) {
    app.get("/health/live").await.expect(200);
    app.get("/health/ready").await.expect(200);
    let again = holder.log_in_again().await;
    again.create(&order()).await.expect(201);
    again.graphql("{ viewer { clientId } }", json!({})).await.data();
    other.create(&large_order()).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_bodies_a_client_begins_to_send_as_many_are_taken_as_there_is_room_for() {
    for path in [Wire::Rest.path(), Wire::GraphQl.path()] {
        let app = service().await;
        let (holder, other) = (app.partner().await, app.partner_named("other", SignaturePolicy::Documented).await);
        let (base, authorization) = (app.listen().await, holder.authorization());
        let begun = join_all((0..20).map(|_| begin(&base, path, &authorization, 48 * 1024))).await;
        let (taken, refused): (Vec<_>, Vec<_>) = begun.iter().partition(|(_, answer)| answer.contains(" 100 Continue"));
        assert_eq!((taken.len(), refused.len()), (2, 18), "{path}");
        for (_, answer) in refused {
            assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
            assert!(answer.contains("OVERLOADED") && answer.contains("Too many large bodies"), "{answer}");
        }
        others_go_on(&app, &holder, &other).await;
        // Once those that were begun are given up, there is room again.
        drop(begun);
        let large = large_order();
        let signed = holder.sign();
        until("room", async || holder.send_order(&signed, &large).await.status == 201).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_say_how_large_they_are_take_what_arrives() {
    let app = service().await;
    let (holder, other) = (app.partner().await, app.partner_named("other", SignaturePolicy::Documented).await);
    // Begun, and never ended.
    let begun = || {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
        let stream = futures_util::stream::unfold(receiver, async |mut receiver| {
            Some((Ok::<_, std::io::Error>(receiver.recv().await?), receiver))
        });
        let headers = [("authorization", holder.authorization())];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = TestApp::post_request("/graphql", &headers, axum::body::Body::from_stream(stream));
        (sender, tower::ServiceExt::oneshot(app.router.clone(), request))
    };
    let (sender, request) = begun();
    let mut request = Box::pin(request);
    sender.send(vec![b' '; 60_000]).unwrap();
    assert!(futures_util::FutureExt::now_or_never(&mut request).is_none());
    let refused = holder.create(&large_order()).await;
    refused.expect_problem(503, "OVERLOADED");
    others_go_on(&app, &holder, &other).await;
    drop(request);
    holder.create(&large_order()).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_body_is_told_so_in_the_shape_of_its_wire() {
    let app = service().await;
    let holder = app.partner().await;
    let base = app.listen().await;
    let _begun = [
        begin(&base, "/graphql", &holder.authorization(), 48 * 1024).await,
        begin(&base, "/graphql", &holder.authorization(), 48 * 1024).await,
    ];
    let query = format!("{{ viewer {{ clientId }} }}{}", " ".repeat(48 * 1024));
    let refused = holder.graphql(&query, json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, Some("1")));
    refused.expect_error("OVERLOADED");
    let refused = holder.create(&large_order()).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.expect_problem(503, "OVERLOADED");
}
