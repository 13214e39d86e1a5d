//! Whatever is sent, nothing panics and nothing fails on our side: honest requests, damaged in ways nobody planned.
//!
//! Runs for a few seconds with the suite. `FUZZ_SECONDS=3600 make test-sqlite ARGS=fuzz` goes on for longer; each run
//! that has longer than the suite's own time begins with another seed.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderValue, Request};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::support::{OTHER_KEY, PARTNER_KEY, Partner, TestApp, order};

/// How long it runs with the suite.
const SECONDS: u64 = 5;

/// A request that would be answered well.
#[derive(Clone)]
struct Honest {
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// A way to damage a text.
#[derive(Debug, Clone)]
enum Damage {
    Put(Index, Vec<u8>),
    Over(Index, Vec<u8>),
    Cut(Index, Index),
    Twice(Index, Index),
}

/// What gets damaged: the body, or one of the headers.
#[derive(Debug, Clone)]
enum Place {
    Body,
    Header(Index),
}

fn snippet() -> impl Strategy<Value = Vec<u8>> {
    let nasty: Vec<&[u8]> = vec![
        b"\0",
        b"\n",
        b"\"",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"|",
        b".",
        b"=",
        b"-",
        b"--",
        b"%00",
        b"null",
        b"true",
        b"1e999",
        b"-0",
        b"18446744073709551616",
        b"9999-12-31T23:59:59Z",
        b"0000-01-01T00:00:00+23:59",
        b"\xff\xfe",
        "\u{202e}".as_bytes(),
        "\u{1F600}".as_bytes(),
        b"$serde_json::private::Number",
        b"__proto__",
        b"...F",
        b"@skip(if: true)",
        b"{a{a{a{a",
        b"[[[[[[[[",
        b"-----BEGIN PUBLIC KEY-----",
        b"-----END PUBLIC KEY-----",
        b"eyJhbGciOiJub25lIn0.",
    ];
    prop_oneof![
        4 => select(nasty).prop_map(<[u8]>::to_vec),
        2 => proptest::collection::vec(any::<u8>(), 1..6),
        1 => (any::<u8>(), 1..5_000_usize).prop_map(|(byte, times)| vec![byte; times]),
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        (at(), snippet()).prop_map(|(at, text)| Damage::Put(at, text)),
        (at(), snippet()).prop_map(|(at, text)| Damage::Over(at, text)),
        (at(), at()).prop_map(|(from, to)| Damage::Cut(from, to)),
        (at(), at()).prop_map(|(from, to)| Damage::Twice(from, to)),
    ]
}

impl Damage {
    fn apply(&self, text: &mut Vec<u8>) {
        let place = |at: &Index, length: usize| at.index(length + 1);
        let span = |from: &Index, to: &Index, length: usize| {
            let (from, to) = (place(from, length), place(to, length));
            from.min(to)..from.max(to)
        };
        let length = text.len();
        match self {
            Self::Put(at, snippet) => drop(text.splice(place(at, length)..place(at, length), snippet.clone())),
            Self::Over(at, snippet) => {
                let from = place(at, length);
                drop(text.splice(from..(from + snippet.len()).min(length), snippet.clone()));
            }
            Self::Cut(from, to) => drop(text.drain(span(from, to, length))),
            Self::Twice(from, to) => {
                let span = span(from, to, length);
                let piece = text[span.clone()].to_vec();
                drop(text.splice(span.end..span.end, piece));
            }
        }
    }
}

fn honest(partner: &Partner<'_>, manager: &Partner<'_>, secret: &str) -> Vec<Honest> {
    let signed = partner.sign();
    let with_json = |headers: &[(&'static str, &str)]| {
        let mut all = vec![("content-type", "application/json".to_owned())];
        all.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        all
    };
    let signature = [
        ("authorization", signed.authorization.as_str()),
        ("x-client-id", signed.client_id.as_str()),
        ("x-timestamp", signed.timestamp.as_str()),
        ("x-signature", signed.signature.as_str()),
        ("idempotency-key", "a key"),
        ("x-request-id", "an id"),
        ("accept", "application/graphql-response+json"),
    ];
    let bearer = manager.authorization();
    let graphql = |query: &str, variables: serde_json::Value| Honest {
        path: "/graphql",
        headers: with_json(&[("authorization", &bearer), ("accept", "application/json")]),
        body: json!({"query": query, "variables": variables, "operationName": null}).to_string(),
    };
    let rest = |path, headers, body: serde_json::Value| Honest { path, headers, body: body.to_string() };
    let input = json!({"clientId": "a", "timestamp": signed.timestamp, "signature": signed.signature,
                       "publicKey": PARTNER_KEY.public_key().to_pem(), "body": "{}", "signaturePolicy": "BODY_BOUND"});
    vec![
        rest("/api/v1/auth/login", with_json(&[]), json!({"client_id": partner.client_id, "client_secret": secret})),
        rest("/api/v1/auth/refresh", with_json(&[]), json!({"token": partner.token})),
        rest("/api/v1/sales-orders", with_json(&signature), order()),
        rest("/api/v1/sales-orders", with_json(&signature), order()),
        rest("/api/v1/signature/check", with_json(&signature), order()),
        graphql("query($input: ExplainSignatureInput!) { explainSignature(input: $input) { valid hint steps { name } } }",
                json!({"input": input})),
        graphql("mutation($input: AddClientKeyInput!) { addClientKey(input: $input) { fingerprint } }",
                json!({"input": {"clientId": "console", "publicKey": OTHER_KEY.public_key().to_pem(),
                                 "notBefore": "2026-11-23T00:00:00+07:00", "expiresAt": "2027-11-23T00:00:00+07:00"}})),
        graphql("query($first: Int, $where: SalesOrderFilter) { salesOrders(first: $first, where: $where) {
                 totalCount pageInfo { endCursor } edges { cursor node { orderNumber products { unitPrice } events { kind } } } } }",
                json!({"first": 3, "where": {"search": "jakarta", "createdAt": {"gte": "2026-11-01T00:00:00+07:00"}}})),
        graphql("{ salesOrderSummary(groupBy: [DAY, STATUS], timeZone: \"Asia/Jakarta\", first: 10) { groups { keys { value from to }
                 figures { orders amounts { currency amount } } } } __schema { types { name } } }", json!({})),
        graphql("query A { a: viewer { ...F } node(id: \"U2FsZXNPcmRlcjox\") { id } } fragment F on Client { clientId keys { status } }",
                json!({})),
    ]
}

fn budget() -> (Duration, u64) {
    #[expect(clippy::disallowed_methods, reason = "a run by hand may go on for longer")]
    let asked = std::env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    match asked {
        // The suite does the same every time; whoever asks for more gets something else every time.
        Some(seconds) => (Duration::from_secs(seconds), std::process::id().into()),
        None => (Duration::from_secs(SECONDS), 0),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_damaged_request_panics_or_fails_on_our_side() {
    let app = TestApp::new().await;
    let scopes = Permission::ALL.to_vec();
    let secret = app.client("console", &scopes, SignaturePolicy::Documented, Vec::new()).await;
    let manager = Partner::log_in(&app, "console", secret, &PARTNER_KEY).await;
    let partner_secret =
        app.client("partner", &scopes, SignaturePolicy::Documented, vec![PARTNER_KEY.public_key().to_pem()]).await;
    let partner = Partner::log_in(&app, "partner", partner_secret.clone(), &PARTNER_KEY).await;
    let honest = honest(&partner, &manager, partner_secret.expose_secret());

    let place = prop_oneof![2 => Just(Place::Body), 1 => any::<Index>().prop_map(Place::Header)];
    let damages = proptest::collection::vec((place, damage()), 1..4);
    let strategy = (any::<Index>(), damages);
    let (time, seed) = budget();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let (began, mut sent, mut well) = (Instant::now(), 0_u64, 0_u64);
    while began.elapsed() < time || sent <= 100 {
        let (which, damages) = strategy.new_tree(&mut runner).unwrap().current();
        let Honest { path, headers, body } = which.get(&honest).clone();
        let mut headers: Vec<_> = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        let mut body = body.into_bytes();
        for (place, damage) in &damages {
            match place {
                Place::Body => damage.apply(&mut body),
                Place::Header(at) => {
                    let at = at.index(headers.len());
                    damage.apply(&mut headers[at].1);
                }
            }
        }
        let mut request = Request::post(path);
        for (name, value) in &headers {
            // What HTTP itself does not carry cannot reach us.
            if let Ok(value) = HeaderValue::from_bytes(value) {
                request = request.header(*name, value);
            }
        }
        let answer = app.send(request.body(Body::from(body.clone())).unwrap()).await;
        let is_ours = answer.status.is_server_error() || answer.text.contains("INTERNAL_ERROR");
        assert!(!is_ours, "seed {seed}, {path} {headers:?} {}: {}", String::from_utf8_lossy(&body), answer.text);
        sent += 1;
        well += u64::from(answer.status.is_success());
    }
    #[expect(clippy::print_stdout, reason = "a run by hand wants to know how far it went (--nocapture)")]
    let () = println!("{sent} damaged requests, {well} of them answered well, seed {seed}");
    assert!(well > 0 && well < sent, "{sent} {well}");
    // Nothing of all that broke an order, whatever lines the damage left it.
    let of_order = "WHERE order_id = o.id";
    let broken = format!(
        "SELECT count(*) FROM sales_orders o WHERE line_count <> (SELECT count(*) FROM sales_order_lines {of_order})
            OR 1 <> (SELECT count(*) FROM sales_order_events {of_order})
            OR 1 <> (SELECT count(*) FROM sales_order_receipts {of_order})"
    );
    assert_eq!(app.database.db_number(&broken).await, 0, "some orders are not whole");
    app.database.true_totals().await;
}
