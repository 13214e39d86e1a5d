//! When an event that was not taken is sent again, and when an endpoint is left alone.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The pause before each attempt after the first one (Standard Webhooks 1.0.0, "Deliverability and reliability").
pub const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// How far a pause is from the one in the table, at most: events that failed together do not all come again together.
const JITTER: f64 = 0.2;

/// The longest pause that an answer may ask for with `Retry-After`.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// The pause after so many attempts, `None` after the last one. `chance` is a number from 0 to 1.
#[must_use]
pub fn pause_after(attempts: u32, chance: f64) -> Option<Duration> {
    let pause = PAUSES.get(usize::try_from(attempts.checked_sub(1)?).ok()?)?;
    let pause = pause.mul_f64(1.0 + JITTER * (2.0 * chance.clamp(0.0, 1.0) - 1.0));
    // What is stored and told is no finer than microseconds, and the event is due then.
    Some(Duration::from_millis(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)))
}

/// How long an endpoint rests that failed too often: so many rests in a row ended with a failure.
#[must_use]
pub fn rest_after(trips: u32) -> Duration {
    let longest = Duration::from_mins(10);
    Duration::from_secs(30).checked_mul(1 << trips.min(10)).map_or(longest, |rest| rest.min(longest))
}

/// Counts what becomes of the attempts at an endpoint, and says when there are too many failures.
#[derive(Debug, Default)]
pub struct Breaker {
    /// The beginning of each span, with how many of its attempts were taken and how many were not.
    spans: VecDeque<(DateTime<Utc>, u32, u32)>,
}

impl Breaker {
    /// How long an attempt counts.
    const WINDOW: TimeDelta = TimeDelta::minutes(5);
    /// Attempts are counted by spans of this length, so that the count of any number of them is as small.
    const SPAN: TimeDelta = TimeDelta::seconds(10);
    /// Of fewer attempts nothing follows.
    const FEWEST: u32 = 10;
    /// The part of the attempts, in percent, that fail before an endpoint rests.
    const PERCENT: u32 = 70;

    /// Notes an attempt; says whether the endpoint is to rest.
    pub fn note(&mut self, now: DateTime<Utc>, is_delivered: bool) -> bool {
        while self.spans.front().is_some_and(|(began, ..)| *began + Self::WINDOW <= now) {
            self.spans.pop_front();
        }
        if self.spans.back().is_none_or(|(began, ..)| *began + Self::SPAN <= now) {
            self.spans.push_back((now, 0, 0));
        }
        if let Some((_, delivered, failed)) = self.spans.back_mut() {
            *(if is_delivered { delivered } else { failed }) += 1;
        }
        let (delivered, failed) =
            self.spans.iter().fold((0, 0), |(all, none), (_, delivered, failed)| (all + delivered, none + failed));
        let all: u32 = delivered + failed;
        !is_delivered && all >= Self::FEWEST && failed * 100 >= all * Self::PERCENT
    }

    /// Forgets all attempts: the endpoint rested.
    pub fn reset(&mut self) {
        self.spans.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_sent_ten_times_within_three_days_and_some_hours() {
        let pauses: Vec<_> = (1..).map_while(|attempts| pause_after(attempts, 0.5)).collect();
        assert_eq!(pauses, PAUSES);
        assert_eq!(pauses.iter().sum::<Duration>(), Duration::from_secs((75 * 60 + 35) * 60 + 5));
        assert_eq!(pause_after(0, 0.5), None, "the first attempt waits for nothing");
        assert_eq!(pause_after(10, 0.5), None);
        for (chance, secs) in [(0.0, 240), (1.0, 360), (-1.0, 240), (2.0, 360)] {
            assert_eq!(pause_after(2, chance), Some(Duration::from_secs(secs)), "{chance}");
        }
    }

    #[test]
    fn the_rests_of_an_endpoint_double_up_to_ten_minutes() {
        let rests: Vec<_> = (0..7).map(|trips| rest_after(trips).as_secs()).collect();
        assert_eq!(rests, [30, 60, 120, 240, 480, 600, 600]);
        assert_eq!(rest_after(u32::MAX).as_secs(), 600);
    }

    #[test]
    fn an_endpoint_rests_when_seven_of_ten_attempts_of_five_minutes_fail_and_not_before() {
        let start = DateTime::UNIX_EPOCH;
        let at = |seconds| start + TimeDelta::seconds(seconds);
        let mut breaker = Breaker::default();
        for second in 0..9 {
            assert!(!breaker.note(at(second), false), "of nine nothing follows");
        }
        assert!(breaker.note(at(9), false));
        breaker.reset();
        for (second, is_delivered) in
            [true, true, true, true, false, false, false, false, false, false].into_iter().enumerate()
        {
            assert!(!breaker.note(at(i64::try_from(second).unwrap()), is_delivered), "six of ten");
        }
        // The four that were taken no longer count five minutes later.
        assert!(!breaker.note(at(299), false), "seven of eleven");
        for second in 310..319 {
            let rests = breaker.note(at(second), false);
            assert_eq!(rests, second == 318, "{second}: ten since");
        }
    }
}
