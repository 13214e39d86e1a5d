//! Programs that read the feed of events and let the service keep how far they are.

use chrono::{DateTime, Utc};

use super::event::Position;
use super::event_feed::MAX_CURSOR;
use super::fields::Fields;
use super::own_name::OwnName;
use crate::error::FieldError;

/// The most of one client.
pub const MAX_CONSUMERS: u64 = 20;

/// A program that reads the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventConsumer {
    /// Its name.
    pub name: OwnName,
    /// The position up to which it says that it is done.
    pub position: Position,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last said how far it is.
    pub updated_at: DateTime<Utc>,
}

/// Reads how far a consumer is, or describes it. What the cursor says only its key tells: `After::read`.
pub fn read_progress(mut fields: Fields<'_>) -> Result<(), Vec<FieldError>> {
    fields.optional_verbatim("after", MAX_CURSOR);
    fields.finish()
}
