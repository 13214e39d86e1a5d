//! `X-TIMESTAMP`: reading it and judging its age.
//!
//! The signature covers the header's raw text, so several spellings of one instant are harmless; freshness compares
//! instants.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::hint::Hint;

/// Why a timestamp cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampProblem {
    /// Unix time in milliseconds.
    Milliseconds,
    /// Unix time in microseconds.
    Microseconds,
    /// Unix time in nanoseconds.
    Nanoseconds,
    /// A date and time of day that does not say in which time zone.
    WithoutOffset,
    /// Anything else.
    Unreadable,
}

impl TimestampProblem {
    /// The hint that names the problem to the client.
    #[must_use]
    pub const fn hint(self) -> Hint {
        match self {
            Self::Milliseconds => Hint::MillisecondsNotSeconds,
            Self::Microseconds => Hint::MicrosecondsNotSeconds,
            Self::Nanoseconds => Hint::NanosecondsNotSeconds,
            Self::WithoutOffset => Hint::TimestampWithoutOffset,
            Self::Unreadable => Hint::TimestampUnreadable,
        }
    }
}

/// Reads a timestamp: unix seconds (1 to 11 digits) or ISO 8601 with an offset.
///
/// Finer units are told apart by their number of digits, which holds from 2001 to 5138 and so for every clock in use.
pub fn parse(raw: &str) -> Result<DateTime<Utc>, TimestampProblem> {
    if !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return match raw.len() {
            1..=11 => raw
                .parse()
                .ok()
                .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
                .ok_or(TimestampProblem::Unreadable),
            12..=14 => Err(TimestampProblem::Milliseconds),
            15..=17 => Err(TimestampProblem::Microseconds),
            18..=20 => Err(TimestampProblem::Nanoseconds),
            _ => Err(TimestampProblem::Unreadable),
        };
    }
    parse_iso(raw)
}

fn parse_iso(raw: &str) -> Result<DateTime<Utc>, TimestampProblem> {
    // chrono is more lenient than the standard (signed years, white space), so the outline is checked first.
    let date_outline = |(index, byte): (usize, u8)| match index {
        4 | 7 => byte == b'-',
        10 => matches!(byte, b'T' | b't' | b' '),
        _ => byte.is_ascii_digit(),
    };
    let is_date = raw.len() > 11 && raw.bytes().take(11).enumerate().all(date_outline);
    if !raw.is_ascii() || raw.len() > 40 || !is_date {
        return Err(TimestampProblem::Unreadable);
    }
    if !raw.contains(char::is_whitespace) && has_plain_offset(raw) {
        // The second form takes offsets without a colon (`+0700`, `+07`), which RFC 3339 lacks and ISO 8601 has.
        let parsed =
            DateTime::parse_from_rfc3339(raw).or_else(|_| DateTime::parse_from_str(raw, "%Y-%m-%dT%H:%M:%S%.f%#z"));
        if let Ok(instant) = parsed {
            return Ok(instant.to_utc());
        }
    }
    let without_offset = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .any(|format| NaiveDateTime::parse_from_str(raw, format).is_ok());
    Err(if without_offset { TimestampProblem::WithoutOffset } else { TimestampProblem::Unreadable })
}

/// Whether the text ends in `Z`, `±hh`, `±hhmm` or `±hh:mm`. chrono takes colons more freely (`+07:`), and where a key follows
/// the timestamp in a signed text, a colon more or less would make it another one's.
fn has_plain_offset(raw: &str) -> bool {
    let Some(time) = raw.get(11..) else { return false };
    let Some(sign) = time.find(['+', '-']) else { return time.ends_with(['Z', 'z']) };
    match time.as_bytes().get(sign + 1..).unwrap_or_default() {
        [hours @ .., b':', tens, ones] if hours.len() == 2 => hours.iter().chain([tens, ones]).all(u8::is_ascii_digit),
        digits => matches!(digits.len(), 2 | 4) && digits.iter().all(u8::is_ascii_digit),
    }
}

/// Accepts an instant at most `tolerance` before or after `now`, to the very microsecond.
///
/// Fails with the skew in seconds (positive when the client is ahead), rounded away from zero so that a refused skew
/// never reads like an allowed one.
pub fn check_fresh(instant: DateTime<Utc>, now: DateTime<Utc>, tolerance: Duration) -> Result<(), i64> {
    let skew = instant.signed_duration_since(now);
    let tolerance = TimeDelta::from_std(tolerance).unwrap_or(TimeDelta::MAX);
    if skew.abs() <= tolerance {
        return Ok(());
    }
    let fraction = i64::from(skew.subsec_nanos().signum());
    Err(skew.num_seconds().saturating_add(fraction))
}

/// How far the client's instant is from `now` in whole seconds, positive when the client is ahead.
#[must_use]
pub fn skew_seconds(instant: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    instant.signed_duration_since(now).num_seconds()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(raw: &str) -> i64 {
        parse(raw).unwrap().timestamp()
    }

    #[test]
    fn unix_seconds_are_read() {
        assert_eq!(seconds("1795441036"), 1_795_441_036);
        assert_eq!(seconds("0"), 0);
        assert_eq!(seconds("99999999999"), 99_999_999_999);
    }

    #[test]
    fn iso_8601_with_any_offset_is_the_same_instant() {
        for raw in [
            "2026-11-23T20:37:16+07:00",
            "2026-11-23T13:37:16Z",
            "2026-11-23t13:37:16z",
            "2026-11-23T13:37:16.000Z",
            "2026-11-23T13:37:16-00:00",
            "2026-11-23T20:37:16+0700",
            "2026-11-23T20:37:16.000000+07",
        ] {
            assert_eq!(seconds(raw), 1_795_441_036, "{raw}");
        }
        assert_eq!(parse("2026-11-23T13:37:16.5Z").unwrap().timestamp_subsec_millis(), 500);
    }

    #[test]
    fn finer_units_are_named() {
        assert_eq!(parse("1795441036000"), Err(TimestampProblem::Milliseconds));
        assert_eq!(parse("1795441036000000"), Err(TimestampProblem::Microseconds));
        assert_eq!(parse("1795441036000000000"), Err(TimestampProblem::Nanoseconds));
        assert_eq!(parse("99999999999999999999"), Err(TimestampProblem::Nanoseconds));
    }

    #[test]
    fn a_time_without_offset_is_named() {
        for raw in ["2026-11-23T20:37:16", "2026-11-23 20:37:16", "2026-11-23T20:37:16.123456", "2026-11-23T20:37"] {
            assert_eq!(parse(raw), Err(TimestampProblem::WithoutOffset), "{raw}");
        }
    }

    #[test]
    fn anything_else_is_unreadable() {
        for raw in [
            "",
            " ",
            "+1795441036",
            "-1795441036",
            " 1795441036",
            "1795441036 ",
            "1795441036.5",
            "1.795e9",
            "now",
            "2026-11-23",
            "+2026-11-23T20:37:16Z",
            "2026-13-23T20:37:16Z",
            "2026-11-23T20:37:16 07:00",
            "2026-11-23 20:37:16+07:00",
            "2026-11-23T25:37:16Z",
            "2026-11-23T20:37:16+99:99",
            "2026-11-23T20:37:16+07:",
            "2026-11-23T20:37:16+:0700",
            "2026-11-23T20:37:16+07::00",
            "2026-11-23T20:37:16+0:700",
            "2026-11-23T20:37:16+070:0",
            "2026-11-23T20:37:16+07:00:",
            "2026-11-23T20:37:16+07:0",
            "2026-11-23T20:37:16:Z",
            "2026-11-23T20:37:16+7",
            "Mon, 23 Nov 2026 20:37:16 GMT",
            "١٧٩٥٤٤١٠٣٦",
            "123456789012345678901",
        ] {
            assert_eq!(parse(raw), Err(TimestampProblem::Unreadable), "{raw}");
        }
    }

    #[test]
    fn exactly_the_tolerance_away_is_still_fresh_and_a_microsecond_more_is_not() {
        let now = parse("2026-11-23T20:37:16+07:00").unwrap();
        let tolerance = Duration::from_mins(5);
        let away = TimeDelta::seconds(300);
        let more = away + TimeDelta::microseconds(1);
        assert_eq!(check_fresh(now, now, tolerance), Ok(()));
        assert_eq!(check_fresh(now + away, now, tolerance), Ok(()));
        assert_eq!(check_fresh(now - away, now, tolerance), Ok(()));
        assert_eq!(check_fresh(now + more, now, tolerance), Err(301));
        assert_eq!(check_fresh(now - more, now, tolerance), Err(-301));
        assert_eq!(check_fresh(now - TimeDelta::seconds(3600), now, tolerance), Err(-3600));
    }

    #[test]
    fn extreme_instants_and_tolerances_do_not_overflow() {
        let (min, max) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        assert!(check_fresh(min, max, Duration::ZERO).unwrap_err() < 0);
        assert!(check_fresh(max, min, Duration::ZERO).unwrap_err() > 0);
        assert_eq!(check_fresh(min, max, Duration::MAX), Ok(()));
    }

    #[test]
    fn only_plain_offsets_are_read_wherever_colons_stand() {
        let plain = |offset: &str| {
            let shape: String = offset.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            ["Z", "+00", "+0000", "+00:00", "-00", "-0000", "-00:00"].contains(&shape.as_str())
        };
        // Every text of up to seven characters of a sign, digits and colons.
        let mut offsets = vec!["+".to_owned(), "-".to_owned()];
        for _ in 0..6 {
            let longer = offsets.iter().flat_map(|offset| ['0', '1', ':'].map(|next| format!("{offset}{next}")));
            offsets = longer.chain(offsets.iter().cloned()).collect();
            offsets.sort_unstable();
            offsets.dedup();
        }
        offsets.push("Z".to_owned());
        for offset in offsets {
            let read = parse(&format!("2026-11-23T20:37:16{offset}"));
            assert_eq!(read.is_ok(), plain(&offset), "{offset}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        #[test]
        fn no_text_makes_reading_panic(text in "[0-9+:.TtZz é\\-\0]{0,45}") {
            let _ = parse(&text);
            let _ = parse(&format!("2026-11-23T{text}"));
        }
    }
}
