//! Time and randomness, injected, so that a test can hold both still.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

/// Where the service reads the time: whole microseconds, the precision every store keeps.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    uptime: Arc<dyn Fn() -> Duration + Send + Sync>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        let start = Instant::now();
        #[expect(clippy::disallowed_methods, reason = "nothing else reads the machine's clock")]
        Self { now: Arc::new(Utc::now), uptime: Arc::new(move || start.elapsed()) }
    }

    /// A clock of the caller's making, which never goes back.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        let now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync> = Arc::new(now);
        let (uptime, start) = (Arc::clone(&now), now());
        Self { now, uptime: Arc::new(move || uptime().signed_duration_since(start).to_std().unwrap_or_default()) }
    }

    /// The present instant, cut to microseconds.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let now = (self.now)();
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    /// How long the clock has been running. Unlike [`Clock::now`] it never goes back when the machine's time is set, so
    /// whoever waits for something cannot wait for ever.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        (self.uptime)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Unpredictable bytes from the operating system.
///
/// # Panics
/// When the operating system has no randomness to give; nothing this service does is safe without it.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "there is no safe way to go on without randomness")]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
