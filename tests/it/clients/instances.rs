//! A change at one instance, and what the others know of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{DESK, log, manager, run};
use crate::support::{Answer, TestApp};

#[tokio::test]
async fn a_client_that_was_disabled_over_graphql_comes_back_without_its_sessions_on_every_instance() {
    let app = TestApp::new().await;
    let manager = manager(&app).await;
    let partner = app.partner().await;
    let other = TestApp::router_on(&app.store, &app.clock, |_| {});
    let authorization = partner.authorization();
    let headers = [("authorization", authorization.as_str())];
    let viewer = json!({"query": "{ viewer { clientId } }"});
    let ask = async |router| TestApp::post_at(router, DESK, "/graphql", &headers, &viewer).await;
    let id = json!({"clientId": partner.client_id});
    for router in [&app.router, &other] {
        ask(router).await.data();
    }
    run(&manager, "disableClient", "ClientInput", id.clone(), "status").await;
    for router in [&app.router, &other] {
        ask(router).await.expect_error("CLIENT_DISABLED");
    }
    run(&manager, "enableClient", "ClientInput", id, "status").await;
    for router in [&app.router, &other] {
        ask(router).await.expect_error("UNAUTHENTICATED");
    }
    let refreshed = app.post("/api/v1/auth/refresh", &json!({"token": partner.token})).await;
    refreshed.expect_problem(401, "UNAUTHENTICATED");
    partner.log_in_again().await.graphql("{ viewer { clientId } }", json!({})).await.data();
    let actions: Vec<_> =
        log(&manager, &partner.client_id).await.into_iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["CLIENT_ENABLED", "CLIENT_DISABLED", "CLIENT_CREATED"]);
}

#[tokio::test]
async fn a_partner_that_logs_in_after_a_change_is_known_as_it_is_now_on_every_instance() {
    // Longer than the test takes: nobody forgets by themselves what they know of the partner.
    let app = TestApp::with(|config| config.auth.client_cache_ttl = Duration::from_mins(10)).await;
    let other =
        TestApp::router_on(&app.store, &app.clock, |config| config.auth.client_cache_ttl = Duration::from_mins(10));
    let (manager, mut partner) = (manager(&app).await, app.partner().await);
    let scopes = async |authorization: &str| -> Answer {
        let headers = [("authorization", authorization)];
        TestApp::post_at(&other, DESK, "/graphql", &headers, &json!({"query": "{ viewer { scopes } }"})).await
    };
    assert_eq!(scopes(&partner.authorization()).await.data()["viewer"]["scopes"], json!(["orders:create"]));

    run(&manager, "revokeClientSessions", "ClientInput", json!({"clientId": partner.client_id}), "status").await;
    partner = partner.log_in_again().await;
    assert_eq!(scopes(&partner.authorization()).await.data()["viewer"]["scopes"], json!(["orders:create"]));

    let more = json!({"clientId": partner.client_id, "scopes": ["orders:create", "orders:read"]});
    run(&manager, "updateClient", "UpdateClientInput", more, "status").await;
    let granted: Value = json!(["orders:create", "orders:read"]);
    partner = partner.log_in_again().await;
    assert_eq!(scopes(&partner.authorization()).await.data()["viewer"]["scopes"], granted);
}
