//! The service's own keys are rotated while it sends.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sales_order_api::app;
use sales_order_api::service::webhooks::KeyKind;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Sending, active, local, send_order};
use crate::support::{Partner, Received, Receiver, TestApp, found};

/// Whether a webhook has the signature of the SNAP form by this public key.
fn is_signed_by(event: &Received, key: &Value) -> bool {
    let number = |member: &str| {
        rsa::BoxedUint::from_be_slice_vartime(&URL_SAFE_NO_PAD.decode(key[member].as_str().unwrap()).unwrap())
    };
    let key = rsa::PublicKey::new(number("n"), number("e")).unwrap();
    let text = format!("POST:/hooks:{}:{}", hex::encode(Sha256::digest(&event.text)), event.header("x-timestamp"));
    let signature = STANDARD.decode(event.header("x-signature")).unwrap();
    key.verify(rsa::Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text), &signature).is_ok()
}

/// The number of signatures in the header of Standard Webhooks.
fn signatures(event: &Received) -> usize {
    event.header("webhook-signature").split(' ').filter(|signature| !signature.is_empty()).count()
}

/// The keys of a kind that anybody can read.
async fn published(app: &TestApp, kty: &str) -> Vec<Value> {
    let keys = app.get("/.well-known/jwks.json").await.expect(200);
    keys["keys"].as_array().unwrap().iter().filter(|key| key["kty"] == kty).cloned().collect()
}

/// Sends orders until the webhook of one is as it is to be.
async fn told(partner: &Partner<'_>, receiver: &Receiver, what: &str, is_so: impl Fn(&Received) -> bool) {
    found(what, async || {
        let before = receiver.events().len();
        send_order(partner, &format!("PO-{before}")).await;
        receiver.events_after(before + 1).await.pop().filter(&is_so)
    })
    .await;
}

#[tokio::test]
async fn an_instance_that_sends_signs_with_a_rotated_key_and_not_with_one_that_ended() {
    let app = TestApp::with(local).await;
    let (partner, receiver) = (app.partner().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({"signatures": ["V1A", "SNAP"]})).await;
    let _sending = Sending::on(&app.state);
    let webhooks = app::webhooks(app.state.config(), &app.store, &app.clock.clock()).unwrap();
    let old = published(&app, "RSA").await.remove(0);
    told(&partner, &receiver, "a webhook by the first keys", |event| {
        signatures(event) == 1 && is_signed_by(event, &old)
    })
    .await;
    // The clock of tests stands still, and whoever sends looks for endpoints that changed since.
    app.clock.advance(Duration::from_secs(1));
    for kind in KeyKind::ALL {
        webhooks.rotate_key(kind, Duration::from_hours(1)).await.unwrap();
    }
    // Receivers of the SNAP form fetch the new key before it signs: there is room for one signature.
    told(&partner, &receiver, "a webhook by both", |event| signatures(event) == 2 && is_signed_by(event, &old)).await;
    let new = published(&app, "RSA").await.remove(1);
    app.clock.advance(Duration::from_hours(1));
    told(&partner, &receiver, "a webhook by the new keys", |event| signatures(event) == 1 && is_signed_by(event, &new))
        .await;
    assert_eq!(published(&app, "OKP").await.len(), 1);
}
