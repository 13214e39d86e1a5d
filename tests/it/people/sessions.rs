//! What a browser keeps of who has signed in, and how long it is good for.

use std::time::Duration;

use serde_json::json;

use super::browser::Browser;
use super::provider::Provider;
use super::{ask, jane, service, service_with, sign_in_at};
use crate::support::TestApp;

#[tokio::test]
async fn a_browser_keeps_a_session_that_no_script_reads_and_no_other_site_sends() {
    let provider = Provider::new().await;
    for (public_url, session, attempts) in [
        (
            "https://orders.example.com",
            "__Host-sales-order-session={}; Path=/; HttpOnly; SameSite=Strict; Secure",
            "__Host-sales-order-sign-in=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure",
        ),
        (
            "https://example.com/orders",
            "__Secure-sales-order-session={}; Path=/orders/dashboard; HttpOnly; SameSite=Strict; Secure",
            "__Secure-sales-order-sign-in=; Path=/orders/dashboard; HttpOnly; SameSite=Lax; Max-Age=0; Secure",
        ),
        (
            "http://127.0.0.1:8080",
            "sales-order-session={}; Path=/dashboard; HttpOnly; SameSite=Strict",
            "sales-order-sign-in=; Path=/dashboard; HttpOnly; SameSite=Lax; Max-Age=0",
        ),
    ] {
        let app = service_with(&provider, |config| sign_in_at(config, &provider.issuer, public_url)).await;
        let mut browser = Browser::of(&app);
        browser.sign_in(&provider, &jane(&["/sales"]), None).await;
        let value = browser.cookies.values().next().unwrap();
        // Sealed, so that only what was given out is looked for.
        assert!(
            value.len() > 64 && !value.contains(|c: char| !c.is_ascii_graphic() || ",;\"\\".contains(c)),
            "{value}"
        );
        assert_eq!(browser.set, [attempts.to_owned(), session.replace("{}", value)]);
    }
}

#[tokio::test]
async fn each_sign_in_begins_another_session() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    // Put there by somebody else, before.
    browser.cookies.insert("__Host-sales-order-session".to_owned(), "ab".repeat(32));
    browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    let first = browser.cookies["__Host-sales-order-session"].clone();
    assert_ne!(first, "ab".repeat(32));
    browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    assert_ne!(browser.cookies["__Host-sales-order-session"], first);
}

#[tokio::test]
async fn a_session_ends_after_its_lifetime_and_its_tokens_with_it() {
    let provider = Provider::new().await;
    let app = service_with(&provider, |config| config.oidc.session_lifetime = Duration::from_hours(1)).await;
    let mut browser = Browser::of(&app);
    browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    app.clock.advance(Duration::from_mins(55));
    let given = browser.session().await.expect(200);
    assert_eq!(given["expired_at"], app.clock.now().timestamp() + 300, "five minutes are left");
    app.clock.advance(Duration::from_mins(5));
    browser.session().await.expect_nothing();
    assert!(browser.cookies.is_empty(), "what is over is forgotten");
    let token = given["token"].as_str().unwrap();
    ask(&app, token, "{ viewer { name } }", json!({})).await.expect_error("UNAUTHENTICATED");
}

#[tokio::test]
async fn the_token_of_a_person_is_not_refreshed_and_the_person_has_no_secret() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    let given = browser.session().await.expect(200);
    let answer = app.post("/api/v1/auth/refresh", &json!({"token": given["token"]})).await;
    let problem = answer.expect_refusal(401, "UNAUTHENTICATED");
    assert!(problem["detail"].as_str().unwrap().contains("not refreshed"), "{problem}");
    let login =
        json!({"client_id": given["client_id"], "client_secret": browser.cookies["__Host-sales-order-session"]});
    app.post("/api/v1/auth/login", &login).await.expect_refusal(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn who_signs_out_is_signed_out_everywhere_in_that_browser_and_led_to_the_provider() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let (mut browser, mut other) = (Browser::of(&app), Browser::of(&app));
    browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    other.sign_in(&provider, &jane(&["/sales"]), None).await;
    let mut tab = browser.clone();
    let answer = browser.sign_out().await.expect(200);
    let url: url::Url = answer["provider"].as_str().unwrap().parse().unwrap();
    assert!(url.as_str().starts_with(&format!("{}/sign-out?", provider.issuer)), "{url}");
    let back = url.query_pairs().find(|(name, _)| name == "post_logout_redirect_uri").unwrap().1;
    assert_eq!(back, "https://orders.example.com/dashboard");
    assert!(browser.cookies.is_empty());
    tab.session().await.expect_nothing();
    other.session().await.expect(200);
    // Whoever signs out twice is signed out.
    browser.sign_out().await.expect(200);
}

#[tokio::test]
async fn a_provider_without_a_way_to_sign_out_leaves_the_person_here() {
    let provider = Provider::new().await;
    provider.change_metadata(|metadata| {
        metadata.as_object_mut().unwrap().remove("end_session_endpoint");
    });
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    assert_eq!(browser.sign_out().await.expect(200), json!({"provider": null}));
}

#[tokio::test]
async fn a_sign_in_that_one_instance_began_another_one_finishes_and_a_third_gives_the_token() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let instance =
        || TestApp::router_on(&app.store, &app.clock, |config| sign_in_at(config, &provider.issuer, super::PUBLIC_URL));
    let mut browser = Browser::at(&instance());
    let begun = browser.begin(None).await;
    let code = provider.grant(&begun, &jane(&["/sales"]));
    browser.move_to(&instance());
    assert_eq!(browser.come_back(&begun, &code).await.status, 303);
    browser.move_to(&instance());
    let token = browser.session().await.expect(200)["token"].as_str().unwrap().to_owned();
    ask(&app, &token, "{ viewer { name } }", json!({})).await.data();
}

#[tokio::test]
async fn nobody_gets_in_with_what_the_database_holds_of_a_session() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    let kept = browser.cookies["__Host-sales-order-session"].clone();
    let stored = app.database.db_last_texts("SELECT token_hash FROM person_sessions").await;
    assert_eq!(stored.len(), 1);
    assert_ne!(stored[0], kept);
    browser.cookies.insert("__Host-sales-order-session".to_owned(), stored[0].clone());
    browser.session().await.expect_nothing();
}

#[tokio::test]
async fn two_first_sign_ins_of_one_person_at_once_make_one_client() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browsers = Vec::new();
    for _ in 0..4 {
        let mut browser = Browser::of(&app);
        let begun = browser.begin(None).await;
        let code = provider.grant(&begun, &jane(&["/sales"]));
        browsers.push((browser, begun, code));
    }
    let coming =
        browsers.into_iter().map(async |(mut browser, begun, code)| browser.come_back(&begun, &code).await.status);
    let statuses = futures_util::future::join_all(coming).await;
    assert!(statuses.iter().all(|status| *status == 303), "{statuses:?}");
    let clients = app.clients.list_clients().await.unwrap();
    assert_eq!(clients.len(), 1);
    assert_eq!(app.clients.list_sessions(&clients[0].client.client_id).await.unwrap().len(), 4);
}
