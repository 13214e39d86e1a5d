//! How long a session can be carried on, and what ends it.

use std::time::Duration;

use sales_order_api::domain::signature_policy::SignaturePolicy;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{DAY, HOUR, NOW, REFRESH, claims, client, log_in, refresh, token, viewer};
use crate::support::{JWT_SECRET, Partner, TestApp, order};

const PARTNER: &str = "versuni-client-001";

async fn session(app: &TestApp) -> String {
    let secret = client(app, PARTNER).await;
    token(&log_in(app, PARTNER, secret.expose_secret()).await)
}

/// Moves the clock to so many seconds after the login.
fn at(app: &TestApp, seconds: i64) {
    let wait = NOW + seconds - app.clock.now().timestamp();
    app.clock.advance(Duration::from_secs(u64::try_from(wait).unwrap()));
}

#[tokio::test]
async fn a_session_is_carried_on_before_its_token_expires_and_the_old_token_stays_valid() {
    let app = TestApp::new().await;
    let old = session(&app).await;
    at(&app, 11 * HOUR);
    let answer = refresh(&app, &old).await;
    let new = token(&answer);
    assert_eq!(answer.json(), json!({"token": new, "expired_at": NOW + 23 * HOUR}));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_ne!(claims(&new)["jti"], claims(&old)["jti"]);
    viewer(&app, &old).await.data();
    viewer(&app, &new).await.data();
    at(&app, 12 * HOUR);
    viewer(&app, &old).await.expect_error("UNAUTHENTICATED");
    viewer(&app, &new).await.data();
}

#[tokio::test]
async fn a_session_is_carried_on_up_to_seven_days_after_its_token_expired() {
    let app = TestApp::new().await;
    let expired = session(&app).await;
    at(&app, 12 * HOUR);
    viewer(&app, &expired).await.expect_error("UNAUTHENTICATED");
    viewer(&app, &token(&refresh(&app, &expired).await)).await.data();
    at(&app, 12 * HOUR + 7 * DAY);
    viewer(&app, &token(&refresh(&app, &expired).await)).await.data();
    at(&app, 12 * HOUR + 7 * DAY + 1);
    let answer = refresh(&app, &expired).await;
    answer.expect_problem(401, "UNAUTHENTICATED");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"sales-order-api\", error=\"invalid_token\""));
}

#[tokio::test]
async fn a_session_ends_thirty_days_after_its_login_however_often_it_is_carried_on() {
    let app = TestApp::new().await;
    let mut carried_on = session(&app).await;
    for day in [7, 14, 21, 28, 29] {
        at(&app, day * DAY);
        carried_on = token(&refresh(&app, &carried_on).await);
        let claims = claims(&carried_on);
        assert_eq!((&claims["auth_time"], &claims["iat"]), (&NOW.into(), &(NOW + day * DAY).into()));
    }
    at(&app, 30 * DAY - 1);
    let last = refresh(&app, &carried_on).await;
    assert_eq!(last.json()["expired_at"], NOW + 30 * DAY, "its end is the session's");
    let last = token(&last);
    viewer(&app, &last).await.data();
    at(&app, 30 * DAY);
    for token in [&carried_on, &last] {
        viewer(&app, token).await.expect_error("UNAUTHENTICATED");
        let refused = refresh(&app, token).await.expect_problem(401, "UNAUTHENTICATED");
        assert!(refused["message"].as_str().unwrap().contains("log in again"), "{refused}");
    }
}

#[tokio::test]
async fn no_token_outlives_its_session_on_either_wire() {
    let app = TestApp::with(|config| config.auth.session_lifetime = Duration::from_hours(20)).await;
    let first = session(&app).await;
    assert_eq!(claims(&first)["exp"], NOW + 12 * HOUR, "a session that lasts longer cuts nothing");
    at(&app, 9 * HOUR);
    let whole = refresh(&app, &first).await;
    let cut = app.graphql(REFRESH, json!({"token": first})).await.data()["refresh"].take();
    for (expires, token) in
        [(&whole.json()["expired_at"], token(&whole)), (&cut["expiredAt"], cut["token"].as_str().unwrap().to_owned())]
    {
        assert_eq!((expires, &claims(&token)["exp"]), (&json!(NOW + 20 * HOUR), &json!(NOW + 20 * HOUR)));
        assert_eq!(claims(&token)["auth_time"], NOW);
    }
    at(&app, 20 * HOUR - 1);
    viewer(&app, &token(&whole)).await.data();
    at(&app, 20 * HOUR);
    viewer(&app, &token(&whole)).await.expect_error("UNAUTHENTICATED");
}

#[tokio::test]
async fn a_login_is_cut_to_its_session_and_a_token_from_before_counts_to_its_own_end() {
    let app = TestApp::new().await;
    let before = session(&app).await;
    // The operator shortened sessions to an hour; no longer than that may a token live from then on.
    let shorter = TestApp::router_on(&app.store, &app.clock, |config| {
        config.auth.session_lifetime = Duration::from_hours(1);
    });
    let app = TestApp { router: shorter, ..app };
    at(&app, 2 * HOUR);
    viewer(&app, &before).await.data();
    refresh(&app, &before).await.expect_problem(401, "UNAUTHENTICATED");
    let secret = app.clients.rotate_secret(&PARTNER.parse().unwrap(), Duration::ZERO).await.unwrap().secret;
    let answer = log_in(&app, PARTNER, secret.expose_secret()).await;
    assert_eq!(answer.expect(200)["expired_at"], NOW + 3 * HOUR);
}

#[tokio::test]
async fn an_operator_sets_both_bounds() {
    let app = TestApp::with(|config| {
        config.auth.refresh_window = Duration::ZERO;
        config.auth.session_lifetime = Duration::from_hours(24);
    })
    .await;
    let first = session(&app).await;
    at(&app, 12 * HOUR);
    let second = token(&refresh(&app, &first).await);
    at(&app, 12 * HOUR + 1);
    refresh(&app, &first).await.expect_problem(401, "UNAUTHENTICATED");
    at(&app, 24 * HOUR - 1);
    refresh(&app, &second).await.expect(200);
    at(&app, 24 * HOUR);
    refresh(&app, &second).await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn disabling_a_client_ends_its_sessions_and_taking_it_back_brings_none_of_them_back() {
    let app = TestApp::new().await;
    let secret = client(&app, PARTNER).await;
    let first = token(&log_in(&app, PARTNER, secret.expose_secret()).await);
    let carried_on = token(&refresh(&app, &first).await);
    let id = PARTNER.parse().unwrap();
    app.clients.disable_client(&id).await.unwrap();
    for token in [&first, &carried_on] {
        refresh(&app, token).await.expect_problem(403, "CLIENT_DISABLED");
        viewer(&app, token).await.expect_error("CLIENT_DISABLED");
    }
    app.clients.enable_client(&id).await.unwrap();
    for token in [&first, &carried_on] {
        refresh(&app, token).await.expect_problem(401, "UNAUTHENTICATED");
        viewer(&app, token).await.expect_error("UNAUTHENTICATED");
    }
    let renewed = token(&log_in(&app, PARTNER, secret.expose_secret()).await);
    viewer(&app, &renewed).await.data();
    // Saying again what is so already ends nothing.
    app.clients.enable_client(&id).await.unwrap();
    viewer(&app, &renewed).await.data();
    refresh(&app, &renewed).await.expect(200);
}

#[tokio::test]
async fn a_session_that_was_ended_before_the_client_was_disabled_is_not_told_that_it_is() {
    let app = TestApp::new().await;
    let token = session(&app).await;
    let id = PARTNER.parse().unwrap();
    app.clients.revoke_sessions(&id).await.unwrap();
    app.clients.disable_client(&id).await.unwrap();
    refresh(&app, &token).await.expect_problem(401, "UNAUTHENTICATED");
    viewer(&app, &token).await.expect_error("UNAUTHENTICATED");
}

/// Disabled by a version that did not end sessions by that.
#[tokio::test]
async fn a_client_that_was_disabled_long_ago_comes_back_without_its_sessions_as_well() {
    let app = TestApp::new().await;
    let token = session(&app).await;
    app.database.db_execute("UPDATE clients SET disabled_at = 1").await.unwrap();
    viewer(&app, &token).await.expect_error("CLIENT_DISABLED");
    app.clients.enable_client(&PARTNER.parse().unwrap()).await.unwrap();
    viewer(&app, &token).await.expect_error("UNAUTHENTICATED");
    refresh(&app, &token).await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_session_the_operator_ended_neither_counts_nor_can_be_carried_on() {
    let app = TestApp::new().await;
    let secret = client(&app, PARTNER).await;
    let first = token(&log_in(&app, PARTNER, secret.expose_secret()).await);
    let carried_on = token(&refresh(&app, &first).await);
    app.clients.revoke_sessions(&PARTNER.parse().unwrap()).await.unwrap();
    for token in [&first, &carried_on] {
        viewer(&app, token).await.expect_error("UNAUTHENTICATED");
        refresh(&app, token).await.expect_problem(401, "UNAUTHENTICATED");
    }
    let renewed = token(&log_in(&app, PARTNER, secret.expose_secret()).await);
    viewer(&app, &renewed).await.data();
    refresh(&app, &renewed).await.expect(200);
}

#[tokio::test]
async fn no_other_clients_session_is_touched_when_one_is_ended() {
    let app = TestApp::new().await;
    let token_of_one = session(&app).await;
    let secret = client(&app, "other-partner").await;
    let token_of_other = token(&log_in(&app, "other-partner", secret.expose_secret()).await);
    app.clients.revoke_sessions(&PARTNER.parse().unwrap()).await.unwrap();
    viewer(&app, &token_of_one).await.expect_error("UNAUTHENTICATED");
    assert_eq!(viewer(&app, &token_of_other).await.data()["viewer"]["clientId"], "other-partner");
}

#[tokio::test]
async fn only_a_token_of_ours_can_be_carried_on() {
    let app = TestApp::new().await;
    let own = session(&app).await;
    let claims = claims(&own);
    let sign = |claims: &Value, secret: &str| {
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        jsonwebtoken::encode(&header, claims, &jsonwebtoken::EncodingKey::from_secret(secret.as_bytes())).unwrap()
    };
    let with = |name: &str, value: &str| {
        let mut claims = claims.clone();
        claims[name] = value.into();
        sign(&claims, JWT_SECRET)
    };
    // Without this the refusals below could have another cause.
    refresh(&app, &sign(&claims, JWT_SECRET)).await.expect(200);
    for foreign in [
        sign(&claims, "another secret of more than 32 bytes, too"),
        with("iss", "https://example.com"),
        with("aud", "another-api"),
        with("sub", "nobody"),
        with("sub", "no id at all | %"),
        own[..own.len() - 2].to_owned(),
        format!("Bearer {own}"),
        "x".to_owned(),
    ] {
        refresh(&app, &foreign).await.expect_problem(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_scope_taken_away_is_gone_at_once_and_one_given_comes_with_the_next_token() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let other = app.partner_named("other-partner", SignaturePolicy::Documented).await;
    other.create(&order()).await.expect(201);
    app.database
        .db_execute("UPDATE clients SET scopes = 'orders:read' WHERE client_id = 'versuni-client-001'")
        .await
        .unwrap();

    partner.create(&order()).await.expect_problem(403, "INSUFFICIENT_SCOPE");
    let others_order = "{ salesOrder(orderNumber: \"SO-0000000001\") { clientId } }";
    assert_eq!(partner.graphql(others_order, Value::Null).await.data()["salesOrder"], Value::Null);

    let carried_on = token(&refresh(&app, &partner.token).await);
    assert_eq!(claims(&carried_on)["scope"], "orders:read");
    let reader = Partner { token: carried_on, ..partner };
    let seen = reader.graphql(others_order, Value::Null).await.data();
    assert_eq!(seen["salesOrder"]["clientId"], "other-partner");
}
