//! Attempts to log in: from an address, of a client id, and after failures.

use std::net::IpAddr;
use std::time::Duration;

use moka::ops::compute::Op;

use super::{Limits, Network, RateLimit, network};
use crate::auth::admission::Admission;
use crate::error::{AppError, ErrorCode};
use crate::service::login_queue::QueuedLogin;
use crate::telemetry::{self, QuotaState};

/// Failed logins in a row, for one client id from one address.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failures {
    count: u32,
    /// By [`Clock::uptime`](crate::clock::Clock::uptime).
    pause_ends: Duration,
}

/// The failures in a row that cause no pause: people mistype.
const FREE_FAILURES: u32 = 5;

/// A login that may go on to the question whether its client has used the address.
pub struct LoginAttempt<'t> {
    limits: Option<&'t Limits>,
    client_id: String,
    network: Network,
    refusal: Option<AppError>,
}

impl RateLimit {
    /// Takes one attempt to log in, as far as the address is concerned. An address that has used up what it may is heard
    /// all the same: a client that has used it before is not refused for its neighbours.
    pub fn begin_login(
        &self,
        client_id: &str,
        address: IpAddr,
        admission: &Admission,
    ) -> Result<LoginAttempt<'_>, AppError> {
        let mut attempt = LoginAttempt {
            limits: self.0.as_ref(),
            client_id: client_id.to_owned(),
            network: network(address),
            refusal: admission.refusal(),
        };
        attempt.ensure_no_pause()?;
        if attempt.refusal.is_none() {
            attempt.refusal = self.admit_stranger(address).err();
        }
        Ok(attempt)
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
            Op::Put(Failures { pause_ends: now + limits.pause_after(failures.count + 1), ..failures })
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

    /// What to answer unless the client has used the address before.
    pub fn refusal(&self) -> Option<AppError> {
        self.refusal.clone()
    }

    /// Takes one attempt from the client id's own bucket. An address from which the client has logged in has a bucket of
    /// its own, so that guessers elsewhere cannot use up the honest partner's attempts; from any other it waits in the
    /// login queue, whose permits it holds until the check is done.
    pub async fn admit(&self, is_known: bool) -> Result<Option<QueuedLogin>, AppError> {
        let Some(limits) = self.limits else { return Ok(None) };
        if is_known && self.refusal.is_none() {
            limits.by_address.give_back(&self.network);
        }
        let key = (self.client_id.clone(), is_known.then_some(self.network));
        limits.by_client.take(&key, "Too many login attempts for this client id; wait, then try again")?;
        if is_known { Ok(None) } else { limits.login_queue.enter().await.map(Some) }
    }

    /// Notes that the credentials were wrong.
    pub fn failed(&self) {
        let Some(limits) = self.limits else { return };
        let now = limits.clock.uptime();
        limits.failures.entry(self.key()).and_compute_with(|entry| {
            let count = entry.map_or(0, |entry| entry.value().count) + 1;
            Op::Put(Failures { count, pause_ends: now + limits.pause_after(count) })
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
    fn pause_after(&self, failures: u32) -> Duration {
        match failures.checked_sub(FREE_FAILURES) {
            None | Some(0) => Duration::ZERO,
            Some(doubled) => Duration::from_secs(1 << (doubled - 1).min(30)).min(self.longest_pause),
        }
    }
}
