//! Money, exact: a whole number of ten-thousandths, so sums are integer sums on every database.

use std::fmt;

use thiserror::Error;

use crate::error::FieldErrorCode;

const SCALE: u32 = 4;

/// An amount of at least zero, with at most four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(i64);

/// Why an amount is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoneyProblem {
    /// Not a decimal number at all.
    #[error("must be a decimal number such as 125000 or \"125000.50\"")]
    Malformed,
    /// Below zero.
    #[error("must not be negative")]
    Negative,
    /// More than four decimals: rounding would change what the partner meant.
    #[error("must have at most 4 decimals")]
    TooPrecise,
    /// Over what it may be.
    #[error("must be at most {0}")]
    TooLarge(Money),
}

impl MoneyProblem {
    /// The code of the field error.
    #[must_use]
    pub const fn code(self) -> FieldErrorCode {
        match self {
            Self::Malformed => FieldErrorCode::Format,
            Self::Negative | Self::TooLarge(_) => FieldErrorCode::Range,
            Self::TooPrecise => FieldErrorCode::Precision,
        }
    }
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest unit price: 9,999,999,999.9999.
    pub const MAX_UNIT_PRICE: Self = Self(99_999_999_999_999);
    /// The largest total of an order: 9,999,999,999,999.9999.
    pub const MAX_TOTAL: Self = Self(99_999_999_999_999_999);

    /// What [`Money::parse`] reads as an amount up to this one, which must be of nines, and a blank text, which is none (ECMA-262).
    #[must_use]
    pub fn pattern(self) -> String {
        let digits = (self.0 / 10_000).to_string().len();
        format!(r"^\s*(0*[0-9]{{1,{digits}}}(\.[0-9]{{1,4}}0*)?)?\s*$")
    }

    /// Reads an amount written as plain decimal text: digits, and a point with digits if it has a fraction.
    pub fn parse(text: &str, max: Self) -> Result<Self, MoneyProblem> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').map_or((unsigned, None), |(w, f)| (w, Some(f)));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !fraction.is_none_or(digits) {
            return Err(MoneyProblem::Malformed);
        }
        // Zeros at either end change nothing and must not use up the digits the decimal type has.
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.unwrap_or_default().trim_end_matches('0');
        if unsigned.len() < text.len() && !(whole.is_empty() && fraction.is_empty()) {
            return Err(MoneyProblem::Negative);
        }
        if fraction.len() > SCALE as usize {
            return Err(MoneyProblem::TooPrecise);
        }
        let scaled = format!("{whole}{fraction:0<4}");
        let amount = scaled.parse().map(Self).map_err(|_| MoneyProblem::TooLarge(max))?;
        if amount > max { Err(MoneyProblem::TooLarge(max)) } else { Ok(amount) }
    }

    /// Reads an amount written as a JSON number, which may have an exponent.
    pub fn parse_number(text: &str, max: Self) -> Result<Self, MoneyProblem> {
        let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return Self::parse(text, max) };
        let (sign, unsigned) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        if digits.bytes().all(|digit| digit == b'0') {
            return Ok(Self::ZERO);
        }
        // No amount in range needs more; a longer one is refused before it is written out.
        let exponent = match exponent.parse::<i32>() {
            Ok(exponent) if exponent > 1000 => return Err(MoneyProblem::TooLarge(max)),
            Ok(exponent) if exponent < -1000 => return Err(MoneyProblem::TooPrecise),
            Ok(exponent) => exponent,
            Err(_) if exponent.starts_with('-') => return Err(MoneyProblem::TooPrecise),
            Err(_) => return Err(MoneyProblem::TooLarge(max)),
        };
        let point = i32::try_from(whole.len()).unwrap_or(i32::MAX).saturating_add(exponent);
        let plain = match usize::try_from(point) {
            Ok(0) | Err(_) => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
            Ok(point) if point >= digits.len() => format!("{digits:0<point$}"),
            Ok(point) => format!("{}.{}", &digits[..point], &digits[point..]),
        };
        Self::parse(&format!("{sign}{plain}"), max)
    }

    /// From the stored number of ten-thousandths.
    #[must_use]
    pub const fn from_ten_thousandths(amount: i64) -> Self {
        Self(amount)
    }

    /// As many times this amount, if it can be told.
    #[must_use]
    pub fn times(self, quantity: i64) -> Option<Self> {
        self.0.checked_mul(quantity).map(Self)
    }

    /// The number of ten-thousandths, as stored.
    #[must_use]
    pub const fn ten_thousandths(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Money {
    /// The shortest exact decimal: `125000`, `0.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_ten_thousandths(i128::from(self.0), f)
    }
}

/// Writes a number of ten-thousandths as the shortest exact decimal.
pub(super) fn fmt_ten_thousandths(amount: i128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let sign = if amount < 0 { "-" } else { "" };
    let (whole, fraction) = (amount.unsigned_abs() / 10_000, amount.unsigned_abs() % 10_000);
    match fraction {
        0 => write!(f, "{sign}{whole}"),
        _ => write!(f, "{sign}{whole}.{}", format!("{fraction:04}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_kept_to_the_last_of_four_decimals() {
        for (text, shown) in [
            ("125000", "125000"),
            ("0", "0"),
            ("-0", "0"),
            ("0.1", "0.1"),
            ("000012.3400", "12.34"),
            ("9999999999.9999", "9999999999.9999"),
            ("0.0001", "0.0001"),
        ] {
            assert_eq!(
                Money::parse(text, Money::MAX_UNIT_PRICE).map(|m| m.to_string()),
                Ok(shown.to_owned()),
                "{text}"
            );
        }
        for (text, shown) in [
            ("1.25e5", "125000"),
            ("1E2", "100"),
            ("1.5e+3", "1500"),
            ("125e-2", "1.25"),
            ("1e-4", "0.0001"),
            ("0.5e1", "5"),
            ("0e999999999999", "0"),
            ("0.10", "0.1"),
        ] {
            assert_eq!(
                Money::parse_number(text, Money::MAX_UNIT_PRICE).map(|m| m.to_string()),
                Ok(shown.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_price_that_would_be_changed_is_refused() {
        use MoneyProblem::{Malformed, Negative, TooLarge, TooPrecise};
        for (text, problem) in [
            ("", Malformed),
            ("1,5", Malformed),
            ("1_000", Malformed),
            ("+1", Malformed),
            (".5", Malformed),
            ("5.", Malformed),
            ("1e3", Malformed),
            ("NaN", Malformed),
            ("-1", Negative),
            ("-0.0001", Negative),
            ("0.00001", TooPrecise),
            ("0.10000000000000001", TooPrecise),
            ("10000000000", TooLarge(Money::MAX_UNIT_PRICE)),
            ("99999999999999999999999999999999999999", TooLarge(Money::MAX_UNIT_PRICE)),
        ] {
            assert_eq!(Money::parse(text, Money::MAX_UNIT_PRICE), Err(problem), "{text}");
        }
        for text in [
            "1e999999999",
            "1e-999999999",
            "1e99999999999999999999",
            "-1e5",
            "1e-5",
            "1.00000000000000000000000000000000001e0",
        ] {
            assert!(Money::parse_number(text, Money::MAX_UNIT_PRICE).is_err(), "{text}");
        }
    }

    #[test]
    fn an_amount_may_be_as_large_as_the_total_of_an_order() {
        let read = |text: &str| Money::parse(text, Money::MAX_TOTAL);
        assert_eq!(read("9999999999999.9999"), Ok(Money::MAX_TOTAL));
        assert_eq!(read("10000000000000"), Err(MoneyProblem::TooLarge(Money::MAX_TOTAL)));
        assert_eq!(MoneyProblem::TooLarge(Money::MAX_TOTAL).to_string(), "must be at most 9999999999999.9999");
        assert_eq!(
            Money::parse_number("1e12", Money::MAX_TOTAL).map(|amount| amount.to_string()),
            Ok("1000000000000".to_owned())
        );
        assert_eq!(Money::MAX_TOTAL.pattern(), r"^\s*(0*[0-9]{1,13}(\.[0-9]{1,4}0*)?)?\s*$");
    }
}
