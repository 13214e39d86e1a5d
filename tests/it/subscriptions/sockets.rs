//! Who may open a WebSocket, how many, and for how long.

use std::num::NonZeroU32;
use std::time::Duration;

use sales_order_api::config::Config;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::FOLLOW;
use crate::support::{Socket, TestApp, Told, found, until};

async fn closed(socket: &mut Socket) -> u16 {
    match socket.next().await {
        Told::Closed(code) => code,
        other @ Told::Message(_) => panic!("{other:?}"),
    }
}

/// Sends an operation and gives its result, or its errors.
async fn ask(socket: &mut Socket, query: &str, variables: Value) -> Value {
    socket.subscribe("ask", query, variables).await;
    let Told::Message(mut told) = socket.next().await else { panic!("closed") };
    if told["type"] == "next" {
        assert_eq!(socket.next().await, Told::Message(json!({"id": "ask", "type": "complete"})));
        return told["payload"].take();
    }
    json!({"errors": told["payload"].take()})
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_opens_no_connection() {
    let app = TestApp::with(|config| config.http.cors_origins = vec!["https://dashboard.example.com".to_owned()]).await;
    let base = app.listen().await;
    for foreign in ["https://evil.example", "null", "https://dashboard.example.com.evil.example", "http://127.0.0.1"] {
        assert_eq!(Socket::open_from(&base, foreign).await.err(), Some(403), "{foreign}");
    }
    for own in [base.as_str(), "https://dashboard.example.com"] {
        assert!(Socket::open_from(&base, own).await.is_ok(), "{own}");
    }
    // No browser, so no origin.
    Socket::log_in(&base, &app.dashboard().await.token).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_our_own_pages_are_those_of_the_host_it_names() {
    for (is_trusted, status) in [(true, "101"), (false, "403")] {
        let app = TestApp::with(|config| {
            config.http.trusted_proxies = if is_trusted { vec!["127.0.0.1/32".parse().unwrap()] } else { Vec::new() };
        })
        .await;
        let base = app.listen().await;
        let mut stream = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
        let handshake = "GET /graphql/ws HTTP/1.1\r\nhost: 10.0.0.9:8080\r\nx-forwarded-host: api.example.com\r\n\
                         x-forwarded-proto: https\r\norigin: https://api.example.com\r\nconnection: upgrade\r\n\
                         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
                         sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
        stream.write_all(handshake.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(std::str::from_utf8(&answer).unwrap(), format!("HTTP/1.1 {status}"));
    }
}

fn hurried(config: &mut Config) {
    config.http.anonymous_socket_timeout = Duration::from_millis(500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_token_ends_a_while_after_its_last_operation() {
    let app = TestApp::with(hurried).await;
    let base = app.listen().await;
    app.partner().await;
    let mut idle = Socket::anonymous(&base).await.unwrap();
    assert_eq!(closed(&mut idle).await, 4403);
    let mut socket = Socket::anonymous(&base).await.unwrap();
    let schema = ask(&mut socket, "{ __schema { queryType { name } } }", json!({})).await;
    assert_eq!(schema["data"]["__schema"]["queryType"]["name"], "Query");
    let login = "mutation { login(input: {clientId: \"nobody\", clientSecret: \"a guess\"}) { token } }";
    assert_eq!(code(&ask(&mut socket, login, json!({})).await), "INVALID_CREDENTIALS");
    assert_eq!(code(&ask(&mut socket, "{ viewer { clientId } }", json!({})).await), "UNAUTHENTICATED");
    assert_eq!(closed(&mut socket).await, 4403);
    // Whoever brings a token stays: its pings are answered long after.
    let mut dashboard = Socket::log_in(&base, &app.dashboard().await.token).await;
    let mut idle = Socket::anonymous(&base).await.unwrap();
    for _ in 0..2 {
        assert_eq!(closed(&mut idle).await, 4403);
        idle = Socket::anonymous(&base).await.unwrap();
    }
    assert_eq!(
        ask(&mut dashboard, "{ viewer { clientId } }", json!({})).await["data"]["viewer"]["clientId"],
        "dashboard-001"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ends_while_nothing_runs_ends_the_connection() {
    let app = TestApp::with(hurried).await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let mut revoked = Socket::log_in(&base, &partner.token).await;
    let mut expired = Socket::log_in(&base, &dashboard.token).await;
    app.clients.revoke_sessions(&"versuni-client-001".parse().unwrap()).await.unwrap();
    assert_eq!(closed(&mut revoked).await, 4403);
    assert!(ask(&mut expired, "{ viewer { clientId } }", json!({})).await["data"]["viewer"].is_object());
    app.clock.advance(Duration::from_hours(12));
    assert_eq!(closed(&mut expired).await, 4403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_without_a_valid_token_counts_for_the_budget_of_the_address() {
    let app = TestApp::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.anonymous_burst = NonZeroU32::new(5).unwrap();
        config.rate_limit.anonymous_requests_per_minute = NonZeroU32::new(1).unwrap();
    })
    .await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let mut socket = Socket::anonymous(&base).await.unwrap();
    // The handshake was one.
    for _ in 0..4 {
        assert_eq!(ask(&mut socket, "{ __typename }", json!({})).await["data"], json!({"__typename": "Query"}));
    }
    for query in ["{ __typename }", "{ __schema { types { name } } }", "mutation { login { token } __typename }", "{"] {
        let refused = ask(&mut socket, query, json!({})).await;
        assert_eq!(code(&refused), "RATE_LIMITED", "{query}: {refused}");
        assert_eq!(refused["errors"][0]["extensions"]["retryAfter"], 60);
    }
    let refresh = "mutation($token: String!) { refresh(input: {token: $token}) { token } }";
    let token = json!({"token": partner.token});
    assert!(ask(&mut socket, refresh, token).await["data"]["refresh"]["token"].is_string());
    assert_eq!(code(&ask(&mut socket, refresh, json!({"token": "forged"})).await), "RATE_LIMITED");
    // A new connection may still bring a token, and then nothing counts.
    let mut known = Socket::log_in(&base, &dashboard.token).await;
    for _ in 0..10 {
        assert!(ask(&mut known, "{ viewer { clientId } }", json!({})).await["data"]["viewer"].is_object());
    }
    let mut stranger = Socket::anonymous(&base).await.unwrap();
    assert_eq!(code(&ask(&mut stranger, "{ __typename }", json!({})).await), "RATE_LIMITED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_logs_in_on_a_connection_goes_on_where_it_has_been_before() {
    let app = TestApp::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.anonymous_burst = NonZeroU32::new(3).unwrap();
        config.rate_limit.anonymous_requests_per_minute = NonZeroU32::new(1).unwrap();
    })
    .await;
    let base = app.listen().await;
    let partner = app.partner().await;
    let login =
        "mutation($id: String!, $secret: String!) { login(input: {clientId: $id, clientSecret: $secret}) { token } }";
    let credentials = json!({"id": partner.client_id, "secret": partner.secret.expose_secret()});
    let mut socket = Socket::anonymous(&base).await.unwrap();
    // The first from this address counts; the others do not, for then it is known.
    for _ in 0..10 {
        let answer = ask(&mut socket, login, credentials.clone()).await;
        assert!(answer["data"]["login"]["token"].is_string(), "{answer}");
        let known = "SELECT count(*) FROM client_addresses";
        until("both addresses are known", async || app.database.db_number(known).await >= 2).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_and_a_client_have_so_many_connections() {
    let app = TestApp::with(|config| {
        config.http.max_sockets_per_address = 2;
        config.http.max_sockets_per_client = 3;
    })
    .await;
    let base = app.listen().await;
    let dashboard = app.dashboard().await;
    let first = Socket::anonymous(&base).await.unwrap();
    // With a token it is the client's, and the address has room again.
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(Socket::log_in(&base, &dashboard.token).await);
    }
    let mut over = Socket::open(&base, Some("graphql-transport-ws")).await;
    over.send(json!({"type": "connection_init", "payload": {"Authorization": dashboard.authorization()}})).await;
    assert_eq!(closed(&mut over).await, 1013);
    // The one that was refused is counted until it is gone.
    let _second = found("room for one more", async || Socket::anonymous(&base).await).await;
    assert_eq!(Socket::open_from(&base, &base).await.err(), Some(429));
    drop(first);
    held.pop();
    // A connection that has ended makes room.
    until("room for the client", async || Socket::try_log_in(&base, &dashboard.token).await.is_some()).await;
    until("room for the address", async || Socket::open_from(&base, &base).await.is_ok()).await;
}

/// Follows from the first event on, until it comes; gives why it does not, where it is refused.
async fn follow(socket: &mut Socket, id: &str, after: &Value) -> Result<(), Value> {
    socket.subscribe(id, FOLLOW, json!({"after": after})).await;
    loop {
        // Of others that run on the connection something may come, too.
        match socket.next().await {
            Told::Message(told) if told["id"] == id && told["type"] == "next" => return Ok(()),
            Told::Message(mut told) if told["id"] == id && told["type"] == "error" => {
                return Err(told["payload"].take());
            }
            Told::Message(_) => {}
            Told::Closed(code) => panic!("closed with {code}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_has_so_many_subscriptions_over_both_wires_together() {
    let app = TestApp::with(|config| config.http.max_subscriptions_per_client = 2).await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    for n in 0..2 {
        partner.create_with_key(&n.to_string(), &crate::support::order()).await.expect(201);
    }
    let first = "{ salesOrderEvents(first: 1) { edges { cursor } } }";
    let after = dashboard.graphql(first, json!({})).await.data()["salesOrderEvents"]["edges"][0]["cursor"].take();
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    for id in ["1", "2"] {
        follow(&mut socket, id, &after).await.unwrap();
    }
    let refused = follow(&mut socket, "3", &after).await.unwrap_err();
    assert_eq!(refused[0]["extensions"]["code"], "RATE_LIMITED", "{refused}");
    assert_eq!(refused[0]["extensions"]["retryAfter"], 5, "{refused}");
    let refused = app.subscribe(Some(dashboard.authorization()), FOLLOW, json!({})).await;
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert!(refused.text.contains("at once"), "{}", refused.text);
    assert_eq!(refused.expect(429)["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    // Where nothing follows on a connection, its end makes the client come again, with all that it asked for.
    let mut again = Socket::log_in(&base, &dashboard.token).await;
    for id in ["1", "2", "3"] {
        again.subscribe(id, FOLLOW, json!({"after": after})).await;
    }
    assert_eq!(again.next().await, Told::Closed(1013));
    // Another client has its own.
    follow(&mut Socket::log_in(&base, &partner.token).await, "1", &after).await.unwrap();
    // One that was ended makes room, as soon as it has ended.
    socket.send(json!({"id": "1", "type": "complete"})).await;
    let mut id = 3;
    until("room for one more", async || {
        id += 1;
        follow(&mut socket, &id.to_string(), &after).await.is_ok()
    })
    .await;
}
