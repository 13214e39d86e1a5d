//! Scalars that GraphQL does not have.

use std::fmt;

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{NaiveDate, SecondsFormat, Utc};
use chrono_tz::Tz;

use crate::domain::instant;
use crate::domain::money::Money;
use crate::domain::summary::Sum;
use crate::domain::zone::{NO_ZONE, Zone};

#[derive(Debug, Clone, Copy)]
pub struct DateTime(pub chrono::DateTime<Utc>);

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

/// An instant: RFC 3339 in UTC with microseconds, such as `2026-11-23T13:37:16.123456Z`.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => {
                let read = instant::parse(text).ok_or("no time with its offset, such as 2026-11-22T17:00:00Z");
                Ok(Self(read?.to_utc()))
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Date(pub NaiveDate);

/// A calendar day in ISO 8601, such as `2026-12-24`.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(text.parse()?)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    /// Its text is checked with the rest of the input, so that one answer names every faulty field.
    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

#[derive(Debug, Clone)]
pub struct Decimal(String);

impl From<Money> for Decimal {
    fn from(money: Money) -> Self {
        Self(money.to_string())
    }
}

impl From<Sum> for Decimal {
    fn from(sum: Sum) -> Self {
        Self(sum.to_string())
    }
}

/// An exact decimal number. Written as a string, such as `"125000.5"`; accepted as a string or a number.
#[Scalar(specified_by_url = "https://www.w3.org/TR/xmlschema11-2/#decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Money::parse(text, Money::MAX_TOTAL)?.into()),
            Value::Number(number) => Ok(Money::parse_number(&number.to_string(), Money::MAX_TOTAL)?.into()),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    /// Its text is checked with the rest of the input, so that one answer names every faulty field.
    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_) | Value::Number(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Long(pub i64);

/// An integer of up to 64 bits; an `Int` has only 32.
#[Scalar(specified_by_url = "https://www.w3.org/TR/xmlschema11-2/#long")]
impl ScalarType for Long {
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

#[derive(Debug, Clone, Copy)]
pub struct TimeZone(pub Zone);

impl TimeZone {
    /// Where the orders come from.
    pub const JAKARTA: Self = Self(Zone::Named(Tz::Asia__Jakarta));
}

/// Name of a time zone in the IANA database, such as `Asia/Jakarta`, or an offset from UTC, such as `+07:00`.
#[Scalar(specified_by_url = "https://www.iana.org/time-zones")]
impl ScalarType for TimeZone {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(name) => {
                Zone::parse(name).map(Self).ok_or_else(|| InputValueError::custom(format!("it {NO_ZONE}")))
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

#[derive(Debug, Clone, Copy)]
pub struct UnixTime(pub i64);

/// Seconds since 1970-01-01T00:00:00Z, as a number. Not an `Int`, whose 32 bits end in January 2038.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc7519#section-2")]
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
