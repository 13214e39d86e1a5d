//! Closed lists of names on the wire and in the database.

use thiserror::Error;

/// Makes enumerations whose variants have names on the wire and in the database.
macro_rules! names {
    ($( $(#[$about:meta])+ $name:ident { $( $(#[$each:meta])+ $variant:ident = $text:literal, )+ } )+) => {$(
        $(#[$about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $( $(#[$each])+ #[serde(rename = $text)] $variant, )+
        }

        impl $name {
            /// Every one there is.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::domain::names::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                let known = Self::ALL.iter().copied().find(|it| it.as_str() == name);
                known.ok_or_else(|| crate::domain::names::UnknownName(Self::ALL.iter().map(|it| it.as_str()).collect()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}

/// The text is none of these names.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be one of {}", .0.join(", "))]
pub struct UnknownName(pub(super) Vec<&'static str>);

pub(super) use names;
