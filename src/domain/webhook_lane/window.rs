//! What an endpoint's instance read of the feed, and from where another one would read it again.

use std::collections::{BTreeSet, HashSet};

use crate::domain::event::Position;

/// How many events may come again after a crash: so many were taken, or are on their way, behind the first one that is not settled.
const LENGTH: usize = 1000;

/// The part of the feed between the cursor and what was read last.
#[derive(Debug)]
pub(super) struct Window {
    /// Everything up to here was read.
    read: Position,
    /// What was read and neither taken nor parked.
    unsettled: BTreeSet<Position>,
    /// What was taken behind the first one of those.
    taken: BTreeSet<Position>,
    /// What was parked beyond the cursor when it was written down: it is not new when it is read again.
    parked: HashSet<Position>,
}

impl Window {
    /// The window behind a cursor, with what is parked.
    pub(super) fn new(cursor: Position, parked: impl Iterator<Item = Position>) -> Self {
        let parked = parked.filter(|position| *position > cursor).collect();
        Self { read: cursor, unsettled: BTreeSet::new(), taken: BTreeSet::new(), parked }
    }

    pub(super) const fn read(&self) -> Position {
        self.read
    }

    /// Everything up to here was taken or is parked.
    pub(super) fn cursor(&self) -> Position {
        self.unsettled.first().map_or(self.read, |first| Position::new(first.get() - 1))
    }

    pub(super) fn is_full(&self) -> bool {
        self.unsettled.len() + self.taken.len() >= LENGTH
    }

    /// Whether everything that was read was taken or is parked.
    pub(super) fn is_settled(&self) -> bool {
        self.unsettled.is_empty()
    }

    pub(super) fn read_up_to(&mut self, position: Position) {
        self.read = self.read.max(position);
    }

    /// Whether it was parked before it was read.
    pub(super) fn is_parked(&mut self, position: Position) -> bool {
        self.parked.remove(&position)
    }

    pub(super) fn add(&mut self, position: Position) {
        self.unsettled.insert(position);
    }

    /// It was taken.
    pub(super) fn take(&mut self, position: Position) {
        if self.unsettled.remove(&position) {
            self.taken.insert(position);
            self.shorten();
        }
    }

    /// It is parked.
    pub(super) fn park(&mut self, position: Position) {
        if self.unsettled.remove(&position) {
            self.shorten();
        }
    }

    /// Forgets what is no longer beyond the cursor.
    fn shorten(&mut self) {
        match self.unsettled.first() {
            None => self.taken.clear(),
            Some(first) => {
                while self.taken.first().is_some_and(|taken| taken < first) {
                    self.taken.pop_first();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_sent_behind_an_event_on_its_way_than_may_come_again_after_a_crash() {
        let (mut window, positions) = (Window::new(Position::START, std::iter::empty()), 1_i64..);
        for position in positions.take(LENGTH).map(Position::new) {
            assert!(!window.is_full(), "{position:?}");
            window.add(position);
            if position.get() > 1 {
                window.take(position);
            }
        }
        assert!(window.is_full() && window.cursor() == Position::START);
        window.park(Position::new(1));
        assert!(!window.is_full() && window.is_settled());
        window.read_up_to(Position::new(2000));
        assert_eq!(window.cursor(), Position::new(2000));
    }
}
