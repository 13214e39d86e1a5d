//! What ends a subscription before its end does not look like its end: the socket closes with a code after which clients
//! connect again, a stream of events breaks off without `complete`.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures_util::StreamExt as _;
use sales_order_api::domain::client::ClientId;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::http;
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tower::ServiceExt as _;

use super::{FOLLOW, take};
use crate::support::frames::Frames;
use crate::support::{Answer, PARTNER_KEY, Partner, Socket, TestApp, Told, in_time};

/// What an operator, or time, does to a session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ended {
    Expired,
    Revoked,
    Disabled,
}

impl Ended {
    pub(super) const ALL: [Self; 3] = [Self::Expired, Self::Revoked, Self::Disabled];

    pub(super) async fn befall(self, app: &TestApp, client_id: &str) {
        let client_id: ClientId = client_id.parse().unwrap();
        match self {
            Self::Expired => app.clock.advance(Duration::from_hours(12)),
            Self::Revoked => drop(app.clients.revoke_sessions(&client_id).await.unwrap()),
            Self::Disabled => drop(app.clients.disable_client(&client_id).await.unwrap()),
        }
    }

    fn code(self) -> &'static str {
        if self == Self::Disabled { "CLIENT_DISABLED" } else { "UNAUTHENTICATED" }
    }

    fn status(self) -> u16 {
        if self == Self::Disabled { 403 } else { 401 }
    }
}

/// Posts a subscription for server-sent events.
async fn ask_for_events(app: &TestApp, authorization: &str) -> Response {
    let body = json!({"query": FOLLOW, "variables": {"after": "ZTA"}}).to_string();
    let headers = [("accept", "text/event-stream"), ("authorization", authorization)];
    let request = TestApp::post_request("/graphql", &headers, Body::from(body));
    app.router.clone().oneshot(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_in_the_middle_closes_the_websocket_with_4403_and_says_why() {
    for ended in Ended::ALL {
        let app = TestApp::new().await;
        let base = app.listen().await;
        let (partner, dashboard) = (app.partner().await, app.dashboard().await);
        take(&partner, "C-0").await;
        let mut frames = Frames::log_in(&base, &dashboard.token).await;
        let payload = json!({"query": FOLLOW, "variables": {"after": "ZTA"}});
        frames.send_json(&json!({"id": "1", "type": "subscribe", "payload": payload})).await;
        let (_, first) = frames.next().await.unwrap();
        assert!(String::from_utf8(first).unwrap().contains("\"type\":\"next\""));
        ended.befall(&app, "dashboard-001").await;
        // Nothing else happens, so it is the service that looks; how often is checked where it is said (`service::events`).
        let (code, reason) = frames.closed().await;
        assert_eq!(code, 4403, "{ended:?}: {reason}");
        assert!(reason.starts_with(&format!("{}: ", ended.code())), "{ended:?}: {reason}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_before_the_subscription_closes_the_websocket_too_and_other_refusals_do_not() {
    for ended in Ended::ALL {
        let app = TestApp::new().await;
        let base = app.listen().await;
        let dashboard = app.dashboard().await;
        let mut socket = Socket::log_in(&base, &dashboard.token).await;
        ended.befall(&app, "dashboard-001").await;
        socket.subscribe("1", FOLLOW, json!({})).await;
        assert_eq!(socket.next().await, Told::Closed(4403), "{ended:?}");
    }
    let app = TestApp::new().await;
    let base = app.listen().await;
    let dashboard = app.dashboard().await;
    let refused = |told: Told, code: &str| {
        let Told::Message(told) = told else { panic!("{told:?}") };
        assert!(told.to_string().contains(code), "{told}");
    };
    // Who sent no token would only come back without one.
    let mut stranger = Socket::anonymous(&base).await.unwrap();
    stranger.subscribe("1", FOLLOW, json!({})).await;
    refused(stranger.next().await, "UNAUTHENTICATED");
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    for (query, variables, code) in [
        ("subscription { nothing }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", json!({}), "GRAPHQL_PARSE_FAILED"),
    ] {
        socket.subscribe("1", query, variables).await;
        refused(socket.next().await, code);
    }
    socket.subscribe("2", FOLLOW, json!({"after": "no cursor"})).await;
    refused(socket.next().await, "VALIDATION_FAILED");
    // A query has its own error, and the connection stays.
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    app.clients.disable_client(&"dashboard-001".parse().unwrap()).await.unwrap();
    socket.subscribe("1", "{ viewer { clientId } }", json!({})).await;
    refused(socket.next().await, "CLIENT_DISABLED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_in_the_middle_breaks_the_events_off_without_complete() {
    for ended in Ended::ALL {
        let app = TestApp::new().await;
        let (partner, dashboard) = (app.partner().await, app.dashboard().await);
        take(&partner, "C-0").await;
        let response = ask_for_events(&app, &dashboard.authorization()).await;
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut pieces = response.into_body().into_data_stream();
        let first = in_time("the first event", pieces.next()).await.unwrap().unwrap();
        assert!(first.starts_with(b"event: next\n"), "{first:?}");
        ended.befall(&app, "dashboard-001").await;
        let mut rest = Vec::new();
        let has_broken_off = loop {
            match in_time("the end", pieces.next()).await {
                Some(Ok(piece)) => rest.extend(piece),
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        let rest = String::from_utf8(rest).unwrap();
        assert!(has_broken_off && !rest.contains("event:"), "{ended:?}: {rest}");
        assert!(rest.contains(&format!(":{}: ", ended.code())), "a comment says why: {rest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_cannot_begin_for_now_is_refused_with_a_status() {
    for ended in Ended::ALL {
        let app = TestApp::new().await;
        let dashboard = app.dashboard().await;
        ended.befall(&app, "dashboard-001").await;
        let answer = Answer::read(ask_for_events(&app, &dashboard.authorization()).await).await;
        let body = answer.expect(ended.status());
        assert_eq!(body["errors"][0]["extensions"]["code"], ended.code());
        assert!(body.get("data").is_none(), "{body}");
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(answer.header("www-authenticate").is_some(), ended.status() == 401, "{ended:?}");
    }
    let app = TestApp::new().await;
    let answer = app.subscribe(None, FOLLOW, json!({})).await;
    assert_eq!(answer.expect(401)["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"sales-order-api\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_service_breaks_the_events_off_without_complete() {
    let mut app = TestApp::new().await;
    let (partner, authorization) = (app.partner().await, app.dashboard().await.authorization());
    take(&partner, "C-0").await;
    let state = TestApp::state_in(&app.store, &app.clock, &[], |_| {});
    app.router = http::router(state.clone());
    let mut pieces = ask_for_events(&app, &authorization).await.into_body().into_data_stream();
    in_time("the first event", pieces.next()).await.unwrap().unwrap();
    state.stop_streams();
    let told = in_time("what is told", pieces.next()).await.unwrap().unwrap();
    assert!(told.starts_with(b":STOPPING: "), "{told:?}");
    assert!(in_time("the end", pieces.next()).await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_subscription_lets_the_mutations_of_its_socket_tell_what_they_did() {
    const MOVE: &str =
        "mutation { updateSalesOrderStatus(input: {orderNumber: \"SO-0000000001\", status: CONFIRMED}) { version } }";
    let app = TestApp::new().await;
    let base = app.listen().await;
    take(&app.partner().await, "C-0").await;
    let permissions = [Permission::OrdersRead, Permission::OrdersManage];
    let secret = app.client("erp-002", &permissions, SignaturePolicy::Documented, Vec::new()).await;
    let operator = Partner::log_in(&app, "erp-002", secret, &PARTNER_KEY).await;
    let mut socket = Socket::log_in(&base, &operator.token).await;
    let mut other = Socket::log_in(&base, &operator.token).await;
    for socket in [&mut socket, &mut other] {
        socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
        socket.next_data("1").await;
    }
    let held = app.database.hold_orders().await;
    socket.subscribe("2", MOVE, json!({})).await;
    app.clock.advance(Duration::from_hours(12));
    // The session has ended, and the mutation waits for its turn to write.
    assert_eq!(other.next().await, Told::Closed(4403));
    held.execute_unprepared("ROLLBACK").await.unwrap();
    held.close().await.unwrap();
    let Told::Message(told) = socket.next().await else { panic!("closed before the mutation told what it did") };
    assert_eq!(told["id"], "2", "{told}");
    let end = loop {
        match socket.next().await {
            Told::Message(_) => {}
            Told::Closed(code) => break code,
        }
    };
    assert_eq!(end, 4403);
}
