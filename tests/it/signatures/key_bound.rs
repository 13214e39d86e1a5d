//! The form that binds the `Idempotency-Key` as well.

use sales_order_api::auth::string_to_sign::body_and_key_bound_string;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::support::{Partner, Signed, TestApp, Wire};

fn with_key<'a>(signed: &'a Signed, key: &'a str) -> Vec<(&'a str, &'a str)> {
    [&signed.headers()[..], &[("idempotency-key", key)]].concat()
}

fn sign(partner: &Partner<'_>, wire: Wire, body: &str, timestamp: &str, key: &str) -> Signed {
    let text = body_and_key_bound_string("POST", wire.path(), &Sha256::digest(body).into(), timestamp, key);
    partner.sign_text(timestamp, &text.unwrap())
}

#[tokio::test]
async fn a_key_that_is_signed_is_accepted_under_every_policy_and_for_no_other_key() {
    let app = TestApp::new().await;
    let now = app.clock.now().timestamp().to_string();
    for policy in SignaturePolicy::ALL {
        let partner = app.partner_named(policy.as_str(), policy).await;
        for wire in Wire::BOTH {
            let body = wire.order(&format!("{wire:?}")).to_string();
            let key = format!("{wire:?}:1");
            let signed = sign(&partner, wire, &body, &now, &key);
            wire.expect_created(&wire.send(&app, &with_key(&signed, &key), body.clone()).await);
            let again = wire.send(&app, &with_key(&signed, &key), body.clone()).await;
            assert!(again.text.contains("SO-"), "{}", again.text);
            let told = wire.expect_refused(
                &wire.send(&app, &with_key(&signed, "other"), body.clone()).await,
                401,
                "INVALID_SIGNATURE",
            );
            assert!(told["body_and_key_bound_string"].as_str().unwrap().ends_with(":other"), "{told:?}");
            let lower = wire.send(&app, &with_key(&signed, &key.to_uppercase()), body.clone()).await;
            wire.expect_refused(&lower, 401, "INVALID_SIGNATURE");
            let changed = body.replace("Sudirman", "Thamrin");
            let changed = wire.send(&app, &with_key(&signed, &key), changed).await;
            wire.expect_refused(&changed, 401, "INVALID_SIGNATURE");
        }
    }
    assert_eq!(app.database.whole_orders(1).await, 6);
}

#[tokio::test]
async fn where_the_key_must_be_signed_nothing_less_is_accepted_and_the_hint_says_so() {
    let app = TestApp::new().await;
    let partner = app.partner_named("strict-partner", SignaturePolicy::BodyAndKeyBound).await;
    for wire in Wire::BOTH {
        let body = wire.order("CUST-001").to_string();
        for signed in [partner.sign(), partner.sign_body(wire.path(), body.as_bytes())] {
            let answer = wire.send(&app, &signed.headers(), body.clone()).await;
            let told = wire.expect_refused(&answer, 400, "MISSING_HEADER");
            assert_eq!(told["headers"], json!(["Idempotency-Key"]));
            let answer = wire.send(&app, &with_key(&signed, "po-1"), body.clone()).await;
            let told = wire.expect_refused(&answer, 401, "INVALID_SIGNATURE");
            assert_eq!(told["hint"], "signed_without_idempotency_key");
            assert!(told["string_to_sign"].as_str().unwrap().ends_with(":po-1"), "{told:?}");
        }
        let token = partner.authorization();
        let answer = wire.send(&app, &[("authorization", &token)], body.clone()).await;
        let told = wire.expect_refused(&answer, 400, "MISSING_HEADER");
        assert_eq!(told["headers"], json!(["X-CLIENT-ID", "X-TIMESTAMP", "X-SIGNATURE", "Idempotency-Key"]));
        let signed = partner.sign();
        let twice = [&with_key(&signed, "a")[..], &[("idempotency-key", "a")]].concat();
        let told = wire.expect_refused(&wire.send(&app, &twice, body.clone()).await, 400, "INVALID_HEADER");
        assert_eq!(told["headers"], json!(["Idempotency-Key"]));
        let told =
            wire.expect_refused(&wire.send(&app, &with_key(&signed, "two words"), body).await, 400, "INVALID_HEADER");
        assert_eq!(told["headers"], json!(["Idempotency-Key"]));
    }
    assert_eq!(app.database.whole_orders(1).await, 0);
}

#[tokio::test]
async fn a_signed_text_cannot_be_read_as_another_time_with_another_key() {
    let app = TestApp::new().await;
    let partner = app.partner_named("strict-partner", SignaturePolicy::BodyAndKeyBound).await;
    let body = Wire::Rest.order("CUST-001").to_string();
    let local = app.clock.now() + chrono::TimeDelta::hours(7);
    let (whole, short) = (local.format("%Y-%m-%dT%H:%M:%S+07:00"), local.format("%Y-%m-%dT%H:%M:%S+07"));
    let (whole, short) = (whole.to_string(), short.to_string());
    let signed = sign(&partner, Wire::Rest, &body, &whole, "po-1");
    let shifted = Signed { timestamp: short, ..signed.clone() };
    let answer = Wire::Rest.send(&app, &with_key(&shifted, "00:po-1"), body.clone()).await;
    let told = Wire::Rest.expect_refused(&answer, 401, "INVALID_SIGNATURE");
    assert_eq!(told["hint"], "key_bound_needs_minutes");
    Wire::Rest.expect_created(&Wire::Rest.send(&app, &with_key(&signed, "po-1"), body).await);
    assert_eq!(app.database.whole_orders(1).await, 1);
}

#[tokio::test]
async fn the_signature_check_knows_the_form() {
    let app = TestApp::new().await;
    let partner = app.partner_named("strict-partner", SignaturePolicy::BodyAndKeyBound).await;
    let (body, now) = ("{}", app.clock.now().timestamp().to_string());
    let signed = sign(&partner, Wire::Rest, body, &now, "po-1");
    let check =
        async |headers: Vec<(&str, &str)>| app.post_text("/api/v1/signature/check", &headers, body).await.expect(200);
    let right = check(with_key(&signed, "po-1")).await;
    assert_eq!((&right["valid"], &right["form"]), (&json!(true), &json!("body_and_key_bound")));
    let wrong = check(with_key(&signed, "po-2")).await;
    assert_eq!((&wrong["valid"], &wrong["code"]), (&json!(false), &json!("INVALID_SIGNATURE")));
    assert!(wrong["body_and_key_bound_string"].as_str().unwrap().ends_with(":po-2"), "{wrong}");
    let without = check(signed.headers().to_vec()).await;
    assert_eq!((&without["valid"], &without["code"]), (&json!(false), &json!("MISSING_HEADER")));

    let explain = "query($input: ExplainSignatureInput!) { explainSignature(input: $input) { valid form code hint } }";
    let input = json!({"clientId": "strict-partner", "timestamp": now, "signature": signed.signature, "body": body,
                       "publicKey": partner.key.public_key().to_pem(), "signaturePolicy": "BODY_AND_KEY_BOUND"});
    let ask = async |key: Option<&str>| {
        let mut input = input.clone();
        input["idempotencyKey"] = json!(key);
        app.graphql(explain, json!({"input": input})).await.data()["explainSignature"].take()
    };
    assert_eq!(ask(Some("po-1")).await["form"], "body_and_key_bound");
    assert_eq!(ask(Some("po-2")).await["code"], "INVALID_SIGNATURE");
    assert_eq!(ask(Some("two words")).await["code"], "INVALID_HEADER");
    assert_eq!(ask(None).await["code"], "MISSING_HEADER");
}

#[tokio::test]
async fn a_check_by_get_is_a_check_of_the_post_that_would_be_sent() {
    let app = TestApp::new().await;
    let partner = app.partner_named("bound-partner", SignaturePolicy::BodyBound).await;
    let now = app.clock.now().timestamp().to_string();
    let ask = async |method: &str| {
        let hash = Sha256::digest(b"").into();
        let text = sales_order_api::auth::string_to_sign::body_bound_string(method, "/graphql", &hash, &now);
        let signed = partner.sign_text(&now, &text);
        let mut request = axum::http::Request::get("/graphql?query=%7BsignatureCheck%7Bvalid%7D%7D");
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        app.send(request.body(axum::body::Body::empty()).unwrap()).await.data()["signatureCheck"]["valid"].clone()
    };
    assert_eq!([ask("GET").await, ask("POST").await], [json!(false), json!(true)]);
}
