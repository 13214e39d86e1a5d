//! Faults of single fields, and the closed list of their codes.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $name:literal; )+) => {
        /// What can be wrong with a field, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FieldErrorCode { $( $(#[doc = $doc])+ $variant, )+ }

        impl FieldErrorCode {
            /// Every code, in the order of the alphabet.
            pub const ALL: &'static [FieldErrorCode] = &[$(FieldErrorCode::$variant),+];

            /// The name on the wire: `errors[].code`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(FieldErrorCode::$variant => $name),+ }
            }

            /// What the code means, for the documented table.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(FieldErrorCode::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

codes! {
    /// A required text is empty, or has nothing but white space and characters that nobody sees.
    Blank = "blank";
    /// It contradicts another field, or was given more than once.
    Conflict = "conflict";
    /// A text holds a control character that it may not hold.
    ControlCharacter = "control_character";
    /// It is no currency of ISO 4217.
    Currency = "currency";
    /// It is no cursor that this service gave out for this list.
    Cursor = "cursor";
    /// The cursor is ahead of the feed, because the database was restored or replaced since.
    CursorAhead = "cursor_ahead";
    /// It is not written in the form that is asked for, as of a time or of an amount.
    Format = "format";
    /// A list has too few or too many items, or a search too many words.
    Length = "length";
    /// An amount that you expect is not what the order or the line comes to: the message names both.
    Mismatch = "mismatch";
    /// Further faults were found and are not listed: the message says how many.
    More = "more";
    /// An amount has more decimals than are kept.
    Precision = "precision";
    /// It is no public key that can be used.
    PublicKey = "public_key";
    /// A number, an amount, or what was given together comes to less or more than is allowed.
    Range = "range";
    /// It is missing or null.
    Required = "required";
    /// It is no status of an order.
    Status = "status";
    /// A text is longer than is allowed.
    TooLong = "too_long";
    /// It is of another JSON type, such as a string instead of a number.
    Type = "type";
    /// There is no field or parameter of this name, or no such choice: the message names those that there are.
    Unknown = "unknown";
    /// The value is refused for a reason that the message gives.
    Value = "value";
}

impl fmt::Display for FieldErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for FieldErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One faulty field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where it is: a JSON pointer (RFC 6901) into the body, in the caller's own field names.
    pub pointer: String,
    /// The code of the fault, for programs.
    pub code: FieldErrorCode,
    /// What is wrong and what would be right, for people.
    pub message: String,
}
