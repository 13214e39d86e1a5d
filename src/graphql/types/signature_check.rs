use async_graphql::{Enum, Object, SimpleObject};

use crate::auth::rejection::{SignatureRefusal, SignatureRejection};
use crate::graphql::output::scalars::{DateTime, Long};
use crate::service::signature_check::{self, Step};

/// The result of a signature check: the same check that every order passes.
pub struct SignatureCheck(pub signature_check::SignatureCheck);

/// A step of the signature check.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Step")]
pub enum SignatureStep {
    /// X-CLIENT-ID, X-TIMESTAMP and X-SIGNATURE are present, once each.
    Headers,
    /// X-CLIENT-ID is the client of the bearer token.
    ClientId,
    /// X-TIMESTAMP has a form that is accepted.
    TimestampReadable,
    /// X-TIMESTAMP is not further from the server's time than is tolerated.
    TimestampFresh,
    /// X-SIGNATURE is base64, base64url or hexadecimal.
    SignatureReadable,
    /// The signature was made with an active key of the client over the string to sign.
    SignatureTrue,
}

/// Outcome of a step.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "signature_check::StepOutcome")]
pub enum StepOutcome {
    /// The step found no fault.
    Passed,
    /// The step found a fault, and the check stopped here.
    Failed,
    /// The check stopped at an earlier step.
    NotReached,
}

/// A step of the signature check with its outcome.
#[derive(SimpleObject)]
pub struct SignatureCheckStep {
    /// Name of the step.
    name: SignatureStep,
    /// Outcome of the step.
    outcome: StepOutcome,
    /// The fault and its remedy; null unless the outcome is FAILED.
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

/// The result of a signature check.
#[Object]
impl SignatureCheck {
    /// Whether an order with this signature would pass the check.
    async fn valid(&self) -> bool {
        self.0.verdict.is_ok()
    }

    /// All steps of the check, in the order in which they run.
    async fn steps(&self) -> Vec<SignatureCheckStep> {
        self.0.steps().map(SignatureCheckStep::from).collect()
    }

    /// One sentence for people, such as `The signature is valid`: the fault and its remedy when there is one.
    async fn message(&self) -> &str {
        self.refusal().map_or("The signature is valid", SignatureRefusal::message)
    }

    /// Error code with which an order would be refused, such as `INVALID_SIGNATURE`; null when the signature is valid.
    async fn code(&self) -> Option<&'static str> {
        self.refusal().map(|refusal| refusal.code().as_str())
    }

    /// Hint that names the fault, such as `signed_trailing_newline`; null when the signature is valid.
    async fn hint(&self) -> Option<&'static str> {
        self.refusal()?.hint()
    }

    /// Form of the signature: `documented`, `body_bound` or `body_and_key_bound`; null when the signature is not valid.
    async fn form(&self) -> Option<&'static str> {
        self.0.verdict.as_ref().ok().map(|signature| signature.form.as_str())
    }

    /// String to sign of the documented form, such as `versuni-client-001|1795441036`; of a valid signature the text that was
    /// signed. Null when the check stopped at the headers or the client id.
    async fn string_to_sign(&self) -> Option<&str> {
        match &self.0.verdict {
            Ok(signature) => Some(&signature.string_to_sign),
            Err(refusal) => Some(&refusal.rejection()?.string_to_sign),
        }
    }

    /// String to sign of the body-bound form; null when the signature is valid or the check stopped at or before the
    /// timestamp.
    async fn body_bound_string(&self) -> Option<&str> {
        self.rejection()?.body_bound_string.as_deref()
    }

    /// String to sign of the body-and-key-bound form; null when the request has no Idempotency-Key, the signature is valid or
    /// the check stopped at or before the timestamp.
    async fn body_and_key_bound_string(&self) -> Option<&str> {
        self.rejection()?.body_and_key_bound_string.as_deref()
    }

    /// Text that was signed instead of a string to sign; null when the signature is valid or the text could not be found.
    async fn signed_string(&self) -> Option<&str> {
        self.rejection()?.signed_string.as_deref()
    }

    /// Fingerprint of the key that made the signature; null when no known key did.
    async fn key_fingerprint(&self) -> Option<&str> {
        match &self.0.verdict {
            Ok(signature) => Some(&signature.fingerprint),
            Err(refusal) => refusal.rejection()?.signed_with_key.as_deref(),
        }
    }

    /// Fingerprints of the active keys that a wrong signature was checked against; empty otherwise.
    async fn keys_tried(&self) -> &[String] {
        self.rejection().map_or(&[], |rejection| &rejection.keys_tried)
    }

    /// Server time at which the check ran.
    async fn server_time(&self) -> DateTime {
        DateTime(self.0.server_time)
    }

    /// X-TIMESTAMP minus the server's time, in seconds: positive when the caller's clock is ahead; null when X-TIMESTAMP
    /// cannot be read.
    async fn skew_seconds(&self) -> Option<Long> {
        self.0.skew_seconds.map(Long)
    }
}
