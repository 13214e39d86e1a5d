//! Entries on their way to the writer.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::entry::Answered;

/// The most entries that wait.
const ROOM: usize = 8_192;

/// The most of them that nobody proved to have sent.
const ROOM_OF_STRANGERS: usize = 1_024;

/// The most bytes of bodies that wait with them; further entries are kept without theirs.
const ROOM_OF_BODIES: usize = 16 * 1024 * 1024;

/// So many are written without waiting for more.
const ENOUGH: usize = 500;

/// What waits, in the order in which it came.
#[derive(Default)]
pub struct Ring {
    waiting: Mutex<Waiting>,
    enough: Notify,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Answered>,
    entries: usize,
    of_strangers: usize,
    body_bytes: usize,
}

impl Ring {
    /// Puts an entry behind the others; false where there is no room.
    pub fn push(&self, mut answered: Answered) -> bool {
        let mut waiting = self.lock();
        let is_strange = !answered.is_proven();
        if waiting.entries + answered.entries() > ROOM || (is_strange && waiting.of_strangers >= ROOM_OF_STRANGERS) {
            return false;
        }
        if waiting.body_bytes + answered.body_bytes() > ROOM_OF_BODIES {
            answered.forget_body();
        }
        waiting.body_bytes += answered.body_bytes();
        waiting.of_strangers += usize::from(is_strange);
        let before = waiting.entries;
        waiting.entries += answered.entries();
        let is_enough = before < ENOUGH && waiting.entries >= ENOUGH;
        waiting.requests.push_back(answered);
        drop(waiting);
        if is_enough {
            self.enough.notify_one();
        }
        true
    }

    /// Takes so many requests out.
    pub fn take(&self, most: usize) -> Vec<Answered> {
        let mut waiting = self.lock();
        let count = waiting.requests.len().min(most);
        let taken: Vec<_> = waiting.requests.drain(..count).collect();
        waiting.entries -= taken.iter().map(Answered::entries).sum::<usize>();
        waiting.body_bytes -= taken.iter().map(Answered::body_bytes).sum::<usize>();
        waiting.of_strangers -= taken.iter().filter(|answered| !answered.is_proven()).count();
        taken
    }

    /// Resolves when there is enough to be written.
    pub async fn enough(&self) {
        self.enough.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;

    use super::*;
    use crate::telemetry::{NotedBody, RequestFields};

    fn answered(principal: Option<&str>, body: usize) -> Answered {
        let mut fields = RequestFields { principal: principal.map(str::to_owned), ..RequestFields::default() };
        fields.exchange.body = Some(NotedBody::of(&vec![b'x'; body].into()));
        Answered {
            at: DateTime::UNIX_EPOCH,
            request_id: "1".into(),
            method: "POST",
            route: "/api/v1/sales-orders".to_owned(),
            status: 400,
            duration: Duration::ZERO,
            fields: Box::new(fields),
        }
    }

    #[test]
    fn what_finds_no_room_is_refused_and_strangers_have_an_eighth_of_it() {
        let ring = Ring::default();
        let strangers = (0..ROOM).filter(|_| ring.push(answered(None, 0))).count();
        assert_eq!(strangers, ROOM_OF_STRANGERS);
        let partners = (0..ROOM).filter(|_| ring.push(answered(Some("a"), 0))).count();
        assert_eq!(partners, ROOM - ROOM_OF_STRANGERS);
        assert_eq!(ring.take(ROOM).len(), ROOM);
        assert!(ring.push(answered(None, 0)) && ring.push(answered(Some("a"), 0)), "there is room again");
    }

    #[test]
    fn bodies_have_room_of_their_own_and_an_entry_is_kept_without_its_body() {
        let ring = Ring::default();
        let each = 16 * 1024;
        let most = ROOM_OF_BODIES / each;
        assert!((0..most + 3).all(|_| ring.push(answered(Some("a"), each))));
        let taken = ring.take(ROOM);
        assert_eq!(taken.iter().filter(|answered| answered.body_bytes() == each).count(), most);
        assert_eq!(taken.len(), most + 3);
        assert!(ring.push(answered(Some("a"), each)));
        assert_eq!(ring.take(1)[0].body_bytes(), each, "what was taken out takes no room");
    }
}
