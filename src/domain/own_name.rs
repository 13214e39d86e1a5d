//! Names that a client gives to what it has several of: consumers of the feed, endpoints of webhooks.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::client::{ClientId, is_identifier};
use super::page::fault;
use crate::error::{FieldError, FieldErrorCode};

/// A name among those of its kind and its client.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnName(String);

/// The text cannot be such a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must have 1 to 64 letters, digits, dots, dashes or underscores")]
pub struct InvalidName;

impl OwnName {
    /// What a name may be (ECMA-262).
    pub const PATTERN: &str = ClientId::PATTERN;

    /// Reads the name that a request has.
    pub fn read(text: &str) -> Result<Self, Vec<FieldError>> {
        text.parse().map_err(|error: InvalidName| vec![fault("name", FieldErrorCode::Value, &error.to_string())])
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OwnName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_identifier(text) { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
    }
}

impl fmt::Display for OwnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
