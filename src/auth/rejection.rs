//! Why a signed request was refused, told so that its sender can mend it alone.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use super::hint::Hint;
use crate::error::{AppError, ErrorCode};

/// A refused timestamp or signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRejection {
    /// `InvalidTimestamp` or `InvalidSignature`.
    pub code: ErrorCode,
    /// The fault.
    pub hint: Hint,
    /// What is wrong and what to do about it, with the values of this request.
    pub message: String,
    /// The exact text the server verifies: the form that the client's policy asks for.
    pub string_to_sign: String,
    /// The body-bound text for this request, once its timestamp was found readable and fresh.
    pub body_bound_string: Option<String>,
    /// The same with the `Idempotency-Key`, where the request has one.
    pub body_and_key_bound_string: Option<String>,
    /// The text that was signed instead, where it was found out.
    pub signed_string: Option<String>,
    /// The server's time at the check.
    pub server_time: DateTime<Utc>,
    /// The client's time minus the server's: positive when the client is ahead; none when its time is unreadable.
    pub skew_seconds: Option<i64>,
    /// The fingerprints of the active keys, when the signature was tried with them.
    pub keys_tried: Vec<String>,
    /// The fingerprint of the registered key that made the signature, where there is one.
    pub signed_with_key: Option<String>,
}

impl From<SignatureRejection> for AppError {
    /// The rejection as the client reads it; every member that is known becomes a detail.
    fn from(rejection: SignatureRejection) -> Self {
        let time = rejection.server_time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let mut error = AppError::new(rejection.code, rejection.message)
            .hint(rejection.hint.as_str())
            .detail("string_to_sign", rejection.string_to_sign)
            .detail("server_time", time)
            .detail("keys_tried", rejection.keys_tried);
        let known = [
            ("body_bound_string", rejection.body_bound_string),
            ("body_and_key_bound_string", rejection.body_and_key_bound_string),
            ("signed_string", rejection.signed_string),
            ("signed_with_key", rejection.signed_with_key),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                error = error.detail(name, value);
            }
        }
        match rejection.skew_seconds {
            Some(skew) => error.detail("skew_seconds", skew),
            None => error,
        }
    }
}

impl From<Box<SignatureRejection>> for AppError {
    fn from(rejection: Box<SignatureRejection>) -> Self {
        AppError::from(*rejection)
    }
}

/// Why a request's signature does not count, typed until a wire writes it.
#[derive(Debug, Clone)]
pub enum SignatureRefusal {
    /// Its timestamp or its signature was refused.
    Signature(Arc<SignatureRejection>),
    /// Something that is asked before them.
    Request(AppError),
}

impl SignatureRefusal {
    /// The rejected timestamp or signature.
    #[must_use]
    pub fn rejection(&self) -> Option<&SignatureRejection> {
        match self {
            Self::Signature(rejection) => Some(rejection),
            Self::Request(_) => None,
        }
    }

    /// The error code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Signature(rejection) => rejection.code,
            Self::Request(failure) => failure.code,
        }
    }

    /// The fault and its remedy, as a sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Signature(rejection) => &rejection.message,
            Self::Request(failure) => &failure.message,
        }
    }

    /// The code of the hint.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Signature(rejection) => Some(rejection.hint.as_str()),
            Self::Request(failure) => failure.hint,
        }
    }
}

impl From<AppError> for SignatureRefusal {
    fn from(failure: AppError) -> Self {
        Self::Request(failure)
    }
}

impl From<Box<SignatureRejection>> for SignatureRefusal {
    fn from(rejection: Box<SignatureRejection>) -> Self {
        Self::Signature(Arc::from(rejection))
    }
}

impl From<SignatureRefusal> for AppError {
    fn from(refusal: SignatureRefusal) -> Self {
        match refusal {
            SignatureRefusal::Signature(rejection) => Arc::unwrap_or_clone(rejection).into(),
            SignatureRefusal::Request(failure) => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_rejection_becomes_an_error_with_every_known_member() {
        let rejection = SignatureRejection {
            code: ErrorCode::InvalidSignature,
            hint: Hint::SignedTrailingNewline,
            message: "a sentence".to_owned(),
            string_to_sign: "c|1".to_owned(),
            body_bound_string: None,
            body_and_key_bound_string: None,
            signed_string: Some("c|1\n".to_owned()),
            server_time: DateTime::from_timestamp(1_795_441_036, 500_000_000).unwrap(),
            skew_seconds: Some(-2),
            keys_tried: vec!["SHA256:x".to_owned()],
            signed_with_key: None,
        };
        let error = AppError::from(Box::new(rejection));
        assert_eq!(error.code, ErrorCode::InvalidSignature);
        assert_eq!(error.message, "a sentence");
        assert_eq!(error.hint, Some("signed_trailing_newline"));
        assert_eq!(
            Value::Object(error.details.clone()),
            json!({
                "string_to_sign": "c|1",
                "server_time": "2026-11-23T13:37:16.500Z",
                "keys_tried": ["SHA256:x"],
                "signed_string": "c|1\n",
                "skew_seconds": -2,
            })
        );
    }
}
