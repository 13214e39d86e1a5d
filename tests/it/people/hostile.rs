//! What a sign-in does not let through: answers that nobody asked for, tokens that are not the provider's, other pages.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::browser::{Browser, OUR_PAGE};
use super::provider::Provider;
use super::{PUBLIC_URL, jane, service, service_with};
use crate::support::Answer;

const LOST: &str = "This sign-in was begun in another browser";
const UNTRUSTED: &str = "cannot be trusted";

/// Nobody is signed in by this answer, and it says why.
#[track_caller]
fn ensure_refused(browser: &Browser, answer: &Answer, status: u16, sentence: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.text.contains(sentence), "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(!browser.set.iter().any(|set| set.contains("session=")), "{:?}", browser.set);
}

#[tokio::test]
async fn an_answer_of_the_provider_is_taken_from_the_browser_that_began_and_once() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    let begun = browser.begin(None).await;
    let code = provider.grant(&begun, &jane(&["/sales"]));

    // Somebody else is led to it, to be signed in as its owner.
    let mut victim = Browser::of(&app);
    let answer = victim.come_back(&begun, &code).await;
    ensure_refused(&victim, &answer, 400, LOST);
    let others = victim.begin(None).await;
    let answer = victim.come_back(&begun, &code).await;
    ensure_refused(&victim, &answer, 400, LOST);
    assert_ne!(others.parameter("state"), begun.parameter("state"));

    // Without a state, with another one, with two of them.
    for query in ["code=x", "code=x&state=", "code=x&state=none"] {
        let answer = browser.get(&format!("/dashboard/callback?{query}")).await;
        ensure_refused(&browser, &answer, 400, LOST);
    }
    let state = begun.parameter("state");
    let answer = browser.get(&format!("/dashboard/callback?code={code}&state={state}&state={state}")).await;
    ensure_refused(&browser, &answer, 400, LOST);
    assert_eq!(provider.asked("token"), 0);

    assert_eq!(browser.come_back(&begun, &code).await.status, 303);
    // The way back leads to it again.
    let answer = browser.come_back(&begun, &code).await;
    ensure_refused(&browser, &answer, 400, LOST);
    assert_eq!(provider.asked("token"), 1);
}

#[tokio::test]
async fn a_code_that_was_used_signs_nobody_in() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let (mut browser, mut thief) = (Browser::of(&app), Browser::of(&app));
    let begun = browser.begin(None).await;
    let code = provider.grant(&begun, &jane(&["/sales"]));
    // Brought with a sign-in of the thief's own, it lacks the verifier.
    let own = thief.begin(None).await;
    let answer = thief.come_back(&own, &code).await;
    ensure_refused(&thief, &answer, 502, UNTRUSTED);
    let answer = browser.come_back(&begun, &code).await;
    ensure_refused(&browser, &answer, 502, UNTRUSTED);
}

#[tokio::test]
async fn a_sign_in_that_takes_longer_than_ten_minutes_begins_anew() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    let begun = browser.begin(None).await;
    let code = provider.grant(&begun, &jane(&["/sales"]));
    app.clock.advance(std::time::Duration::from_mins(10));
    let answer = browser.come_back(&begun, &code).await;
    ensure_refused(&browser, &answer, 400, LOST);
}

#[tokio::test]
async fn what_a_browser_keeps_of_a_sign_in_can_be_changed_by_nobody() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    let begun = browser.begin(None).await;
    let code = provider.grant(&begun, &jane(&["/sales"]));
    let (name, sealed) = browser.cookies.first_key_value().map(|(name, value)| (name.clone(), value.clone())).unwrap();
    assert!(!sealed.contains(&begun.parameter("state")) && !sealed.contains(&begun.parameter("nonce")));
    let (by, text) = sealed.split_once('.').unwrap();
    let last = if text.ends_with('A') { "B" } else { "A" };
    for changed in [
        String::new(),
        "x".to_owned(),
        text.to_owned(),
        format!("{by}."),
        format!("other.{text}"),
        format!("{by}.{}{last}", &text[..text.len() - 1]),
        "x".repeat(5_000),
    ] {
        browser.cookies.insert(name.clone(), changed);
        let answer = browser.come_back(&begun, &code).await;
        ensure_refused(&browser, &answer, 400, LOST);
    }
    // A neighbour under the same domain adds one of the same name.
    browser.cookies.insert(name.clone(), format!("{sealed}; {name}={sealed}"));
    let answer = browser.come_back(&begun, &code).await;
    ensure_refused(&browser, &answer, 400, LOST);
    browser.cookies.insert(name, sealed);
    assert_eq!(browser.come_back(&begun, &code).await.status, 303);
}

#[tokio::test]
async fn tabs_of_one_browser_sign_in_side_by_side_and_no_more_than_three() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    let mut begun = Vec::new();
    for _ in 0..4 {
        begun.push(browser.begin(Some("/dashboard/orders")).await);
    }
    let kept = browser.cookies.values().next().unwrap().len();
    assert!(kept < 2_000, "{kept} characters");
    for (index, begun) in begun.iter().enumerate() {
        let code = provider.grant(begun, &jane(&["/sales"]));
        let answer = browser.come_back(begun, &code).await;
        assert_eq!(answer.status, if index == 0 { 400 } else { 303 }, "{index}: {}", answer.text);
    }
    assert_eq!(browser.cookies.len(), 1, "only the session is kept: {:?}", browser.cookies.keys());
}

#[tokio::test]
async fn an_id_token_that_is_not_the_providers_for_this_sign_in_is_not_believed() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let now = app.clock.now().timestamp();
    let issuer = provider.issuer.clone();
    for (what, changes) in [
        ("another nonce", json!({"nonce": "another"})),
        ("no nonce", json!({"nonce": null})),
        ("another issuer", json!({"iss": "https://id.example.com"})),
        ("nearly the issuer", json!({"iss": format!("{issuer}/")})),
        ("another audience", json!({"aud": "another"})),
        ("a further audience", json!({"aud": ["sales-orders", "another"]})),
        ("it has expired", json!({"exp": now})),
        ("no end", json!({"exp": null})),
        ("no subject", json!({"sub": null})),
        ("an empty subject", json!({"sub": ""})),
        ("a long subject", json!({"sub": "s".repeat(256)})),
    ] {
        provider.change_claims(move |claims| {
            for (name, value) in changes.as_object().unwrap() {
                claims[name] = value.clone();
            }
            claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        });
        let mut browser = Browser::of(&app);
        let answer = browser.sign_in(&provider, &jane(&["/sales"]), None).await;
        assert_eq!(answer.status, 502, "{what}: {}", answer.text);
        ensure_refused(&browser, &answer, 502, UNTRUSTED);
    }
    provider.change_claims(|_| {});
    // Signed by nobody, by a key that is not published, and by what the service shares with the provider.
    for header in [json!({"alg": "none"}), json!({"alg": "HS256"}), json!({"alg": "RS256", "kid": "none"})] {
        provider.change_header(move |all| *all = header.clone());
        let mut browser = Browser::of(&app);
        let answer = browser.sign_in(&provider, &jane(&["/sales"]), None).await;
        ensure_refused(&browser, &answer, 502, UNTRUSTED);
    }
    provider.change_header(|_| {});
    provider.sign_with("second", &["first"]);
    let mut browser = Browser::of(&app);
    let answer = browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    ensure_refused(&browser, &answer, 502, UNTRUSTED);
    assert!(app.clients.list_clients().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_provider_that_gets_a_new_key_is_asked_for_its_keys_again_and_not_at_each_sign_in() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    for _ in 0..3 {
        assert_eq!(Browser::of(&app).sign_in(&provider, &jane(&["/sales"]), None).await.status, 303);
    }
    assert_eq!((provider.asked("metadata"), provider.asked("jwks")), (1, 1));
    provider.sign_with("second", &["first", "second"]);
    assert_eq!(Browser::of(&app).sign_in(&provider, &jane(&["/sales"]), None).await.status, 303);
    assert_eq!(provider.asked("jwks"), 2);
    // Keys that nobody publishes have them read again no oftener.
    provider.sign_with("third", &["first", "second"]);
    for _ in 0..3 {
        assert_eq!(Browser::of(&app).sign_in(&provider, &jane(&["/sales"]), None).await.status, 502);
    }
    assert_eq!(provider.asked("jwks"), 2);
}

#[tokio::test]
async fn an_answer_of_another_provider_or_without_a_code_signs_nobody_in() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    let begun = browser.begin(None).await;
    let code = provider.grant(&begun, &jane(&["/sales"]));
    let state = begun.parameter("state");
    let answer =
        browser.get(&format!("/dashboard/callback?code={code}&state={state}&iss=https://id.example.com")).await;
    ensure_refused(&browser, &answer, 502, UNTRUSTED);
    for query in ["error=access_denied&error_description=%3Cscript%3E", "code=x&error=server_error", ""] {
        let begun = browser.begin(None).await;
        let answer = browser.get(&format!("/dashboard/callback?state={}&{query}", begun.parameter("state"))).await;
        ensure_refused(&browser, &answer, 403, "was not finished there");
        assert!(!answer.text.contains("script"), "{}", answer.text);
    }
    let begun = browser.begin(None).await;
    let (code, state) = (provider.grant(&begun, &jane(&["/sales"])), begun.parameter("state"));
    let own = format!("/dashboard/callback?code={code}&state={state}&iss={}", provider.issuer);
    assert_eq!(browser.get(&own).await.status, 303);
}

#[tokio::test]
async fn a_provider_that_is_away_or_talks_nonsense_is_told_of_and_can_be_tried_again() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    for (status, text) in [
        (StatusCode::INTERNAL_SERVER_ERROR, "<script>alert(1)</script>".to_owned()),
        (StatusCode::OK, "{}".to_owned()),
        (StatusCode::OK, "[".to_owned()),
        (StatusCode::OK, json!({"access_token": "a", "token_type": "Bearer"}).to_string()),
        (StatusCode::OK, json!({"access_token": "a", "token_type": "Bearer", "id_token": "a.b.c"}).to_string()),
        (StatusCode::FOUND, String::new()),
        (StatusCode::BAD_REQUEST, json!({"error": "invalid_grant", "error_description": "<b>no</b>"}).to_string()),
    ] {
        provider.answer(status, text);
        let answer = browser.sign_in(&provider, &jane(&["/sales"]), None).await;
        ensure_refused(&browser, &answer, 502, UNTRUSTED);
        assert!(!answer.text.contains("alert") && !answer.text.contains("<b>"), "{}", answer.text);
    }
    // More than anybody says.
    provider.answer(StatusCode::OK, format!("{{\"a\": \"{}\"}}", "x".repeat(600_000)));
    let answer = browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    ensure_refused(&browser, &answer, 503, "does not answer now");

    let begun = browser.begin(None).await;
    provider.stop();
    let answer = browser.come_back(&begun, "code").await;
    ensure_refused(&browser, &answer, 503, "does not answer now");
    assert!(answer.text.contains("<a href=\"https://orders.example.com/dashboard/sign-in\">"), "{}", answer.text);
    // An instance that has not read what the provider says of itself.
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    let answer = browser.get("/dashboard/sign-in").await;
    ensure_refused(&browser, &answer, 503, "does not answer now");
}

#[tokio::test]
async fn a_provider_that_describes_itself_as_another_is_not_believed() {
    let provider = Provider::new().await;
    for changes in [
        json!({"issuer": "https://id.example.com"}),
        json!({"jwks_uri": "http://10.0.0.1/jwks"}),
        json!({"jwks_uri": "file:///etc/passwd"}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
        json!({"token_endpoint": null}),
    ] {
        provider.change_metadata(move |metadata| {
            for (name, value) in changes.as_object().unwrap() {
                metadata[name] = value.clone();
            }
        });
        let app = service(&provider).await;
        let mut browser = Browser::of(&app);
        let answer = browser.get("/dashboard/sign-in").await;
        let answer = match answer.header("location") {
            Some(url) if answer.status == 303 => {
                assert!(url.starts_with(&provider.issuer), "{url}");
                let begun = super::browser::Begun { url: url.parse().unwrap() };
                browser.come_back(&begun, "code").await
            }
            _ => answer,
        };
        assert!(matches!(answer.status.as_u16(), 502 | 503), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_sign_in_leads_into_the_dashboard_whatever_the_link_says() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    for (to, led) in [
        ("//evil.example", "/dashboard"),
        ("https://evil.example/dashboard", "/dashboard"),
        ("/dashboard/orders\r\nset-cookie: a=b", "/dashboard"),
        ("/graphiql", "/dashboard"),
        ("/dashboard/orders?q=a%26b", "/dashboard/orders?q=a%26b"),
    ] {
        let answer = Browser::of(&app).sign_in(&provider, &jane(&["/sales"]), Some(to)).await;
        assert_eq!(answer.header("location"), Some(format!("{PUBLIC_URL}{led}").as_str()), "{to}");
    }
}

#[tokio::test]
async fn no_page_but_the_dashboard_uses_the_session_of_a_browser() {
    let provider = Provider::new().await;
    let app = service(&provider).await;
    let mut browser = Browser::of(&app);
    browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    for path in ["/dashboard/session", "/dashboard/sign-out"] {
        for headers in [
            &[][..],
            &[("x-requested-by", "somebody")],
            &[("x-requested-by", "dashboard"), ("sec-fetch-site", "cross-site")],
            &[("x-requested-by", "dashboard"), ("sec-fetch-site", "same-site")],
            &[("x-requested-by", "dashboard"), ("sec-fetch-site", "none")],
            &[("x-requested-by", "dashboard"), ("origin", "https://evil.example")],
            &[("x-requested-by", "dashboard"), ("origin", "null")],
            &[("x-requested-by", "dashboard"), ("origin", PUBLIC_URL), ("origin", "https://evil.example")],
        ] {
            let answer = browser.ask(Method::POST, path, headers).await;
            answer.expect_refusal(403, "ORIGIN_REFUSED");
            assert!(browser.set.is_empty());
        }
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            assert_eq!(browser.ask(method, path, &OUR_PAGE).await.status, 405);
        }
    }
    // Browsers of some years ago say less.
    let answer = browser.ask(Method::POST, "/dashboard/session", &OUR_PAGE[..1]).await;
    answer.expect(200);
    // Nor is the session any proof elsewhere.
    let answer = browser.ask(Method::GET, "/graphql?query=%7Bviewer%7Bname%7D%7D", &[]).await;
    answer.expect_error("UNAUTHENTICATED");
}

#[tokio::test]
async fn who_tries_again_and_again_from_one_address_waits() {
    let provider = Provider::new().await;
    let app = service_with(&provider, |config| {
        config.rate_limit.enabled = true;
        config.rate_limit.address_burst = 3.try_into().unwrap();
        config.rate_limit.address_attempts_per_minute = 1.try_into().unwrap();
    })
    .await;
    let mut browser = Browser::of(&app);
    let begun = browser.begin(None).await;
    browser.come_back(&begun, "code").await;
    browser.begin(None).await;
    for path in ["/dashboard/sign-in", "/dashboard/callback?code=a&state=b"] {
        let answer = browser.get(path).await;
        ensure_refused(&browser, &answer, 429, "Too many attempts from this address");
        assert!(answer.header("retry-after").is_some());
    }
    // What somebody makes up as a session is no session, and costs no look into the database.
    browser.cookies.insert("__Host-sales-order-session".to_owned(), "ab".repeat(32));
    assert_eq!(browser.session().await.status, 204);
}

#[tokio::test]
async fn a_person_who_asks_for_tokens_without_end_waits_as_a_client_does() {
    let provider = Provider::new().await;
    let app = service_with(&provider, |config| {
        config.rate_limit.enabled = true;
        config.rate_limit.requests_per_minute = 2.try_into().unwrap();
    })
    .await;
    let mut browser = Browser::of(&app);
    browser.sign_in(&provider, &jane(&["/sales"]), None).await;
    for _ in 0..2 {
        browser.session().await.expect(200);
    }
    browser.session().await.expect_refusal(429, "RATE_LIMITED");
}
