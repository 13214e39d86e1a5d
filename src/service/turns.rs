//! Turns: permits for work of which each client may run only a few at a time, so that a client with many requests waits for
//! its own only. Queries have turns, and so have reports, which are reads that may take long.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{AppError, ErrorCode};

/// How many may run at once.
#[derive(Debug, Clone, Copy)]
pub struct TurnRules {
    /// The name of the work, for messages.
    pub what: &'static str,
    /// The most turns of one client, or of one address.
    pub of_each: usize,
    /// The most turns of all together.
    pub of_all: usize,
    /// The longest wait for a turn.
    pub patience: Duration,
}

/// Gives turns in the order in which they are asked for. Cloning shares them.
#[derive(Clone)]
pub struct Turns<K> {
    rules: TurnRules,
    of_each: Cache<K, Arc<Semaphore>>,
    of_all: Arc<Semaphore>,
}

/// A permit for the work, until it is dropped.
#[derive(Debug)]
pub struct Turn([OwnedSemaphorePermit; 2]);

/// The most keys that are remembered; beyond that the counts of some start again at zero.
const REMEMBERED: u64 = 10_000;

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Turns<K> {
    /// Turns by these rules.
    #[must_use]
    pub fn new(rules: TurnRules) -> Self {
        let of_each = Cache::builder().max_capacity(REMEMBERED).time_to_idle(Duration::from_mins(15)).build();
        Self { rules, of_each, of_all: Arc::new(Semaphore::new(rules.of_all)) }
    }

    /// Unlimited turns, for a process with one caller, such as a command.
    #[must_use]
    pub fn unlimited() -> Self {
        let most = Semaphore::MAX_PERMITS;
        Self::new(TurnRules { what: "commands", of_each: most, of_all: most, patience: Duration::MAX })
    }

    /// Waits for a turn of this one.
    pub async fn turn(&self, whose: &K) -> Result<Turn, AppError> {
        self.turn_of(whose, 1).await
    }

    /// Waits for a turn that counts for so many.
    pub async fn turn_of(&self, whose: &K, weight: u32) -> Result<Turn, AppError> {
        let own = self.of_each.get_with_by_ref(whose, || Arc::new(Semaphore::new(self.rules.of_each)));
        let turn = async {
            // The key's own permit first: while it waits for that it must not hold one that others could use.
            let own = own.acquire_many_owned(weight).await;
            Ok(Turn([
                own.map_err(AppError::internal)?,
                Arc::clone(&self.of_all).acquire_many_owned(weight).await.map_err(AppError::internal)?,
            ]))
        };
        let turn = tokio::time::timeout(self.rules.patience, turn).await;
        turn.unwrap_or_else(|_| Err(too_many(self.rules.what)))
    }
}

/// There are no more turns.
pub fn too_many(what: &str) -> AppError {
    let message = format!("Too many {what} are under way at once; send the same request again shortly");
    AppError::new(ErrorCode::Overloaded, message).retry_after(Duration::from_secs(1))
}

impl Turn {
    /// Raises the turn's weight, if the permits are available now.
    pub fn grow(&mut self, weight: usize) -> bool {
        self.0.iter_mut().all(|permit| {
            let more = u32::try_from(weight.saturating_sub(permit.num_permits())).unwrap_or(u32::MAX);
            let more = Arc::clone(permit.semaphore()).try_acquire_many_owned(more);
            more.map(|more| permit.merge(more)).is_ok()
        })
    }

    /// Lowers the turn's weight to this.
    pub fn shrink(&mut self, weight: usize) {
        for permit in &mut self.0 {
            let excess = permit.num_permits().saturating_sub(weight);
            drop(permit.split(excess));
        }
    }
}
