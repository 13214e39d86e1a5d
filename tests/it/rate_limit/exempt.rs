//! Logins and refreshes that the budget of an address never stops.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::anonymous::{FLOOD, limited, use_up};
use super::{HOME, PARTNER, log_in_from, number, partner, until_known};
use crate::support::{Answer, TestApp};

async fn refresh_from(app: &TestApp, address: &str, token: &str) -> Answer {
    app.post_from(address, "/api/v1/auth/refresh", &[], &json!({"token": token})).await
}

const REFRESH: &str = "mutation($token: String!) { refresh(input: {token: $token}) { token } }";
const LOGIN: &str =
    "mutation($id: String!, $secret: String!) { login(input: {clientId: $id, clientSecret: $secret}) { token } }";

#[tokio::test]
async fn a_true_refresh_neither_counts_nor_waits_for_the_budget() {
    let app = TestApp::with(limited).await;
    let partner = app.partner().await;
    app.clock.advance(Duration::from_hours(13));
    let over_graphql = json!({"query": REFRESH, "variables": {"token": partner.token}});
    for _ in 0..10 {
        refresh_from(&app, FLOOD, &partner.token).await.expect(200);
        app.post_from(FLOOD, "/graphql", &[], &over_graphql).await.data();
    }
    assert_eq!(use_up(&app, FLOOD).await, 5);
    let refreshed = refresh_from(&app, FLOOD, &partner.token).await.expect(200);
    app.post_from(FLOOD, "/graphql", &[], &over_graphql).await.data();
    // One that is none is answered like the rest of the flood, and so is one beside which something else is asked.
    refresh_from(&app, FLOOD, "forged").await.expect_problem(429, "RATE_LIMITED");
    app.post_from(FLOOD, "/api/v1/auth/refresh", &[], &json!({})).await.expect_problem(429, "RATE_LIMITED");
    let beside = REFRESH.replace("{ refresh", "{ createSalesOrder(input: {}) { message } refresh");
    let beside = json!({"query": beside, "variables": {"token": partner.token}});
    app.post_from(FLOOD, "/graphql", &[], &beside).await.expect_error("RATE_LIMITED");
    // A session that was ended is none either; where there is a budget it counts.
    app.clients.revoke_sessions(&"versuni-client-001".parse().unwrap()).await.unwrap();
    for token in [partner.token.as_str(), refreshed["token"].as_str().unwrap()] {
        refresh_from(&app, HOME, token).await.expect_problem(401, "UNAUTHENTICATED");
        refresh_from(&app, FLOOD, token).await.expect_problem(429, "RATE_LIMITED");
    }
    assert_eq!(use_up(&app, HOME).await, 3);
}

#[tokio::test]
async fn a_login_from_an_address_that_its_client_has_used_neither_counts_nor_waits_for_any_budget_of_the_address() {
    let app = TestApp::with(|config| {
        limited(config);
        config.rate_limit.address_burst = number(4);
        config.rate_limit.address_attempts_per_minute = number(1);
    })
    .await;
    let secret = partner(&app).await;
    let secret = secret.expose_secret();
    log_in_from(&app, HOME, PARTNER, secret).await.expect(200);
    until_known(&app, 1).await;
    let over_graphql = json!({"query": LOGIN, "variables": {"id": PARTNER, "secret": secret}});
    for _ in 0..8 {
        log_in_from(&app, HOME, PARTNER, secret).await.expect(200);
    }
    app.post_from(HOME, "/graphql", &[], &over_graphql).await.data();
    // The first login was from an address that nobody knew; it took one of five, and one of four logins.
    assert_eq!(use_up(&app, HOME).await, 4);
    log_in_from(&app, HOME, PARTNER, secret).await.expect(200);
    app.post_from(HOME, "/graphql", &[], &over_graphql).await.data();
    log_in_from(&app, HOME, "somebody-else", "a guess").await.expect_problem(429, "RATE_LIMITED");
    app.clock.advance(Duration::from_secs(5));
    for _ in 0..3 {
        log_in_from(&app, HOME, "somebody-else", "a guess").await.expect_problem(401, "INVALID_CREDENTIALS");
    }
    // Nor does it wait where neighbours have used up the logins of the address.
    log_in_from(&app, HOME, "somebody-else", "a guess").await.expect_problem(429, "RATE_LIMITED");
    log_in_from(&app, HOME, PARTNER, secret).await.expect(200);
    // Another instance asks the database.
    let other = TestApp { router: TestApp::router_on(&app.store, &app.clock, limited), ..app };
    assert_eq!(use_up(&other, HOME).await, 5);
    log_in_from(&other, HOME, PARTNER, secret).await.expect(200);
}

#[tokio::test]
async fn a_flood_of_logins_over_the_budget_costs_the_database_one_statement_a_minute() {
    let app = TestApp::with(limited).await;
    let secret = partner(&app).await;
    assert_eq!(use_up(&app, FLOOD).await, 5);
    log_in_from(&app, FLOOD, "nobody", "a guess").await.expect_problem(429, "RATE_LIMITED");
    // From here on there is no database to ask.
    app.store.close().await;
    for n in 0..100 {
        log_in_from(&app, FLOOD, &format!("nobody-{n}"), "a guess").await.expect_problem(429, "RATE_LIMITED");
    }
    log_in_from(&app, HOME, PARTNER, secret.expose_secret()).await.expect_problem(503, "DATABASE_UNAVAILABLE");
}
