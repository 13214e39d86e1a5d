//! Turns of work that no client may have much of at once, so that one who asks for a lot waits for itself and for nobody
//! else: queries, and reports, which are reads that may take long.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{AppError, ErrorCode};

/// How many may run at once.
#[derive(Debug, Clone, Copy)]
pub struct TurnRules {
    /// What has turns.
    pub what: &'static str,
    /// Of each client, or each address.
    pub of_each: usize,
    /// Of all of them.
    pub of_all: usize,
    /// How long one waits for its turn.
    pub patience: Duration,
}

/// Gives turns in the order in which they are asked for. Cloning shares them.
#[derive(Clone)]
pub struct Turns<K> {
    rules: TurnRules,
    of_each: Cache<K, Arc<Semaphore>>,
    of_all: Arc<Semaphore>,
}

/// The work may go on while this is held.
#[derive(Debug)]
pub struct Turn([OwnedSemaphorePermit; 2]);

/// So many are told apart; of more, some have theirs counted anew.
const TOLD_APART: u64 = 10_000;

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Turns<K> {
    /// Turns by these rules.
    #[must_use]
    pub fn new(rules: TurnRules) -> Self {
        let of_each = Cache::builder().max_capacity(TOLD_APART).time_to_idle(Duration::from_mins(15)).build();
        Self { rules, of_each, of_all: Arc::new(Semaphore::new(rules.of_all)) }
    }

    /// Turns for whoever runs alone, as a command does.
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
            // Its own first: who waits for one of its own must not hold one that others could use.
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
    /// Counts for so many from now on, if there is room for them at once.
    pub fn grow(&mut self, weight: usize) -> bool {
        self.0.iter_mut().all(|permit| {
            let more = u32::try_from(weight.saturating_sub(permit.num_permits())).unwrap_or(u32::MAX);
            let more = Arc::clone(permit.semaphore()).try_acquire_many_owned(more);
            more.map(|more| permit.merge(more)).is_ok()
        })
    }

    /// Gives back all that it counts beyond this.
    pub fn shrink(&mut self, weight: usize) {
        for permit in &mut self.0 {
            let excess = permit.num_permits().saturating_sub(weight);
            drop(permit.split(excess));
        }
    }
}
