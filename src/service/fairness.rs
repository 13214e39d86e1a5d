//! Fairness between clients whose signatures are true and one that sends many wrong ones: while others order, its refusals wait,
//! and with them the connections that send nothing else. When nobody orders it is answered at once.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::buckets::{Buckets, Rate};
use crate::clock::Clock;
use crate::domain::client::ClientId;

/// The rate at which wrong signatures of one client are refused without delay, whoever orders.
const WRONG: Rate = Rate { per_minute: NonZeroU32::new(600).unwrap(), burst: NonZeroU32::new(50).unwrap() };

/// The delay of a refusal beyond it.
const PAUSE: Duration = Duration::from_millis(250);

/// For how long somebody counts as ordering after a true signature.
const RECENT: Duration = Duration::from_secs(1);

/// Who signed well of late, and who does not.
pub struct Fairness {
    clock: Clock,
    wrong: Buckets<ClientId>,
    /// The last two clients with a true signature, the later one first: one of them is another than any given one.
    ordering: Mutex<[Option<Ordering>; 2]>,
}

/// A client, and the clock's uptime at its last true signature.
type Ordering = (ClientId, Duration);

impl Fairness {
    /// Nobody has signed anything.
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), wrong: Buckets::new("wrong_signatures", WRONG, clock), ordering: Mutex::default() }
    }

    /// A signature of this client was true.
    pub fn note_true(&self, client: &ClientId) {
        let mut ordering = self.ordering.lock().unwrap_or_else(PoisonError::into_inner);
        if ordering[0].as_ref().is_none_or(|(last, _)| last != client) {
            ordering.swap(0, 1);
        }
        match &mut ordering[0] {
            Some((last, at)) if last == client => *at = self.clock.uptime(),
            entry => *entry = Some((client.clone(), self.clock.uptime())),
        }
    }

    /// Waits before a wrong signature of this client is refused, when there were many and others order.
    pub async fn pace_wrong(&self, client: &ClientId) {
        if !self.wrong.is_there(client) && self.do_others_order(client) {
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn do_others_order(&self, client: &ClientId) -> bool {
        let now = self.clock.uptime();
        let ordering = self.ordering.lock().unwrap_or_else(PoisonError::into_inner);
        ordering.iter().flatten().any(|(other, at)| other != client && now.saturating_sub(*at) < RECENT)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use tokio::time::Instant;

    use super::*;

    fn fairness() -> Fairness {
        Fairness::new(&Clock::new(|| "2026-11-23T13:37:16Z".parse().unwrap()))
    }

    async fn refuse(fairness: &Fairness, client: &ClientId, times: u32) -> Duration {
        let began = Instant::now();
        for _ in 0..times {
            fairness.pace_wrong(client).await;
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_wrong_signatures_waits_while_another_client_orders_and_only_then() {
        let fairness = fairness();
        let [partner, other, flood] = ["partner", "other", "flood"].map(|id| id.parse().unwrap());
        assert_eq!(refuse(&fairness, &flood, 1_000).await, Duration::ZERO, "nobody orders");
        fairness.note_true(&flood);
        assert_eq!(refuse(&fairness, &flood, 1_000).await, Duration::ZERO, "nobody else does");
        for client in [&partner, &flood, &flood, &other, &flood] {
            fairness.note_true(client);
        }
        assert_eq!(refuse(&fairness, &flood, 10).await, PAUSE * 10);
        assert_eq!(refuse(&fairness, &other, WRONG.burst.get()).await, Duration::ZERO, "a mistake is no flood");
        assert_eq!(refuse(&fairness, &other, 1).await, PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn who_ordered_a_while_ago_keeps_nobody_waiting() {
        let now = std::sync::Arc::new(Mutex::new("2026-11-23T13:37:16Z".parse::<DateTime<Utc>>().unwrap()));
        let time = std::sync::Arc::clone(&now);
        let fairness = Fairness::new(&Clock::new(move || *time.lock().unwrap()));
        let [partner, flood] = ["partner", "flood"].map(|id| id.parse().unwrap());
        fairness.note_true(&partner);
        assert_eq!(refuse(&fairness, &flood, 60).await, PAUSE * 10);
        *now.lock().unwrap() += RECENT;
        assert_eq!(refuse(&fairness, &flood, 60).await, Duration::ZERO);
    }
}
