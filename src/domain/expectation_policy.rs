//! What happens to an order that comes to another amount than its sender expects.

use std::fmt;
use std::str::FromStr;

/// What the service does with an order that does not come to the amounts that its sender expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ExpectationPolicy {
    /// It is stored, and its sender is warned.
    #[default]
    Warn,
    /// It is refused.
    Refuse,
}

/// A name that is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the expectation policy is `warn` or `refuse`")]
pub struct UnknownExpectationPolicy;

impl ExpectationPolicy {
    /// Every policy.
    pub const ALL: [Self; 2] = [Self::Warn, Self::Refuse];

    /// The name by which the policy is stored, shown and given on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Refuse => "refuse",
        }
    }
}

impl fmt::Display for ExpectationPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ExpectationPolicy {
    type Err = UnknownExpectationPolicy;

    /// Reads a policy by its name, in any case, for GraphQL spells it in capitals; fails with a sentence that lists the
    /// names.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|policy| policy.as_str().eq_ignore_ascii_case(name)).ok_or(UnknownExpectationPolicy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_read_back_from_its_name() {
        for policy in ExpectationPolicy::ALL {
            assert_eq!(policy.as_str().parse(), Ok(policy));
            assert_eq!(policy.as_str().to_uppercase().parse(), Ok(policy));
            assert!(UnknownExpectationPolicy.to_string().contains(&format!("`{policy}`")));
        }
        assert_eq!("reject".parse::<ExpectationPolicy>(), Err(UnknownExpectationPolicy));
    }
}
