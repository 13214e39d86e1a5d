//! The feed of events as a partner's program reads it: from a cursor on, page after page.

use super::fields::Fields;
use crate::error::FieldError;

/// The most events of one page.
pub const MAX_LIMIT: i32 = 1000;

/// How many events a page has when nobody says.
pub const DEFAULT_LIMIT: usize = 100;

/// Longer than any cursor.
pub const MAX_CURSOR: usize = 200;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedRequest {
    /// How many events at most.
    pub limit: usize,
}

impl FeedRequest {
    /// Reads what is asked for, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        // What it says only its key tells: `After::read`.
        fields.optional_verbatim("after", MAX_CURSOR);
        let limit = fields.optional_integer("limit", &(1..=MAX_LIMIT));
        fields.finish()?;
        Ok(Self { limit: limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT) })
    }
}
