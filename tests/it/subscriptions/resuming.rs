//! Stock clients go on by themselves after what ended their subscription, with fresh credentials and their last cursor.

use std::future::pending;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use sales_order_api::http;
use serde_json::json;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use super::interrupted::Ended;
use super::{FOLLOW, take};
use crate::outages::hurried;
use crate::support::{Link, Partner, Socket, StockClient, TestApp, Told, until};

/// Follows with a stock client while one session after the other ends; gives what it was told of.
async fn resumed(transport: &str) {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let dashboard = app.dashboard().await;
    let mut client = StockClient::follow(&base, transport, &dashboard, FOLLOW, 2 * Ended::ALL.len());
    let mut count = 0;
    let mut told_of = async |partner: &Partner<'_>| {
        count += 1;
        take(partner, &format!("C-{count}")).await;
        let (number, before) = client.next_order().await;
        assert_eq!(number, format!("SO-{count:010}"), "nothing is missing and nothing comes twice: {before:?}");
        before
    };
    let partner = app.partner().await;
    let mut partner = partner.log_in_again().await;
    for ended in Ended::ALL {
        told_of(&partner).await;
        ended.befall(&app, "dashboard-001").await;
        if ended == Ended::Disabled {
            app.clients.enable_client(&"dashboard-001".parse().unwrap()).await.unwrap();
        }
        partner = partner.log_in_again().await;
        let before = told_of(&partner).await;
        assert!(before.iter().any(|said| said["connected"] == true), "{transport}, {ended:?}: {before:?}");
        if transport == "websocket" {
            let closed = before.iter().find(|said| said.get("closed").is_some()).unwrap();
            assert_eq!((&closed["closed"], &closed["wasClean"]), (&json!(4403), &json!(true)), "{closed}");
        }
    }
    assert_eq!(client.next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_websocket_client_goes_on_without_a_gap_after_its_session_ended() {
    resumed("websocket").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_client_of_server_sent_events_goes_on_without_a_gap_after_its_session_ended() {
    resumed("sse").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stock_clients_go_on_without_a_gap_after_the_database_was_away() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let link = Link::to(&app.database).await;
    let (router, base) = behind(&app, &link).await;
    let mut clients =
        ["websocket", "sse"].map(|transport| StockClient::follow(&base, transport, &dashboard, FOLLOW, 6));
    for round in 0..3 {
        take(&partner, &format!("before-{round}")).await;
        for client in &mut clients {
            assert_eq!(client.next_order().await.0, format!("SO-{:010}", 2 * round + 1));
        }
        match round {
            0 => link.cut(),
            1 => link.vanish(),
            _ => link.silence(),
        }
        // The database itself is there, and others take orders.
        take(&partner, &format!("meanwhile-{round}")).await;
        if round < 2 {
            is_away(&router).await;
        }
        link.mend();
        for client in &mut clients {
            let (number, before) = client.next_order().await;
            assert_eq!(number, format!("SO-{:010}", 2 * round + 2), "{before:?}");
        }
    }
    for client in &mut clients {
        assert_eq!(client.next().await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_waited_for_and_no_follower_is_sent_away_before_ten_seconds() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    for outage in [Link::cut, Link::vanish] {
        let link = Link::to(&app.database).await;
        let (router, base) = behind(&app, &link).await;
        let mut socket = Socket::log_in(&base, &dashboard.token).await;
        take(&partner, &base).await;
        let cursor = dashboard.graphql("{ salesOrderEvents { nodes { cursor } } }", json!({})).await.data();
        let nodes = cursor["salesOrderEvents"]["nodes"].as_array().unwrap();
        let after = nodes[nodes.len().saturating_sub(2)]["cursor"].clone();
        let after = if nodes.len() == 1 { json!("ZTA") } else { after };
        socket.subscribe("1", FOLLOW, json!({"after": after})).await;
        socket.next_data("1").await;
        let began = Instant::now();
        outage(&link);
        is_away(&router).await;
        link.mend();
        take(&partner, &format!("{base}-after")).await;
        match socket.next().await {
            Told::Message(told) => assert_eq!(told["type"], "next", "{told}"),
            // On a machine that is so slow the outage was longer than followers wait.
            told @ Told::Closed(_) => {
                assert!(told == Told::Closed(1013) && began.elapsed() > Duration::from_secs(9), "{told:?}");
            }
        }
    }
}

/// An instance that reaches its database by this link; and where it listens.
async fn behind(app: &TestApp, link: &Link) -> (Router, String) {
    let store = hurried(&link.url, 8).await;
    let router = TestApp::router_on(&store, &app.clock, |config| {
        config.http.ready_timeout = Duration::from_secs(2);
        config.http.request_timeout = Duration::from_secs(9);
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(http::serve(listener, router.clone(), app.server.clone(), pending(), pending()));
    (router, base)
}

async fn is_away(router: &Router) {
    until("the service is not ready", async || {
        let ready = Request::get("/health/ready").body(Body::empty()).unwrap();
        router.clone().oneshot(ready).await.unwrap().status() == 503
    })
    .await;
}
