//! The running transactions of the intake.
//!
//! One may take long because the server waits, for a standby that is away or a lock, or because the server is gone, which
//! looks the same from here. Giving it up at once would be wrong in the first case: the server keeps waiting without a
//! client, with one process for each abandoned transaction, until it has no connection left. Waiting for it would be wrong in
//! the second case: no answer ever comes. So an overdue transaction keeps running and a few others may begin; the first of
//! them that succeeds shows that its server works, and that the overdue ones were sent to another.

use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};
use tracing::warn;

use super::batch::{Ended, Stored};
use crate::store::Store;
use crate::telemetry;

/// How many transactions may be overdue, each of them replaced by a further one.
const MOST_OVERDUE: usize = 2;

/// A transaction is given up in any case after this many times the time after which it is overdue.
const HOPELESS: u32 = 6;

/// The interval of the check for overdue transactions.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The running transactions.
pub(super) struct Transactions {
    tasks: JoinSet<Ended>,
    begun: Vec<Begun>,
    at_once: usize,
    overdue_after: Duration,
    looks: Interval,
}

/// Why waiting for transactions ended.
pub(super) enum Event {
    /// One ended.
    Ended {
        /// The answers to be sent.
        stored: Vec<Stored>,
        /// How long it took, and of how many orders it was; none when it failed.
        took: Option<(Duration, usize)>,
    },
    /// A full batch waits.
    Crowded,
    /// A batch that is not full has waited long enough.
    Waited,
    /// The interval of the check for overdue transactions has passed.
    Look,
}

struct Begun {
    id: Id,
    at: Instant,
    orders: usize,
    /// Gives it up when it is used or dropped.
    give_up: Option<oneshot::Sender<()>>,
}

impl Transactions {
    /// None yet.
    pub(super) fn new(store: &Store) -> Self {
        Self::with(store.writers(), store.patience())
    }

    fn with(at_once: usize, overdue_after: Duration) -> Self {
        let mut looks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { tasks: JoinSet::new(), begun: Vec::new(), at_once, overdue_after, looks }
    }

    /// Whether none is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// Whether none is under way that may be expected to end soon.
    pub(super) fn all_are_overdue(&self) -> bool {
        self.overdue() == self.begun.len()
    }

    /// Whether one more may begin.
    pub(super) fn may_have_another(&self) -> bool {
        self.begun.len() - self.overdue() < self.at_once && self.begun.len() < self.at_once + MOST_OVERDUE
    }

    fn overdue(&self) -> usize {
        self.begun.iter().filter(|begun| begun.at.elapsed() >= self.overdue_after).count()
    }

    /// How many orders the last one has.
    pub(super) fn orders(&self) -> usize {
        self.begun.iter().max_by_key(|begun| begun.at).map_or(0, |begun| begun.orders)
    }

    /// Begins one of so many orders, which ends when its receiver gets something.
    pub(super) fn begin<F>(&mut self, orders: usize, work: impl FnOnce(oneshot::Receiver<()>) -> F)
    where
        F: Future<Output = Ended> + Send + 'static,
    {
        let (give_up, end) = oneshot::channel();
        let id = self.tasks.spawn(work(end)).id();
        self.begun.push(Begun { id, at: Instant::now(), orders, give_up: Some(give_up) });
        self.note_oldest();
    }

    /// Waits until one ends, or until there is a reason to begin another, at the latest until `alone` has passed. Whatever ends the
    /// waiting, the looks go on at their own pace, so that one without an answer is given up in any case.
    pub(super) async fn wait(&mut self, crowded: &Notify, alone: Duration) -> Event {
        let may_have_another = self.may_have_another();
        tokio::select! {
            ended = self.tasks.join_next_with_id() => {
                let (id, Ended { is_success, stored }) = match ended {
                    Some(Ok((id, ended))) => (Some(id), ended),
                    Some(Err(panicked)) => (Some(panicked.id()), Ended::default()),
                    None => (None, Ended::default()),
                };
                Event::Ended { stored, took: id.and_then(|id| self.note_ended(id, is_success)) }
            }
            () = crowded.notified(), if may_have_another => Event::Crowded,
            () = sleep(alone), if may_have_another => Event::Waited,
            _ = self.looks.tick() => {
                let hopeless = self.overdue_after * HOPELESS;
                self.give_up(|begun| begun.at.elapsed() >= hopeless);
                Event::Look
            }
        }
    }

    /// Gives how long it took, and of how many orders it was, where it succeeded.
    fn note_ended(&mut self, id: Id, is_success: bool) -> Option<(Duration, usize)> {
        let index = self.begun.iter().position(|begun| begun.id == id)?;
        let ended = self.begun.swap_remove(index);
        self.note_oldest();
        if is_success {
            let overdue_after = self.overdue_after;
            self.give_up(|begun| begun.at < ended.at && begun.at.elapsed() >= overdue_after);
        }
        is_success.then(|| (ended.at.elapsed(), ended.orders))
    }

    fn note_oldest(&self) {
        telemetry::note_oldest_batch(self.begun.iter().map(|begun| begun.at).min());
    }

    fn give_up(&mut self, is_meant: impl Fn(&Begun) -> bool) {
        for begun in self.begun.iter_mut().filter(|begun| is_meant(begun)) {
            if let Some(give_up) = begun.give_up.take() {
                warn!(seconds = begun.at.elapsed().as_secs(), "a transaction without an answer was given up");
                let _ = give_up.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERDUE: Duration = Duration::from_secs(10);

    /// Ends when it is given up, which is no success.
    async fn without_an_answer(given_up: oneshot::Receiver<()>) -> Ended {
        let _ = given_up.await;
        Ended::default()
    }

    #[tokio::test(start_paused = true)]
    async fn overdue_ones_let_few_others_begin_and_are_given_up_when_a_later_one_succeeds() {
        let mut transactions = Transactions::with(2, OVERDUE);
        for _ in 0..2 {
            assert!(transactions.may_have_another());
            transactions.begin(1, without_an_answer);
        }
        assert!(!transactions.may_have_another());
        tokio::time::advance(OVERDUE).await;
        assert!(transactions.all_are_overdue());
        for _ in 0..2 {
            assert!(transactions.may_have_another());
            transactions.begin(1, without_an_answer);
        }
        tokio::time::advance(OVERDUE).await;
        assert!(!transactions.may_have_another(), "each holds a process of the server");
        let last = transactions.begun[3].id;
        transactions.note_ended(last, true);
        let left: Vec<_> = transactions.begun.iter().map(|begun| begun.give_up.is_some()).collect();
        assert_eq!(left.iter().filter(|waits| **waits).count(), 1, "the one that began with it may still be answered");
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_says_nothing_of_others_and_nothing_is_waited_for_for_ever() {
        let mut transactions = Transactions::with(2, OVERDUE);
        transactions.begin(1, without_an_answer);
        tokio::time::advance(OVERDUE).await;
        transactions.begin(1, |_| async { Ended::default() });
        let (crowded, alone) = (Notify::new(), Duration::from_millis(100));
        while !matches!(transactions.wait(&crowded, alone).await, Event::Ended { .. }) {}
        assert!(transactions.begun[0].give_up.is_some());
        let began = Instant::now();
        // Nor while others could begin, and the waiting is over ten times a second.
        assert!(transactions.may_have_another());
        while !transactions.is_empty() {
            transactions.wait(&crowded, alone).await;
        }
        assert!(began.elapsed() < OVERDUE * HOPELESS);
    }
}
