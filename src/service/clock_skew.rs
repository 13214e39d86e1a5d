//! Whether this instance's clock is right: it stamps orders, and it tells whether timestamps and tokens are fresh. The clock
//! that all instances can compare theirs with is the database's.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::{Instant, interval};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::error::{AppError, ErrorCode};
use crate::store::{ClockReading, Store};

/// How often the clocks are compared when nobody asks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// So long a comparison counts for whoever asks.
const FRESH: Duration = Duration::from_secs(1);

/// When to ask again an instance whose clock is wrong.
const RETRY: Duration = Duration::from_secs(5);

/// Compares this instance's clock with the database's.
pub struct ClockSkew {
    store: Store,
    clock: Clock,
    /// How far they may be apart; zero: however far.
    bound: Duration,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    compared: Option<Instant>,
    skew: TimeDelta,
    is_over: bool,
}

impl ClockSkew {
    /// Compares nothing yet.
    #[must_use]
    pub fn new(store: &Store, clock: &Clock, bound: Duration) -> Self {
        Self { store: store.clone(), clock: clock.clone(), bound, known: Mutex::default() }
    }

    /// This instance's clock.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Compares the clocks again and again.
    pub async fn watch(&self) {
        let mut ticks = interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            // A database that is away is in the log already, and readiness tells of it.
            let _ = self.store.in_time(self.compare()).await;
        }
    }

    /// Compares the clocks, unless that was done a moment ago.
    pub async fn compare(&self) -> Result<(), AppError> {
        if self.known().compared.is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(());
        }
        let reading = self.store.read_clock(&self.clock).await?;
        let mut known = self.known();
        known.compared = Some(Instant::now());
        let Some(reading) = reading else { return Ok(()) };
        let (skew, uncertainty) = skew(&reading);
        let was_over = known.is_over;
        known.is_over = is_over(self.bound, skew, uncertainty);
        known.skew = skew;
        if known.is_over != was_over {
            self.tell(&known);
        }
        Ok(())
    }

    /// Fails while the clocks are further apart than they may be.
    pub fn ensure_right(&self) -> Result<(), AppError> {
        let known = self.known();
        if !known.is_over {
            return Ok(());
        }
        let seconds = seconds(known.skew);
        let message = format!(
            "This instance's clock is {:.3} s {} the database's, and database.max_clock_skew allows {}; synchronise the \
             clocks of both machines (NTP)",
            seconds.abs(),
            if seconds < 0.0 { "ahead of" } else { "behind" },
            humantime::format_duration(self.bound),
        );
        let error = AppError::new(ErrorCode::ClockSkew, message);
        Err(error.detail("clock_skew_seconds", seconds).retry_after(RETRY))
    }

    /// Fails where this instance's clock is known to be wrong: a timestamp that is not fresh by it may be the right one for
    /// another instance.
    pub fn ensure_can_judge(&self) -> Result<(), AppError> {
        if !self.known().is_over {
            return Ok(());
        }
        let message = "This instance's clock is wrong, so it cannot tell whether X-TIMESTAMP is fresh; send the same request \
                       again shortly";
        Err(AppError::new(ErrorCode::ClockSkew, message).retry_after(RETRY))
    }

    /// The database's clock minus this instance's, in seconds; 0 on SQLite.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        seconds(self.known().skew)
    }

    fn tell(&self, known: &Known) {
        let (skew_seconds, max_seconds) = (seconds(known.skew), self.bound.as_secs_f64());
        if known.is_over {
            warn!(
                skew_seconds,
                max_seconds,
                "this instance's clock and the database's differ by more than database.max_clock_skew: not ready until both \
                 machines are synchronised (NTP)"
            );
        } else {
            info!(skew_seconds, max_seconds, "this instance's clock and the database's agree again");
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The database's clock minus ours, and how far that may be wrong: the answer was on its way for an unknown part of the
/// round trip.
fn skew(reading: &ClockReading) -> (TimeDelta, TimeDelta) {
    let ClockReading { theirs, before, after, round_trip } = *reading;
    let round_trip = TimeDelta::from_std(round_trip).unwrap_or(TimeDelta::MAX);
    // A clock that was set meanwhile took part of the difference. It is set now, so its end of the round trip counts; put
    // forward, it makes the reading uncertain by as much.
    let uncertainty = round_trip.max(after - before) / 2;
    (theirs - after + uncertainty, uncertainty)
}

/// Whether the clocks are further apart than they may be, whatever part of the round trip was the answer's.
fn is_over(bound: Duration, skew: TimeDelta, uncertainty: TimeDelta) -> bool {
    let bound = TimeDelta::from_std(bound).unwrap_or(TimeDelta::MAX);
    !bound.is_zero() && skew.abs() - uncertainty > bound
}

#[expect(clippy::cast_precision_loss, reason = "exact for 285 years")]
fn seconds(skew: TimeDelta) -> f64 {
    skew.num_microseconds().unwrap_or(i64::MAX) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_795_441_036_000 + millis).unwrap()
    }

    fn of(theirs: i64, before: i64, after: i64, round_trip: u64) -> (i64, i64) {
        let round_trip = Duration::from_millis(round_trip);
        let (skew, uncertainty) =
            skew(&ClockReading { theirs: at(theirs), before: at(before), after: at(after), round_trip });
        (skew.num_milliseconds(), uncertainty.num_milliseconds())
    }

    #[test]
    fn half_of_the_round_trip_is_the_answers_and_as_much_is_uncertain() {
        assert_eq!(of(5, 0, 10, 10), (0, 5));
        assert_eq!(of(2_000, 0, 3_000, 3_000), (500, 1_500), "a slow database");
        assert_eq!(of(-7_200_000, 0, 0, 0), (-7_200_000, 0));
    }

    #[test]
    fn a_clock_that_is_set_while_the_database_is_asked_is_wrong_by_nothing() {
        let hour = 3_600_000;
        let (skew, uncertainty) = of(0, -hour, 10, 10);
        assert!(skew.abs() <= uncertainty, "put forward to the right time: {skew}");
        assert_eq!(of(5, hour, 10, 10), (0, 5), "put back to the right time");
    }

    #[test]
    fn a_skew_is_over_the_bound_only_when_it_is_so_for_sure() {
        let is_over = |skew, uncertainty| {
            let [skew, uncertainty] = [skew, uncertainty].map(TimeDelta::milliseconds);
            super::is_over(Duration::from_secs(1), skew, uncertainty)
        };
        assert!(!is_over(1_000, 0) && is_over(1_001, 0) && is_over(-1_001, 0));
        assert!(!is_over(1_500, 500) && is_over(1_501, 500) && is_over(-1_501, 500));
        let hours = TimeDelta::hours(2);
        assert!(!super::is_over(Duration::ZERO, hours, TimeDelta::zero()), "no bound");
        assert!(!super::is_over(Duration::MAX, hours, TimeDelta::zero()));
    }
}
