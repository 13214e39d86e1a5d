//! Long computing, kept off the threads that carry the requests.
//!
//! What belongs here: work that reads or makes a lot of text, or walks a large document, and waits for nothing. What
//! does not: password hashes, which wait in a queue of their own (`service::sessions`).

use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

/// Work on less input than this, in bytes, runs on the calling thread: moving it would cost as much as doing it.
pub const SMALL: usize = 8 * 1024;

/// The bytes whose parsing takes about as long as answering a request.
pub const BYTES_A_REQUEST: usize = 10_000;

/// A class of callers with a concurrency limit of its own: callers with a valid token never wait for the work of
/// callers without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Work of a caller with a valid token.
    Known,
    /// Work of any other caller.
    Anonymous,
}

/// Half of the cores for each lane, so that one lane alone leaves half of them to other requests.
static LANES: LazyLock<[Semaphore; 2]> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    [(); 2].map(|()| Semaphore::new((cores / 2).max(1)))
});

/// Does work on so many bytes of input; a large one waits for its turn, and other requests go on meanwhile.
pub async fn on<T>(lane: Lane, bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes < SMALL {
        return work();
    }
    // The semaphore is never closed.
    let _turn = LANES[usize::from(lane == Lane::Anonymous)].acquire().await;
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        // A runtime of one thread has no other thread for the other requests.
        _ => work(),
    }
}

/// Drives a future that waits for nothing to its end.
pub fn drive<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
