//! What the service signs of a webhook: the texts, and the forms in which signatures are sent.
//!
//! `v1` and `v1a` are Standard Webhooks 1.0.0. The SNAP form is for partners whose software verifies the notifications of SNAP
//! (Bank Indonesia's standard for payments): its text is the body-bound form that partners sign requests to this service with.
//!
//! What belongs here: signing. What does not: keys (`webhook_key`) and the receiver's side (`webhook_verification`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, FixedOffset, Utc};
use sha2::{Digest as _, Sha256};

pub use super::webhook_key::{Ed25519Key, Ed25519PublicKey, HmacSecret, WebhookKeyError};

use super::private_key::{PrivateKey, PrivateKeyError};
use super::string_to_sign::body_bound_string;

/// The header with the id of what is sent: the same in every attempt.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the time of the attempt.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures, with spaces between them.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// The version of a signature by a shared secret.
pub(super) const V1: &str = "v1";
/// The version of a signature by an Ed25519 key.
pub(super) const V1A: &str = "v1a";

/// Jakarta's offset from UTC, which SNAP's timestamps have.
const SNAP_OFFSET_SECONDS: i32 = 7 * 3600;

/// One attempt to deliver one webhook.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// `webhook-id`. No full stop may be in it: that parts it from the timestamp in the signed text.
    pub id: &'a str,
    /// The time of the attempt in unix seconds: `webhook-timestamp`.
    pub timestamp: i64,
    /// The body's bytes as they are sent.
    pub body: &'a [u8],
    /// The path of the endpoint's URL without host and query, which the SNAP form covers.
    pub path: &'a str,
}

/// The headers of the SNAP form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapHeaders {
    /// `X-TIMESTAMP`: the time of the attempt in ISO 8601, as SNAP writes it.
    pub timestamp: String,
    /// `X-SIGNATURE`.
    pub signature: String,
}

/// A `v1` signature: HMAC-SHA256.
#[must_use]
pub fn v1(secret: &HmacSecret, message: &Message<'_>) -> String {
    let timestamp = message.timestamp.to_string();
    let tag = secret.authenticate(&signed_parts(message.id, &timestamp, message.body));
    format!("{V1},{}", STANDARD.encode(tag))
}

/// A `v1a` signature: Ed25519. Fails only where the library does.
pub fn v1a(key: &Ed25519Key, message: &Message<'_>) -> Result<String, WebhookKeyError> {
    let timestamp = message.timestamp.to_string();
    let signature = key.sign(&signed_parts(message.id, &timestamp, message.body).concat())?;
    Ok(format!("{V1A},{}", STANDARD.encode(signature)))
}

/// The headers of the SNAP form: SHA256withRSA over `POST:path:sha256(body):X-TIMESTAMP`.
///
/// SNAP hashes the minified body. Webhooks are sent minified, so those who minify and those who do not get the same hash.
/// Fails only where the library does.
pub fn snap(key: &PrivateKey, message: &Message<'_>) -> Result<SnapHeaders, PrivateKeyError> {
    let timestamp = snap_timestamp(message.timestamp);
    let text = body_bound_string("POST", message.path, &Sha256::digest(message.body).into(), &timestamp);
    Ok(SnapHeaders { signature: STANDARD.encode(key.sign(text.as_bytes())?), timestamp })
}

/// The parts of the text that `v1` and `v1a` sign.
pub(super) fn signed_parts<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
}

/// `2026-11-23T20:37:16+07:00`. A time that no calendar has stays a number, which no receiver takes for a fresh one.
fn snap_timestamp(seconds: i64) -> String {
    let instant = DateTime::<Utc>::from_timestamp(seconds, 0).zip(FixedOffset::east_opt(SNAP_OFFSET_SECONDS));
    instant.map_or_else(
        || seconds.to_string(),
        |(instant, offset)| instant.with_timezone(&offset).format("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    )
}

#[cfg(test)]
#[path = "webhook_signature_tests.rs"]
mod tests;
