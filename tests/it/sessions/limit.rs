//! Guessing secrets is slow.

use std::num::NonZeroU32;

use futures_util::future::join_all;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{LOGIN, client, log_in};
use crate::support::{Database, Process, TestApp, plain_http, until};

/// A service that takes three logins of one client id at once, and then one a minute.
async fn limited() -> TestApp {
    TestApp::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.login_burst = NonZeroU32::new(3).unwrap();
        config.rate_limit.login_attempts_per_minute = NonZeroU32::new(1).unwrap();
    })
    .await
}

#[tokio::test]
async fn the_attempt_over_the_burst_waits_and_no_other_client_waits_with_it() {
    let app = limited().await;
    let secret = client(&app, "versuni-client-001").await;
    let secret = secret.expose_secret();
    for _ in 0..3 {
        log_in(&app, "versuni-client-001", "a guess").await.expect_problem(401, "INVALID_CREDENTIALS");
    }

    // The right secret too: else a guesser would learn which one it is.
    let answer = log_in(&app, "versuni-client-001", secret).await;
    answer.expect_problem(429, "RATE_LIMITED");
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(answer.header("www-authenticate"), None);

    let other = client(&app, "other-partner").await;
    log_in(&app, "other-partner", other.expose_secret()).await.expect(200);
}

#[tokio::test]
async fn an_id_that_does_not_exist_is_limited_alike() {
    let app = limited().await;
    for _ in 0..3 {
        log_in(&app, "nobody", "a guess").await.expect_problem(401, "INVALID_CREDENTIALS");
    }
    log_in(&app, "nobody", "a guess").await.expect_problem(429, "RATE_LIMITED");
}

#[tokio::test]
async fn both_wires_count_together() {
    let app = limited().await;
    let variables = json!({"id": "nobody", "secret": "a guess"});
    for _ in 0..2 {
        app.graphql(LOGIN, variables.clone()).await.expect_error("INVALID_CREDENTIALS");
    }
    log_in(&app, "nobody", "a guess").await.expect_problem(401, "INVALID_CREDENTIALS");
    log_in(&app, "nobody", "a guess").await.expect_problem(429, "RATE_LIMITED");
    let error = app.graphql(LOGIN, variables).await.expect_error("RATE_LIMITED");
    let wait = error["extensions"]["retryAfter"].as_u64().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_faulty_body_is_no_attempt() {
    let app = limited().await;
    for _ in 0..4 {
        let body = json!({"client_id": "versuni-client-001"});
        app.post("/api/v1/auth/login", &body).await.expect_problem(400, "VALIDATION_FAILED");
    }
    log_in(&app, "versuni-client-001", "a guess").await.expect_problem(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn one_graphql_request_is_one_attempt() {
    let app = limited().await;
    let secret = client(&app, "versuni-client-001").await;
    let right =
        format!("login(input: {{clientId: \"versuni-client-001\", clientSecret: \"{}\"}})", secret.expose_secret());
    let guess = "login(input: {clientId: \"versuni-client-001\", clientSecret: \"a guess\"})";
    for document in [
        format!("mutation {{ a: {guess} {{ token }} b: {right} {{ token }} }}"),
        format!("mutation {{ ...two }} fragment two on Mutation {{ a: {guess} {{ token }} b: {right} {{ token }} }}"),
        format!("mutation {{ ... {{ a: {right} {{ token }} }} ... {{ b: {right} {{ token }} }} }}"),
    ] {
        let answer = app.graphql(&document, Value::Null).await;
        answer.expect_error("LIMIT_EXCEEDED");
        assert!(answer.json().get("data").is_none(), "{}", answer.text);
    }
    // None of them was tried: the burst is still whole. The first success makes the address a known one, which is noted
    // beside the answer, and gives it attempts of its own.
    app.graphql(&format!("mutation {{ {right} {{ token }} }}"), Value::Null).await.data();
    let known = "SELECT count(*) FROM client_addresses";
    until("its address", async || app.database.db_number(known).await > 0).await;
    for _ in 0..3 {
        app.graphql(&format!("mutation {{ {right} {{ token }} }}"), Value::Null).await.data();
    }
    app.graphql(&format!("mutation {{ {right} {{ token }} }}"), Value::Null).await.expect_error("RATE_LIMITED");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_logins_take_no_more_memory_than_a_few() {
    let database = Database::new().await;
    // One hash at a time, so that no more memory is held at once the more there is to do.
    let process = Process::serve(database.folder.path(), &database.url, |command| {
        command.env("SALES_ORDER_AUTH__PASSWORD_HASH_CONCURRENCY", "1");
    });
    let http = plain_http().build().unwrap();
    let guess = async |n: usize| {
        let body = json!({"client_id": format!("nobody-{n}"), "client_secret": "guess"});
        let sent = http.post(format!("{}/api/v1/auth/login", process.base)).json(&body).send().await.unwrap();
        assert_eq!(sent.status(), 401);
    };
    join_all((0..8).map(&guess)).await;
    let few = process.resident_kib();
    for round in 1..6 {
        join_all((0..16).map(|n| guess(100 * round + n))).await;
    }
    // Each hash works in 19 MiB. The allocator gives back later, and only while it is at work.
    until("the memory of many logins is that of a few", async || {
        guess(1000).await;
        process.resident_kib() < few + 2 * 19 * 1024
    })
    .await;
}
