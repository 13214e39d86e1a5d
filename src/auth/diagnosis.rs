//! Why a signature is wrong, found out after it was refused.
//!
//! Bounded: at most [`MAX_KEYS_EXAMINED`] keys, each with one RSA operation to read what it signed and, only if the
//! result looks like PSS, up to three to prove it: never more than 40, and one a key for almost every signature.

use chrono::{DateTime, Utc};
use rsa::Pss;
use sha2::{Digest as _, Sha256};

use super::hint::Hint;
use super::mistakes;
use super::public_key::PublicKey;
use super::recovery::{Recovered, recover};
use super::registered_key::{KeyStatus, RegisteredKey};
use super::signature::SignedRequest;

/// How many of a client's keys are examined, the active ones first.
const MAX_KEYS_EXAMINED: usize = 10;

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diagnosis {
    /// What is wrong.
    pub(super) hint: Hint,
    /// The fingerprint of the registered key that made the signature, if one did.
    pub(super) key: Option<String>,
    /// The text that was signed, where it was found out.
    pub(super) signed: Option<String>,
}

/// A refused signature and all that is needed to explain it.
pub(super) struct Case<'a> {
    /// The request.
    pub(super) request: &'a SignedRequest<'a>,
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
    /// The documented text, which is right unless the client's policy asks for more.
    pub(super) documented: &'a str,
    /// The body-bound texts.
    pub(super) body_bound: &'a [String],
}

impl Case<'_> {
    /// Finds out why the signature is wrong.
    pub(super) fn diagnose(&self) -> Diagnosis {
        let is_active = |key: &&RegisteredKey| key.status(self.now) == KeyStatus::Active;
        let fits = |key: &&RegisteredKey| key.key.signature_len() == self.signature.len();
        let fitting_active = self.keys.iter().filter(is_active).filter(fits);
        let fitting_others = self.keys.iter().filter(|key| !is_active(key)).filter(fits);
        let found = fitting_active.chain(fitting_others).take(MAX_KEYS_EXAMINED).find_map(|key| self.examine(key));
        found.unwrap_or_else(|| {
            let hint = if !self.keys.iter().any(|key| is_active(&key)) {
                Hint::NoUsableKey
            } else if !self.keys.iter().filter(is_active).any(|key| fits(&key)) {
                Hint::SignatureWrongLength
            } else {
                Hint::SignatureMismatch
            };
            Diagnosis { hint, key: None, signed: None }
        })
    }

    /// Explains the signature if this key made it.
    fn examine(&self, registered: &RegisteredKey) -> Option<Diagnosis> {
        let recovered = recover(&registered.key, self.signature)?;
        if recovered == Recovered::PerhapsPss && !self.is_pss(&registered.key) {
            return None;
        }
        // What an unusable key signed does not matter: the client has to change the key first.
        let (hint, signed) = match registered.status(self.now) {
            KeyStatus::Revoked => (Hint::SignedWithRevokedKey, None),
            KeyStatus::Expired => (Hint::SignedWithExpiredKey, None),
            KeyStatus::NotYetActive => (Hint::SignedWithFutureKey, None),
            KeyStatus::Active => self.explain(recovered),
        };
        Some(Diagnosis { hint, key: Some(registered.key.fingerprint().to_owned()), signed })
    }

    fn explain(&self, recovered: Recovered) -> (Hint, Option<String>) {
        match recovered {
            Recovered::PerhapsPss => (Hint::SignedWithPss, None),
            Recovered::Bare => (Hint::SignedWithoutDigestInfo, None),
            Recovered::Digest { algorithm: "SHA-256", digest } => self.explain_text(&digest),
            Recovered::Digest { algorithm: "SHA-1", .. } => (Hint::SignedWithSha1, None),
            Recovered::Digest { algorithm: "SHA-512", .. } => (Hint::SignedWithSha512, None),
            Recovered::Digest { .. } => (Hint::SignedWithOtherDigest, None),
        }
    }

    fn explain_text(&self, digest: &[u8]) -> (Hint, Option<String>) {
        if Sha256::digest(self.documented).as_slice() == digest {
            return (Hint::SignedBodyBoundExpected, Some(self.documented.to_owned()));
        }
        match mistakes::find(digest, self.request, self.body_sha256, self.instant) {
            Some(mistake) => (mistake.hint, mistake.signed),
            None => (Hint::SignedOtherText, None),
        }
    }

    /// Whether the signature is a PSS signature of a text that would be right; any length of salt.
    fn is_pss(&self, key: &PublicKey) -> bool {
        let texts = self.body_bound.iter().map(String::as_str).chain([self.documented]);
        texts.map(Sha256::digest).any(|digest| {
            let scheme = Pss::<Sha256> { salt_len: None, ..Pss::new() };
            key.rsa().verify(scheme, &digest, self.signature).is_ok()
        })
    }
}

#[cfg(test)]
#[path = "diagnosis_tests.rs"]
mod tests;
