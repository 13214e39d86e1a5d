//! Explains signatures, step by step, with the very check that stands before an order. Makes nothing and keeps nothing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::caller::Caller;
use super::sessions::Sessions;
use crate::auth::credentials::{Credentials, Header, SignatureHeaders};
use crate::auth::hint::Hint;
use crate::auth::public_key::PublicKey;
use crate::auth::rejection::SignatureRefusal;
use crate::auth::signature::{self, RegisteredKey, SignedRequest, VerifiedSignature};
use crate::auth::timestamp::{self, skew_seconds};
use crate::auth::verified::VerifiedSignatures;
use crate::clock::Clock;
use crate::domain::fields::Naming;
use crate::domain::signature_input::SignatureInput;
use crate::error::{AppError, ErrorCode, FieldError, FieldErrorCode};

/// The steps of the check, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The three headers are there, once each.
    Headers,
    /// X-CLIENT-ID is the client of the token.
    ClientId,
    /// X-TIMESTAMP can be read.
    TimestampReadable,
    /// X-TIMESTAMP is near the server's time.
    TimestampFresh,
    /// X-SIGNATURE can be decoded.
    SignatureReadable,
    /// An active key made the signature over the right text.
    SignatureTrue,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 6] = [
        Self::Headers,
        Self::ClientId,
        Self::TimestampReadable,
        Self::TimestampFresh,
        Self::SignatureReadable,
        Self::SignatureTrue,
    ];

    /// The step that the check stopped at; `None` when it was refused for something else.
    fn of(refusal: &SignatureRefusal) -> Option<Self> {
        match (refusal.rejection(), refusal.code()) {
            (Some(rejection), code) => Some(match rejection.hint {
                Hint::ClockSkew => Self::TimestampFresh,
                Hint::SignatureHasWhitespace | Hint::SignatureNotBase64 | Hint::SignatureEncodedTwice => {
                    Self::SignatureReadable
                }
                _ if code == ErrorCode::InvalidTimestamp => Self::TimestampReadable,
                _ => Self::SignatureTrue,
            }),
            (None, ErrorCode::MissingHeader | ErrorCode::InvalidHeader) => Some(Self::Headers),
            (None, ErrorCode::ClientIdMismatch) => Some(Self::ClientId),
            (None, _) => None,
        }
    }
}

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// No fault was found.
    Passed,
    /// The check stopped here.
    Failed,
    /// The check stopped before it.
    NotReached,
}

/// The result of the check.
pub struct SignatureCheck {
    /// The signature, or what an order would have been refused with.
    pub verdict: Result<Arc<VerifiedSignature>, SignatureRefusal>,
    /// Where it stopped; `None` when it went through.
    pub failed: Option<Step>,
    /// The server's time.
    pub server_time: DateTime<Utc>,
    /// The caller's time minus the server's, where it can be read.
    pub skew_seconds: Option<i64>,
}

impl SignatureCheck {
    /// Every step with how it went, and what is wrong where the check stopped.
    pub fn steps(&self) -> impl Iterator<Item = (Step, StepOutcome, Option<String>)> {
        Step::ALL.into_iter().map(|step| match (self.failed, &self.verdict) {
            (Some(at), Err(refusal)) if step == at => (step, StepOutcome::Failed, Some(refusal.message().to_owned())),
            (Some(at), _) if step > at => (step, StepOutcome::NotReached, None),
            _ => (step, StepOutcome::Passed, None),
        })
    }
}

/// Explains signatures.
pub struct SignatureChecker {
    sessions: Arc<Sessions>,
    clock: Clock,
}

impl SignatureChecker {
    /// Checks as `sessions` does.
    #[must_use]
    pub const fn new(sessions: Arc<Sessions>, clock: Clock) -> Self {
        Self { sessions, clock }
    }

    /// Checks the signature of the request under way, as if an order were in it.
    pub async fn check(&self, caller: &Caller) -> Result<SignatureCheck, AppError> {
        self.report(caller.checked_signature().await, caller.credentials.timestamp.text())
    }

    /// Checks any signature against the public key that comes with it, for a stranger at this address.
    pub async fn explain(
        &self,
        input: SignatureInput,
        naming: Naming,
        address: IpAddr,
    ) -> Result<SignatureCheck, AppError> {
        self.sessions.admit_stranger(address)?;
        let key = PublicKey::from_pem(&input.public_key).map_err(|error| {
            let pointer = format!("/{}", naming.spell("public_key"));
            AppError::invalid(vec![FieldError { pointer, code: FieldErrorCode::PublicKey, message: error.to_string() }])
        })?;
        let (now, tolerance) = (self.clock.now(), self.sessions.timestamp_tolerance());
        // A stranger's key may be a slow one.
        let (verdict, timestamp) =
            tokio::task::spawn_blocking(move || (verify(&input, key, now, tolerance), input.timestamp))
                .await
                .map_err(AppError::internal)?;
        self.report(verdict, Some(&timestamp))
    }

    fn report(
        &self,
        verdict: Result<Arc<VerifiedSignature>, SignatureRefusal>,
        timestamp: Option<&str>,
    ) -> Result<SignatureCheck, AppError> {
        let failed = match &verdict {
            Ok(_) => None,
            Err(refusal) => Some(Step::of(refusal).ok_or_else(|| refusal.clone())?),
        };
        let server_time = self.clock.now();
        let instant = timestamp.and_then(|text| timestamp::parse(text).ok());
        let skew_seconds = instant.map(|instant| skew_seconds(instant, server_time));
        Ok(SignatureCheck { verdict, failed, server_time, skew_seconds })
    }
}

fn verify(
    input: &SignatureInput,
    key: PublicKey,
    now: DateTime<Utc>,
    tolerance: Duration,
) -> Result<Arc<VerifiedSignature>, SignatureRefusal> {
    let header = |text: &str| if text.is_empty() { Header::Empty } else { Header::Value(text.to_owned()) };
    let credentials = Credentials {
        client_id: header(&input.client_id),
        timestamp: header(&input.timestamp),
        signature: header(&input.signature),
        idempotency_key: input.idempotency_key.as_deref().map_or(Header::Absent, header),
        ..Credentials::default()
    };
    let SignatureHeaders { client_id, timestamp, signature } = credentials.signature_headers(input.signature_policy)?;
    let idempotency_key = credentials.idempotency_key()?;
    let (method, path, body) = (input.method.as_str(), input.path.as_str(), input.body.as_bytes());
    let request =
        SignedRequest { client_id, timestamp, signature, method, path, other_paths: &[], body, idempotency_key };
    let keys = [RegisteredKey { key, not_before: None, expires_at: None, revoked_at: None }];
    let verdict =
        signature::verify(&request, &keys, input.signature_policy, now, tolerance, &VerifiedSignatures::new(0));
    Ok(Arc::new(verdict?))
}
