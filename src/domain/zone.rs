//! Time zones: those of the IANA database, whatever the case of their names, and plain offsets.

use std::fmt;

use chrono::{FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::instant;

/// What is said of a text that is no zone.
pub const NO_ZONE: &str =
    "is no time zone; use a name of the IANA database, such as Asia/Jakarta, or an offset, such as +07:00";

/// Where clocks show the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// A zone of the IANA database.
    Named(Tz),
    /// So far from UTC all the year.
    Fixed(FixedOffset),
}

/// The offset of a zone at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneOffset {
    zone: Zone,
    offset: FixedOffset,
}

impl Zone {
    /// Reads a name of the IANA database, or an offset: `+07:00`, `+0700`, `+07`, `UTC+7`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim();
        if let Some(known) = TZ_VARIANTS.iter().find(|known| known.name().eq_ignore_ascii_case(name)) {
            return Some(Self::Named(*known));
        }
        // Not of `GMT`, whose signs the database turns round (`Etc/GMT-7`). A `+` that nobody encoded came as a blank.
        let after_utc = text.trim_start().split_at_checked(3).filter(|(utc, _)| utc.eq_ignore_ascii_case("UTC"));
        let offset = after_utc.map_or(text, |(_, offset)| offset).trim_end().replace('\u{2212}', "-");
        let signed = offset.trim_start();
        let offset = if signed.starts_with(['+', '-']) { signed } else { &offset };
        if after_utc.is_some() && offset.eq_ignore_ascii_case("Z") {
            return None;
        }
        let offset = match offset.strip_prefix(['+', '-', ' ']).map(str::as_bytes) {
            Some([hour]) => format!("{}0{}", offset.strip_suffix(char::from(*hour))?, char::from(*hour)),
            _ => offset.to_owned(),
        };
        let offset = instant::plain_offset(&offset)?;
        Some(Self::Fixed(*instant::parse(&format!("2000-01-01T00:00:00{offset}"))?.offset()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(zone) => f.write_str(zone.name()),
            Self::Fixed(offset) => write!(f, "{offset}"),
        }
    }
}

impl Offset for ZoneOffset {
    fn fix(&self) -> FixedOffset {
        self.offset
    }
}

impl fmt::Display for ZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.offset)
    }
}

impl TimeZone for Zone {
    type Offset = ZoneOffset;

    fn from_offset(offset: &ZoneOffset) -> Self {
        offset.zone
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<ZoneOffset> {
        match self {
            Self::Named(zone) => zone.offset_from_local_date(local).map(|offset| self.with(offset.fix())),
            Self::Fixed(offset) => MappedLocalTime::Single(self.with(*offset)),
        }
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<ZoneOffset> {
        match self {
            Self::Named(zone) => zone.offset_from_local_datetime(local).map(|offset| self.with(offset.fix())),
            Self::Fixed(offset) => MappedLocalTime::Single(self.with(*offset)),
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> ZoneOffset {
        match self {
            Self::Named(zone) => self.with(zone.offset_from_utc_date(utc).fix()),
            Self::Fixed(offset) => self.with(*offset),
        }
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> ZoneOffset {
        match self {
            Self::Named(zone) => self.with(zone.offset_from_utc_datetime(utc).fix()),
            Self::Fixed(offset) => self.with(*offset),
        }
    }
}

impl Zone {
    const fn with(self, offset: FixedOffset) -> ZoneOffset {
        ZoneOffset { zone: self, offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_found_by_its_name_in_any_case() {
        for zone in TZ_VARIANTS {
            for name in [zone.name().to_owned(), zone.name().to_lowercase(), zone.name().to_uppercase()] {
                assert_eq!(Zone::parse(&name), Some(Zone::Named(zone)), "{name}");
            }
        }
        assert_eq!(Zone::parse(" Asia/Jakarta\n"), Some(Zone::Named(Tz::Asia__Jakarta)));
    }

    #[test]
    fn an_offset_is_a_zone() {
        for (hours, texts) in [
            (7, &["+07:00", "+0700", "+07", "+7", " 07:00", "UTC+7", "utc+07:00", "UTC+0700", " UTC 07:00"][..]),
            (-3, &["-03:00", "-0300", "-03", "-3", "\u{2212}03:00", "UTC-3"]),
            (0, &["+00:00", "-00:00", "UTC+0"]),
        ] {
            let zone = Zone::Fixed(FixedOffset::east_opt(hours * 3600).unwrap());
            for text in texts {
                assert_eq!(Zone::parse(text), Some(zone), "{text}");
            }
        }
        assert_eq!(Zone::parse("+05:45").unwrap().to_string(), "+05:45");
        assert_eq!(Zone::parse("Z"), Some(Zone::Fixed(FixedOffset::east_opt(0).unwrap())));
        for text in ["", "+", "UTC+", "+99:00", "07:00", "+07:00:00", "GMT+7x", "Mars/Olympus", "+é", "é+7"] {
            assert_eq!(Zone::parse(text), None, "{text}");
        }
    }
}
