//! Clients of GraphQL: each signs and creates, lists, subscribes, loses its connection, and goes on from its cursor with every
//! event once.

use super::stage::Stage;

// Followed on both databases: what is told of events, and how, is theirs.

#[tokio::test]
async fn a_dashboard_with_graphql_ws_goes_on_after_a_broken_connection() {
    Stage::new().await.node("graphql-ws.mjs").await;
}

#[tokio::test]
async fn a_dashboard_with_graphql_sse_goes_on_after_a_broken_connection() {
    Stage::new().await.node("graphql-sse.mjs").await;
}

#[tokio::test]
async fn a_dashboard_with_apollo_client_creates_lists_and_follows_orders() {
    once!();
    Stage::new().await.node("apollo.mjs").await;
}

#[tokio::test]
async fn a_dashboard_with_urql_creates_lists_and_follows_orders() {
    once!();
    Stage::new().await.node("urql.mjs").await;
}

#[tokio::test]
async fn a_dashboard_with_relay_creates_lists_and_follows_orders() {
    once!();
    let stage = Stage::new().await;
    stage.tool("relay-compiler", &["relay.config.json"]).await;
    stage.node("relay.mjs").await;
}

#[tokio::test]
async fn a_dashboard_with_the_types_of_graphql_codegen_creates_lists_and_follows_orders() {
    once!();
    let stage = Stage::new().await;
    stage.tool("graphql-codegen", &["--config", "codegen.config.mjs"]).await;
    stage.typescript("codegen").await;
}

#[tokio::test]
async fn a_dashboard_with_python_and_gql_creates_lists_and_follows_orders() {
    once!();
    Stage::new().await.python("python", &["gql_client.py"]).await;
}
