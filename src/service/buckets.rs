//! Token buckets, one for each key: how much may come on average, and how much at once.
//!
//! What belongs here: counting, giving back, forgetting. What does not: who is counted, and for what ([`super::rate_limit`]).

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::{NotUntil, Quota, RateLimiter};

use crate::clock::Clock;
use crate::error::{AppError, ErrorCode};
use crate::telemetry::{self, QuotaState};

/// A rate limit.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// The sustained rate.
    pub per_minute: NonZeroU32,
    /// The burst: how many may come at the same time.
    pub burst: NonZeroU32,
}

/// Above this many keys the ones whose bucket is full again are forgotten: what callers make up must not fill memory.
pub const REMEMBERED: usize = 10_000;

/// The interval between two sweeps of full buckets, in tokens taken.
const SWEEP_EVERY: u64 = 1_024;

const ONE: NonZeroU32 = NonZeroU32::MIN;

/// Token buckets, one for each key.
pub struct Buckets<K: Hash + Eq + Clone> {
    policy: &'static str,
    rate: Rate,
    /// The time after which one token is back.
    refill: Duration,
    clock: Ticks,
    taken: AtomicU64,
    state: Shared<K>,
    limiter: RateLimiter<K, Shared<K>, Ticks, StateInformationMiddleware>,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Buckets that callers know by the name of their policy.
    pub fn new(policy: &'static str, rate: Rate, clock: &Clock) -> Self {
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        let (clock, state) = (Ticks(clock.clone()), Shared(Arc::default()));
        Self {
            policy,
            rate,
            refill: quota.replenish_interval(),
            clock: clock.clone(),
            taken: AtomicU64::new(0),
            limiter: RateLimiter::new(quota, state.clone(), clock),
            state,
        }
    }

    /// Takes one, or says with these words that there is none, and when there will be.
    pub fn take(&self, key: &K, refusal: &'static str) -> Result<(), AppError> {
        self.take_many(key, ONE, refusal)
    }

    /// Takes several; of more than a full bucket holds, a full bucket.
    pub fn take_many(&self, key: &K, tokens: NonZeroU32, refusal: &'static str) -> Result<(), AppError> {
        self.forget_full();
        let outcome: Result<StateSnapshot, NotUntil<Duration>> =
            self.limiter.check_key_n(key, tokens.min(self.rate.burst)).map_err(AppError::internal)?;
        self.tell(outcome.as_ref().map_or(0, StateSnapshot::remaining_burst_capacity));
        outcome.map(drop).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now()).max(Duration::from_secs(1));
            AppError::new(ErrorCode::RateLimited, refusal).retry_after(wait)
        })
    }

    /// Takes one if there is one, and says whether there was, without telling the caller.
    pub fn is_there(&self, key: &K) -> bool {
        self.forget_full();
        self.limiter.check_key(key).is_ok()
    }

    /// Gives one back that was taken.
    pub fn give_back(&self, key: &K) {
        // The state is the instant at which the bucket is full again; one in the past means just that.
        let refill = Nanos::from(self.refill).as_u64();
        let earlier =
            |full: Option<Nanos>| full.map(|full| ((), Nanos::new(full.as_u64().saturating_sub(refill)))).ok_or(());
        let _ = self.state.measure_and_replace(key, earlier);
    }

    fn forget_full(&self) {
        // A sweep visits every bucket, so it does not run with every request.
        if self.taken.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) && self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
        }
    }

    /// Notes what is left, for the header fields of the answer.
    fn tell(&self, remaining: u32) {
        let (burst, per_minute) = (self.rate.burst.get(), self.rate.per_minute.get());
        // How long so many take to come back.
        let refill = |used: u32| (u64::from(used) * 60).div_ceil(u64::from(per_minute));
        telemetry::note(|facts| {
            facts.quota = Some(QuotaState {
                policy: self.policy,
                quota: burst,
                window: refill(burst).max(1),
                remaining,
                reset: refill(burst.saturating_sub(remaining)),
            });
        });
    }
}

/// The state of the limiter, shared with it: governor itself only takes.
#[derive(Debug)]
struct Shared<K: Hash + Eq + Clone>(Arc<DashMapStateStore<K>>);

impl<K: Hash + Eq + Clone> Clone for Shared<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Hash + Eq + Clone> StateStore for Shared<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, change: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, change)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Shared<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        ShrinkableKeyedStateStore::retain_recent(&*self.0, drop_below);
    }

    fn shrink_to_fit(&self) {
        ShrinkableKeyedStateStore::shrink_to_fit(&*self.0);
    }

    fn len(&self) -> usize {
        ShrinkableKeyedStateStore::len(&*self.0)
    }

    fn is_empty(&self) -> bool {
        ShrinkableKeyedStateStore::is_empty(&*self.0)
    }
}

/// Our clock as the buckets read it.
#[derive(Debug, Clone)]
struct Ticks(Clock);

impl GovernorClock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.uptime()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    fn buckets(burst: u32) -> Buckets<&'static str> {
        let clock = Clock::new(|| "2026-11-23T13:37:16Z".parse::<DateTime<Utc>>().unwrap());
        let rate = Rate { per_minute: NonZeroU32::new(60).unwrap(), burst: NonZeroU32::new(burst).unwrap() };
        Buckets::new("test", rate, &clock)
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_no_more() {
        let buckets = buckets(2);
        let left = || std::iter::from_fn(|| buckets.take(&"a", "none").ok()).count();
        assert_eq!(left(), 2);
        buckets.give_back(&"a");
        assert_eq!(left(), 1);
        // More than was ever taken makes the bucket no larger.
        (0..10).for_each(|_| buckets.give_back(&"a"));
        assert_eq!(left(), 2);
        buckets.give_back(&"never seen");
        assert_eq!(std::iter::from_fn(|| buckets.take(&"never seen", "none").ok()).count(), 2);
    }

    #[test]
    fn something_heavier_than_the_bucket_takes_all_of_it() {
        let buckets = buckets(5);
        let tokens = |n| NonZeroU32::new(n).unwrap();
        buckets.take_many(&"a", tokens(3), "none").unwrap();
        let refused = buckets.take_many(&"a", tokens(3), "none").unwrap_err();
        assert_eq!((refused.code, refused.retry_after_seconds()), (ErrorCode::RateLimited, Some(1)));
        buckets.take_many(&"b", tokens(5_000), "none").unwrap();
        assert!(buckets.take(&"b", "none").is_err());
    }
}
