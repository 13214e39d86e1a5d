//! Turns of work that no client may have much of at once, so that one who asks for a lot waits for itself and for nobody
//! else: queries, and reports, which are reads that may take long.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::client::ClientId;
use crate::error::{AppError, ErrorCode};

/// How many may run at once.
#[derive(Debug, Clone, Copy)]
pub struct TurnRules {
    /// What has turns.
    pub what: &'static str,
    /// Of one client.
    pub of_client: usize,
    /// Of all of them.
    pub of_all: usize,
    /// How long one waits for its turn.
    pub patience: Duration,
}

/// Gives turns in the order in which they are asked for. Cloning shares them.
#[derive(Clone)]
pub struct Turns {
    rules: TurnRules,
    of_client: Cache<ClientId, Arc<Semaphore>>,
    of_all: Arc<Semaphore>,
}

/// The work may go on while this is held.
pub struct Turn(#[expect(dead_code, reason = "held, not read")] [OwnedSemaphorePermit; 2]);

/// So many clients are told apart; of more, some have theirs counted anew.
const CLIENTS: u64 = 10_000;

impl Turns {
    /// Turns by these rules.
    #[must_use]
    pub fn new(rules: TurnRules) -> Self {
        let of_client = Cache::builder().max_capacity(CLIENTS).time_to_idle(Duration::from_mins(15)).build();
        Self { rules, of_client, of_all: Arc::new(Semaphore::new(rules.of_all)) }
    }

    /// Turns for whoever runs alone, as a command does.
    #[must_use]
    pub fn unlimited() -> Self {
        let most = Semaphore::MAX_PERMITS;
        Self::new(TurnRules { what: "commands", of_client: most, of_all: most, patience: Duration::MAX })
    }

    /// Waits for a turn of this client.
    pub async fn turn(&self, client: &ClientId) -> Result<Turn, AppError> {
        let of_client = self.of_client.get_with_by_ref(client, || Arc::new(Semaphore::new(self.rules.of_client)));
        let turn = async {
            // Its own first: who waits for one of its own must not hold one that others could use.
            let own = of_client.acquire_owned().await;
            Ok(Turn([
                own.map_err(AppError::internal)?,
                Arc::clone(&self.of_all).acquire_owned().await.map_err(AppError::internal)?,
            ]))
        };
        tokio::time::timeout(self.rules.patience, turn).await.unwrap_or_else(|_| {
            let message = format!(
                "Too many {} are under way, of this client or of all; send the same request again shortly",
                self.rules.what
            );
            Err(AppError::new(ErrorCode::Overloaded, message).retry_after(Duration::from_secs(1)))
        })
    }
}
