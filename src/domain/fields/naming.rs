//! How field names are spelled.

use std::borrow::Cow;

/// How the caller spells field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `customer_code`, as the published REST contract does.
    SnakeCase,
    /// `customerCode`, as GraphQL does.
    CamelCase,
}

impl Naming {
    /// Spells one of our snake_case names the caller's way.
    #[must_use]
    pub fn spell(self, name: &str) -> Cow<'_, str> {
        if self == Self::SnakeCase || !name.contains('_') {
            return Cow::Borrowed(name);
        }
        let mut words = name.split('_');
        let mut spelled = words.next().unwrap_or_default().to_owned();
        for word in words {
            let (first, rest) = word.split_at(1);
            spelled.push_str(&first.to_ascii_uppercase());
            spelled.push_str(rest);
        }
        Cow::Owned(spelled)
    }
}
