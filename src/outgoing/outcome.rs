//! What became of a request, told so that nothing of our network can be learnt from it.

use std::time::Duration;

use super::RetryAfter;
use crate::domain::webhook::AttemptOutcome;

/// What a status says.
pub(super) const fn of_status(status: u16) -> AttemptOutcome {
    match status {
        200..=299 => AttemptOutcome::Delivered,
        300..=399 => AttemptOutcome::Redirect,
        410 => AttemptOutcome::Gone,
        _ => AttemptOutcome::Refused,
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// In one word.
    pub class: AttemptOutcome,
    /// The status of the answer, if one came. It decides, whatever of the body came after it.
    pub status: Option<u16>,
    /// From the begin to the end of the exchange.
    pub duration: Duration,
    /// The begin of what the receiver wrote for people, at a status of 400 or more.
    pub excerpt: Option<String>,
    /// The body of the answer, up to 16 KiB of it. For the receiver's own eyes: it may be anything.
    pub body: Vec<u8>,
    /// When the receiver wants the next request, at a status of 300 or more.
    pub retry_after: Option<RetryAfter>,
    /// Where a redirect leads, as the receiver wrote it.
    pub location: Option<String>,
}

impl Outcome {
    pub(super) const fn failed(class: AttemptOutcome, duration: Duration) -> Self {
        Self { class, status: None, duration, excerpt: None, body: Vec::new(), retry_after: None, location: None }
    }
}
