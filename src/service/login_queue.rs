//! The queue of logins from addresses that no client has logged in from. They wait apart, so that a flood of them holds up
//! no login from a known address.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{AppError, ErrorCode};

/// Two semaphores: `waiting` bounds the logins in the queue, `checking` those whose secret may be checked now. Only the
/// latter compete with logins from known addresses for the hashing of secrets.
pub struct LoginQueue {
    waiting: Arc<Semaphore>,
    checking: Arc<Semaphore>,
}

/// A login's permits, held until its check is done.
pub struct QueuedLogin(#[expect(dead_code, reason = "held, not read")] [OwnedSemaphorePermit; 2]);

/// The length of the queue for each secret that is checked at once: about a second's worth.
const LENGTH: usize = 64;

impl LoginQueue {
    /// A queue for this many checks at the same time.
    #[must_use]
    pub fn new(checks: usize) -> Self {
        Self { waiting: Arc::new(Semaphore::new(checks * LENGTH)), checking: Arc::new(Semaphore::new(checks)) }
    }

    /// Waits until the secret may be checked, or is refused at once when the queue is full.
    pub async fn enter(&self) -> Result<QueuedLogin, AppError> {
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| full())?;
        let checking = Arc::clone(&self.checking).acquire_owned().await.map_err(AppError::internal)?;
        Ok(QueuedLogin([waiting, checking]))
    }
}

fn full() -> AppError {
    let message = "Too many logins at once from addresses that no client has logged in from; try again shortly";
    AppError::new(ErrorCode::Overloaded, message).retry_after(Duration::from_secs(1))
}
