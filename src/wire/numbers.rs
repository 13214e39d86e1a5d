//! Whole numbers, however JSON writes them. `2`, `2.0` and `2e0` are one number (RFC 8259 §6, JSON Schema 2020-12 §6.1.1),
//! and languages whose only number is a float write it in any of these ways.

use serde_json::{Number, Value};

/// The most digits that are written out: more than any field has, and little more than an exponent is long.
const MOST_DIGITS: usize = 20;

/// Writes each whole number of a value without point and exponent.
pub fn write_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = whole(number.as_str()) {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_whole),
        Value::Object(members) => members.values_mut().for_each(write_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// A number in its shortest form, when it is written with a point or an exponent and is whole.
fn whole(text: &str) -> Option<Number> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (before, after) = match (mantissa.split_once('.'), exponent) {
        (Some(parts), _) => parts,
        (None, Some(_)) => (mantissa, ""),
        (None, None) => return None,
    };
    let (sign, before) = before.strip_prefix('-').map_or(("", before), |before| ("-", before));
    let digits = format!("{before}{after}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return "0".parse().ok();
    }
    let exponent: i64 = exponent.map_or(Some(0), |exponent| exponent.parse().ok())?;
    let zeros = i64::try_from(digits.len() - digits.trim_end_matches('0').len()).ok()?;
    let zeros = exponent.checked_sub(i64::try_from(after.len()).ok()?)?.checked_add(zeros)?;
    let zeros = usize::try_from(zeros).ok().filter(|zeros| significant.len().saturating_add(*zeros) <= MOST_DIGITS)?;
    format!("{sign}{significant}{}", "0".repeat(zeros)).parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut value = serde_json::from_str(text).unwrap();
        write_whole(&mut value);
        value.to_string()
    }

    #[test]
    fn a_whole_number_is_written_without_point_and_exponent() {
        for (text, expected) in [
            ("2.0", "2"),
            ("2.000", "2"),
            ("2e0", "2"),
            ("2E+0", "2"),
            ("20e-1", "2"),
            ("0.2e1", "2"),
            ("0.002E3", "2"),
            ("1.5e1", "15"),
            ("1e6", "1000000"),
            ("100.00e4", "1000000"),
            ("-3.0", "-3"),
            ("0.0", "0"),
            ("-0.0", "0"),
            ("0e99999999999999999999", "0"),
            ("[1.0,{\"a\":[2e0]}]", "[1,{\"a\":[2]}]"),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    #[test]
    fn every_other_number_stays_as_it_is() {
        for text in [
            "2",
            "-0",
            "2.5",
            "25e-1",
            "1e-1",
            "0.1",
            "1e21",
            "1e400",
            "1e-400",
            "1e99999999999999999999",
            "1.5e-99999999999999999999",
            "123456789012345678901234567890",
            "\"2.0\"",
            "true",
            "null",
        ] {
            // serde_json writes exponents with their sign.
            assert_eq!(written(text).replace("e+", "e"), text, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_number_changes_its_value(text in "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?") {
            let (before, after): (f64, f64) = (text.parse().unwrap(), written(&text).parse().unwrap());
            prop_assert_eq!(before.abs().to_bits(), after.abs().to_bits(), "{}", text);
        }
    }
}
