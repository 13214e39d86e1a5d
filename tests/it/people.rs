//! People sign in to the dashboard at a provider of identities, and operators see and end what their browsers keep.

mod browser;
mod hostile;
mod managing;
mod provider;
mod scenes;
mod sessions;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use sales_order_api::config::{self, Config, Overrides};
use sales_order_api::domain::page::Span;
use serde_json::{Value, json};

use self::browser::Browser;
use self::provider::{Identity, Provider};
use crate::support::{Answer, TestApp};

/// Where people reach the service.
const PUBLIC_URL: &str = "https://orders.example.com";

/// A service at whose provider the groups `/sales` and `/support` may come in.
async fn service(provider: &Provider) -> TestApp {
    service_with(provider, |_| {}).await
}

async fn service_with(provider: &Provider, change: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::with(|config| {
        sign_in_at(config, &provider.issuer, PUBLIC_URL);
        change(config);
    })
    .await
}

/// Configures a provider on this machine.
fn sign_in_at(config: &mut Config, issuer: &str, public_url: &str) {
    let read = load(issuer, public_url, &[]).unwrap();
    config.http.public_url = read.http.public_url;
    config.oidc = read.oidc;
}

/// The configuration with a provider, and with further settings.
fn load(issuer: &str, public_url: &str, more: &[(&str, &str)]) -> Result<Config, String> {
    let groups = r#"{"/sales"=["orders:read","orders:manage"],"/support"=["orders:read"],"/admins"=["clients:read","clients:manage"]}"#;
    let mut pairs = vec![
        ("HTTP__PUBLIC_URL", public_url),
        ("OIDC__ISSUER", issuer),
        ("OIDC__CLIENT_ID", provider::CLIENT_ID),
        ("OIDC__CLIENT_SECRET", provider::CLIENT_SECRET),
        ("OIDC__SCOPES", r#"["openid", "profile", "groups"]"#),
        ("OIDC__GROUPS", groups),
        ("OIDC__LABEL", "Example ID"),
        ("OIDC__ALLOWED_NETWORKS", r#"["127.0.0.0/8"]"#),
    ];
    pairs.extend(more);
    let environment: BTreeMap<_, _> =
        pairs.into_iter().map(|(name, value)| (format!("SALES_ORDER_{name}"), value.to_owned())).collect();
    let loaded = config::load_from(&[], environment, &Overrides::default());
    loaded.map(|loaded| loaded.config).map_err(|error| error.to_string())
}

fn jane(groups: &[&str]) -> Identity {
    Identity::new("248289761001", "jane.doe", "Jane Doe", groups)
}

/// Asks as a person: with the token of a browser.
async fn ask(app: &TestApp, token: &str, query: &str, variables: Value) -> Answer {
    let authorization = format!("Bearer {token}");
    let body = json!({"query": query, "variables": variables}).to_string();
    app.post_text("/graphql", &[("authorization", &authorization)], body).await
}

#[tokio::test]
async fn a_person_signs_in_at_the_provider_and_works_with_what_their_groups_allow() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    let answer =
        browser.sign_in(&provider, &jane(&["/sales", "/unknown"]), Some("/dashboard/orders?status=RECEIVED")).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some("https://orders.example.com/dashboard/orders?status=RECEIVED"));

    let given = browser.session().await.expect(200);
    let token = given["token"].as_str().unwrap();
    let viewer =
        ask(&app, token, "{ viewer { clientId name kind scopes sessions { userAgent } } }", json!({})).await.data();
    let client_id = given["client_id"].as_str().unwrap();
    assert!(client_id.starts_with("jane.doe-"), "{client_id}");
    assert_eq!(
        viewer["viewer"],
        json!({
            "clientId": client_id,
            "name": "Jane Doe",
            "kind": "PERSON",
            "scopes": ["orders:read", "orders:manage"],
            "sessions": [{"userAgent": "A browser of a test"}],
        })
    );
    assert_eq!(given["expired_at"], app.clock.now().timestamp() + 600);
    let refused = ask(&app, token, "{ clients { nodes { clientId } } }", json!({})).await;
    refused.expect_error("INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn who_signs_in_again_is_the_same_client_with_the_scopes_of_the_groups_of_that_day() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    let first = browser.session().await.expect(200);
    let renamed = Identity::new("248289761001", "jane.smith", "Jane Smith", &["/support"]);
    browser.sign_in(&provider, &renamed, None).await;
    let second = browser.session().await.expect(200);
    assert_eq!(first["client_id"], second["client_id"]);

    // The token from before loses the scope too.
    for token in [&first["token"], &second["token"]] {
        let viewer = ask(&app, token.as_str().unwrap(), "{ viewer { name scopes } }", json!({})).await.data();
        assert_eq!(viewer["viewer"], json!({"name": "Jane Smith", "scopes": ["orders:read"]}));
    }
    let client_id = first["client_id"].as_str().unwrap().parse().unwrap();
    let log = app.clients.audit_log(first["client_id"].as_str(), &Span::first(9)).await.unwrap();
    let told: Vec<_> = log.rows.into_iter().map(|row| (row.entry.action.as_str(), row.entry.detail)).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0].0, "CLIENT_UPDATED");
    assert!(told[0].1.contains(&("scopes".to_owned(), "orders:read".to_owned())), "{told:?}");
    assert_eq!(told[1].0, "CLIENT_CREATED");
    assert_eq!(app.clients.list_sessions(&client_id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn who_is_in_no_group_is_not_let_in_and_reads_which_groups_they_have() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    let hostile = "<img src=x onerror=alert(1)>";
    let answer = browser.sign_in(&provider, &jane(&["/kitchen", hostile]), None).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(answer.text.contains("/kitchen, &lt;img src=x onerror=alert(1)&gt;"), "{}", answer.text);
    assert!(!answer.text.contains(hostile));
    browser.session().await.expect_nothing();
    assert!(app.clients.list_clients().await.unwrap().is_empty());
    let answer = browser.sign_in(&provider, &jane(&[]), None).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("You are in no group"), "{}", answer.text);
}

#[tokio::test]
async fn who_loses_the_last_group_loses_every_session_at_the_next_sign_in() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let (mut browser, mut other) = (Browser::of(&app), Browser::of(&app));
    browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    let token = browser.session().await.expect(200)["token"].as_str().unwrap().to_owned();
    assert_eq!(other.sign_in(&provider, &jane(&["/kitchen"]), None).await.status, 403);
    browser.session().await.expect_nothing();
    ask(&app, &token, "{ viewer { name } }", json!({})).await.expect_error("UNAUTHENTICATED");
}

#[tokio::test]
async fn a_dashboard_without_a_provider_is_as_it_was() {
    let app = TestApp::new().await;
    let page = app.get("/dashboard").await;
    assert!(!page.text.contains("sign-in-with"));
    assert_eq!(app.get("/dashboard/sign-in").await.text, page.text);
    let answer = app.send(Request::post("/dashboard/session").body(Body::empty()).unwrap()).await;
    answer.expect_problem(405, "METHOD_NOT_ALLOWED");
}
