//! Dashboards follow what happens to orders.

mod batches;
mod closing;
mod instances;
mod interrupted;
mod protocol;
mod resuming;
mod roots;
mod sockets;
mod strangers;

use std::time::{Duration, Instant};

use axum::body::Body;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Partner, Socket, TestApp, Told, in_time, order};

pub const FOLLOW: &str = "subscription follow($after: String, $where: SalesOrderFilter) {
    salesOrderEvents(after: $after, where: $where) {
        cursor kind orderNumber status salesOrder { customerCode products { productCode } } } }";

/// Sends an order for this customer.
async fn take(partner: &Partner<'_>, customer: &str) {
    let mut order = order();
    order["customer_code"] = json!(customer);
    partner.create_with_key(customer, &order).await.expect(201);
}

fn customer(data: &Value) -> &str {
    data["salesOrderEvents"]["salesOrder"]["customerCode"].as_str().unwrap()
}

/// Waits until a subscription from now on has begun: what happens from here on reaches it.
async fn begun(socket: &mut Socket, partner: &Partner<'_>) {
    let began = Instant::now();
    for n in 0.. {
        take(partner, &format!("BEGIN-{n}")).await;
        let told = tokio::time::timeout(Duration::from_millis(300), socket.next()).await;
        if told.is_ok() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "nothing arrives");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dashboard_is_told_of_each_order_as_it_is_taken() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    take(&partner, "BEFORE").await;
    socket.subscribe("1", FOLLOW, json!({})).await;
    begun(&mut socket, &partner).await;
    for n in 0..5 {
        let name = format!("C-{n}");
        take(&partner, &name).await;
        loop {
            let data = socket.next_data("1").await;
            assert_ne!(customer(&data), "BEFORE");
            if !customer(&data).starts_with("BEGIN") {
                assert_eq!(customer(&data), name);
                assert_eq!(data["salesOrderEvents"]["kind"], "CREATED");
                assert_eq!(data["salesOrderEvents"]["salesOrder"]["products"].as_array().unwrap().len(), 2);
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dashboard_that_was_away_gets_what_it_missed_and_then_goes_on() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    for n in 0..250 {
        take(&partner, &format!("C-{n}")).await;
    }
    let first = dashboard.graphql("{ salesOrderEvents(first: 1) { nodes { cursor } } }", json!({})).await.data();
    let after = first["salesOrderEvents"]["nodes"][0]["cursor"].clone();
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    socket.subscribe("1", FOLLOW, json!({"after": after})).await;
    for n in 1..250 {
        assert_eq!(customer(&socket.next_data("1").await), format!("C-{n}"));
    }
    take(&partner, "LIVE").await;
    assert_eq!(customer(&socket.next_data("1").await), "LIVE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_follower_gets_what_its_filter_and_its_scope_leave() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let other = app.partner_named("other", sales_order_api::domain::signature_policy::SignaturePolicy::default()).await;
    let start = json!({"after": "ZTA"});
    let mut own = Socket::log_in(&base, &other.token).await;
    own.subscribe("own", FOLLOW, start.clone()).await;
    let mut filtered = Socket::log_in(&base, &dashboard.token).await;
    let filter = json!({"after": "ZTA", "where": {"customerCode": {"contains": "-7"}}});
    filtered.subscribe("some", FOLLOW, filter).await;
    for n in 0..10 {
        let sender = if n % 3 == 0 { &other } else { &partner };
        take(sender, &format!("C-{n}")).await;
    }
    for n in [0, 3, 6, 9] {
        assert_eq!(customer(&own.next_data("own").await), format!("C-{n}"));
    }
    assert_eq!(customer(&filtered.next_data("some").await), "C-7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_whose_session_ends_is_sent_away_and_not_let_in_again() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let dashboard = app.dashboard().await;
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    socket.subscribe("1", FOLLOW, json!({})).await;
    // An answer to something sent later shows that the subscription was taken.
    socket.send(json!({"type": "ping"})).await;
    assert_eq!(socket.next().await, Told::Message(json!({"type": "pong"})));
    app.clients.revoke_sessions(&dashboard.client_id.parse().unwrap()).await.unwrap();
    assert_eq!(socket.next().await, Told::Closed(4403));
    // And no new connection is opened with that token.
    let mut again = Socket::open(&base, Some("graphql-transport-ws")).await;
    let authorization = format!("Bearer {}", dashboard.token);
    again.send(json!({"type": "connection_init", "payload": {"authorization": authorization}})).await;
    assert_eq!(again.next().await, Told::Closed(4403));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_websocket_follows_by_server_sent_events() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    take(&partner, "C-0").await;
    let body = json!({"query": FOLLOW, "variables": {"after": "ZTA"}}).to_string();
    let authorization = dashboard.authorization();
    let headers = [("accept", "text/event-stream"), ("authorization", authorization.as_str())];
    let request = TestApp::post_request("/graphql", &headers, Body::from(body));
    let response = tower::ServiceExt::oneshot(app.router.clone(), request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut chunks = response.into_body().into_data_stream();
    for n in 0..3 {
        let chunk =
            String::from_utf8(in_time("the next event", chunks.next()).await.unwrap().unwrap().to_vec()).unwrap();
        let data = chunk.strip_prefix("event: next\ndata: ").unwrap_or_else(|| panic!("{chunk}"));
        let result: Value = serde_json::from_str(data.trim()).unwrap();
        assert_eq!(customer(&result["data"]), format!("C-{n}"));
        take(&partner, &format!("C-{}", n + 1)).await;
    }
    // What is no subscription is one event and the end.
    let viewer = app.subscribe(Some(authorization), "{ viewer { clientId } }", json!({})).await;
    assert!(
        viewer.text.starts_with("event: next\ndata: {\"data\":{\"viewer\":{\"clientId\":\"dashboard-001\"}}"),
        "{}",
        viewer.text
    );
    assert!(viewer.text.ends_with("event: complete\ndata: \n\n"), "{:?}", viewer.text);
}

#[tokio::test]
async fn a_subscription_sent_where_no_stream_can_be_says_where_it_can() {
    let app = TestApp::new().await;
    let refused = app.dashboard().await.graphql(FOLLOW, json!({})).await.expect_error("GRAPHQL_VALIDATION_FAILED");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("/graphql/ws") && message.contains("text/event-stream"), "{message}");
    app.get("/graphql/ws").await.expect_problem(400, "INVALID_HEADER");
}
