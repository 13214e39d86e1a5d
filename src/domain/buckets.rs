//! Cuts a span of time into hours, days, weeks or months of a time zone.
//!
//! A day has 23 or 25 hours where clocks are put forward or back, so buckets are spans between instants and never a
//! number of seconds.

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveTime, Offset as _, TimeDelta, TimeZone as _, Utc};

use super::zone::Zone;

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// One hour on the clock. An hour that comes twice makes two buckets.
    Hour,
    /// One calendar day.
    Day,
    /// Monday to Sunday (ISO 8601).
    Week,
    /// One calendar month.
    Month,
}

/// One bucket: from `from` until just before `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its start.
    pub from: DateTime<Utc>,
    /// Its end, which belongs to the next one.
    pub to: DateTime<Utc>,
    /// Its start in local time: `2026-11-23`, or `2026-11-23T14:00`, with the offset
    /// where the hour comes twice.
    pub label: String,
}

/// The span takes more buckets than were allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// The buckets that cover everything from `from` until just before `to`, at most `most` of them.
pub fn cut(
    unit: Unit,
    zone: Zone,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    most: usize,
) -> Result<Vec<Bucket>, TooMany> {
    let mut buckets = Vec::new();
    let mut start = start_of(unit, zone, from);
    while start < to {
        if buckets.len() == most {
            return Err(TooMany);
        }
        let end = end_of(unit, zone, start);
        buckets.push(Bucket { from: start, to: end, label: label(unit, zone, start) });
        start = end;
    }
    Ok(buckets)
}

fn start_of(unit: Unit, zone: Zone, instant: DateTime<Utc>) -> DateTime<Utc> {
    let date = instant.with_timezone(&zone).date_naive();
    match first_date(unit, date) {
        Some(first) => start_of_day(zone, first),
        // From midnight on, hour by hour: the last start that is not behind the instant.
        None => {
            let mut start = start_of_day(zone, date);
            loop {
                let next = end_of(unit, zone, start);
                if next > instant {
                    return start;
                }
                start = next;
            }
        }
    }
}

/// The date a bucket that holds this date begins at; an hour begins at no date.
fn first_date(unit: Unit, date: NaiveDate) -> Option<NaiveDate> {
    match unit {
        Unit::Hour => None,
        Unit::Day => Some(date),
        Unit::Week => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into())),
        Unit::Month => date.with_day(1),
    }
}

fn end_of(unit: Unit, zone: Zone, start: DateTime<Utc>) -> DateTime<Utc> {
    let date = start.with_timezone(&zone).date_naive();
    let next = match unit {
        Unit::Hour => return end_of_hour(zone, start),
        Unit::Day => date.checked_add_days(Days::new(1)),
        Unit::Week => date.checked_add_days(Days::new(7)),
        Unit::Month => date.checked_add_months(Months::new(1)),
    };
    // The calendar ends 262,000 years from now.
    next.map_or(DateTime::<Utc>::MAX_UTC, |next| start_of_day(zone, next)).max(start + TimeDelta::minutes(1))
}

/// The first instant of a date. Where clocks jump over midnight that is the instant they jump.
fn start_of_day(zone: Zone, date: NaiveDate) -> DateTime<Utc> {
    let midnight = date.and_time(NaiveTime::MIN);
    if let Some(start) = zone.from_local_datetime(&midnight).earliest() {
        return start.to_utc();
    }
    // No clock there ever showed this midnight: the instant when the clocks jumped, which is where the offset changes.
    let (early, late) = (midnight.and_utc() - TimeDelta::days(2), midnight.and_utc() + TimeDelta::days(2));
    change_of_offset(zone, early, late).unwrap_or(midnight.and_utc())
}

/// The next full hour on the clock, or the instant before it at which the clocks are changed.
fn end_of_hour(zone: Zone, start: DateTime<Utc>) -> DateTime<Utc> {
    let local = start.with_timezone(&zone).naive_local();
    let into_hour = local.and_utc().timestamp_micros().rem_euclid(3_600_000_000);
    let end = start + TimeDelta::microseconds(3_600_000_000 - into_hour);
    change_of_offset(zone, start, end).unwrap_or(end)
}

/// The instant between two, both less than one change apart, at which the offset changes, if it does.
fn change_of_offset(zone: Zone, mut before: DateTime<Utc>, mut after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let offset = |instant: DateTime<Utc>| zone.offset_from_utc_datetime(&instant.naive_utc()).fix();
    let first = offset(before);
    if offset(after) == first {
        return None;
    }
    while after - before > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if offset(middle) == first { before = middle } else { after = middle }
    }
    Some(after)
}

fn label(unit: Unit, zone: Zone, start: DateTime<Utc>) -> String {
    let local = start.with_timezone(&zone);
    if unit != Unit::Hour {
        return local.format("%Y-%m-%d").to_string();
    }
    let comes_twice = zone.from_local_datetime(&local.naive_local()).single().is_none();
    local.format(if comes_twice { "%Y-%m-%dT%H:%M%:z" } else { "%Y-%m-%dT%H:%M" }).to_string()
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Africa, America, Asia, Australia, Europe, Pacific, Tz};

    use super::*;

    fn cut_all(unit: Unit, zone: Tz, from: &str, to: &str) -> Vec<Bucket> {
        cut(unit, Zone::Named(zone), from.parse().unwrap(), to.parse().unwrap(), 100).unwrap()
    }

    fn labels(unit: Unit, zone: Tz, from: &str, to: &str) -> Vec<String> {
        cut_all(unit, zone, from, to).into_iter().map(|bucket| bucket.label).collect()
    }

    #[test]
    fn a_day_in_jakarta_begins_at_five_in_the_afternoon_of_utc() {
        let days = cut_all(Unit::Day, Asia::Jakarta, "2026-11-23T16:59:59Z", "2026-11-23T17:00:01Z");
        let starts: Vec<_> = days.iter().map(|day| day.from.to_rfc3339()).collect();
        assert_eq!(starts, ["2026-11-22T17:00:00+00:00", "2026-11-23T17:00:00+00:00"]);
        assert_eq!(days[0].label, "2026-11-23");
    }

    #[test]
    fn buckets_touch_each_other_and_cover_the_span_in_every_zone_of_the_world() {
        let (from, to) = ("2024-10-25T03:04:05Z".parse().unwrap(), "2024-11-06T01:00:00Z".parse().unwrap());
        for zone in chrono_tz::TZ_VARIANTS {
            for unit in [Unit::Hour, Unit::Day, Unit::Week, Unit::Month] {
                let buckets = cut(unit, Zone::Named(zone), from, to, 500).unwrap();
                assert!(buckets[0].from <= from && buckets.last().unwrap().to >= to, "{zone} {unit:?}");
                assert!(buckets[0].to > from && buckets.last().unwrap().from < to, "{zone} {unit:?}");
                assert!(buckets.windows(2).all(|pair| pair[0].to == pair[1].from), "{zone} {unit:?}");
                assert!(buckets.windows(2).all(|pair| pair[0].label != pair[1].label), "{zone} {unit:?}");
                assert!(buckets.iter().all(|bucket| bucket.from < bucket.to), "{zone} {unit:?}");
            }
        }
    }

    #[test]
    fn a_day_has_the_hours_its_clocks_show() {
        let hours = |from, to| {
            let day = &cut_all(Unit::Day, Europe::Amsterdam, from, to)[0];
            (day.to - day.from).num_hours()
        };
        assert_eq!(hours("2026-03-29T12:00:00Z", "2026-03-29T13:00:00Z"), 23);
        assert_eq!(hours("2026-10-25T12:00:00Z", "2026-10-25T13:00:00Z"), 25);
    }

    #[test]
    fn an_hour_that_comes_twice_makes_two_buckets_told_apart_by_their_offset() {
        let autumn = labels(Unit::Hour, Europe::Amsterdam, "2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z");
        let expected = ["2026-10-25T01:00", "2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00"];
        assert_eq!(autumn, expected);
        let spring = labels(Unit::Hour, Europe::Amsterdam, "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z");
        assert_eq!(spring, ["2026-03-29T01:00", "2026-03-29T03:00"]);
    }

    #[test]
    fn clocks_that_change_by_half_an_hour_or_off_the_hour_make_short_hours() {
        // Lord Howe puts its clocks forward from 02:00 to 02:30.
        let spring = labels(Unit::Hour, Australia::Lord_Howe, "2026-10-03T15:00:00Z", "2026-10-03T16:10:00Z");
        assert_eq!(spring, ["2026-10-04T01:00", "2026-10-04T02:30", "2026-10-04T03:00"]);
        let nepal = labels(Unit::Hour, Asia::Kathmandu, "2026-11-23T00:00:00Z", "2026-11-23T00:30:00Z");
        assert_eq!(nepal, ["2026-11-23T05:00", "2026-11-23T06:00"]);
    }

    #[test]
    fn a_day_whose_midnight_no_clock_shows_begins_when_the_clocks_jump() {
        let cairo = &cut_all(Unit::Day, Africa::Cairo, "2026-04-24T12:00:00Z", "2026-04-24T13:00:00Z")[0];
        assert_eq!(cairo.from.to_rfc3339(), "2026-04-23T22:00:00+00:00");
        assert_eq!((cairo.to - cairo.from).num_hours(), 23);
        // Samoa went from the 29th straight to the 31st of December 2011.
        let samoa = labels(Unit::Day, Pacific::Apia, "2011-12-29T20:00:00Z", "2011-12-31T20:00:00Z");
        assert_eq!(samoa, ["2011-12-29", "2011-12-31", "2012-01-01"]);
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let weeks = labels(Unit::Week, Asia::Jakarta, "2026-12-31T00:00:00Z", "2027-01-05T00:00:00Z");
        assert_eq!(weeks, ["2026-12-28", "2027-01-04"]);
        let months = labels(Unit::Month, America::New_York, "2026-01-31T23:00:00Z", "2026-03-01T06:00:00Z");
        assert_eq!(months, ["2026-01-01", "2026-02-01", "2026-03-01"]);
    }

    #[test]
    fn more_buckets_than_allowed_are_refused() {
        let cut = |most| {
            cut(Unit::Day, Zone::Named(Tz::UTC), DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(3), most)
        };
        assert_eq!(cut(3).unwrap().len(), 3);
        assert_eq!(cut(2), Err(TooMany));
    }
}
