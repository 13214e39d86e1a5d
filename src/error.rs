//! The one error of the service and the closed catalogue of its codes.
//!
//! What belongs here: [`ErrorCode`] with the HTTP status and the title of each code, [`FieldErrorCode`], and [`AppError`].
//! What does not: how an error is rendered on a wire (`wire::problem`, `graphql::error`).

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

mod code;
mod field;

pub use code::ErrorCode;
pub use field::{FieldError, FieldErrorCode};

/// A failure on its way to a client. Boxed, so that the `Ok` side of a result pays nothing for it.
#[derive(Clone)]
pub struct AppError(Box<Failure>);

/// What the client may read of a failure, and apart from it what only the log may.
#[derive(Clone)]
pub struct Failure {
    /// The error code.
    pub code: ErrorCode,
    /// One sentence for people: what is wrong and what to do.
    pub message: Cow<'static, str>,
    /// Faulty fields, all of them.
    pub errors: Vec<FieldError>,
    /// What is wrong in a word, where a list of such words is documented (`auth::hint`).
    pub hint: Option<&'static str>,
    /// Further members for the client (`scope`, `order_number`, …), snake_case.
    pub details: Map<String, Value>,
    /// Whether the caller sent nothing that proves who it is.
    pub is_anonymous: bool,
    /// The time after which to retry.
    pub retry_after: Option<Duration>,
    /// The cause, for the log only.
    pub source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Deref for AppError {
    type Target = Failure;

    fn deref(&self) -> &Failure {
        &self.0
    }
}

impl Failure {
    /// The members that a wire adds to what every failure has.
    pub fn members(&self) -> impl Iterator<Item = (&str, Value)> {
        let hint = self.hint.map(|hint| ("hint", hint.into()));
        hint.into_iter().chain(self.details.iter().map(|(name, value)| (name.as_str(), value.clone())))
    }
}

impl AppError {
    /// A failure with its sentence.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Failure {
            code,
            message: message.into(),
            errors: Vec::new(),
            hint: None,
            details: Map::new(),
            is_anonymous: false,
            retry_after: None,
            source: None,
        }))
    }

    /// All faulty fields of an input at once.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let message = match errors.as_slice() {
            [only] if only.pointer.is_empty() => format!("The input {}", only.message),
            [only] => format!("{}: {}", only.pointer, only.message),
            [listed @ .., more] if more.code == FieldErrorCode::More => {
                format!("More than {} fields are invalid; see errors", listed.len())
            }
            many => format!("{} fields are invalid; see errors", many.len()),
        };
        let mut error = Self::new(ErrorCode::ValidationFailed, message);
        error.0.errors = errors;
        error
    }

    /// Names the faulty fields, where the sentence already says what is wrong.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// A failure of ours: the client reads nothing but the code, the log gets the cause.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorCode::InternalError, "Something failed on our side; quote the request id when you report it")
            .caused_by(source)
    }

    /// The caller must prove who it is and sent nothing to do so.
    pub fn anonymous(message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(ErrorCode::Unauthenticated, message);
        error.0.is_anonymous = true;
        error
    }

    /// The database is away or busy, as `state` says; the same request may be sent again.
    pub fn unavailable(state: &str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let message = format!("The database {state} right now; send the same request again shortly");
        Self::new(ErrorCode::DatabaseUnavailable, message).retry_after(Duration::from_secs(2)).caused_by(source)
    }

    /// Says in a word what is wrong.
    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.0.hint = Some(hint);
        self
    }

    /// Adds a member the client may read.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.details.insert(name.to_owned(), value.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// When to try again, in whole seconds, rounded up: who comes back a second early would be refused again.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppError")
            .field("code", &self.code)
            .field("message", &self.message)
            .field("errors", &self.errors)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl StdError for AppError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
#[path = "error/tests.rs"]
mod tests;
