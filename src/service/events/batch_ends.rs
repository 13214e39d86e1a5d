//! Where the batches of those who follow the feed end: at one position for all of them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::event::Position;

/// The shortest time between two batches.
const EVERY: Duration = Duration::from_secs(1);

/// The ends of batches. The first events after a pause make one at once; those of the second after it wait for each other.
#[derive(Default)]
pub(super) struct BatchEnds(Mutex<Option<BatchEnd>>);

#[derive(Clone, Copy)]
struct BatchEnd {
    at: Instant,
    position: Position,
}

/// What a follower does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Reads up to here.
    Read(Position),
    /// Waits for the end of the next batch, or for an event where no time is given.
    Wait(Option<Instant>),
}

impl BatchEnds {
    /// What a follower does that has read so far, where the feed goes on to `last`.
    pub(super) fn next(&self, read: Position, last: Position) -> Next {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = latest.map(|end| end.at + EVERY);
        let is_new = latest.is_none_or(|end| end.position != last);
        if is_new && due.is_none_or(|due| due <= Instant::now()) {
            *latest = Some(BatchEnd { at: Instant::now(), position: last });
        }
        // After a restore the feed ends before it.
        let end = latest.map_or(last, |end| end.position.min(last));
        if read < end {
            Next::Read(end)
        } else if read < last {
            Next::Wait(due)
        } else {
            Next::Wait(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_dashboard_is_told_of_the_first_event_at_once_and_of_all_of_the_next_second_together() {
        let ends = BatchEnds::default();
        let [start, first, second, third] = [1, 2, 3, 4].map(Position::new);
        assert_eq!(ends.next(start, first), Next::Read(first));
        assert_eq!(ends.next(first, first), Next::Wait(None));
        let due = Instant::now() + EVERY;
        tokio::time::advance(EVERY / 4).await;
        assert_eq!(ends.next(first, second), Next::Wait(Some(due)));
        tokio::time::advance(EVERY / 4).await;
        assert_eq!(ends.next(first, third), Next::Wait(Some(due)), "however many come");
        tokio::time::advance(EVERY / 2).await;
        assert_eq!(ends.next(first, third), Next::Read(third));
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_follow_read_up_to_one_position_also_who_looks_later() {
        let ends = BatchEnds::default();
        let [start, first, second] = [1, 2, 3].map(Position::new);
        assert_eq!(ends.next(start, first), Next::Read(first));
        assert_eq!(ends.next(start, second), Next::Read(first), "as everybody else does");
        let after_a_restore = ends.next(Position::START, start);
        assert_eq!(after_a_restore, Next::Read(start), "no further than the feed goes");
    }
}
