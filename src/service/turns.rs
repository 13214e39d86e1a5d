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
pub struct Turn(#[expect(dead_code, reason = "held, not read")] [OwnedSemaphorePermit; 2]);

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
        let own = self.of_each.get_with_by_ref(whose, || Arc::new(Semaphore::new(self.rules.of_each)));
        let turn = async {
            // Its own first: who waits for one of its own must not hold one that others could use.
            let own = own.acquire_owned().await;
            Ok(Turn([
                own.map_err(AppError::internal)?,
                Arc::clone(&self.of_all).acquire_owned().await.map_err(AppError::internal)?,
            ]))
        };
        tokio::time::timeout(self.rules.patience, turn).await.unwrap_or_else(|_| {
            let message =
                format!("Too many {} are under way at once; send the same request again shortly", self.rules.what);
            Err(AppError::new(ErrorCode::Overloaded, message).retry_after(Duration::from_secs(1)))
        })
    }
}
