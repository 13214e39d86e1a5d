//! What the pieces of a request cost by themselves, without a network: `make bench-pieces`.
//!
//! Create and page run through the router on SQLite in a file, one after the other: a create alone pays its whole commit.
#![expect(clippy::expect_used, reason = "what cannot be set up cannot be measured")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::{Criterion, criterion_group, criterion_main};
use sales_order_api::app::{self, AppState};
use sales_order_api::auth::private_key::PrivateKey;
use sales_order_api::auth::signature::{self, RegisteredKey, SignedRequest, documented_string};
use sales_order_api::auth::token::{Session, TokenKeys};
use sales_order_api::auth::verified::VerifiedSignatures;
use sales_order_api::clock::Clock;
use sales_order_api::config::{self, Overrides};
use sales_order_api::domain::expectation_policy::ExpectationPolicy;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::reference_policy::ReferencePolicy;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::http;
use sales_order_api::service::clients::ClientToCreate;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

const CLIENT: &str = "versuni-client-001";
const JWT_SECRET: &str = "a benchmark's own secret of more than 32 bytes";

/// The page of `benches/load`, which is what a dashboard's list reads.
const PAGE: &str = include_str!("page.graphql");

fn signatures(c: &mut Criterion) {
    let key = PrivateKey::generate().expect("a key");
    let keys = [RegisteredKey { key: key.public_key().clone(), not_before: None, expires_at: None, revoked_at: None }];
    let now = Clock::system().now();
    let timestamp = now.timestamp().to_string();
    let right = key.sign(documented_string(CLIENT, &timestamp).as_bytes()).expect("a signature");
    let mut wrong = right.clone();
    wrong[100] ^= 1;
    let check = |signature: &str, verified: &VerifiedSignatures| {
        let request = SignedRequest {
            client_id: CLIENT,
            timestamp: &timestamp,
            signature,
            method: "POST",
            path: "/api/v1/sales-orders",
            other_paths: &[],
            body: br#"{"customer_code":"CUST-001"}"#,
            idempotency_key: None,
        };
        let policy = SignaturePolicy::Documented;
        signature::verify(&request, &keys, policy, now, Duration::from_mins(5), verified).is_ok()
    };
    let (right, wrong) = (STANDARD.encode(right), STANDARD.encode(wrong));
    let (remembering, forgetting) = (VerifiedSignatures::new(10), VerifiedSignatures::new(0));
    assert!(check(&right, &remembering) && check(&right, &forgetting) && !check(&wrong, &remembering));
    c.bench_function("signature: new", |b| b.iter(|| check(black_box(&right), &forgetting)));
    c.bench_function("signature: seen before", |b| b.iter(|| check(black_box(&right), &remembering)));
    c.bench_function("signature: wrong", |b| b.iter(|| check(black_box(&wrong), &remembering)));
}

fn tokens(c: &mut Criterion) {
    let keys = TokenKeys::new(&[SecretString::from(JWT_SECRET)], "issuer", "audience");
    let now = Clock::system().now();
    let session = Session {
        client_id: CLIENT.to_owned(),
        auth_time: now.timestamp(),
        scope: "orders:create orders:read".to_owned(),
        secret_id: 1,
        session_generation: 0,
    };
    let issued = keys.issue(&session, now, Duration::from_hours(12)).expect("a token");
    let token = issued.token.expose_secret();
    assert!(keys.verify(token, now).is_ok());
    c.bench_function("token: valid", |b| b.iter(|| keys.verify(black_box(token), now).is_ok()));
}

/// A partner at a service of its own.
struct Partner {
    runtime: Runtime,
    router: Router,
    authorization: String,
    /// A timestamp and its signature, which count for some minutes: signing is the partner's cost.
    signed: (String, String),
    order: String,
    page: String,
    _directory: tempfile::TempDir,
}

impl Partner {
    fn new() -> Result<Self> {
        let runtime = Runtime::new()?;
        let directory = tempfile::tempdir()?;
        let url = format!("sqlite://{}", directory.path().join("orders.db").display());
        let key = PrivateKey::generate()?;
        let (router, authorization) = runtime.block_on(async {
            let environment = BTreeMap::from([
                ("SALES_ORDER_AUTH__JWT_SECRET".to_owned(), JWT_SECRET.to_owned()),
                ("SALES_ORDER_WEBHOOKS__SECRET_KEYS".to_owned(), format!("[\"{JWT_SECRET}\"]")),
                ("SALES_ORDER_DATABASE__URL".to_owned(), url),
                ("SALES_ORDER_RATE_LIMIT__ENABLED".to_owned(), "false".to_owned()),
            ]);
            let config = config::load_from(&[], environment, &Overrides::default())?.config;
            let (store, clock) = (app::open(&config).await?, Clock::system());
            let new = ClientToCreate {
                client_id: CLIENT.parse()?,
                name: "Versuni".to_owned(),
                permissions: vec![Permission::OrdersCreate, Permission::OrdersRead],
                signature_policy: SignaturePolicy::Documented,
                reference_policy: ReferencePolicy::default(),
                expectation_policy: ExpectationPolicy::default(),
                public_keys: vec![key.public_key().to_pem()],
                secret: None,
            };
            let secret = app::clients(&store, &clock).create_client(new).await?;
            let router = http::router(AppState::build(config, store, &clock)?);
            let login = json!({"client_id": CLIENT, "client_secret": secret.expose_secret()});
            let answer: Value =
                serde_json::from_slice(&post(&router, "/api/v1/auth/login", &[], login.to_string()).await?)?;
            let token = answer["token"].as_str().context("the login was refused")?;
            anyhow::Ok((router, format!("Bearer {token}")))
        })?;
        let timestamp = Clock::system().now().timestamp().to_string();
        let signature = STANDARD.encode(key.sign(documented_string(CLIENT, &timestamp).as_bytes())?);
        let lines = (1..=3).map(|n| json!({"product_code": format!("P-{n}"), "quantity": n, "unit_price": "125000.5"}));
        let order = json!({
            "customer_code": "C-1",
            "site_code": "SITE-001",
            "sales_name": "John Doe",
            "address": "Jl. Sudirman No. 1, Jakarta",
            "currency": "IDR",
            "products": lines.collect::<Vec<_>>(),
        });
        Ok(Self {
            runtime,
            router,
            authorization,
            signed: (timestamp, signature),
            order: order.to_string(),
            page: json!({"query": PAGE}).to_string(),
            _directory: directory,
        })
    }

    /// Sends one new order.
    async fn create(&self, number: u32) -> Result<Bytes> {
        let (timestamp, signature) = &self.signed;
        let key = format!("order-{number}");
        let headers = [
            ("authorization", self.authorization.as_str()),
            ("x-client-id", CLIENT),
            ("x-timestamp", timestamp),
            ("x-signature", signature),
            ("idempotency-key", &key),
        ];
        post(&self.router, "/api/v1/sales-orders", &headers, self.order.clone()).await
    }

    /// Reads the newest 50 orders.
    async fn page(&self) -> Result<Bytes> {
        let headers = [("authorization", self.authorization.as_str())];
        post(&self.router, "/graphql", &headers, self.page.clone()).await
    }
}

async fn post(router: &Router, path: &str, headers: &[(&str, &str)], body: String) -> Result<Bytes> {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::from(body))?).await?;
    ensure!(response.status().is_success(), "refused with {}", response.status());
    Ok(to_bytes(response.into_body(), usize::MAX).await?)
}

fn requests(c: &mut Criterion) {
    let partner = Partner::new().expect("a service");
    let number = Cell::new(0);
    let create = || {
        number.set(number.get() + 1);
        partner.runtime.block_on(partner.create(number.get())).expect("an answer")
    };
    let page = || partner.runtime.block_on(partner.page()).expect("an answer");
    for _ in 0..50 {
        create();
    }
    let answer: Value = serde_json::from_slice(&page()).expect("JSON");
    assert_eq!(answer["data"]["salesOrders"]["nodes"].as_array().map(Vec::len), Some(50), "{answer}");
    c.bench_function("page: 50 orders with lines", |b| b.iter(page));
    c.bench_function("create: an order with 3 lines", |b| b.iter(create));
}

criterion_group!(pieces, signatures, tokens, requests);
criterion_main!(pieces);
