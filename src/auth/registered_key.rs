//! A client's public key with the time in which it may be used.

use std::fmt;

use chrono::{DateTime, Utc};

use super::public_key::PublicKey;

/// A public key as it is registered for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredKey {
    /// The key.
    pub key: PublicKey,
    /// Usable from this instant on; from registration on when absent.
    pub not_before: Option<DateTime<Utc>>,
    /// No longer usable from this instant on; never expiring when absent.
    pub expires_at: Option<DateTime<Utc>>,
    /// Withdrawn from this instant on.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Whether a key may be used, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyStatus {
    /// Its signatures are accepted.
    Active,
    /// Its time has not come.
    NotYetActive,
    /// Its time is over.
    Expired,
    /// It was withdrawn.
    Revoked,
}

impl RegisteredKey {
    /// The key's status at an instant.
    #[must_use]
    pub fn status(&self, now: DateTime<Utc>) -> KeyStatus {
        KeyStatus::at(now, self.not_before, self.expires_at, self.revoked_at)
    }
}

impl KeyStatus {
    /// The status at an instant of a key with these bounds; a revoked key is never called anything else.
    #[must_use]
    pub fn at(
        now: DateTime<Utc>,
        not_before: Option<DateTime<Utc>>,
        expires_at: Option<DateTime<Utc>>,
        revoked_at: Option<DateTime<Utc>>,
    ) -> Self {
        let has_come = |instant: Option<DateTime<Utc>>| instant.is_some_and(|instant| instant <= now);
        if has_come(revoked_at) {
            Self::Revoked
        } else if has_come(expires_at) {
            Self::Expired
        } else if not_before.is_some_and(|start| now < start) {
            Self::NotYetActive
        } else {
            Self::Active
        }
    }

    /// The status's name where it is shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NotYetActive => "not_yet_active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for KeyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::auth::fixtures::OWN;

    #[test]
    fn a_key_is_active_from_its_start_until_just_before_its_end() {
        let now = DateTime::from_timestamp(1_795_441_036, 0).unwrap();
        let moment = TimeDelta::microseconds(1);
        let at = |start, end, revoked| {
            RegisteredKey { key: OWN.public_key().clone(), not_before: start, expires_at: end, revoked_at: revoked }
                .status(now)
        };
        assert_eq!(at(None, None, None), KeyStatus::Active);
        assert_eq!(at(Some(now), Some(now + moment), Some(now + moment)), KeyStatus::Active);
        assert_eq!(at(Some(now + moment), None, None), KeyStatus::NotYetActive);
        assert_eq!(at(None, Some(now), None), KeyStatus::Expired);
        assert_eq!(at(Some(now + moment), Some(now), Some(now)), KeyStatus::Revoked);
    }
}
