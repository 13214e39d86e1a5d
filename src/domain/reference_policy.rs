//! What happens to an order whose partner reference another order of its client has.

use std::fmt;
use std::str::FromStr;

/// What the service does with an order whose partner reference another order of the client has that is not cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReferencePolicy {
    /// It is stored like any other.
    #[default]
    Accept,
    /// It is stored, and its sender is warned.
    Warn,
    /// It is refused.
    Refuse,
}

/// A name that is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reference policy is `accept`, `warn` or `refuse`")]
pub struct UnknownReferencePolicy;

impl ReferencePolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Accept, Self::Warn, Self::Refuse];

    /// The name by which the policy is stored, shown and given on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Warn => "warn",
            Self::Refuse => "refuse",
        }
    }
}

impl fmt::Display for ReferencePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ReferencePolicy {
    type Err = UnknownReferencePolicy;

    /// Reads a policy by its name, in any case, for GraphQL spells it in capitals; fails with a sentence that lists the
    /// names.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|policy| policy.as_str().eq_ignore_ascii_case(name)).ok_or(UnknownReferencePolicy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_read_back_from_its_name() {
        for policy in ReferencePolicy::ALL {
            assert_eq!(policy.as_str().parse(), Ok(policy));
            assert_eq!(policy.as_str().to_uppercase().parse(), Ok(policy));
            assert!(UnknownReferencePolicy.to_string().contains(&format!("`{policy}`")));
        }
        assert_eq!("reject".parse::<ReferencePolicy>(), Err(UnknownReferencePolicy));
    }
}
