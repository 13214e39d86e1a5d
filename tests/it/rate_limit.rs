//! Whoever tries too often waits, and nobody waits for somebody else.

mod anonymous;
mod exempt;
mod pacing;
mod quotas;

use std::num::NonZeroU32;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use sales_order_api::config::Config;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;

use crate::support::{Answer, TestApp, until};

const PARTNER: &str = "versuni-client-001";
/// Where the honest partner sits.
const HOME: &str = "203.0.113.7";

fn number(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// Limits small enough to be reached: ten logins of a client at once, eight attempts from an address.
fn limited(config: &mut Config) {
    config.rate_limit.enabled = true;
    config.rate_limit.login_burst = number(10);
    config.rate_limit.login_attempts_per_minute = number(1);
    config.rate_limit.address_burst = number(8);
    config.rate_limit.address_attempts_per_minute = number(60);
}

async fn partner(app: &TestApp) -> SecretString {
    app.client(PARTNER, &[Permission::OrdersCreate], SignaturePolicy::Documented, Vec::new()).await
}

async fn log_in_from(app: &TestApp, address: &str, client_id: &str, secret: &str) -> Answer {
    let body = json!({"client_id": client_id, "client_secret": secret});
    app.post_from(address, "/api/v1/auth/login", &[], &body).await
}

#[track_caller]
fn wait_of(answer: &Answer) -> u64 {
    answer.expect_problem(429, "RATE_LIMITED");
    answer.header("retry-after").unwrap().parse().unwrap()
}

/// From where a client logs in is noted after the answer.
async fn until_known(app: &TestApp, addresses: i64) {
    let known = "SELECT count(*) FROM client_addresses";
    until("the addresses are known", async || app.database.db_number(known).await >= addresses).await;
}

/// A guesser with many addresses: tries until the client id's attempts are used up; gives how many went through.
async fn stuff(app: &TestApp, client_id: &str) -> usize {
    for n in 0..100 {
        let address = format!("198.51.100.{n}");
        let answer = log_in_from(app, &address, client_id, "a guess that is long enough").await;
        if answer.status == 429 {
            return n;
        }
        answer.expect_problem(401, "INVALID_CREDENTIALS");
    }
    panic!("nobody stopped the guesser");
}

#[tokio::test]
async fn a_guesser_elsewhere_never_uses_up_the_honest_partners_attempts() {
    let app = TestApp::with(limited).await;
    let secret = partner(&app).await;
    log_in_from(&app, HOME, PARTNER, secret.expose_secret()).await.expect(200);
    until_known(&app, 1).await;
    assert_eq!(stuff(&app, PARTNER).await, 9, "the partner's first login was from an address nobody knew");
    for _ in 0..5 {
        log_in_from(&app, HOME, PARTNER, secret.expose_secret()).await.expect(200);
    }
    // From an address that nobody knows the right secret waits too, for a guesser could have it.
    wait_of(&log_in_from(&app, "192.0.2.1", PARTNER, secret.expose_secret()).await);
    app.clock.advance(Duration::from_mins(1));
    log_in_from(&app, "192.0.2.1", PARTNER, secret.expose_secret()).await.expect(200);
}

#[tokio::test]
async fn another_instance_knows_the_honest_partners_address_as_well() {
    let app = TestApp::with(limited).await;
    let secret = partner(&app).await;
    log_in_from(&app, HOME, PARTNER, secret.expose_secret()).await.expect(200);
    until_known(&app, 1).await;
    log_in_from(&app, "203.0.113.8", PARTNER, secret.expose_secret()).await.expect(200);
    until_known(&app, 2).await;
    let restarted = TestApp { router: TestApp::router_on(&app.store, &app.clock, limited), ..app };
    assert_eq!(stuff(&restarted, PARTNER).await, 10);
    for address in [HOME, "203.0.113.8"] {
        log_in_from(&restarted, address, PARTNER, secret.expose_secret()).await.expect(200);
    }
    // A new secret makes no stranger of anybody.
    let rotated = restarted.clients.rotate_secret(&PARTNER.parse().unwrap(), Duration::ZERO).await.unwrap().secret;
    log_in_from(&restarted, HOME, PARTNER, rotated.expose_secret()).await.expect(200);
}

#[tokio::test]
async fn failures_in_a_row_make_the_pause_grow_for_the_guesser_alone() {
    let app = TestApp::with(|config| {
        limited(config);
        config.rate_limit.login_burst = number(1000);
        config.rate_limit.address_burst = number(1000);
        config.rate_limit.login_longest_pause = Duration::from_secs(5);
    })
    .await;
    let secret = partner(&app).await;
    let guess = || log_in_from(&app, "198.51.100.1", PARTNER, "a guess that is long enough");
    for _ in 0..5 {
        guess().await.expect_problem(401, "INVALID_CREDENTIALS");
    }
    for pause in [1, 2, 4, 5, 5] {
        guess().await.expect_problem(401, "INVALID_CREDENTIALS");
        let refused = guess().await;
        assert_eq!(wait_of(&refused), pause);
        assert_eq!(refused.header("ratelimit"), Some(&*format!("\"login-pause\";r=0;t={pause}")));
        // Asking in between makes it no longer.
        app.clock.advance(Duration::from_millis(pause * 1000 - 1));
        assert_eq!(wait_of(&guess().await), 1);
        app.clock.advance(Duration::from_millis(1));
    }
    // Meanwhile the partner waits for nothing, and for the guesser's other targets nothing changed.
    guess().await.expect_problem(401, "INVALID_CREDENTIALS");
    log_in_from(&app, HOME, PARTNER, secret.expose_secret()).await.expect(200);
    log_in_from(&app, "198.51.100.1", "somebody-else", "a guess").await.expect_problem(401, "INVALID_CREDENTIALS");
    // A partner that mistyped and then got it right begins anew.
    app.clock.advance(Duration::from_secs(5));
    log_in_from(&app, "198.51.100.1", PARTNER, secret.expose_secret()).await.expect(200);
    for _ in 0..6 {
        guess().await.expect_problem(401, "INVALID_CREDENTIALS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_pause_a_guesser_has_one_attempt_however_many_it_makes_at_once() {
    let app = TestApp::with(|config| {
        limited(config);
        config.rate_limit.login_burst = number(1000);
        config.rate_limit.address_burst = number(1000);
    })
    .await;
    partner(&app).await;
    let body = json!({"client_id": PARTNER, "client_secret": "a guess that is long enough"});
    for _ in 0..6 {
        app.post("/api/v1/auth/login", &body).await.expect_problem(401, "INVALID_CREDENTIALS");
    }
    app.clock.advance(Duration::from_secs(1));
    let guesses = (0..30).map(|_| TestApp::post_request("/api/v1/auth/login", &[], body.to_string()));
    let answers = app.send_at_once(guesses).await;
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!((tried, answers.len()), (1, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_strangers_waits_in_a_line_of_its_own() {
    let app = TestApp::with(|config| {
        config.rate_limit.enabled = true;
        config.auth.password_hash_concurrency = 1;
    })
    .await;
    let secret = partner(&app).await;
    log_in_from(&app, HOME, PARTNER, secret.expose_secret()).await.expect(200);
    until_known(&app, 1).await;
    // A new id and a new address for each guess: no count ever catches them.
    let flood = (0..200_u16).map(|n| {
        let body = json!({"client_id": format!("made-up-{n}"), "client_secret": "a guess"});
        let mut request = TestApp::post_request("/api/v1/auth/login", &[], body.to_string());
        let address = std::net::IpAddr::from([198, 51, 100, n.to_le_bytes()[0]]);
        request.extensions_mut().insert(sales_order_api::http::Peer((address, 1).into()));
        request
    });
    let (answers, honest) = tokio::join!(
        app.send_at_once(flood.collect::<Vec<_>>()),
        log_in_from(&app, HOME, PARTNER, secret.expose_secret())
    );
    honest.expect(200);
    let crowded: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!crowded.is_empty(), "200 guesses were checked, one after the other");
    for answer in crowded {
        answer.expect_problem(503, "OVERLOADED");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_limits_are_off_nobody_is_sent_away() {
    let app = TestApp::with(|config| config.auth.password_hash_concurrency = 1).await;
    let logins = (0..80).map(|n| {
        let body = json!({"client_id": format!("nobody-{n}"), "client_secret": "a guess"});
        TestApp::post_request("/api/v1/auth/login", &[], body.to_string())
    });
    for answer in app.send_at_once(logins.collect::<Vec<_>>()).await {
        answer.expect_problem(401, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn one_address_that_tries_many_client_ids_is_limited_and_its_neighbours_are_not() {
    let app = TestApp::with(limited).await;
    let secret = partner(&app).await;
    for n in 0..8 {
        let answer = log_in_from(&app, "2001:db8::1", &format!("partner-{n}"), "a guess").await;
        answer.expect_problem(401, "INVALID_CREDENTIALS");
    }
    // Another address of the same household is the same guesser.
    assert_eq!(wait_of(&log_in_from(&app, "2001:db8::2", "partner-8", "a guess").await), 1);
    log_in_from(&app, "2001:db8:0:1::1", PARTNER, secret.expose_secret()).await.expect(200);
    app.clock.advance(Duration::from_secs(1));
    log_in_from(&app, "2001:db8::2", PARTNER, secret.expose_secret()).await.expect(200);
}

#[tokio::test]
async fn logins_under_aliases_count_one_by_one() {
    let app = TestApp::with(|config| {
        limited(config);
        config.graphql.max_logins = 20;
        config.graphql.max_mutations = 20;
    })
    .await;
    let logins: String = (0..20)
        .map(|n| format!("a{n}: login(input: {{clientId: \"{PARTNER}\", clientSecret: \"guess-{n}\"}}) {{ token }} "))
        .collect();
    let body = json!({"query": format!("mutation {{ {logins} }}")});
    let answer = app.post_from("198.51.100.1", "/graphql", &[], &body).await.expect(200);
    let codes: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|e| e["extensions"]["code"].as_str()).collect();
    // Five failures cost nothing and the sixth a pause; none of the others was tried.
    assert_eq!(codes[..6], [Some("INVALID_CREDENTIALS"); 6], "{answer}");
    assert_eq!(codes[6..], [Some("RATE_LIMITED"); 14], "{answer}");
    // A batch is no way around either.
    let batch = json!([body, body]);
    let refused = app.post_from("198.51.100.1", "/graphql", &[], &batch).await.json();
    assert_eq!(refused[1]["errors"][0]["extensions"]["code"], "BATCH_NOT_SUPPORTED", "{refused}");
}

#[tokio::test]
async fn on_two_instances_a_guesser_gets_at_most_twice_the_attempts() {
    let app = TestApp::with(limited).await;
    partner(&app).await;
    let other = TestApp::router_on(&app.store, &app.clock, limited);
    let mut tried = 0;
    for n in 0..40 {
        let body = json!({"client_id": PARTNER, "client_secret": "a guess that is long enough"});
        for router in [&app.router, &other] {
            let address = format!("198.51.100.{n}");
            let answer = TestApp::post_at(router, &address, "/api/v1/auth/login", &[], &body).await;
            tried += usize::from(answer.status == 401);
        }
    }
    assert_eq!(tried, 20);
}

#[tokio::test]
async fn only_a_proxy_that_the_operator_trusts_says_where_a_caller_is() {
    let behind_proxy = |config: &mut Config| {
        limited(config);
        config.http.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    };
    let app = TestApp::with(behind_proxy).await;
    let guess = async |peer: &str, forwarded: &str| {
        let body = json!({"client_id": forwarded.replace(['.', ',', ' '], "-"), "client_secret": "a guess"});
        app.post_from(peer, "/api/v1/auth/login", &[("x-forwarded-for", forwarded)], &body).await
    };
    // Behind the proxy each caller counts for itself, whatever it made up before.
    for n in 0..8 {
        guess("10.0.0.1", &format!("192.0.2.{n}, 198.51.100.1")).await.expect_problem(401, "INVALID_CREDENTIALS");
    }
    wait_of(&guess("10.0.0.1", "192.0.2.9, 198.51.100.1").await);
    guess("10.0.0.1", "198.51.100.2").await.expect_problem(401, "INVALID_CREDENTIALS");
    // Past the proxy nobody is believed.
    for n in 0..8 {
        guess("203.0.113.9", &format!("198.51.100.{n}")).await.expect_problem(401, "INVALID_CREDENTIALS");
    }
    wait_of(&guess("203.0.113.9", "198.51.100.99").await);
}
