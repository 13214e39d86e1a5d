//! The queue of logins from addresses that no client has logged in from. They wait apart, so that a flood of them holds up
//! no login from a known address.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{AppError, ErrorCode};

/// The queue: a permit for each login in it, and one for each whose secret may be checked now. Only the latter compete with
/// logins from known addresses for the hashing of secrets.
pub struct LoginQueue {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// A login's permits, held until its check is done.
pub struct QueuedLogin(#[expect(dead_code, reason = "held, not read")] [OwnedSemaphorePermit; 2]);

/// The length of the queue for each secret that is checked at once: about a second's worth.
const LENGTH: usize = 64;

impl LoginQueue {
    /// A queue before so many checks at once.
    #[must_use]
    pub fn new(checks: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(checks * LENGTH)), turns: Arc::new(Semaphore::new(checks)) }
    }

    /// Waits for its turn, or is refused at once when the queue is full.
    pub async fn enter(&self) -> Result<QueuedLogin, AppError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| full())?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(AppError::internal)?;
        Ok(QueuedLogin([place, turn]))
    }
}

fn full() -> AppError {
    let message = "Too many logins at once from addresses that no client has logged in from; try again shortly";
    AppError::new(ErrorCode::Overloaded, message).retry_after(Duration::from_secs(1))
}
