//! What of an answer by HTTP/2 h2 still holds, and how long nobody has taken any of it.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::Buf;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The answers of one connection.
#[derive(Debug)]
pub struct Answers {
    opened: Instant,
    /// When the socket last took something of an answer.
    taken: AtomicU64,
    /// When an answer last got room as soon as it wanted some: then no other one waits for the connection's own window.
    roomy: AtomicU64,
}

impl Answers {
    /// None yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { opened: Instant::now(), taken: AtomicU64::new(0), roomy: AtomicU64::new(0) })
    }

    /// An answer got room as soon as it wanted some.
    pub fn got_room(&self) {
        self.note(&self.roomy);
    }

    fn note(&self, time: &AtomicU64) {
        let passed = u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX);
        time.store(passed, Ordering::Release);
    }

    fn read(&self, time: &AtomicU64) -> Instant {
        self.opened + Duration::from_nanos(time.load(Ordering::Acquire))
    }
}

/// One answer.
#[derive(Debug)]
pub struct Unsent {
    answers: Arc<Answers>,
    pieces: AtomicUsize,
    taken: AtomicU64,
    written: Notify,
}

impl Unsent {
    /// Nothing yet.
    pub fn new(answers: Arc<Answers>) -> Arc<Self> {
        Arc::new(Self { answers, pieces: AtomicUsize::new(0), taken: AtomicU64::new(0), written: Notify::new() })
    }

    /// A piece of it for h2 to send.
    pub fn piece(self: &Arc<Self>, bytes: Bytes) -> Piece {
        self.pieces.fetch_add(1, Ordering::AcqRel);
        Piece { bytes, unsent: Arc::clone(self) }
    }

    /// Whether h2 holds nothing of it.
    pub fn is_empty(&self) -> bool {
        self.pieces.load(Ordering::Acquire) == 0
    }

    /// Waits until h2 holds nothing of it.
    pub async fn written(&self) {
        while !self.is_empty() {
            self.written.notified().await;
        }
    }

    /// Waits until nobody has taken anything of it for `patience`, counted from `since` at the earliest. What waits in h2
    /// waits for the socket, and is given up when that has taken nothing of any answer. What waits for room (`wants_room`)
    /// is given up also when others get it at once: then it is this stream that the client makes no room for.
    pub async fn abandoned(&self, since: Instant, patience: Duration, wants_room: bool) {
        let Answers { taken: of_any, roomy, .. } = &*self.answers;
        loop {
            let since = since.max(self.answers.read(&self.taken));
            sleep_until(since + patience).await;
            if self.is_empty() && !wants_room {
                return pending().await;
            }
            if since < self.answers.read(&self.taken) {
                continue;
            }
            let last = self.answers.read(of_any);
            if last.elapsed() >= patience || (self.is_empty() && self.answers.read(roomy) > since) {
                return;
            }
            sleep_until(last + patience).await;
        }
    }
}

/// A piece of an answer, known to be unsent until it is dropped.
pub struct Piece {
    bytes: Bytes,
    unsent: Arc<Unsent>,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, taken: usize) {
        self.bytes.advance(taken);
        let Unsent { answers, taken, .. } = &*self.unsent;
        answers.note(taken);
        answers.note(&answers.taken);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if self.unsent.pieces.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.unsent.written.notify_one();
        }
    }
}

#[cfg(test)]
#[path = "unsent_tests.rs"]
mod tests;
