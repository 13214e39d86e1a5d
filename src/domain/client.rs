//! Clients: the partners, dashboards and operators that may log in.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::expectation_policy::ExpectationPolicy;
use super::fields::is_blank;
use super::permission::Permission;
use super::reference_policy::ReferencePolicy;
use super::signature_policy::SignaturePolicy;

/// A client's public name, such as `versuni-client-001`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(String);

/// The text cannot be a client id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a client id has 1 to 64 letters, digits, dots, dashes or underscores")]
pub struct InvalidClientId;

impl ClientId {
    /// What an id may be (ECMA-262).
    pub const PATTERN: &str = "^[A-Za-z0-9._-]{1,64}$";

    /// The name under which the operator acts at the command line.
    #[must_use]
    pub fn operator() -> Self {
        Self("operator".to_owned())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = InvalidClientId;

    /// The alphabet leaves out `|` and `:`, which separate the parts of a string to sign.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_identifier(text) { Ok(Self(text.to_owned())) } else { Err(InvalidClientId) }
    }
}

/// Whether a text matches [`ClientId::PATTERN`].
pub(super) fn is_identifier(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot be a client's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the name must have 1 to 128 characters on one line")]
pub struct InvalidName;

/// Reads a client's name for people.
pub fn read_name(text: &str) -> Result<String, InvalidName> {
    let name = text.trim();
    let fits = !is_blank(name) && name.chars().count() <= 128 && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(InvalidName) }
}

/// Who a client is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientKind {
    /// A program, which logs in with a secret.
    #[default]
    Machine,
    /// Somebody who signs in at the provider of identities.
    Person,
}

/// The name of no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownKind;

impl ClientKind {
    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "MACHINE",
            Self::Person => "PERSON",
        }
    }
}

impl FromStr for ClientKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        [Self::Machine, Self::Person].into_iter().find(|kind| kind.as_str() == name).ok_or(UnknownKind)
    }
}

/// A client as stored.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its public name.
    pub client_id: ClientId,
    /// Who it is.
    pub kind: ClientKind,
    /// Its name for people.
    pub name: String,
    /// The permissions of the client, which its scopes name.
    pub permissions: Vec<Permission>,
    /// The forms of signature that it may send.
    pub signature_policy: SignaturePolicy,
    /// What happens to an order whose partner reference another one has.
    pub reference_policy: ReferencePolicy,
    /// What happens to an order that comes to another amount than its sender expects.
    pub expectation_policy: ExpectationPolicy,
    /// Counts up when the operator ends all sessions; tokens of an earlier count are refused.
    pub session_generation: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// The time at which it was disabled; `None` while it is active.
    pub disabled_at: Option<DateTime<Utc>>,
    /// How often a signature of the documented form came again with another order later than is usual.
    pub signature_reuses: i64,
    /// The time of the last such reuse, to the minute.
    pub signature_reused_at: Option<DateTime<Utc>>,
}

impl Client {
    /// `active` or `disabled`.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        if self.disabled_at.is_some() { "disabled" } else { "active" }
    }
}
