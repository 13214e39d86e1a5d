//! Which values each scalar takes (GraphQL §3.5, and what the description of ours says).

use async_graphql::parser::types::{BaseType, Type};
use async_graphql::{Number, Pos, ScalarType as _, Value};
use serde_json::json;

use super::input_value::{InputValue, View};
use crate::domain::fields::{Fields, Naming};
use crate::domain::money::Money;
use crate::error::FieldErrorCode;
use crate::graphql::output::scalars::TimeZone;

/// What is wrong with a value.
pub(super) struct Misfit(pub FieldErrorCode, pub String);

/// Whether a scalar takes a value.
pub(super) fn check<V: InputValue>(scalar: &str, value: &V) -> Result<(), Misfit> {
    let view = value.view();
    let of_type = |what: &str| Err(Misfit(FieldErrorCode::Type, format!("must be {what}, not {}", view.kind())));
    match (scalar, &view) {
        ("String" | "ID", View::Text(_)) | ("Boolean", View::Boolean) | ("Float" | "Decimal", View::Number(_)) => {
            Ok(())
        }
        ("String", _) => of_type("a string"),
        ("Boolean", _) => of_type("true or false"),
        ("Float", _) => of_type("a number"),
        ("ID", View::Number(number)) if is_whole::<V>(number) => Ok(()),
        ("ID", _) => of_type("a string or a whole number"),
        ("Int" | "Long" | "UnixTime", View::Number(number)) => integer::<V>(scalar, number).map(drop),
        ("Int" | "Long" | "UnixTime", _) => of_type("a whole number"),
        ("Decimal", View::Text(text)) => decimal(Money::parse(text.trim()).is_ok() || is_decimal(text.trim())),
        ("Decimal", _) => of_type("a decimal number or string"),
        ("Date", View::Text(text)) => read_by_domain(text, |fields| fields.optional_date("value").is_some()),
        ("Date", _) => of_type("a date such as \"2026-12-24\""),
        ("DateTime", View::Text(text)) => read_by_domain(text, |fields| fields.optional_instant("value").is_some()),
        ("DateTime", _) => of_type("a time such as \"2026-11-22T17:00:00Z\""),
        ("TimeZone", View::Text(name)) => time_zone(name),
        ("TimeZone", _) => of_type("the name of a time zone such as \"Asia/Jakarta\""),
        // The unit test of this module holds that there is no other one.
        _ => Ok(()),
    }
}

/// Makes an integer of a number that was sent as `2.0`, where it stands for itself. In an input `domain` reads it.
pub(super) fn make_integer<V: InputValue>(value: &mut V, ty: &Type) {
    let BaseType::Named(scalar) = &ty.base else { return };
    let View::Number(number) = value.view() else { return };
    if matches!(scalar.as_str(), "Int" | "Long" | "UnixTime" | "ID")
        && let Some(integer) = whole::<V>(number)
    {
        *value = V::number(integer.into());
    }
}

/// An empty text counts as absent, as `domain` reads it; how exact and how large the amount may be is its business too.
fn decimal(is_decimal: bool) -> Result<(), Misfit> {
    let message = "must be a decimal number such as \"125000.5\"".to_owned();
    if is_decimal { Ok(()) } else { Err(Misfit(FieldErrorCode::Format, message)) }
}

fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    text.is_empty()
        || (unsigned.parse::<f64>().is_ok() && unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

fn integer<V: InputValue>(scalar: &str, number: &Number) -> Result<i64, Misfit> {
    if !is_whole::<V>(number) {
        return Err(Misfit(FieldErrorCode::Type, "must be a whole number, written without a fraction".to_owned()));
    }
    let (least, most) = if scalar == "Int" { (i32::MIN.into(), i32::MAX.into()) } else { (i64::MIN, i64::MAX) };
    match whole::<V>(number) {
        Some(integer) if (least..=most).contains(&integer) => Ok(integer),
        _ => Err(Misfit(FieldErrorCode::Range, format!("must be from {least} to {most}"))),
    }
}

/// The value of a whole number. In JSON `2.0` and `2e0` are one (JSON Schema 2020-12 §6.1.1), which clients of some languages
/// send; in a document they are no integers (GraphQL §2.9.1).
fn whole<V: InputValue>(number: &Number) -> Option<i64> {
    let text = number.to_string();
    if V::IS_LITERAL {
        return text.parse().ok();
    }
    digits(&text)?.parse().ok()
}

fn is_whole<V: InputValue>(number: &Number) -> bool {
    let text = number.to_string();
    if V::IS_LITERAL { !text.contains(['.', 'e', 'E']) } else { digits(&text).is_some() }
}

/// The digits of a number without a fraction, with its sign. None for one with a fraction, or with an exponent that nobody
/// writes.
fn digits(text: &str) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= 30)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let all = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let (before, after) = match usize::try_from(point) {
        Ok(point) if point >= all.len() => (format!("{all}{}", "0".repeat(point - all.len())), ""),
        Ok(point) => (all[..point].to_owned(), &all[point..]),
        Err(_) => (String::new(), all.as_str()),
    };
    let before = before.trim_start_matches('0');
    let sign = if before.is_empty() { "" } else { sign };
    let before = if before.is_empty() { "0" } else { before };
    after.bytes().all(|digit| digit == b'0').then(|| format!("{sign}{before}"))
}

/// Reads a text as the fields of an input are read, so that both take the same forms.
fn read_by_domain(text: &str, read: impl FnOnce(&mut Fields<'_>) -> bool) -> Result<(), Misfit> {
    let value = json!({"value": text});
    let mut fields = Fields::new(&value, Naming::CamelCase);
    // A blank text may count as absent, which is no fault.
    let _is_there = read(&mut fields);
    match fields.finish().err().and_then(|faults| faults.into_iter().next()) {
        Some(fault) => Err(Misfit(fault.code, fault.message)),
        None => Ok(()),
    }
}

fn time_zone(name: &str) -> Result<(), Misfit> {
    TimeZone::parse(Value::String(name.to_owned())).map(drop).map_err(|error| {
        let message = error.into_server_error(Pos::default()).message;
        // Behind async-graphql's own `Failed to parse "TimeZone": `.
        let message = message.split_once("\": ").map_or(message.as_str(), |(_, cause)| cause);
        Misfit(FieldErrorCode::Format, format!("is refused: {message}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::roots::catalog;

    #[test]
    fn each_scalar_of_the_schema_refuses_what_is_of_another_kind() {
        let wrong = [Value::from_json(json!({"a": 1})).unwrap(), Value::List(vec![]), Value::Boolean(true)];
        for scalar in catalog::scalars() {
            let refused = wrong.iter().filter(|value| check(scalar, *value).is_err()).count();
            assert_eq!(refused, if scalar == "Boolean" { 2 } else { 3 }, "{scalar}");
        }
    }

    #[test]
    fn a_whole_number_is_whole_however_json_spells_it() {
        for (text, expected) in [
            ("2", Some("2")),
            ("-2.0", Some("-2")),
            ("2e0", Some("2")),
            ("0.2E1", Some("2")),
            ("120e-1", Some("12")),
            ("1e3", Some("1000")),
            ("-0.0", Some("0")),
            ("2.5", None),
            ("25e-2", None),
            ("1e-1", None),
            ("1e400", None),
            ("2.00000000000000000001", None),
        ] {
            assert_eq!(digits(text).as_deref(), expected, "{text}");
        }
    }
}
