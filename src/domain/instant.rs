//! Times as callers write them: RFC 3339, and what is common of ISO 8601 beside it.

use chrono::{DateTime, FixedOffset};

/// Reads a time with its offset: `2026-11-23T20:37:16+07:00`, with `Z`, `+0700` or `+07` as well, a blank for the `T`, a
/// comma for the point, and without seconds. A blank where the sign of the offset belongs is a `+`: that is what becomes
/// of a `+` in a query string that nobody encoded.
#[must_use]
pub fn parse(text: &str) -> Option<DateTime<FixedOffset>> {
    // The minus of typesetters, which ISO 8601 asks for.
    let text = text.trim().replace('\u{2212}', "-");
    let (date, rest) = text.split_at_checked("YYYY-MM-DD".len())?;
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let end = time.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ',')).unwrap_or(time.len());
    let (time, offset) = time.split_at(end);
    let seconds = if time.len() == "hh:mm".len() { ":00" } else { "" };
    let written = format!("{date}T{}{seconds}{}", time.replace(',', "."), plain_offset(offset)?);
    DateTime::parse_from_rfc3339(&written).ok()
}

/// An offset as RFC 3339 writes it.
pub(super) fn plain_offset(text: &str) -> Option<String> {
    let offset = text.trim_start();
    if offset.eq_ignore_ascii_case("Z") {
        return Some("Z".to_owned());
    }
    let (sign, digits) = match offset.strip_prefix(['+', '-']) {
        Some(digits) => (&offset[..1], digits),
        None if offset.len() < text.len() => ("+", offset),
        None => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        _ => digits.split_once(':')?,
    };
    let is_pair = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    (is_pair(hours) && is_pair(minutes)).then(|| format!("{sign}{hours}:{minutes}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_instant_is_read_however_it_is_written() {
        let instant = DateTime::parse_from_rfc3339("2026-11-23T20:37:00+07:00").unwrap();
        for text in [
            "2026-11-23T20:37:00+07:00",
            "2026-11-23T20:37:00+0700",
            "2026-11-23T20:37:00+07",
            "2026-11-23T20:37:00 07:00",
            "2026-11-23T20:37:00 0700",
            "2026-11-23T20:37:00 07",
            "2026-11-23T13:37:00Z",
            "2026-11-23t13:37:00z",
            "2026-11-23 13:37:00Z",
            "2026-11-23 20:37:00 +0700",
            "2026-11-23 20:37:00  07:00",
            "2026-11-23T20:37+07:00",
            "2026-11-23T13:37Z",
            "2026-11-23T20:37:00.000+07:00",
            "2026-11-23T20:37:00,000000+07:00",
            "2026-11-23T10:07:00-03:30",
            "2026-11-23T10:07:00\u{2212}0330",
            " 2026-11-23T13:37:00-00:00 ",
        ] {
            assert_eq!(parse(text), Some(instant), "{text}");
        }
    }

    #[test]
    fn what_names_no_instant_is_not_read() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T20:37:00",
            "2026-11-23 20:37:00",
            "2026-11-23T20:37:00+7",
            "2026-11-23T20:37:00+7:00",
            "2026-11-23T20:37:00+070",
            "2026-11-23T20:37:00+07:0",
            "2026-11-23T20:37:00+07:00:00",
            "2026-11-23T20:37:00+99:00",
            "2026-11-23T20:37:00++07:00",
            "2026-11-23T20:37:0007:00",
            "2026-11-23T20+07:00",
            "2026-11-23T25:37:00Z",
            "2026-13-23T20:37:00Z",
            "2026-11-23T20:37:00 WIB",
            "+2026-11-23T20:37:00Z",
            "1795441036",
            "today",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,45}", tail in "[0-9+:.,TtZz é\u{2212}\\-\0]{0,20}") {
            let _ = (parse(&text), parse(&format!("2026-11-23T{tail}")), parse(&format!("2026-11-23T20:37:00{tail}")));
        }
    }
}
