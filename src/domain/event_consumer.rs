//! Programs that read the feed of events and let the service keep how far they are.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::client::{ClientId, is_identifier};
use super::event::Position;
use super::event_feed::MAX_CURSOR;
use super::fields::Fields;
use super::page::fault;
use crate::error::{FieldError, FieldErrorCode};

/// The most of one client.
pub const MAX_CONSUMERS: u64 = 20;

/// The name of a consumer, among those of its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerName(String);

/// The text cannot be a consumer's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must have 1 to 64 letters, digits, dots, dashes or underscores")]
pub struct InvalidConsumerName;

/// A program that reads the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventConsumer {
    /// Its name.
    pub name: ConsumerName,
    /// The position up to which it says that it is done.
    pub position: Position,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last said how far it is.
    pub updated_at: DateTime<Utc>,
}

impl ConsumerName {
    /// What a name may be (ECMA-262).
    pub const PATTERN: &str = ClientId::PATTERN;

    /// Reads the name that a request has.
    pub fn read(text: &str) -> Result<Self, Vec<FieldError>> {
        text.parse()
            .map_err(|error: InvalidConsumerName| vec![fault("name", FieldErrorCode::Value, &error.to_string())])
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConsumerName {
    type Err = InvalidConsumerName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_identifier(text) { Ok(Self(text.to_owned())) } else { Err(InvalidConsumerName) }
    }
}

impl fmt::Display for ConsumerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads how far a consumer is, or describes it. What the cursor says only its key tells: `After::read`.
pub fn read_progress(mut fields: Fields<'_>) -> Result<(), Vec<FieldError>> {
    fields.optional_verbatim("after", MAX_CURSOR);
    fields.finish()
}
