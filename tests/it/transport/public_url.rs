//! The service behind a proxy that has it at another address, below a path.

use axum::body::Body;
use axum::http::Request;
use sales_order_api::config::{Config, Overrides};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::support::{TestApp, Wire, order};
use sales_order_api::auth::string_to_sign::{body_and_key_bound_string, body_bound_string};
use sales_order_api::domain::signature_policy::SignaturePolicy;

const PUBLIC: &str = "https://api.example.com/orders";

/// Has the service reached below a path.
pub fn below_orders(config: &mut Config) {
    reach_at(&format!("{PUBLIC}/"), config);
}

fn reach_at(public_url: &str, config: &mut Config) {
    let environment = [
        ("SALES_ORDER_AUTH__JWT_SECRET".to_owned(), crate::support::JWT_SECRET.to_owned()),
        ("SALES_ORDER_HTTP__PUBLIC_URL".to_owned(), public_url.to_owned()),
    ];
    let loaded = sales_order_api::config::load_from(&[], environment, &Overrides::default()).unwrap();
    config.http.public_url = loaded.config.http.public_url;
}

#[tokio::test]
async fn what_callers_are_told_begins_with_the_public_address() {
    let app = TestApp::with(below_orders).await;
    let partner = app.partner().await;
    // Whether the proxy takes the path off or leaves it on.
    for prefix in ["", "/orders"] {
        let created = app
            .post_text(&format!("{prefix}/api/v1/sales-orders"), &partner.sign().headers(), order().to_string())
            .await;
        created.expect(201);
        let location = created.header("location").unwrap();
        assert_eq!(location, format!("{PUBLIC}/api/v1/sales-orders/SO-0000000001"));
        let path = location.strip_prefix("https://api.example.com").unwrap();
        partner.get(path).await.expect(200);
        let problem = app.get(&format!("{prefix}/api/v1/nothing")).await.expect(404);
        assert_eq!(problem["type"], format!("{PUBLIC}/docs#NOT_FOUND"));
        assert_eq!(problem["instance"], "/orders/api/v1/nothing");
        let document = app.get(&format!("{prefix}/api/v1/openapi.json")).await;
        assert_eq!(document.expect(200)["servers"], json!([{"url": PUBLIC}]));
        assert!(document.text.contains(&format!("]({PUBLIC}/docs/signature)")) && !document.text.contains("](/docs"));
        for page in ["/", "/docs", "/docs/signature", "/docs/try", "/dashboard", "/dashboard/orders", "/graphiql"] {
            let page = app.get(&format!("{prefix}{page}")).await;
            assert_eq!(page.status, 200);
            assert!(page.text.contains("href=\"/orders/docs\"") && !page.text.contains("=\"/docs"), "{}", page.text);
            let root = page.text.split("=\"/orders/assets/").nth(1).unwrap().split('"').next().unwrap();
            assert_eq!(app.get(&format!("{prefix}/assets/{root}")).await.status, 200);
        }
        app.get(&format!("{prefix}/graphql?query=%7B__typename%7D")).await.data();
    }
    let root = app.get("/orders").await;
    assert_eq!(root.status, 200, "{}", root.text);
    app.get("/ordersgraphql").await.expect(404);
}

#[tokio::test]
async fn every_path_is_there_behind_a_proxy_whatever_the_prefix_and_whether_it_is_left_on() {
    for prefix in ["/orders", "/api", "/api/v1", "/docs"] {
        let app = TestApp::with(|config| reach_at(&format!("https://api.example.com{prefix}"), config)).await;
        for path in [
            "/",
            "/docs",
            "/docs/signature",
            "/docs/try",
            "/dashboard",
            "/dashboard/orders/SO-0000000001",
            "/graphiql",
            "/graphql?query=%7B__typename%7D",
            "/schema.graphql",
            "/health/live",
            "/health/ready",
            "/metrics",
            "/api/v1/openapi.json",
        ] {
            for sent in [path.to_owned(), format!("{prefix}{path}")] {
                assert_eq!(app.get(&sent).await.status, 200, "{sent} below {prefix}");
            }
        }
        for sent in ["/api/v1/auth/login".to_owned(), format!("{prefix}/api/v1/auth/login/")] {
            let refused = app.post_text(&sent, &[], "{}".to_owned()).await.expect(400);
            assert_eq!(refused["code"], "VALIDATION_FAILED", "{sent} below {prefix}");
        }
    }
}

#[tokio::test]
async fn a_signature_over_the_path_counts_with_and_without_the_prefix() {
    let app = TestApp::with(below_orders).await;
    let partner = app.partner_named("bound", SignaturePolicy::BodyBound).await;
    let by_key = app.partner_named("key-bound", SignaturePolicy::BodyAndKeyBound).await;
    let mut made = 0;
    for wire in Wire::BOTH {
        let own = wire.path();
        let public = format!("/orders{own}");
        let slashed = format!("{own}/");
        for (sent, signed) in [
            (own, own),
            (own, &*public),
            (&*public, own),
            (&*public, &*public),
            (&*slashed, &*slashed),
            (&*slashed, own),
        ] {
            made += 1;
            let body = wire.order(&format!("C-{made}")).to_string();
            let answer = app.post_text(sent, &partner.sign_body(signed, body.as_bytes()).headers(), body.clone()).await;
            assert!(
                answer.status.is_success() && !answer.text.contains("errors"),
                "{sent} as {signed}: {}",
                answer.text
            );
            let key = format!("key-{made}");
            let timestamp = app.clock.now().timestamp().to_string();
            let hash = Sha256::digest(&body).into();
            let text = body_and_key_bound_string("POST", signed, &hash, &timestamp, &key).unwrap();
            let headers = by_key.sign_text(&timestamp, &text);
            let headers = [&headers.headers()[..], &[("idempotency-key", key.as_str())]].concat();
            let answer = app.post_text(sent, &headers, body).await;
            assert!(
                answer.status.is_success() && !answer.text.contains("errors"),
                "{sent} as {signed}: {}",
                answer.text
            );
        }
        let body = wire.order("other").to_string();
        for other in ["/other/api/v1/sales-orders", "/orders", "/orders/orders/graphql"] {
            let answer = app.post_text(own, &partner.sign_body(other, body.as_bytes()).headers(), body.clone()).await;
            assert!(answer.text.contains("INVALID_SIGNATURE"), "{other}: {}", answer.text);
        }
    }
    // What is checked is what an order would be checked for.
    let body = order().to_string();
    for path in ["/api/v1/signature/check", "/orders/api/v1/signature/check"] {
        let timestamp = app.clock.now().timestamp().to_string();
        let text = body_bound_string("POST", "/orders/api/v1/sales-orders", &Sha256::digest(&body).into(), &timestamp);
        let signed = partner.sign_text(&timestamp, &text);
        let checked = app.post_text(path, &signed.headers(), body.clone()).await.expect(200);
        assert_eq!((&checked["valid"], &checked["string_to_sign"]), (&json!(true), &json!(text)), "{path}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_of_a_path_loses_no_request() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let signed = partner.sign();
    app.post_text("/api/v1/sales-orders/", &signed.headers(), order().to_string()).await.expect(201);
    partner.get("/api/v1/sales-orders/SO-0000000001/").await.expect(200);
    partner.get("/api/v1/sales-orders/SO-0000000001//").await.expect(200);
    assert_eq!(app.get("/api/v1/openapi.json/").await.status, 200);
    assert_eq!(app.get("/health/live/").await.status, 200);
    for page in ["/docs/", "/docs/signature/", "/docs/try/", "/graphiql/"] {
        assert_eq!(app.get(page).await.status, 200, "{page}");
    }
    let answer = app.post("/graphql/", &json!({"query": "{ __typename }"})).await;
    assert_eq!(answer.data()["__typename"], "Query");
    let answer = app.get("/graphql/?query=%7B__typename%7D").await;
    assert_eq!(answer.data()["__typename"], "Query");
    let wrong = json!({"client_id": "nobody", "client_secret": "wrong"});
    app.post("/api/v1/auth/login/", &wrong).await.expect_problem(401, "INVALID_CREDENTIALS");
    app.get("/api/v1/nothing/").await.expect_problem(404, "NOT_FOUND");
    let answer = app.send(Request::put("/api/v1/sales-orders/").body(Body::empty()).unwrap()).await;
    answer.expect_problem(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), Some("GET,HEAD,POST"));
}
