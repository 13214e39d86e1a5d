//! Where logins from addresses that no client is known at wait for their check: in a line of their own, so that a flood
//! of them holds up nobody who is known.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{AppError, ErrorCode};

/// The line. Only as many of it as are checked at once stand before the door that everybody goes through.
pub struct StrangersLine {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// Holds the place until the check is done.
pub struct Place(#[expect(dead_code, reason = "held, not read")] [OwnedSemaphorePermit; 2]);

/// How many wait, for each that is checked at once: about a second's worth.
const PLACES: usize = 64;

impl StrangersLine {
    /// A line before so many checks at once.
    #[must_use]
    pub fn new(checks: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(checks * PLACES)), turns: Arc::new(Semaphore::new(checks)) }
    }

    /// Waits for its turn, or is told at once that the line is full.
    pub async fn enter(&self) -> Result<Place, AppError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| full())?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(AppError::internal)?;
        Ok(Place([place, turn]))
    }
}

fn full() -> AppError {
    let message = "Too many logins at once from addresses that no client has logged in from; try again shortly";
    AppError::new(ErrorCode::Overloaded, message).retry_after(Duration::from_secs(1))
}
