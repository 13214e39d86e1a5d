//! The check of a signed request: timestamp readable, timestamp fresh, signature readable, signature true.
//!
//! What belongs here: the order of the checks and the verdict. What does not: where a request comes from and where
//! keys are kept. After a refusal `diagnosis` finds out why.

use std::iter;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

pub use super::registered_key::{KeyStatus, RegisteredKey};
pub use super::rejection::SignatureRejection;
pub use super::string_to_sign::{SignatureForm, body_and_key_bound_string, body_bound_string, documented_string};

use super::diagnosis::{Case, Diagnosis, Reading};
use super::encoding;
use super::hint::Hint;
use super::minify::minify_json;
use super::recovery::{Content, SHA_256};
use super::timestamp::{self, check_fresh, skew_seconds};
use super::verified::VerifiedSignatures;
use crate::domain::signature_policy::SignaturePolicy;
use crate::error::ErrorCode;

/// A request whose signature is to be checked.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// `X-CLIENT-ID` as it was sent.
    pub client_id: &'a str,
    /// `X-TIMESTAMP` as it was sent.
    pub timestamp: &'a str,
    /// `X-SIGNATURE` as it was sent.
    pub signature: &'a str,
    /// The HTTP method in capitals.
    pub method: &'a str,
    /// The path without host and query.
    pub path: &'a str,
    /// Other spellings of the path that count as well.
    pub other_paths: &'a [String],
    /// The body's bytes as they were sent.
    pub body: &'a [u8],
    /// `Idempotency-Key` as it was sent, where it can be used.
    pub idempotency_key: Option<&'a str>,
}

/// A signature found true, with all that proves it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignature {
    /// The form of the signature.
    pub form: SignatureForm,
    /// The fingerprint of the key that made it.
    pub fingerprint: String,
    /// The text that was signed; in the body-bound forms it may hold the hash of the minified body.
    pub string_to_sign: String,
    /// The signature's bytes.
    pub signature: Vec<u8>,
    /// The SHA-256 of the body as it was sent.
    pub body_sha256: [u8; 32],
}

/// Checks a request against a client's keys.
///
/// Takes all keys of the client: those that are not active are never tried, but explain a signature made with them.
/// `verified` spares it what was found true before. Fails with the first thing that is wrong, told so that the client can
/// mend it.
pub fn verify(
    request: &SignedRequest<'_>,
    keys: &[RegisteredKey],
    policy: SignaturePolicy,
    now: DateTime<Utc>,
    tolerance: Duration,
    verified: &VerifiedSignatures,
) -> Result<VerifiedSignature, Box<SignatureRejection>> {
    let check = Check { request, policy, now, verified, body_sha256: Sha256::digest(request.body).into() };
    let instant = timestamp::parse(request.timestamp)
        .map_err(|problem| check.refuse_timestamp(problem.hint(), None, problem.hint().explanation().to_owned()))?;
    check_fresh(instant, now, tolerance).map_err(|skew| {
        let message = format!(
            "X-TIMESTAMP is {} seconds {} the server's time, and at most {} are allowed; synchronise your clock (NTP), \
             and take a new timestamp and signature for every attempt",
            skew.unsigned_abs(),
            if skew < 0 { "behind" } else { "ahead of" },
            tolerance.as_secs(),
        );
        check.refuse_timestamp(Hint::ClockSkew, Some(skew), message)
    })?;
    check.signature(keys, instant)
}

struct Check<'a> {
    request: &'a SignedRequest<'a>,
    policy: SignaturePolicy,
    now: DateTime<Utc>,
    verified: &'a VerifiedSignatures,
    body_sha256: [u8; 32],
}

impl Check<'_> {
    fn signature(
        &self,
        keys: &[RegisteredKey],
        instant: DateTime<Utc>,
    ) -> Result<VerifiedSignature, Box<SignatureRejection>> {
        let active: Vec<_> = keys.iter().filter(|key| key.status(self.now) == KeyStatus::Active).collect();
        let refuse = |diagnosis: Diagnosis, length: Option<usize>| {
            Box::new(SignatureRejection {
                message: message(&diagnosis, length, &active),
                skew_seconds: Some(skew_seconds(instant, self.now)),
                body_bound_string: Some(self.body_bound(&self.body_sha256)),
                body_and_key_bound_string: self.body_and_key_bound(&self.body_sha256),
                keys_tried: active.iter().map(|key| key.key.fingerprint().to_owned()).collect(),
                signed_string: diagnosis.signed,
                signed_with_key: diagnosis.key,
                ..self.rejection(ErrorCode::InvalidSignature, diagnosis.hint)
            })
        };
        let (signature, _) = encoding::decode_signature(self.request.signature)
            .map_err(|problem| refuse(Diagnosis { hint: problem.hint(), key: None, signed: None }, None))?;

        // A signature that fits no key's size costs no RSA operation.
        let fitting = active.iter().filter(|key| key.key.signature_len() == signature.len());
        let readings: Vec<_> = fitting
            .map(|registered| Reading { registered, content: self.verified.read(&registered.key, &signature) })
            .collect();
        for Reading { registered: RegisteredKey { key, .. }, content } in &readings {
            let Some(Content::Digest { algorithm: SHA_256, digest }) = content else { continue };
            let signed = self.texts().find(|(_, text)| Sha256::digest(text).as_slice() == digest);
            if let Some((form, string_to_sign)) = signed
                && self.verified.verify(key, &string_to_sign, &signature)
            {
                return Ok(VerifiedSignature {
                    form,
                    fingerprint: key.fingerprint().to_owned(),
                    string_to_sign,
                    signature,
                    body_sha256: self.body_sha256,
                });
            }
        }
        let case = Case {
            request: self.request,
            policy: self.policy,
            body_sha256: &self.body_sha256,
            signature: &signature,
            keys,
            instant,
            now: self.now,
        };
        Err(refuse(case.diagnose(readings), Some(signature.len())))
    }

    /// The texts that the signature may be over, each made when it is asked for.
    fn texts(&self) -> impl Iterator<Item = (SignatureForm, String)> {
        let documented = (!self.policy.binds_body())
            .then(|| (SignatureForm::Documented, documented_string(self.request.client_id, self.request.timestamp)));
        let minified = || Sha256::digest(minify_json(self.request.body)).into();
        let hashes = iter::once(self.body_sha256).chain(iter::once_with(minified));
        let paths = move || iter::once(self.request.path).chain(self.request.other_paths.iter().map(String::as_str));
        let bound = hashes.flat_map(move |hash| paths().flat_map(move |path| self.bound(path, &hash)));
        documented.into_iter().chain(bound)
    }

    fn bound(&self, path: &str, body_sha256: &[u8; 32]) -> impl Iterator<Item = (SignatureForm, String)> + use<> {
        let SignedRequest { method, timestamp, idempotency_key, .. } = *self.request;
        let body = (!self.policy.binds_key())
            .then(|| (SignatureForm::BodyBound, body_bound_string(method, path, body_sha256, timestamp)));
        let key = idempotency_key
            .and_then(|key| body_and_key_bound_string(method, path, body_sha256, timestamp, key))
            .map(|text| (SignatureForm::BodyAndKeyBound, text));
        body.into_iter().chain(key)
    }

    fn body_bound(&self, body_sha256: &[u8; 32]) -> String {
        body_bound_string(self.request.method, self.request.path, body_sha256, self.request.timestamp)
    }

    /// None without a key, and for a timestamp that this form does not take.
    fn body_and_key_bound(&self, body_sha256: &[u8; 32]) -> Option<String> {
        let SignedRequest { method, path, timestamp, .. } = *self.request;
        body_and_key_bound_string(method, path, body_sha256, timestamp, self.request.idempotency_key?)
    }

    /// The text that a client must sign whose policy asks for the key; with a placeholder for a key that is not there.
    fn required_with_key(&self) -> String {
        let key = self.request.idempotency_key.unwrap_or("<Idempotency-Key>");
        format!("{}:{key}", self.body_bound(&self.body_sha256))
    }

    fn refuse_timestamp(&self, hint: Hint, skew: Option<i64>, message: String) -> Box<SignatureRejection> {
        Box::new(SignatureRejection {
            message,
            skew_seconds: skew,
            ..self.rejection(ErrorCode::InvalidTimestamp, hint)
        })
    }

    fn rejection(&self, code: ErrorCode, hint: Hint) -> SignatureRejection {
        let string_to_sign = match self.policy {
            SignaturePolicy::Documented => documented_string(self.request.client_id, self.request.timestamp),
            SignaturePolicy::BodyBound => self.body_bound(&self.body_sha256),
            SignaturePolicy::BodyAndKeyBound => self.required_with_key(),
        };
        SignatureRejection {
            code,
            hint,
            message: String::new(),
            string_to_sign,
            body_bound_string: None,
            body_and_key_bound_string: None,
            signed_string: None,
            server_time: self.now,
            skew_seconds: None,
            keys_tried: Vec::new(),
            signed_with_key: None,
        }
    }
}

/// The hint's explanation with what is known of this very signature.
fn message(diagnosis: &Diagnosis, length: Option<usize>, active: &[&RegisteredKey]) -> String {
    let explanation = diagnosis.hint.explanation();
    match (diagnosis.hint, length) {
        (Hint::SignatureWrongLength, Some(length)) => {
            let mut sizes: Vec<_> = active.iter().map(|key| key.key.signature_len()).collect();
            sizes.sort_unstable();
            sizes.dedup();
            let sizes: Vec<_> = sizes.iter().map(ToString::to_string).collect();
            // A bare SHA-256 and an HMAC-SHA256 are what 32 bytes usually are.
            let guess = if length == 32 { ", which looks like a bare digest or an HMAC" } else { "" };
            format!("{explanation} (it has {length} bytes{guess}; a signature here has {})", sizes.join(" or "))
        }
        _ => match (&diagnosis.signed, &diagnosis.key) {
            (Some(signed), _) => format!("{explanation} (the signed text is {signed:?})"),
            (None, Some(key)) => format!("{explanation} (the key is {key})"),
            (None, None) => explanation.to_owned(),
        },
    }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
