//! A question whose answer is read as a whole.

use crate::domain::webhook::AttemptOutcome;

/// What is asked of somebody.
pub struct Question<'a> {
    /// Where.
    pub url: &'a str,
    /// By POST, or else by GET.
    pub is_post: bool,
    /// Header fields.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: Vec<u8>,
    /// The longest answer that is read, in bytes.
    pub longest: usize,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its media type.
    pub media: Option<String>,
    /// Its body, all of it.
    pub body: Vec<u8>,
}

/// Why there is no answer. What it says is for the log: nothing in it comes from the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The request failed.
    #[error("no answer: {}", .0.as_str())]
    Failed(AttemptOutcome),
    /// The answer is longer than any that is meant.
    #[error("the answer is too long")]
    TooLong,
}
