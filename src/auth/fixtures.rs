//! Keys and a request for the tests of this module; making a key is slow, so each is made once.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::private_key::PrivateKey;
use super::registered_key::RegisteredKey;
use super::signature::{SignatureRejection, SignedRequest, VerifiedSignature, body_bound_string, verify};
use super::verified::VerifiedSignatures;
use crate::domain::signature_policy::SignaturePolicy;

/// The key pair of the client under test.
pub(super) static OWN: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
/// Another key pair.
pub(super) static OTHER: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

pub(super) const CLIENT: &str = "Versuni-client-001";
pub(super) const TIMESTAMP: &str = "1795441036";
pub(super) const DOCUMENTED: &str = "Versuni-client-001|1795441036";
pub(super) const METHOD: &str = "POST";
pub(super) const PATH: &str = "/api/v1/sales-orders";
pub(super) const BODY: &[u8] = br#"{"customer_code":"CUST-001","products":[{"product_code":"P 1","quantity":2}]}"#;
pub(super) const TOLERANCE: Duration = Duration::from_mins(5);

/// The instant of [`TIMESTAMP`].
pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_441_036, 0).unwrap()
}

/// A key without limits in time.
pub(super) fn registered(key: &PrivateKey) -> RegisteredKey {
    RegisteredKey { key: key.public_key().clone(), not_before: None, expires_at: None, revoked_at: None }
}

/// The base64 signature of a text by the client's own key.
pub(super) fn signed(text: impl AsRef<[u8]>) -> String {
    STANDARD.encode(OWN.sign(text.as_ref()).unwrap())
}

/// The request with a signature.
pub(super) fn request(signature: &str) -> SignedRequest<'_> {
    SignedRequest {
        client_id: CLIENT,
        timestamp: TIMESTAMP,
        signature,
        method: METHOD,
        path: PATH,
        other_paths: &[],
        body: BODY,
        idempotency_key: None,
    }
}

/// The body-bound text of the request, were its body another.
pub(super) fn bound_to(body: &[u8]) -> String {
    body_bound_string(METHOD, PATH, &Sha256::digest(body).into(), TIMESTAMP)
}

/// Checks a request against the client's own key under a policy.
pub(super) fn check(
    request: &SignedRequest<'_>,
    policy: SignaturePolicy,
) -> Result<VerifiedSignature, Box<SignatureRejection>> {
    verify(request, &[registered(&OWN)], policy, now(), TOLERANCE, &none())
}

/// Remembers nothing.
pub(super) fn none() -> VerifiedSignatures {
    VerifiedSignatures::new(0)
}
