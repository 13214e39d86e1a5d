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
use crate::domain::archive::{ArchivedLine, ArchivedReceipt, Manifest, ManifestKey};
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
        let stored = self.key_of(&order, &receipt).await?;
        let key = stored.as_ref().map(VerifyingKey::from);
        let key_of_order = self.idempotency_key_of(&order).await?;
        let key_status_then = key.as_ref().map(|key| status_then(key, order.created_at));
        let signed = Signed {
            client_id: order.client_id.as_str(),
            taken_at: order.created_at,
            idempotency_key: &key_of_order,
            receipt: &receipt,
        };
        let problems = signed.problems(key.as_ref(), body, (near, prefix));
        let key_revoked_at = stored.and_then(|key| key.revoked_at);
        Ok(Evidence { order, receipt, key_status_then, key_revoked_at, problems })
    }
}

/// What is wrong with what was signed for an archived order and for its requests, by the keys in the manifest of its file. Nothing where
/// nothing was signed, as for a sample.
#[must_use]
pub fn archived_problems(line: &ArchivedLine, manifest: &Manifest) -> Vec<String> {
    let key_of = |receipt: &Receipt| {
        let mut keys = manifest.public_keys.iter();
        let is_it = |key: &&ManifestKey| key.client_id == line.client_id && key.fingerprint == receipt.key_fingerprint;
        keys.find(is_it).map(VerifyingKey::from)
    };
    let near = TimeDelta::try_seconds(i64::try_from(manifest.timestamp_tolerance_seconds).unwrap_or(i64::MAX));
    let near = near.unwrap_or(TimeDelta::MAX).max(TimeDelta::from_std(NEAR).unwrap_or(TimeDelta::MAX));
    let of_order = line.receipt.iter().flat_map(|receipt| {
        let signed = Signed {
            client_id: &line.client_id,
            taken_at: line.created_at,
            idempotency_key: &line.idempotency_key,
            receipt,
        };
        signed.problems(key_of(receipt).as_ref(), None, (near, &manifest.path_prefix))
    });
    let of_requests = line.request_receipts.iter().filter_map(|ArchivedReceipt { request_number, receipt }| {
        let problem = signature_problem(&line.client_id, receipt, key_of(receipt).as_ref())?;
        Some(format!("{request_number}: {problem}"))
    });
    of_order.chain(of_requests).map(|problem| format!("{}: {problem}", line.number)).collect()
}

/// A key with when it counted.
struct VerifyingKey<'k> {
    pem: &'k str,
    not_before: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl<'k> From<&'k StoredPublicKey> for VerifyingKey<'k> {
    fn from(key: &'k StoredPublicKey) -> Self {
        let StoredPublicKey { pem, not_before, expires_at, revoked_at, .. } = key;
        Self { pem, not_before: *not_before, expires_at: *expires_at, revoked_at: *revoked_at }
    }
}

impl<'k> From<&'k ManifestKey> for VerifyingKey<'k> {
    fn from(key: &'k ManifestKey) -> Self {
        let ManifestKey { public_key, not_before, expires_at, revoked_at, .. } = key;
        Self { pem: public_key, not_before: *not_before, expires_at: *expires_at, revoked_at: *revoked_at }
    }
}

/// What was signed for an order, with what is known of the order.
struct Signed<'o> {
    client_id: &'o str,
    taken_at: DateTime<Utc>,
    /// As the order was stored under it.
    idempotency_key: &'o str,
    receipt: &'o Receipt,
}

impl Signed<'_> {
    fn problems(
        &self,
        key: Option<&VerifyingKey<'_>>,
        body: Option<&[u8]>,
        (near, prefix): (TimeDelta, &str),
    ) -> Vec<String> {
        let found = [
            signature_problem(self.client_id, self.receipt, key),
            key.map(|key| status_then(key, self.taken_at))
                .filter(|status| *status != KeyStatus::Active)
                .map(|status| format!("the key was {status} when the order was taken")),
            text_problem(self, body, (near, prefix)),
            body.filter(|body| Sha256::digest(body).as_slice() != self.receipt.body_sha256)
                .map(|_| "the body is not the one that was received: its SHA-256 differs".to_owned()),
        ];
        found.into_iter().flatten().collect()
    }
}

fn status_then(key: &VerifyingKey<'_>, at: DateTime<Utc>) -> KeyStatus {
    KeyStatus::at(at, key.not_before, key.expires_at, key.revoked_at.map(|revoked| revoked + IN_FORCE))
}

fn signature_problem(client_id: &str, receipt: &Receipt, key: Option<&VerifyingKey<'_>>) -> Option<String> {
    match key.map(|key| PublicKey::from_pem(key.pem)) {
        None => Some(format!("{client_id} has no key {}", receipt.key_fingerprint)),
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

/// What is wrong with the signed text, whoever signed it.
fn text_problem(signed: &Signed<'_>, body: Option<&[u8]>, (near, prefix): (TimeDelta, &str)) -> Option<String> {
    let Signed { client_id, taken_at, idempotency_key, receipt } = *signed;
    let text = receipt.string_to_sign.as_str();
    let bound = match SignatureForm::named(&receipt.signature_form) {
        None => return Some(format!("{} is no form of signature", receipt.signature_form)),
        Some(SignatureForm::Documented) => None,
        Some(SignatureForm::BodyBound) => Some(read_body_bound(text)),
        Some(SignatureForm::BodyAndKeyBound) => Some(read_body_and_key_bound(text)),
    };
    let timestamp = match bound {
        None => read_documented(text, client_id),
        Some(bound) => bound.map(|bound| bound.timestamp),
    };
    let Some(instant) = timestamp.and_then(|timestamp| timestamp::parse(timestamp).ok()) else {
        return Some("the text is not what this client signs".to_owned());
    };
    if (instant - taken_at).abs() > near {
        return Some("the signed time is not the order's".to_owned());
    }
    let bound = bound.flatten()?;
    request_problem(&bound, prefix, idempotency_key).or_else(|| body_problem(&bound, receipt, body))
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
