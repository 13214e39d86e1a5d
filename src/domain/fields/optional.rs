//! Readers of fields that may be absent: `null` counts as absent everywhere.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use iso_currency::Currency;
use serde_json::Value;

use super::{CURRENCY, Fields, Holds, Text, describe, is_blank, kind};
use crate::domain::instant;
use crate::domain::money::Money;
use crate::domain::names::UnknownName;
use crate::error::FieldErrorCode;

impl Fields<'_> {
    /// An optional text, trimmed; null and blank count as absent.
    pub fn optional_text(&mut self, name: &'static str, rule: Text) -> Option<String> {
        let value = self.optional(name, || Holds::Text(rule))?;
        let text = self.string(name, value)?.trim();
        if is_blank(text) { None } else { self.checked(name, text, rule) }
    }

    /// The words of an optional text, so many at most.
    pub fn optional_words(&mut self, name: &'static str, rule: Text, most: usize) -> Vec<String> {
        let Some(value) = self.optional(name, || Holds::Words(rule, most)) else { return Vec::new() };
        let text = self.string(name, value).and_then(|text| self.checked(name, text.trim(), rule)).unwrap_or_default();
        let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        if words.len() > most {
            self.refuse::<()>(name, FieldErrorCode::Length, format!("must have at most {most} words"));
        }
        words
    }

    /// An optional code of a currency (ISO 4217), in capitals; null and blank count as absent.
    pub fn optional_currency(&mut self, name: &'static str) -> Option<Currency> {
        let value = self.optional(name, || Holds::Currency)?;
        let text = self.string(name, value)?.trim();
        if is_blank(text) {
            return None;
        }
        let code = self.checked(name, text, CURRENCY)?;
        Currency::from_code(&code).or_else(|| {
            let message = "must be an ISO 4217 code in capitals, such as IDR".to_owned();
            self.refuse(name, FieldErrorCode::Currency, message)
        })
    }

    /// An optional text taken to the letter; null and empty count as absent.
    pub fn optional_verbatim(&mut self, name: &'static str, max: usize) -> Option<String> {
        let value = self.optional(name, || Holds::Verbatim(max))?;
        let text = self.string(name, value)?;
        if text.chars().count() > max {
            return self.refuse(name, FieldErrorCode::TooLong, format!("must be at most {max} characters"));
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// An optional text that stands for something else, read by `parse`.
    pub fn optional_parsed<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.optional(name, || Holds::Parsed)?;
        let text = self.string(name, value)?;
        self.parsed(name, text, parse)
    }

    /// An optional yes or no.
    pub fn optional_flag(&mut self, name: &'static str) -> Option<bool> {
        match self.optional(name, || Holds::Flag)? {
            Value::Bool(flag) => Some(*flag),
            other => self.refuse(name, FieldErrorCode::Type, format!("must be true or false, not {}", kind(other))),
        }
    }

    /// An optional whole number.
    pub fn optional_integer(&mut self, name: &'static str, range: &RangeInclusive<i32>) -> Option<i32> {
        let value = self.optional(name, || Holds::Integer(range.clone()))?;
        self.whole_number(name, value, range)
    }

    /// An optional amount of money up to `max`, as a JSON number or a decimal string.
    pub fn optional_money(&mut self, name: &'static str, max: Money) -> Option<Money> {
        let value = self.optional(name, || Holds::Money(max))?;
        let parsed = match value {
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => Money::parse(text.trim(), max),
            Value::Number(number) => Money::parse_number(&number.to_string(), max),
            other => {
                let message = format!("must be a decimal number or string, not {}", kind(other));
                return self.refuse(name, FieldErrorCode::Type, message);
            }
        };
        match parsed {
            Ok(money) => Some(money),
            Err(problem) => self.refuse(name, problem.code(), problem.to_string()),
        }
    }

    /// An optional instant, with any offset. One between two microseconds, which no stored instant can equal,
    /// is rounded up: "not before" and "before" then mean the same as they did.
    pub fn optional_instant(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        let value = self.optional(name, || Holds::Instant)?;
        let text = self.string(name, value)?;
        let Some(instant) = instant::parse(text) else {
            let message = "must be a time with its offset, such as 2026-11-22T17:00:00Z".to_owned();
            return self.refuse(name, FieldErrorCode::Format, message);
        };
        let micros = instant.timestamp_micros() + i64::from(instant.nanosecond() % 1000 > 0);
        DateTime::from_timestamp_micros(micros)
    }

    /// An optional day of the calendar (ISO 8601, `YYYY-MM-DD`); null and blank count as absent.
    pub fn optional_date(&mut self, name: &'static str) -> Option<NaiveDate> {
        let value = self.optional(name, || Holds::Date)?;
        let text = self.string(name, value)?.trim();
        if text.is_empty() {
            return None;
        }
        // The parser also takes a month of one digit, years of more than four with their sign, and the year 0, which
        // PostgreSQL does not have.
        match text.parse::<NaiveDate>() {
            Ok(date) if text.len() == "YYYY-MM-DD".len() && date.to_string() == text && date.year() > 0 => Some(date),
            _ => self.refuse(name, FieldErrorCode::Format, "must be a date such as 2026-12-24".to_owned()),
        }
    }

    /// An optional list of texts, each trimmed and not blank.
    pub fn optional_texts(&mut self, name: &'static str, rule: Text, most: usize) -> Option<Vec<String>> {
        let value = self.optional(name, || Holds::Texts(rule, most))?;
        self.texts_of(name, value, rule, most)
    }

    /// A required list of texts, each trimmed and not blank.
    pub fn texts(&mut self, name: &'static str, rule: Text, most: usize) -> Option<Vec<String>> {
        let value = self.required(name, || Holds::Texts(rule, most))?;
        self.texts_of(name, value, rule, most)
    }

    fn texts_of(&mut self, name: &'static str, value: &Value, rule: Text, most: usize) -> Option<Vec<String>> {
        let items = match value {
            Value::Array(items) => items.as_slice(),
            // GraphQL takes a single value for a list of one (GraphQL §3.11).
            single => std::slice::from_ref(single),
        };
        if items.len() > most {
            return self.refuse(
                name,
                FieldErrorCode::Length,
                format!("must hold at most {most} values, not {}", items.len()),
            );
        }
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let text = self.string(name, item)?.trim();
            texts.push(self.checked(name, text, rule)?);
        }
        Some(texts)
    }

    /// An optional list of names, each once, in the order in which they came.
    pub fn optional_each<T: FromStr<Err = UnknownName> + PartialEq>(
        &mut self,
        name: &'static str,
        rule: Text,
        most: usize,
    ) -> Option<Vec<T>> {
        let texts = self.optional_texts(name, rule, most)?;
        let mut all = Vec::new();
        for text in texts {
            match text.parse() {
                Ok(one) if all.contains(&one) => {}
                Ok(one) => all.push(one),
                Err(error) => return self.refuse(name, FieldErrorCode::Value, format!("\"{text}\" {error}")),
            }
        }
        Some(all)
    }

    /// An optional list of texts, each taken to the letter.
    pub fn optional_verbatims(&mut self, name: &'static str, max: usize, most: usize) -> Option<Vec<String>> {
        let value = self.optional(name, || Holds::Verbatims(max, most))?;
        let items = if let Value::Array(items) = value { items.as_slice() } else { std::slice::from_ref(value) };
        if items.len() > most || items.iter().any(|item| item.as_str().is_some_and(|text| text.chars().count() > max)) {
            return self.refuse(
                name,
                FieldErrorCode::Length,
                format!("must hold at most {most} texts of at most {max} characters each"),
            );
        }
        items.iter().map(|item| self.string(name, item).map(str::to_owned)).collect()
    }

    /// An optional object, read by `read`.
    pub fn optional_object<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.optional(name, || Holds::Object(describe(|mut fields| read(&mut fields))))?;
        let mut fields = Fields::at(value, self.naming, self.pointer_to(&self.naming.spell(name)));
        let read = read(&mut fields);
        match fields.finish() {
            Ok(()) => read,
            Err(errors) => {
                self.errors.extend(errors);
                None
            }
        }
    }
}
