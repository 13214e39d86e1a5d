//! Which forms of signature a client's requests may carry.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the service asks of a client's signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignaturePolicy {
    /// The documented form, `client_id|X-TIMESTAMP`; both body-bound forms are accepted as well.
    #[default]
    Documented,
    /// A body-bound form: `METHOD:path:sha256(body):X-TIMESTAMP`, or the one that binds the key as well.
    BodyBound,
    /// Only `METHOD:path:sha256(body):X-TIMESTAMP:Idempotency-Key`; every order needs an `Idempotency-Key`.
    BodyAndKeyBound,
}

/// A name that is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature policy is `documented`, `body_bound` or `body_and_key_bound`")]
pub struct UnknownSignaturePolicy;

impl SignaturePolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Documented, Self::BodyBound, Self::BodyAndKeyBound];

    /// The name by which the policy is stored, shown and given on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::BodyBound => "body_bound",
            Self::BodyAndKeyBound => "body_and_key_bound",
        }
    }

    /// Whether a signature must bind the body.
    #[must_use]
    pub const fn binds_body(self) -> bool {
        matches!(self, Self::BodyBound | Self::BodyAndKeyBound)
    }

    /// Whether a signature must bind the `Idempotency-Key`, so that no order comes without one.
    #[must_use]
    pub const fn binds_key(self) -> bool {
        matches!(self, Self::BodyAndKeyBound)
    }
}

impl fmt::Display for SignaturePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SignaturePolicy {
    type Err = UnknownSignaturePolicy;

    /// Reads a policy by its name, in any case, for GraphQL spells it in capitals; fails with a sentence that lists the
    /// names.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|policy| policy.as_str().eq_ignore_ascii_case(name)).ok_or(UnknownSignaturePolicy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_read_back_from_its_name() {
        for policy in SignaturePolicy::ALL {
            assert_eq!(policy.as_str().parse(), Ok(policy));
            assert_eq!(serde_json::to_value(policy).unwrap(), policy.as_str());
            assert_eq!(serde_json::from_value::<SignaturePolicy>(policy.as_str().into()).unwrap(), policy);
        }
        assert_eq!("BODY_BOUND".parse(), Ok(SignaturePolicy::BodyBound));
        assert_eq!("body-bound".parse::<SignaturePolicy>(), Err(UnknownSignaturePolicy));
    }
}
