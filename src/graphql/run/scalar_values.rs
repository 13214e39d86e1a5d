//! Which values each scalar takes (GraphQL §3.5, and what the description of ours says).

use async_graphql::Number;
use serde_json::json;

use super::input_value::{InputValue, View};
use crate::domain::fields::{Fields, Naming};
use crate::domain::money::Money;
use crate::domain::zone::{NO_ZONE, Zone};
use crate::error::FieldErrorCode;

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
        ("ID", View::Number(number)) if is_whole(number) => Ok(()),
        ("ID", _) => of_type("a string or a whole number"),
        ("Int" | "Long" | "UnixTime", View::Number(number)) => integer(scalar, number),
        ("Int" | "Long" | "UnixTime", _) => of_type("a whole number"),
        ("Decimal", View::Text(text)) => {
            decimal(Money::parse(text.trim(), Money::MAX_TOTAL).is_ok() || is_decimal(text.trim()))
        }
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

fn integer(scalar: &str, number: &Number) -> Result<(), Misfit> {
    if !is_whole(number) {
        return Err(Misfit(FieldErrorCode::Type, "must be a whole number".to_owned()));
    }
    let (least, most) = if scalar == "Int" { (i32::MIN.into(), i32::MAX.into()) } else { (i64::MIN, i64::MAX) };
    match number.as_i64() {
        Some(integer) if (least..=most).contains(&integer) => Ok(()),
        _ => Err(Misfit(FieldErrorCode::Range, format!("must be from {least} to {most}"))),
    }
}

/// In a document `2.0` is no integer (GraphQL §2.9.1); in JSON it is one, and is read as `2`.
fn is_whole(number: &Number) -> bool {
    !number.to_string().contains(['.', 'e', 'E'])
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
    Zone::parse(name).map(drop).ok_or_else(|| Misfit(FieldErrorCode::Format, NO_ZONE.to_owned()))
}

#[cfg(test)]
mod tests {
    use async_graphql::Value;

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
}
