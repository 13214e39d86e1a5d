//! Reads a client's JSON object field by field and notes every fault instead of stopping at the first.
//!
//! Both wires use it, so that REST and GraphQL cannot disagree on what is valid. To read a new kind of field, add a
//! method beside [`Fields::text`] and what it may hold to [`Holds`]; it must note its fault with [`Fields::refuse`] and
//! return `None`.

mod invisible;
mod lists;
mod naming;
mod optional;
mod rules;

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

pub use invisible::{is_blank, is_invisible};
pub use naming::Naming;
pub use rules::{Holds, Rule, currency_codes, describe};

use crate::error::{FieldError, FieldErrorCode};

/// More faults than this are counted, not listed: an answer must not outgrow the request by much.
const MAX_LISTED: usize = 1000;

/// What a text field may hold. Lengths are counted in Unicode characters, after trimming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// The most characters it may have.
    pub max: usize,
    /// Whether line breaks and tabs are allowed, as in an address.
    pub line_breaks: bool,
}

impl Text {
    /// One line of at most `max` characters.
    #[must_use]
    pub const fn line(max: usize) -> Self {
        Self { max, line_breaks: false }
    }

    /// Several lines of at most `max` characters in all.
    #[must_use]
    pub const fn lines(max: usize) -> Self {
        Self { max, line_breaks: true }
    }
}

/// The code of a currency has three letters.
const CURRENCY: Text = Text::line(3);

/// One JSON object being read.
pub struct Fields<'a> {
    object: Option<&'a Map<String, Value>>,
    naming: Naming,
    pointer: String,
    known: Vec<Cow<'static, str>>,
    errors: Vec<FieldError>,
    /// Where each field is noted when nothing is read.
    rules: Option<&'a mut Vec<Rule>>,
}

impl<'a> Fields<'a> {
    /// Starts reading a whole input.
    #[must_use]
    pub fn new(value: &'a Value, naming: Naming) -> Self {
        Self::at(value, naming, String::new())
    }

    /// Starts reading a part of an input: what a JSON pointer leads to.
    pub(super) fn at(value: &'a Value, naming: Naming, pointer: String) -> Self {
        let object = value.as_object();
        let mut fields = Self { object, naming, pointer, known: Vec::new(), errors: Vec::new(), rules: None };
        if fields.object.is_none() {
            let message = format!("must be an object, not {}", kind(value));
            fields.errors.push(FieldError { pointer: fields.pointer.clone(), code: FieldErrorCode::Type, message });
        }
        fields
    }

    /// Starts a description: nothing is read, and each field that is asked for is noted.
    fn describing(rules: &'a mut Vec<Rule>) -> Self {
        let (naming, pointer) = (Naming::SnakeCase, String::new());
        Self { object: None, naming, pointer, known: Vec::new(), errors: Vec::new(), rules: Some(rules) }
    }

    /// How the caller spells fields.
    #[must_use]
    pub const fn naming(&self) -> Naming {
        self.naming
    }

    /// A required text, trimmed; blank is refused.
    pub fn text(&mut self, name: &'static str, rule: Text) -> Option<String> {
        let value = self.required(name, || Holds::Text(rule))?;
        let text = self.string(name, value)?.trim();
        if is_blank(text) {
            return self.refuse(name, FieldErrorCode::Blank, "must not be blank".to_owned());
        }
        self.checked(name, text, rule)
    }

    /// A required text taken to the letter, as a secret or a token is.
    pub fn verbatim(&mut self, name: &'static str, max: usize) -> Option<String> {
        let value = self.required(name, || Holds::Verbatim(max))?;
        let text = self.string(name, value)?;
        if text.is_empty() {
            return self.refuse(name, FieldErrorCode::Blank, "must not be empty".to_owned());
        }
        if text.chars().count() > max {
            return self.refuse(name, FieldErrorCode::TooLong, format!("must be at most {max} characters"));
        }
        Some(text.to_owned())
    }

    /// A required text that stands for something else, read by `parse`.
    pub fn parsed_text<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.required(name, || Holds::Parsed)?;
        let text = self.string(name, value)?;
        self.parsed(name, text, parse)
    }

    fn parsed<T, E: Display>(
        &mut self,
        name: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(text.trim()).or_else(|error| self.refuse(name, FieldErrorCode::Value, error.to_string()).ok_or(())).ok()
    }

    /// A required whole number.
    pub fn integer(&mut self, name: &'static str, range: &RangeInclusive<i32>) -> Option<i32> {
        let value = self.required(name, || Holds::Integer(range.clone()))?;
        self.whole_number(name, value, range)
    }

    fn whole_number(&mut self, name: &'static str, value: &Value, range: &RangeInclusive<i32>) -> Option<i32> {
        let Value::Number(number) = value else {
            return self.refuse(name, FieldErrorCode::Type, format!("must be a whole number, not {}", kind(value)));
        };
        let text = number.to_string();
        if text.contains(['.', 'e', 'E']) {
            return self.refuse(
                name,
                FieldErrorCode::Type,
                format!("must be a whole number from {} to {}", range.start(), range.end()),
            );
        }
        match text.parse::<i32>() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => self.refuse(name, FieldErrorCode::Range, format!("must be from {} to {}", range.start(), range.end())),
        }
    }

    /// Notes a fault of a field.
    pub fn refuse<T>(&mut self, name: &'static str, code: FieldErrorCode, message: String) -> Option<T> {
        let pointer = self.pointer_to(&self.naming.spell(name));
        self.errors.push(FieldError { pointer, code, message });
        None
    }

    /// Whether it is an object that has none of these fields.
    #[must_use]
    pub fn lacks(&self, names: &[&'static str]) -> bool {
        let is_given = |name: &&'static str| {
            let value = self.object.and_then(|object| object.get(self.naming.spell(name).as_ref()));
            value.is_some_and(|value| !value.is_null())
        };
        self.object.is_some() && !names.iter().any(is_given)
    }

    /// Notes a fault of the object itself.
    pub fn refuse_here<T>(&mut self, code: FieldErrorCode, message: String) -> Option<T> {
        self.errors.push(FieldError { pointer: self.pointer.clone(), code, message });
        None
    }

    /// Ends the reading: every field that nobody asked for is a fault too, so that a typo never loses data.
    pub fn finish(mut self) -> Result<(), Vec<FieldError>> {
        let unknown = |(name, _): &(&String, &Value)| !self.known.iter().any(|known| known == *name);
        let unknown: Vec<_> = self.object.into_iter().flatten().filter(unknown).collect();
        if !unknown.is_empty() {
            let message = format!("is not a known field; the fields here are {}", self.known.join(", "));
            for (name, _) in unknown {
                let shown: String = name.chars().take(100).collect();
                let (pointer, message) = (self.pointer_to(&shown), message.clone());
                self.errors.push(FieldError { pointer, code: FieldErrorCode::Unknown, message });
            }
        }
        if self.errors.is_empty() { Ok(()) } else { Err(listed(self.errors, self.pointer)) }
    }

    fn required(&mut self, name: &'static str, holds: impl FnOnce() -> Holds) -> Option<&'a Value> {
        let value = self.find(name, true, holds);
        if value.is_none() && self.object.is_some() {
            return self.refuse(name, FieldErrorCode::Required, "is required".to_owned());
        }
        value
    }

    fn optional(&mut self, name: &'static str, holds: impl FnOnce() -> Holds) -> Option<&'a Value> {
        self.find(name, false, holds)
    }

    fn find(&mut self, name: &'static str, is_required: bool, holds: impl FnOnce() -> Holds) -> Option<&'a Value> {
        if let Some(rules) = &mut self.rules {
            rules.push(Rule { name, is_required, holds: holds() });
            return None;
        }
        let spelled = self.naming.spell(name);
        let value = self.object.and_then(|object| object.get(spelled.as_ref()));
        self.known.push(spelled);
        value.filter(|value| !value.is_null())
    }

    fn string<'v>(&mut self, name: &'static str, value: &'v Value) -> Option<&'v str> {
        match value {
            Value::String(text) => Some(text),
            other => self.refuse(name, FieldErrorCode::Type, format!("must be a string, not {}", kind(other))),
        }
    }

    fn checked(&mut self, name: &'static str, text: &str, rule: Text) -> Option<String> {
        let length = text.chars().count();
        if length > rule.max {
            let message = format!("must be at most {} characters, not {length}", rule.max);
            return self.refuse(name, FieldErrorCode::TooLong, message);
        }
        // A tab is what is pasted between the parts of an address.
        let is_refused = |c: &char| c.is_control() && !(rule.line_breaks && matches!(c, '\n' | '\r' | '\t'));
        if let Some(found) = text.chars().find(is_refused) {
            let allowed = if rule.line_breaks { " other than line breaks and tabs" } else { "" };
            let message = format!("must not hold control characters{allowed}, but has U+{:04X}", u32::from(found));
            return self.refuse(name, FieldErrorCode::ControlCharacter, message);
        }
        Some(text.to_owned())
    }

    fn pointer_to(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"))
    }
}

/// So many faults as an answer lists, and how many more there are of what `pointer` leads to.
#[must_use]
pub fn listed(mut errors: Vec<FieldError>, pointer: String) -> Vec<FieldError> {
    if errors.len() > MAX_LISTED {
        let message = format!("{} more faults are not listed", errors.len() - MAX_LISTED);
        errors.truncate(MAX_LISTED);
        errors.push(FieldError { pointer, code: FieldErrorCode::More, message });
    }
    errors
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
