//! When the next transaction of orders begins, by what a commit takes.
//!
//! On a fast disk one of many orders after the other is best: each costs the server as much as some orders. Where a commit waits
//! for a slow disk or for a standby, which do one sync after the other, it depends. Few orders are stored soonest all together,
//! so those who were just answered are waited for, on a fast disk for a moment; with many, one transaction is executed while the one
//! before is synced.

use std::time::Duration;

/// A commit that takes less is one of a fast disk.
const SLOW_COMMIT: Duration = Duration::from_micros(1_500);

/// How long a transaction keeps others waiting that would not fill one. It takes a few milliseconds, unless it waits for
/// another instance (`an_order_overtakes_one_that_waits_for_another_instance`).
const ALONE: Duration = Duration::from_millis(100);

/// A transaction of fewer orders costs the server more than its orders do.
const FEW: usize = 8;

/// No order waits longer for others.
const MOST_PATIENCE: Duration = Duration::from_millis(20);

/// Timers are no finer.
const FINEST: Duration = Duration::from_millis(1);

/// The share by which what an order takes is taken for longer with each transaction in which it was.
const FORGETTING: u32 = 64;

/// What transactions took.
#[derive(Debug, Default)]
pub(super) struct Pace {
    commit: Duration,
    /// What each order of a transaction takes before the commit, at best.
    order: Duration,
}

impl Pace {
    /// Notes what a transaction of so many orders took, and what a commit takes.
    pub(super) fn note(&mut self, took: Duration, orders: usize, commit: Duration) {
        self.commit = commit;
        let order = took.saturating_sub(commit) / u32::try_from(orders.max(1)).unwrap_or(u32::MAX);
        self.order = if self.order.is_zero() || order < self.order {
            order
        } else {
            self.order + order.saturating_sub(self.order) / FORGETTING
        };
    }

    /// How long the orders of those are waited for who were just answered, where these and the waiting ones are so many.
    pub(super) fn patience(&self, all: usize) -> Option<Duration> {
        if self.commit < SLOW_COMMIT {
            return (all <= FEW).then_some(FINEST);
        }
        self.are_few(all).then_some((self.commit / 2).min(MOST_PATIENCE))
    }

    /// How long a transaction of so many orders keeps others waiting that would not fill one, while so many do.
    pub(super) fn alone(&self, orders: usize, waiting: usize) -> Duration {
        if self.commit < SLOW_COMMIT || self.are_few(orders + waiting) {
            return ALONE;
        }
        self.executing(orders).clamp(FINEST, ALONE)
    }

    /// Whether executing all of them takes less than the commit: then two transactions of half as many take longer than one.
    fn are_few(&self, orders: usize) -> bool {
        self.commit >= SLOW_COMMIT && self.executing(orders) <= self.commit
    }

    fn executing(&self, orders: usize) -> Duration {
        self.order * u32::try_from(orders).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(took: u64, orders: usize, commit: u64) -> Pace {
        let mut pace = Pace::default();
        pace.note(Duration::from_millis(took), orders, Duration::from_millis(commit));
        pace
    }

    #[test]
    fn on_a_fast_disk_few_are_waited_for_a_moment_and_one_transaction_follows_the_other() {
        for (took, orders) in [(2, 4), (9, 32), (40, 32)] {
            let pace = after(took, orders, 1);
            for (all, patience) in [(1, Some(FINEST)), (8, Some(FINEST)), (9, None), (64, None)] {
                assert_eq!((pace.patience(all), pace.alone(orders, all)), (patience, ALONE));
            }
        }
    }

    #[test]
    fn where_a_commit_takes_long_few_orders_are_stored_together_and_many_while_others_are_synced() {
        // A quarter of a millisecond each.
        let pace = after(6, 4, 5);
        assert_eq!((pace.patience(8), pace.alone(4, 4)), (Some(Duration::from_micros(2_500)), ALONE));
        assert_eq!((pace.patience(32), pace.alone(16, 16)), (None, Duration::from_millis(4)));
        // A standby far away.
        assert_eq!(after(2_000, 4, 1_900).patience(8), Some(MOST_PATIENCE));
    }

    #[test]
    fn what_an_order_takes_is_known_by_the_best_and_follows_what_stays_slow() {
        let mut pace = after(6, 4, 5);
        // They waited for the sync of others.
        for _ in 0..3 {
            pace.note(Duration::from_millis(12), 4, Duration::from_millis(5));
        }
        assert!(pace.patience(8).is_some());
        for _ in 0..500 {
            pace.note(Duration::from_millis(12), 4, Duration::from_millis(5));
        }
        assert!(pace.patience(8).is_none());
    }
}
