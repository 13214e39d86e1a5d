//! Proves again what an order's receipt says, from what is stored and nothing else.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use super::Orders;
use crate::auth::minify::minify_json;
use crate::auth::public_key::PublicKey;
use crate::auth::registered_key::KeyStatus;
use crate::auth::string_to_sign::{
    BoundText, SignatureForm, read_body_and_key_bound, read_body_bound, read_documented,
};
use crate::auth::timestamp;
use crate::domain::order::SalesOrder;
use crate::domain::permission::Scope;
use crate::domain::receipt::Receipt;
use crate::error::{AppError, ErrorCode};
use crate::store::StoredPublicKey;

/// An order's receipt, checked again.
pub struct Evidence {
    /// The order.
    pub order: SalesOrder,
    /// The receipt.
    pub receipt: Receipt,
    /// Whether the key counted when the order was taken; `None` when the client has no such key.
    pub key_status_then: Option<KeyStatus>,
    /// The time at which the key was revoked, if it was.
    pub key_revoked_at: Option<DateTime<Utc>>,
    /// What is wrong; nothing, when the receipt holds.
    pub problems: Vec<String>,
}

/// How far a signed time may be from the order's at least: what is configured now may have been more before.
const NEAR: Duration = Duration::from_mins(15);

/// A revocation may take so long to be in force everywhere.
const IN_FORCE: TimeDelta = TimeDelta::seconds(5);

impl Orders {
    /// Checks the receipt of an order: whether a key of the client that counted then made the signature over the stored
    /// text, whether that text is this client's and of the order's time, and, of the forms that bind them, whether it is of
    /// a request that makes an order, of the body that was received, and of the key that the order was taken under. With the
    /// body as the client sent it, whether that is what was received. `tolerance` is how far from the server's clock a signed
    /// time may be; `prefix` stands before our paths where callers sign them so (`http.public_url`).
    ///
    /// The order's own fields are not covered: a body says what was ordered, and the documented form does not sign it.
    pub async fn verify_receipt(
        &self,
        number: &str,
        body: Option<&[u8]>,
        tolerance: Duration,
        prefix: &str,
    ) -> Result<Evidence, AppError> {
        let near = TimeDelta::from_std(tolerance.max(NEAR)).unwrap_or(TimeDelta::MAX);
        let nothing = |what: &str| AppError::new(ErrorCode::NotFound, format!("there is no {what} {number}"));
        let order = self.sales_order(&Scope::All, number).await?.ok_or_else(|| nothing("order"))?;
        let receipt = self.receipts(&[order.number]).await?.remove(&order.number);
        let receipt = receipt.ok_or_else(|| nothing("receipt of order"))?;
        let key = self.key_of(&order, &receipt).await?;
        let key_of_order = self.idempotency_key_of(&order).await?;
        let key_status_then = key.as_ref().map(|key| status_then(key, order.created_at));
        let found = [
            signature_problem(&order, &receipt, key.as_ref()),
            key_status_then
                .filter(|status| *status != KeyStatus::Active)
                .map(|status| format!("the key was {status} when the order was taken")),
            text_problem(&order, &receipt, body, (near, prefix), &key_of_order),
            body.filter(|body| Sha256::digest(body).as_slice() != receipt.body_sha256)
                .map(|_| "the body is not the one that was received: its SHA-256 differs".to_owned()),
        ];
        let key_revoked_at = key.and_then(|key| key.revoked_at);
        let problems = found.into_iter().flatten().collect();
        Ok(Evidence { order, receipt, key_status_then, key_revoked_at, problems })
    }
}

fn status_then(key: &StoredPublicKey, at: DateTime<Utc>) -> KeyStatus {
    let StoredPublicKey { not_before, expires_at, revoked_at, .. } = *key;
    KeyStatus::at(at, not_before, expires_at, revoked_at.map(|revoked| revoked + IN_FORCE))
}

fn signature_problem(order: &SalesOrder, receipt: &Receipt, key: Option<&StoredPublicKey>) -> Option<String> {
    match key.map(|key| PublicKey::from_pem(&key.pem)) {
        None => Some(format!("{} has no key {}", order.client_id, receipt.key_fingerprint)),
        Some(Err(error)) => Some(format!("the stored key cannot be read: {error}")),
        Some(Ok(key)) if key.fingerprint() != receipt.key_fingerprint => {
            Some("the stored key is not the one its fingerprint names".to_owned())
        }
        Some(Ok(key)) if !key.verify(receipt.string_to_sign.as_bytes(), &receipt.signature) => {
            Some("the key did not make this signature over this text".to_owned())
        }
        Some(Ok(_)) => None,
    }
}

/// What is wrong with the signed text, whoever signed it. `key_of_order` is as the order's row has it.
fn text_problem(
    order: &SalesOrder,
    receipt: &Receipt,
    body: Option<&[u8]>,
    (near, prefix): (TimeDelta, &str),
    key_of_order: &str,
) -> Option<String> {
    let text = receipt.string_to_sign.as_str();
    let bound = match SignatureForm::named(&receipt.signature_form) {
        None => return Some(format!("{} is no form of signature", receipt.signature_form)),
        Some(SignatureForm::Documented) => None,
        Some(SignatureForm::BodyBound) => Some(read_body_bound(text)),
        Some(SignatureForm::BodyAndKeyBound) => Some(read_body_and_key_bound(text)),
    };
    let timestamp = match bound {
        None => read_documented(text, order.client_id.as_str()),
        Some(bound) => bound.map(|bound| bound.timestamp),
    };
    let Some(instant) = timestamp.and_then(|timestamp| timestamp::parse(timestamp).ok()) else {
        return Some("the text is not what this client signs".to_owned());
    };
    if (instant - order.created_at).abs() > near {
        return Some("the signed time is not the order's".to_owned());
    }
    let bound = bound.flatten()?;
    request_problem(&bound, prefix, key_of_order).or_else(|| body_problem(&bound, receipt, body))
}

/// What is wrong with the request that a text is of.
fn request_problem(bound: &BoundText<'_>, prefix: &str, key_of_order: &str) -> Option<String> {
    let BoundText { method, path, idempotency_key, .. } = *bound;
    if (method, path) == ("GET", "/graphql/ws") {
        // Older versions took signed orders there.
        return Some(
            "the handshake of a WebSocket was signed, not the order that came over it: the body is not covered"
                .to_owned(),
        );
    }
    let path_of_ours = path.trim_end_matches('/');
    let is_ours = |own: &&str| path_of_ours == *own || path_of_ours.strip_prefix(prefix) == Some(own);
    if method != "POST" || !["/api/v1/sales-orders", "/api/v1/sales-orders/batch", "/graphql"].iter().any(is_ours) {
        return Some(format!("a request was signed that makes no order: {method} {path}"));
    }
    idempotency_key
        .filter(|key| key_of_order != format!("key:{key}"))
        .map(|key| format!("the signed Idempotency-Key {key} is not the one that the order was taken under"))
}

/// What is wrong with the body that a text is of.
fn body_problem(bound: &BoundText<'_>, receipt: &Receipt, body: Option<&[u8]>) -> Option<String> {
    let hash = bound.body_sha256;
    if hash == hex::encode(&receipt.body_sha256) {
        return None;
    }
    match body.map(|body| hex::encode(Sha256::digest(minify_json(body)))) {
        None => {
            Some("the signed body is another writing of the one received, or another one: give the body".to_owned())
        }
        Some(minified) if minified == hash => None,
        Some(_) => Some("the signed body is not the one that was received".to_owned()),
    }
}
