//! How often somebody may try: logins by address and by client, and requests by client.
//!
//! Everything is counted in this instance's memory, so `n` instances together let through at most `n` times as much
//! (`on_two_instances_a_guesser_gets_at_most_twice_the_attempts`). Nothing is ever locked: whatever is counted runs off
//! by itself.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use moka::ops::compute::Op;
use moka::sync::Cache;

use super::strangers::{Place, StrangersLine};
use crate::clock::Clock;
use crate::error::{AppError, ErrorCode};
use crate::telemetry::{self, QuotaState};

/// How much of what may come.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// On average.
    pub per_minute: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

/// The limits of one instance.
#[derive(Debug, Clone, Copy)]
pub struct ThrottleRules {
    /// Logins of one client id.
    pub login: Rate,
    /// Logins and other work for strangers from one address.
    pub address: Rate,
    /// The longest pause after failed logins.
    pub longest_pause: Duration,
    /// Requests of one client.
    pub requests: NonZeroU32,
    /// How many secrets are checked at once.
    pub checks_at_once: usize,
}

/// Holds everybody to the limits; without rules nobody.
pub struct Throttle(Option<Limits>);

struct Limits {
    clock: Clock,
    by_client: Bucket<(String, Option<Network>)>,
    by_address: Bucket<Network>,
    requests: Bucket<String>,
    failures: Cache<(String, Network), Failures>,
    longest_pause: Duration,
    strangers: StrangersLine,
}

/// An address, or of IPv6 the network of one household: who has one of its addresses has all of them.
type Network = IpAddr;

/// Failed logins in a row, for one client id from one address.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: u32,
    /// By [`Clock::uptime`].
    pause_ends: Duration,
}

/// So many failures in a row cost no pause: people mistype.
const FREE_FAILURES: u32 = 5;

/// Above this many keys the ones whose bucket is full again are forgotten: what strangers make up must not fill memory.
const REMEMBERED: usize = 10_000;

/// After so many it is looked which ones can be forgotten.
const LOOK_EVERY: u64 = 1_024;

/// A login that may go on to the question whether its client knows the address.
pub struct LoginAttempt<'t> {
    limits: Option<&'t Limits>,
    client_id: String,
    network: Network,
}

impl Throttle {
    /// Holds to these rules.
    #[must_use]
    pub fn new(rules: &ThrottleRules, clock: &Clock) -> Self {
        Self(Some(Limits {
            clock: clock.clone(),
            by_client: Bucket::new("login", rules.login, clock),
            by_address: Bucket::new("address", rules.address, clock),
            requests: Bucket::new("requests", Rate { per_minute: rules.requests, burst: rules.requests }, clock),
            failures: Cache::builder().max_capacity(REMEMBERED as u64).time_to_idle(Duration::from_mins(15)).build(),
            longest_pause: rules.longest_pause,
            strangers: StrangersLine::new(rules.checks_at_once),
        }))
    }

    /// Holds nobody to anything.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Takes one piece of work for a stranger at this address.
    pub fn admit_stranger(&self, address: IpAddr) -> Result<(), AppError> {
        let Some(limits) = &self.0 else { return Ok(()) };
        limits.by_address.take(&network(address), "Too many attempts from this address; wait, then try again")
    }

    /// Takes one attempt to log in, as far as the address is concerned.
    pub fn begin_login(&self, client_id: &str, address: IpAddr) -> Result<LoginAttempt<'_>, AppError> {
        self.admit_stranger(address)?;
        let attempt =
            LoginAttempt { limits: self.0.as_ref(), client_id: client_id.to_owned(), network: network(address) };
        attempt.ensure_no_pause()?;
        Ok(attempt)
    }

    /// Takes one request of a client who proved who it is.
    pub fn admit_request(&self, client_id: &str) -> Result<(), AppError> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let message = "This client sends too many requests; wait, then send the same request again";
        limits.requests.take(&client_id.to_owned(), message)
    }
}

impl LoginAttempt<'_> {
    fn key(&self) -> (String, Network) {
        (self.client_id.clone(), self.network)
    }

    /// After some failures in a row each further one doubles the pause until the next attempt. Counted by client id and
    /// address together, so that nobody but whoever shares the guesser's address is kept waiting. The pause begins with the
    /// attempt, not with its failure: attempts side by side are still one after the other.
    fn ensure_no_pause(&self) -> Result<(), AppError> {
        let Some(limits) = self.limits else { return Ok(()) };
        let now = limits.clock.uptime();
        let mut left = Duration::ZERO;
        limits.failures.entry(self.key()).and_compute_with(|entry| {
            let failures = entry.map_or_else(Failures::default, moka::Entry::into_value);
            left = failures.pause_ends.saturating_sub(now);
            if failures.count < FREE_FAILURES || !left.is_zero() {
                return Op::Nop;
            }
            Op::Put(Failures { pause_ends: now + limits.pause(failures.count + 1), ..failures })
        });
        if left.is_zero() {
            return Ok(());
        }
        let reset = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let state = QuotaState { policy: "login-pause", quota: 1, window: reset, remaining: 0, reset };
        telemetry::note(|facts| facts.quota = Some(state));
        let message = "Too many failed logins for this client id from this address; wait, then try again";
        Err(AppError::new(ErrorCode::RateLimited, message).retry_after(left))
    }

    /// Takes one attempt from the client id's own bucket. An address from which the client has logged in has a bucket of
    /// its own, so that guessers elsewhere cannot use up the honest partner's attempts; from any other it waits in the
    /// strangers' line, and holds its place there until the check is done.
    pub async fn admit(&self, is_known: bool) -> Result<Option<Place>, AppError> {
        let Some(limits) = self.limits else { return Ok(None) };
        let key = (self.client_id.clone(), is_known.then_some(self.network));
        limits.by_client.take(&key, "Too many login attempts for this client id; wait, then try again")?;
        if is_known { Ok(None) } else { limits.strangers.enter().await.map(Some) }
    }

    /// Notes that the credentials were wrong.
    pub fn failed(&self) {
        let Some(limits) = self.limits else { return };
        let now = limits.clock.uptime();
        limits.failures.entry(self.key()).and_compute_with(|entry| {
            let count = entry.map_or(0, |entry| entry.value().count) + 1;
            Op::Put(Failures { count, pause_ends: now + limits.pause(count) })
        });
    }

    /// Notes that the credentials were right.
    pub fn succeeded(&self) {
        let Some(limits) = self.limits else { return };
        limits.failures.invalidate(&self.key());
    }
}

impl Limits {
    /// How long to wait after so many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        match failures.checked_sub(FREE_FAILURES) {
            None | Some(0) => Duration::ZERO,
            Some(doubled) => Duration::from_secs(1 << (doubled - 1).min(30)).min(self.longest_pause),
        }
    }
}

/// What of an address tells its holder from others.
#[must_use]
pub fn network(address: IpAddr) -> Network {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !0u128 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Token buckets, one for each key.
struct Bucket<K: std::hash::Hash + Eq + Clone> {
    policy: &'static str,
    rate: Rate,
    clock: Ticks,
    taken: AtomicU64,
    limiter: RateLimiter<K, DashMapStateStore<K>, Ticks, StateInformationMiddleware>,
}

impl<K: std::hash::Hash + Eq + Clone> Bucket<K> {
    fn new(policy: &'static str, rate: Rate, clock: &Clock) -> Self {
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        let clock = Ticks(clock.clone());
        Self {
            policy,
            rate,
            clock: clock.clone(),
            taken: AtomicU64::new(0),
            limiter: RateLimiter::dashmap_with_clock(quota, clock).with_middleware(),
        }
    }

    fn take(&self, key: &K, refusal: &'static str) -> Result<(), AppError> {
        // A look at all of them, so not at every one that comes.
        if self.taken.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) && self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
        }
        let outcome = self.limiter.check_key(key);
        let remaining = outcome.as_ref().map_or(0, governor::middleware::StateSnapshot::remaining_burst_capacity);
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
        outcome.map(drop).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now()).max(Duration::from_secs(1));
            AppError::new(ErrorCode::RateLimited, refusal).retry_after(wait)
        })
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
    use super::*;

    #[test]
    fn one_household_counts_as_one_and_a_mapped_address_as_what_it_stands_for() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:203.0.113.7"), network("203.0.113.7"));
        assert_ne!(network("203.0.113.7"), network("203.0.113.8"));
    }
}
