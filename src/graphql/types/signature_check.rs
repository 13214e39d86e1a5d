use async_graphql::{Enum, Object, SimpleObject};

use crate::auth::rejection::{SignatureRefusal, SignatureRejection};
use crate::graphql::output::scalars::{DateTime, Long};
use crate::service::signature_check::{self, Step};

/// What the check of a signature found: the same check that stands before every order.
pub struct SignatureCheck(pub signature_check::SignatureCheck);

/// A step of the check of a signature.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Step")]
pub enum SignatureStep {
    /// The three headers are there, once each.
    Headers,
    /// X-CLIENT-ID is the client of the bearer token.
    ClientId,
    /// X-TIMESTAMP can be read.
    TimestampReadable,
    /// X-TIMESTAMP is near the server's time.
    TimestampFresh,
    /// X-SIGNATURE can be decoded.
    SignatureReadable,
    /// An active key of the client made the signature, over the text that it must cover.
    SignatureTrue,
}

/// How a step went.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "signature_check::StepOutcome")]
pub enum StepOutcome {
    /// It is right.
    Passed,
    /// The check stopped here.
    Failed,
    /// The check stopped before it.
    NotReached,
}

/// A step of the check and how it went.
#[derive(SimpleObject)]
pub struct SignatureCheckStep {
    /// Which step.
    name: SignatureStep,
    /// How it went.
    outcome: StepOutcome,
    /// What is wrong and what to do about it, where it failed.
    message: Option<String>,
}

impl From<(Step, signature_check::StepOutcome, Option<String>)> for SignatureCheckStep {
    fn from((step, outcome, message): (Step, signature_check::StepOutcome, Option<String>)) -> Self {
        Self { name: step.into(), outcome: outcome.into(), message }
    }
}

impl SignatureCheck {
    fn refusal(&self) -> Option<&SignatureRefusal> {
        self.0.verdict.as_ref().err()
    }

    fn rejection(&self) -> Option<&SignatureRejection> {
        self.refusal()?.rejection()
    }
}

/// What is wrong with a signature, or that nothing is.
#[Object]
impl SignatureCheck {
    /// Whether an order with this signature would have got past the check.
    async fn valid(&self) -> bool {
        self.0.verdict.is_ok()
    }

    /// The steps of the check, in their order.
    async fn steps(&self) -> Vec<SignatureCheckStep> {
        self.0.steps().map(SignatureCheckStep::from).collect()
    }

    /// One sentence, such as `The signature is valid`: what is wrong and what to do about it.
    async fn message(&self) -> &str {
        self.refusal().map_or("The signature is valid", SignatureRefusal::message)
    }

    /// The error code that an order would have been refused with, such as `INVALID_SIGNATURE`; null when the signature is valid.
    async fn code(&self) -> Option<&'static str> {
        self.refusal().map(|refusal| refusal.code().as_str())
    }

    /// What is wrong, in a word, such as `signed_trailing_newline`; null when the signature is valid.
    async fn hint(&self) -> Option<&'static str> {
        self.refusal()?.hint()
    }

    /// Which form was signed: `documented`, `body_bound` or `body_and_key_bound`.
    async fn form(&self) -> Option<&'static str> {
        self.0.verdict.as_ref().ok().map(|signature| signature.form.as_str())
    }

    /// The text that must be signed, such as `versuni-client-001|1795441036`; of a valid signature the text that was.
    async fn string_to_sign(&self) -> Option<&str> {
        match &self.0.verdict {
            Ok(signature) => Some(&signature.string_to_sign),
            Err(refusal) => Some(&refusal.rejection()?.string_to_sign),
        }
    }

    /// The text of the form that binds the body, once the timestamp is right.
    async fn body_bound_string(&self) -> Option<&str> {
        self.rejection()?.body_bound_string.as_deref()
    }

    /// The text of the form that binds the Idempotency-Key as well, once the timestamp is right; null without that header.
    async fn body_and_key_bound_string(&self) -> Option<&str> {
        self.rejection()?.body_and_key_bound_string.as_deref()
    }

    /// The text that was signed instead, where it was found out.
    async fn signed_string(&self) -> Option<&str> {
        self.rejection()?.signed_string.as_deref()
    }

    /// The fingerprint of the key that made the signature, where there is one.
    async fn key_fingerprint(&self) -> Option<&str> {
        match &self.0.verdict {
            Ok(signature) => Some(&signature.fingerprint),
            Err(refusal) => refusal.rejection()?.signed_with_key.as_deref(),
        }
    }

    /// The fingerprints of the active keys that were tried on a wrong signature.
    async fn keys_tried(&self) -> &[String] {
        self.rejection().map_or(&[], |rejection| &rejection.keys_tried)
    }

    /// The server's time at the check.
    async fn server_time(&self) -> DateTime {
        DateTime(self.0.server_time)
    }

    /// X-TIMESTAMP minus the server's time, in seconds: positive when the caller's clock is ahead.
    async fn skew_seconds(&self) -> Option<Long> {
        self.0.skew_seconds.map(Long)
    }
}
