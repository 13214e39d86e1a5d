//! How often one client id may try to log in.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};

use crate::error::{AppError, ErrorCode};

/// A token bucket per client id, existing or not, so that the limit tells nothing.
pub struct LoginLimit(Option<DefaultKeyedRateLimiter<String>>);

/// Above this many ids the ones whose bucket is full again are forgotten: strangers' ids must not fill the memory.
const REMEMBERED_IDS: usize = 10_000;

impl LoginLimit {
    /// `per_minute` attempts on average, `burst` at once.
    #[must_use]
    pub fn new(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        Self(Some(DefaultKeyedRateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst))))
    }

    /// No limit.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Takes one attempt, or says when the next one is free.
    pub fn check(&self, client_id: &str) -> Result<(), AppError> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        if limiter.len() > REMEMBERED_IDS {
            limiter.retain_recent();
        }
        limiter.check_key(&client_id.to_owned()).map_err(|refusal| {
            let wait = refusal.wait_time_from(DefaultClock::default().now()).max(Duration::from_secs(1));
            AppError::new(ErrorCode::RateLimited, "Too many login attempts for this client id; wait, then try again")
                .retry_after(wait)
        })
    }
}
