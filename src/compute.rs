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

/// Work on less input than this, in bytes, is done where it stands: to move it would cost as much.
pub const SMALL: usize = 8 * 1024;

/// To read so many bytes takes about as long as to answer a request.
pub const BYTES_A_REQUEST: usize = 10_000;

/// Whose work it is: nobody waits behind the work of those whom nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Of a caller with a valid token.
    Known,
    /// Of anybody else.
    Anonymous,
}

/// Half of the cores for each lane, so that there is time left for whoever asks for little.
static LANES: LazyLock<[Semaphore; 2]> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    [(); 2].map(|()| Semaphore::new((cores / 2).max(1)))
});

/// Does work on so many bytes of input; a large one waits for its turn, and other requests go on meanwhile.
pub async fn on<T>(lane: Lane, bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes < SMALL {
        return work();
    }
    // It is never closed.
    let _turn = LANES[usize::from(lane == Lane::Anonymous)].acquire().await;
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        // A runtime of one thread has nobody to hand the other requests to.
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
