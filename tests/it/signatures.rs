//! A partner signs a request, in every way the service promises to understand.

mod checks;
mod key_bound;
mod keys;
mod over_websocket;
mod reuse;
mod times;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use sales_order_api::auth::string_to_sign::{body_bound_string, documented_string};
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::support::{Partner, TestApp, Wire};

/// A way to write a signature.
type Encode = fn(&[u8]) -> String;

/// The timestamp and the text of the body-bound form for a request sent now.
fn bound_now(partner: &Partner<'_>, path: &str, body: &[u8]) -> (String, String) {
    let timestamp = partner.app.clock.now().timestamp().to_string();
    let text = body_bound_string("POST", path, &Sha256::digest(body).into(), &timestamp);
    (timestamp, text)
}

#[tokio::test]
async fn a_partner_may_sign_either_form_on_either_wire() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for wire in Wire::BOTH {
        let body = wire.order(&format!("{wire:?}-documented")).to_string();
        wire.expect_created(&wire.send(&app, &partner.sign().headers(), body).await);
        let body = wire.order(&format!("{wire:?}-bound")).to_string();
        let signed = partner.sign_body(wire.path(), body.as_bytes());
        wire.expect_created(&wire.send(&app, &signed.headers(), body).await);
    }
    assert_eq!(app.database.db_number("SELECT COUNT(*) FROM sales_orders").await, 4);
}

#[tokio::test]
async fn a_signature_is_read_in_every_usual_encoding() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let encodings: [(&str, Encode); 6] = [
        ("base64", |bytes| STANDARD.encode(bytes)),
        ("base64-unpadded", |bytes| STANDARD_NO_PAD.encode(bytes)),
        ("base64url", |bytes| URL_SAFE.encode(bytes)),
        ("base64url-unpadded", |bytes| URL_SAFE_NO_PAD.encode(bytes)),
        ("hex", |bytes| hex::encode(bytes)),
        ("HEX", |bytes| hex::encode_upper(bytes)),
    ];
    for wire in Wire::BOTH {
        for (name, encode) in encodings {
            let mut signed = partner.sign();
            signed.signature = encode(&STANDARD.decode(&signed.signature).unwrap());
            let body = wire.order(&format!("{wire:?}-{name}")).to_string();
            wire.expect_created(&wire.send(&app, &signed.headers(), body).await);
        }
    }
    assert_eq!(app.database.db_number("SELECT COUNT(*) FROM sales_orders").await, 12);
}

#[tokio::test]
async fn a_body_bound_signature_covers_the_body_as_it_is_sent() {
    let app = TestApp::new().await;
    let partner = app.partner_named("bound-partner", SignaturePolicy::BodyBound).await;
    for wire in Wire::BOTH {
        let order = wire.order(&format!("{wire:?}"));
        let pretty = serde_json::to_string_pretty(&order).unwrap();
        let signed = partner.sign_body(wire.path(), pretty.as_bytes());
        let other = wire.order("somebody-else").to_string();
        let refusal = wire.send(&app, &signed.headers(), other).await;
        assert_eq!(wire.expect_refused(&refusal, 401, "INVALID_SIGNATURE")["hint"], "signed_other_text");
        wire.expect_created(&wire.send(&app, &signed.headers(), pretty).await);
    }
}

#[tokio::test]
async fn a_body_signed_minified_may_be_sent_with_white_space_but_not_with_other_texts() {
    let app = TestApp::new().await;
    let partner = app.partner_named("bound-partner", SignaturePolicy::BodyBound).await;
    for wire in Wire::BOTH {
        let order = wire.order(&format!("{wire:?}"));
        let (minified, pretty) = (order.to_string(), serde_json::to_string_pretty(&order).unwrap());
        let signed = partner.sign_body(wire.path(), minified.as_bytes());

        // White space within a text is part of the text.
        let altered = pretty.replace("No. 1,  Jakarta", "No. 1, Jakarta");
        assert_ne!(altered, pretty);
        let refusal = wire.send(&app, &signed.headers(), altered).await;
        wire.expect_refused(&refusal, 401, "INVALID_SIGNATURE");

        wire.expect_created(&wire.send(&app, &signed.headers(), pretty.clone()).await);

        // The other way round there is no second try: the service cannot guess how a body was indented.
        let signed = partner.sign_body(wire.path(), pretty.as_bytes());
        let refusal = wire.send(&app, &signed.headers(), minified).await;
        wire.expect_refused(&refusal, 401, "INVALID_SIGNATURE");
    }
}

#[tokio::test]
async fn a_body_bound_signature_is_good_for_its_own_path_only() {
    let app = TestApp::new().await;
    let partner = app.partner_named("bound-partner", SignaturePolicy::BodyBound).await;
    for (wire, other) in [(Wire::Rest, Wire::GraphQl), (Wire::GraphQl, Wire::Rest)] {
        let body = wire.order("CUST-001").to_string();
        let signed = partner.sign_body(other.path(), body.as_bytes());
        let told = wire.expect_refused(&wire.send(&app, &signed.headers(), body).await, 401, "INVALID_SIGNATURE");
        assert!(told["string_to_sign"].as_str().unwrap().starts_with(&format!("POST:{}:", wire.path())), "{told:?}");
    }
    assert_eq!(app.database.db_number("SELECT COUNT(*) FROM sales_orders").await, 0);
}

#[tokio::test]
async fn a_body_bound_partner_that_signs_the_documented_form_is_told_which_form_it_must_sign() {
    let app = TestApp::new().await;
    let partner = app.partner_named("bound-partner", SignaturePolicy::BodyBound).await;
    for wire in Wire::BOTH {
        let body = wire.order(&format!("{wire:?}")).to_string();
        let (timestamp, bound) = bound_now(&partner, wire.path(), body.as_bytes());
        let refusal = wire.send(&app, &partner.sign().headers(), body.clone()).await;
        let told = wire.expect_refused(&refusal, 401, "INVALID_SIGNATURE");
        assert_eq!(told["hint"], "signed_body_bound_expected");
        assert_eq!(told["string_to_sign"], bound.as_str());
        assert_eq!(told["signed_string"], documented_string("bound-partner", &timestamp));

        let mended = partner.sign_text(&timestamp, told["string_to_sign"].as_str().unwrap());
        wire.expect_created(&wire.send(&app, &mended.headers(), body).await);
    }
}

#[tokio::test]
async fn a_refused_signature_says_all_that_is_needed_to_mend_it() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let fingerprint = partner.key.public_key().fingerprint();
    for wire in Wire::BOTH {
        let body = wire.order(&format!("{wire:?}")).to_string();
        let (timestamp, bound) = bound_now(&partner, wire.path(), body.as_bytes());
        let text = documented_string(&partner.client_id, &timestamp);
        let signed = partner.sign_text(&timestamp, &format!("{text}\n"));
        let refusal = wire.send(&app, &signed.headers(), body.clone()).await;
        assert_eq!(
            json!(wire.expect_refused(&refusal, 401, "INVALID_SIGNATURE")),
            json!({
                "hint": "signed_trailing_newline",
                "string_to_sign": text,
                "body_bound_string": bound,
                "signed_string": format!("{text}\n"),
                "signed_with_key": fingerprint,
                "server_time": "2026-11-23T13:37:16.123456Z",
                "skew_seconds": 0,
                "keys_tried": [fingerprint],
            })
        );

        let mended = partner.sign_text(&timestamp, &text);
        wire.expect_created(&wire.send(&app, &mended.headers(), body).await);
    }
}

#[tokio::test]
async fn a_refused_timestamp_says_all_that_is_needed_to_mend_it() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for wire in Wire::BOTH {
        for (timestamp, hint, skew) in [
            ("1795440000", "clock_skew", Some(-1037)),
            ("1795442000", "clock_skew", Some(964)),
            ("1795441036000", "milliseconds_not_seconds", None),
        ] {
            let text = documented_string(&partner.client_id, timestamp);
            let signed = partner.sign_text(timestamp, &text);
            let refusal = wire.send(&app, &signed.headers(), wire.order("CUST-001").to_string()).await;
            let mut expected = json!({
                "hint": hint,
                "string_to_sign": text,
                "server_time": "2026-11-23T13:37:16.123456Z",
                "keys_tried": [],
            });
            if let Some(skew) = skew {
                expected["skew_seconds"] = json!(skew);
            }
            assert_eq!(json!(wire.expect_refused(&refusal, 401, "INVALID_TIMESTAMP")), expected);
        }
    }
}
