//! Secrets are changed while clients keep working: a client's own, and the one that signs tokens.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{claims, client, log_in, refresh, token, viewer};
use crate::support::{Answer, JWT_SECRET, TestApp};

const PARTNER: &str = "versuni-client-001";
const GRACE: Duration = Duration::from_hours(1);
const MOMENT: Duration = Duration::from_micros(1);
/// Just not all of it.
const NEARLY_GRACE: Duration = Duration::from_micros(3_599_999_999);

#[tokio::test]
async fn an_old_client_secret_works_through_its_grace_and_not_a_moment_longer() {
    let app = TestApp::new().await;
    let old = client(&app, PARTNER).await;
    let rotated = app.clients.rotate_secret(&PARTNER.parse().unwrap(), GRACE).await.unwrap();
    assert_eq!(rotated.previous_expires_at, app.clock.now() + GRACE);
    log_in(&app, PARTNER, old.expose_secret()).await.expect(200);
    log_in(&app, PARTNER, rotated.secret.expose_secret()).await.expect(200);
    app.clock.advance(NEARLY_GRACE);
    log_in(&app, PARTNER, old.expose_secret()).await.expect(200);
    app.clock.advance(MOMENT);
    log_in(&app, PARTNER, old.expose_secret()).await.expect_problem(401, "INVALID_CREDENTIALS");
    log_in(&app, PARTNER, rotated.secret.expose_secret()).await.expect(200);
}

#[tokio::test]
async fn a_secret_rotated_without_grace_stops_at_once() {
    let app = TestApp::new().await;
    let old = client(&app, PARTNER).await;
    let rotated = app.clients.rotate_secret(&PARTNER.parse().unwrap(), Duration::ZERO).await.unwrap();
    log_in(&app, PARTNER, old.expose_secret()).await.expect_problem(401, "INVALID_CREDENTIALS");
    log_in(&app, PARTNER, rotated.secret.expose_secret()).await.expect(200);
}

#[tokio::test]
async fn two_secrets_of_a_client_live_at_most() {
    let app = TestApp::new().await;
    let id = PARTNER.parse().unwrap();
    let first = client(&app, PARTNER).await;
    let second = app.clients.rotate_secret(&id, GRACE).await.unwrap().secret;
    let third = app.clients.rotate_secret(&id, GRACE * 2).await.unwrap().secret;
    log_in(&app, PARTNER, first.expose_secret()).await.expect_problem(401, "INVALID_CREDENTIALS");
    log_in(&app, PARTNER, second.expose_secret()).await.expect(200);
    log_in(&app, PARTNER, third.expose_secret()).await.expect(200);
    assert_eq!(app.clients.show_client(&id).await.unwrap().secrets.len(), 2);
}

#[tokio::test]
async fn a_session_begun_with_a_secret_that_is_gone_ends_with_its_token() {
    let app = TestApp::new().await;
    let old = client(&app, PARTNER).await;
    let begun = token(&log_in(&app, PARTNER, old.expose_secret()).await);
    let rotated = app.clients.rotate_secret(&PARTNER.parse().unwrap(), GRACE).await.unwrap();
    let renewed = token(&log_in(&app, PARTNER, rotated.secret.expose_secret()).await);

    app.clock.advance(NEARLY_GRACE);
    let carried_on = token(&refresh(&app, &begun).await);
    app.clock.advance(MOMENT);
    for token in [&begun, &carried_on] {
        refresh(&app, token).await.expect_problem(401, "UNAUTHENTICATED");
        viewer(&app, token).await.data();
    }
    refresh(&app, &renewed).await.expect(200);

    app.clock.advance(Duration::from_hours(12));
    for token in [&begun, &carried_on] {
        viewer(&app, token).await.expect_error("UNAUTHENTICATED");
    }
}

const NEW_JWT_SECRET: &str = "the next secret for tokens, of more than 32 bytes";

async fn post(router: &Router, path: &str, token: &str, body: &Value) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_string()))
        .unwrap();
    Answer::read(router.clone().oneshot(request).await.unwrap()).await
}

async fn viewer_at(router: &Router, token: &str) -> Answer {
    post(router, "/graphql", token, &json!({"query": "{ viewer { clientId } }"})).await
}

#[tokio::test]
async fn the_secret_of_tokens_is_rotated_without_ending_a_session() {
    let app = TestApp::new().await;
    let secret = client(&app, PARTNER).await;
    let old = token(&log_in(&app, PARTNER, secret.expose_secret()).await);

    // First every instance learns the new secret while all still sign with the old one, …
    let prepared = TestApp::router_in(
        &app.store,
        &app.clock,
        &[("SALES_ORDER_AUTH__JWT_PREVIOUS_SECRETS", &format!("[\"{NEW_JWT_SECRET}\"]"))],
        |_| {},
    );
    // … then they sign with the new one, one instance after the other, and still accept the old one.
    let rotated = TestApp::router_in(
        &app.store,
        &app.clock,
        &[
            ("SALES_ORDER_AUTH__JWT_SECRET", NEW_JWT_SECRET),
            ("SALES_ORDER_AUTH__JWT_PREVIOUS_SECRETS", &format!("[\"{JWT_SECRET}\"]")),
        ],
        |_| {},
    );
    assert_eq!(viewer_at(&rotated, &old).await.data()["viewer"]["clientId"], PARTNER);
    let new = token(&post(&rotated, "/api/v1/auth/refresh", &old, &json!({"token": old})).await);
    assert_eq!(claims(&new)["auth_time"], claims(&old)["auth_time"]);
    for token in [&old, &new] {
        for instance in [&prepared, &rotated] {
            viewer_at(instance, token).await.data();
        }
    }
    // An instance that was never told of the new secret cannot know it.
    viewer(&app, &new).await.expect_error("UNAUTHENTICATED");

    // In the end the old secret is dropped, and its tokens with it.
    let done = TestApp::router_in(&app.store, &app.clock, &[("SALES_ORDER_AUTH__JWT_SECRET", NEW_JWT_SECRET)], |_| {});
    viewer_at(&done, &old).await.expect_error("UNAUTHENTICATED");
    post(&done, "/api/v1/auth/refresh", &old, &json!({"token": old})).await.expect_problem(401, "UNAUTHENTICATED");
    viewer_at(&done, &new).await.data();
}
