//! Why a signature is wrong, found out after it was refused.
//!
//! Bounded: the active keys were read already, one RSA operation each; of the others so many are read that
//! [`MAX_KEYS_EXAMINED`] are explained at most. Only a result that looks like PSS takes up to three more to prove it.

use std::iter;

use chrono::{DateTime, Utc};
use rsa::Pss;
use sha2::{Digest as _, Sha256};

use super::hint::Hint;
use super::minify::minify_json;
use super::mistakes;
use super::public_key::PublicKey;
use super::recovery::{Content, SHA_256, read};
use super::registered_key::{KeyStatus, RegisteredKey};
use super::signature::SignedRequest;
use super::string_to_sign::{body_and_key_bound_string, body_bound_string, documented_string};
use crate::domain::signature_policy::SignaturePolicy;

/// How many of a client's keys are examined, the active ones first.
const MAX_KEYS_EXAMINED: usize = 10;

/// The result of the diagnosis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diagnosis {
    /// The fault.
    pub(super) hint: Hint,
    /// The fingerprint of the registered key that made the signature, if one did.
    pub(super) key: Option<String>,
    /// The text that was signed, where it was found out.
    pub(super) signed: Option<String>,
}

/// What a key signed, if it made the signature.
pub(super) struct Reading<'a> {
    /// The key.
    pub(super) registered: &'a RegisteredKey,
    /// The content of the signature, when it is this key's.
    pub(super) content: Option<Content>,
}

/// A refused signature and all that is needed to explain it.
pub(super) struct Case<'a> {
    /// The request.
    pub(super) request: &'a SignedRequest<'a>,
    /// The client's signature policy.
    pub(super) policy: SignaturePolicy,
    /// The SHA-256 of its body.
    pub(super) body_sha256: &'a [u8; 32],
    /// The signature's bytes.
    pub(super) signature: &'a [u8],
    /// All keys of the client, usable or not.
    pub(super) keys: &'a [RegisteredKey],
    /// The instant of `X-TIMESTAMP`.
    pub(super) instant: DateTime<Utc>,
    /// The time of the check.
    pub(super) now: DateTime<Utc>,
}

impl Case<'_> {
    /// Finds out why the signature is wrong. `active` is what the active keys say that a signature of this length can be by.
    pub(super) fn diagnose(&self, active: Vec<Reading<'_>>) -> Diagnosis {
        let any_fits = !active.is_empty();
        let is_active = |key: &&RegisteredKey| key.status(self.now) == KeyStatus::Active;
        let others = self.keys.iter().filter(|key| !is_active(key));
        let others = others.filter(|key| key.key.signature_len() == self.signature.len());
        let others = others.map(|registered| Reading { registered, content: read(&registered.key, self.signature) });
        let found = active.into_iter().chain(others).take(MAX_KEYS_EXAMINED).find_map(|reading| self.examine(reading));
        found.unwrap_or_else(|| {
            let hint = if any_fits {
                Hint::SignatureMismatch
            } else if self.keys.iter().any(|key| is_active(&key)) {
                Hint::SignatureWrongLength
            } else {
                Hint::NoUsableKey
            };
            Diagnosis { hint, key: None, signed: None }
        })
    }

    /// Explains the signature if this key made it.
    fn examine(&self, Reading { registered, content }: Reading<'_>) -> Option<Diagnosis> {
        let content = content?;
        if content == Content::PerhapsPss && !self.is_pss(&registered.key) {
            return None;
        }
        // What an unusable key signed does not matter: the client has to change the key first.
        let (hint, signed) = match registered.status(self.now) {
            KeyStatus::Revoked => (Hint::SignedWithRevokedKey, None),
            KeyStatus::Expired => (Hint::SignedWithExpiredKey, None),
            KeyStatus::NotYetActive => (Hint::SignedWithFutureKey, None),
            KeyStatus::Active => self.explain(content),
        };
        Some(Diagnosis { hint, key: Some(registered.key.fingerprint().to_owned()), signed })
    }

    fn explain(&self, content: Content) -> (Hint, Option<String>) {
        match content {
            Content::PerhapsPss => (Hint::SignedWithPss, None),
            Content::Bare => (Hint::SignedWithoutDigestInfo, None),
            Content::Digest { algorithm: SHA_256, digest } => self.explain_text(&digest),
            Content::Digest { algorithm: "SHA-1", .. } => (Hint::SignedWithSha1, None),
            Content::Digest { algorithm: "SHA-512", .. } => (Hint::SignedWithSha512, None),
            Content::Digest { .. } => (Hint::SignedWithOtherDigest, None),
        }
    }

    fn explain_text(&self, digest: &[u8]) -> (Hint, Option<String>) {
        // Right, unless the client's policy asks for more.
        let weaker = iter::once_with(|| self.documented()).chain(self.body_bound());
        if let Some(text) = weaker.into_iter().find(|text| Sha256::digest(text).as_slice() == digest) {
            let asks_for_key = self.policy.binds_key();
            let hint = if asks_for_key { Hint::SignedWithoutIdempotencyKey } else { Hint::SignedBodyBoundExpected };
            return (hint, Some(text));
        }
        match mistakes::find(digest, self.request, self.body_sha256, self.instant) {
            Some(mistake) => (mistake.hint, mistake.signed),
            None => (Hint::SignedOtherText, None),
        }
    }

    /// Whether the signature is a PSS signature of a text that would be right; any length of salt.
    fn is_pss(&self, key: &PublicKey) -> bool {
        let texts = self.body_bound().chain(self.body_and_key_bound()).chain([self.documented()]);
        texts.map(Sha256::digest).any(|digest| {
            let scheme = Pss::<Sha256> { salt_len: None, ..Pss::new() };
            key.rsa().verify(scheme, &digest, self.signature).is_ok()
        })
    }

    /// The hashes of the body as it is and minified.
    fn hashes(&self) -> [[u8; 32]; 2] {
        [*self.body_sha256, Sha256::digest(minify_json(self.request.body)).into()]
    }

    fn body_bound(&self) -> impl Iterator<Item = String> {
        let SignedRequest { method, path, timestamp, .. } = *self.request;
        self.hashes().into_iter().map(move |hash| body_bound_string(method, path, &hash, timestamp))
    }

    fn body_and_key_bound(&self) -> impl Iterator<Item = String> {
        let SignedRequest { method, path, timestamp, idempotency_key, .. } = *self.request;
        let text = move |hash| body_and_key_bound_string(method, path, &hash, timestamp, idempotency_key?);
        self.hashes().into_iter().filter_map(text)
    }

    fn documented(&self) -> String {
        documented_string(self.request.client_id, self.request.timestamp)
    }
}

#[cfg(test)]
#[path = "diagnosis_tests.rs"]
mod tests;
