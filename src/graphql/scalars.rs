//! Scalars that GraphQL does not have.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{SecondsFormat, Utc};

use crate::domain::money::Money;

#[derive(Debug, Clone, Copy)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// An instant: RFC 3339 in UTC with microseconds, such as `2026-11-23T13:37:16.123456Z`.
#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(chrono::DateTime::parse_from_rfc3339(text)?.to_utc())),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Decimal(pub Money);

/// An exact decimal number. Shown as a string, such as `"125000.5"`; taken as a string or a number.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(Money::parse(text)?)),
            Value::Number(number) => Ok(Self(Money::parse_number(&number.to_string())?)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    /// Its text is checked with the rest of the input, so that one answer names every faulty field.
    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_) | Value::Number(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

#[derive(Debug, Clone, Copy)]
pub struct UnixTime(pub i64);

/// Seconds since 1970-01-01T00:00:00Z as a number. Not an `Int`, whose 32 bits end in January 2038.
#[Scalar]
impl ScalarType for UnixTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => number.as_i64().map(Self).ok_or_else(|| InputValueError::expected_type(value)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}
