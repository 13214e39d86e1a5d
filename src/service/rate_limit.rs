//! Rate limits: logins by address and by client, requests by client, and requests without a valid token by address.
//!
//! Everything is counted in this instance's memory, so `n` instances together let through at most `n` times as much
//! (`on_two_instances_a_guesser_gets_at_most_twice_the_attempts`). No account is ever locked: every count expires.

mod logins;

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use moka::sync::Cache;

use self::logins::Failures;
use super::buckets::{Buckets, REMEMBERED, Rate};
use super::login_queue::LoginQueue;
use super::slots::{Slot, Slots};
use crate::auth::admission::Admission;
use crate::clock::Clock;
use crate::error::{AppError, ErrorCode};

/// The limits of one instance.
#[derive(Debug, Clone, Copy)]
pub struct RateLimitRules {
    /// Logins of one client id.
    pub login: Rate,
    /// Logins and other work without a token from one address.
    pub address: Rate,
    /// Requests without a valid token from one address.
    pub anonymous: Rate,
    /// The longest pause after failed logins.
    pub longest_pause: Duration,
    /// Requests of one client.
    pub requests: NonZeroU32,
    /// How many secrets are checked at once.
    pub checks_at_once: usize,
}

/// The rate limiter; without rules it limits nothing.
pub struct RateLimit(Option<Limits>);

struct Limits {
    clock: Clock,
    by_client: Buckets<(String, Option<Network>)>,
    by_address: Buckets<Network>,
    anonymous: Buckets<Network>,
    requests: Buckets<String>,
    requests_at_once: NonZeroU32,
    refusals: Buckets<Network>,
    free: Buckets<Network>,
    waiting: Slots<Network>,
    under_way: Slots<Network>,
    logins_under_way: Slots<Network>,
    failures: Cache<(String, Network), Failures>,
    longest_pause: Duration,
    login_queue: LoginQueue,
}

/// An IPv4 address or an IPv6 /64 network: whoever has one address of such a network has all of them.
pub type Network = IpAddr;

/// The rate at which requests over the budget of an address are refused without delay. Beyond it each refusal is delayed,
/// and with it the connection: a refusal costs little, but a hundred connections that send nothing else would load a core.
const REFUSALS: Rate = Rate { per_minute: NonZeroU32::new(1_200).unwrap(), burst: NonZeroU32::new(200).unwrap() };

/// The most answers to one address that are delayed at the same time: each holds a connection, perhaps of a proxy that many
/// callers share. Further answers are not delayed.
const WAITING: usize = 64;

/// The most requests without a valid token that run for one address at the same time, and as many again that may be a login
/// or a refresh.
const UNDER_WAY: usize = 256;

/// The delay of a refusal.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);

/// The rate at which requests that never count are answered without delay; beyond it each is delayed, for the same reason.
const FREE: Rate = Rate { per_minute: NonZeroU32::new(6_000).unwrap(), burst: NonZeroU32::new(200).unwrap() };

/// The delay of such an answer: a health check is still answered within a tenth of a second.
const FREE_PAUSE: Duration = Duration::from_millis(50);

/// A running request; it counts until this is dropped.
pub type UnderWay = Slot<Network>;

/// The delay of an answer, with the slot that it occupies until this is dropped.
#[derive(Debug)]
pub struct Pause {
    /// The delay.
    pub time: Duration,
    _turn: Slot<Network>,
}

impl RateLimit {
    /// Limits by these rules.
    #[must_use]
    pub fn new(rules: &RateLimitRules, clock: &Clock) -> Self {
        Self(Some(Limits {
            clock: clock.clone(),
            by_client: Buckets::new("login", rules.login, clock),
            by_address: Buckets::new("address", rules.address, clock),
            anonymous: Buckets::new("anonymous", rules.anonymous, clock),
            refusals: Buckets::new("refusals", REFUSALS, clock),
            free: Buckets::new("free", FREE, clock),
            waiting: Slots::new(WAITING),
            under_way: Slots::new(UNDER_WAY),
            logins_under_way: Slots::new(UNDER_WAY),
            requests: Buckets::new("requests", Rate { per_minute: rules.requests, burst: rules.requests }, clock),
            requests_at_once: rules.requests,
            failures: Cache::builder().max_capacity(REMEMBERED as u64).time_to_idle(Duration::from_mins(15)).build(),
            longest_pause: rules.longest_pause,
            login_queue: LoginQueue::new(rules.checks_at_once),
        }))
    }

    /// Limits nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Takes one login, or other work without a token, from this address's budget.
    pub fn admit_stranger(&self, address: IpAddr) -> Result<(), AppError> {
        let Some(limits) = &self.0 else { return Ok(()) };
        limits.by_address.take(&network(address), "Too many attempts from this address; wait, then try again")
    }

    /// Takes `weight` from the address's budget for requests without a valid token.
    pub fn admit_anonymous(&self, address: IpAddr, weight: NonZeroU32) -> Result<(), AppError> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let message = "Too many requests without a valid token from this address; wait, or send the token of a login";
        limits.anonymous.take_many(&network(address), weight, message)
    }

    /// Takes one request without a valid token.
    pub fn admit(&self, address: IpAddr) -> Admission {
        if self.0.is_none() {
            return Admission::Uncounted;
        }
        self.admit_anonymous(address, NonZeroU32::MIN).map_or_else(Admission::over_budget, |()| Admission::counted())
    }

    /// The delay of one more refusal, once an address was sent many of them.
    pub fn refusal_pause(&self, address: IpAddr) -> Option<Pause> {
        let limits = self.0.as_ref()?;
        limits.pause(&limits.refusals, &network(address), REFUSAL_PAUSE)
    }

    /// The delay of one more request that never counts, once an address has sent many of them.
    pub fn free_pause(&self, address: IpAddr) -> Option<Pause> {
        let limits = self.0.as_ref()?;
        limits.pause(&limits.free, &network(address), FREE_PAUSE)
    }

    /// Counts a request without a valid token for as long as it is under way. `may_prove_itself`: it may be a login or a
    /// refresh, and others without a token leave room for it.
    pub fn begin_anonymous(&self, address: IpAddr, may_prove_itself: bool) -> Result<Option<UnderWay>, AppError> {
        let Some(limits) = &self.0 else { return Ok(None) };
        let slots = if may_prove_itself { &limits.logins_under_way } else { &limits.under_way };
        slots.take(&network(address)).map(Some).ok_or_else(|| {
            let message = "Too many requests without a valid token at once from this address; wait for their answers, or \
                           send the token of a login";
            AppError::new(ErrorCode::RateLimited, message).retry_after(Duration::from_secs(1))
        })
    }

    /// Gives a request back that turned out to be one that never counts.
    pub fn give_back(&self, address: IpAddr, admission: &Admission) {
        if let Some(limits) = &self.0
            && admission.take_back()
        {
            limits.anonymous.give_back(&network(address));
        }
    }

    /// Takes one request of a client who proved who it is.
    pub fn admit_request(&self, client_id: &str) -> Result<(), AppError> {
        self.take_requests(client_id, NonZeroU32::MIN)
    }

    /// Takes further ones that came with a request which was taken already. Of more than may come at once, all that is left then.
    pub fn admit_further_requests(&self, client_id: &str, requests: u32) -> Result<(), AppError> {
        let most = self.0.as_ref().map_or(0, |limits| limits.requests_at_once.get() - 1);
        NonZeroU32::new(requests.min(most)).map_or(Ok(()), |requests| self.take_requests(client_id, requests))
    }

    fn take_requests(&self, client_id: &str, requests: NonZeroU32) -> Result<(), AppError> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let message = "This client sends too many requests; wait, then send the same request again";
        limits.requests.take_many(&client_id.to_owned(), requests, message)
    }
}

impl Limits {
    /// A delay for an address whose bucket is empty, unless too many answers are delayed already.
    fn pause(&self, had: &Buckets<Network>, network: &Network, time: Duration) -> Option<Pause> {
        if had.is_there(network) {
            return None;
        }
        self.waiting.take(network).map(|turn| Pause { time, _turn: turn })
    }
}

/// The part of an address that identifies its holder.
#[must_use]
pub fn network(address: IpAddr) -> Network {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !0u128 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate_limit() -> RateLimit {
        let many = NonZeroU32::new(1_000).unwrap();
        let rate = Rate { per_minute: many, burst: many };
        let rules = RateLimitRules {
            login: rate,
            address: rate,
            anonymous: rate,
            longest_pause: Duration::from_secs(1),
            requests: many,
            checks_at_once: 1,
        };
        RateLimit::new(&rules, &Clock::new(|| "2026-11-23T13:37:16Z".parse().unwrap()))
    }

    #[test]
    fn refusals_wait_after_many_of_them_and_only_so_many_at_once() {
        let (limit, flood) = (rate_limit(), IpAddr::from([198, 51, 100, 1]));
        for _ in 0..REFUSALS.burst.get() {
            assert!(limit.refusal_pause(flood).is_none());
        }
        let waiting: Vec<_> = std::iter::from_fn(|| limit.refusal_pause(flood)).take(1_000).collect();
        assert_eq!((waiting.len(), waiting[0].time), (WAITING, REFUSAL_PAUSE));
        drop(waiting);
        assert!(limit.refusal_pause(flood).is_some());
        assert!(limit.refusal_pause([198, 51, 100, 2].into()).is_none());
    }

    #[test]
    fn so_many_requests_without_a_token_are_under_way_at_once_and_logins_have_room_beside_them() {
        let (limit, flood) = (rate_limit(), IpAddr::from([198, 51, 100, 1]));
        let begin = |may_prove_itself| limit.begin_anonymous(flood, may_prove_itself);
        let mut held: Vec<_> = std::iter::from_fn(|| begin(false).ok()).take(1_000).collect();
        assert_eq!(held.len(), UNDER_WAY);
        assert_eq!(begin(false).unwrap_err().code, ErrorCode::RateLimited);
        assert!(begin(true).is_ok() && limit.begin_anonymous([198, 51, 100, 2].into(), false).is_ok());
        held.pop();
        assert!(begin(false).is_ok());
    }

    #[test]
    fn one_household_counts_as_one_and_a_mapped_address_as_what_it_stands_for() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:203.0.113.7"), network("203.0.113.7"));
        assert_ne!(network("203.0.113.7"), network("203.0.113.8"));
    }
}
