//! Where the reads of one request go: all to the replica as long as it is well, and from the first that fails there to the primary,
//! so that nothing is older than what was read before.

use std::sync::{Arc, OnceLock};

use tokio::sync::OnceCell;

use super::Replica;
use super::point::Point;
use crate::error::AppError;
use crate::store::connect::Store;
use crate::telemetry::{self, ReplicaRead};

/// The way of one request.
#[derive(Debug)]
pub struct Route {
    store: Arc<Store>,
    replica: Option<Replica>,
    /// What must be found at the replica, or why the reads go to the primary; settled by the first read.
    needed: OnceCell<Result<Point, ReplicaRead>>,
    /// Why the replica is asked no more; without a reason where it is not to be asked.
    left: OnceLock<Option<ReplicaRead>>,
}

impl Route {
    /// To the primary only: for what decides something, and for who was told of something that the replica may lack.
    #[must_use]
    pub const fn primary(store: Arc<Store>) -> Self {
        Self { store, replica: None, needed: OnceCell::const_new(), left: OnceLock::new() }
    }

    /// To the replica, if there is one.
    #[must_use]
    pub fn anywhere(store: Arc<Store>) -> Self {
        Self { replica: store.replica.clone(), ..Self::primary(store) }
    }

    /// Leads to the primary from here on.
    pub fn keep_to_primary(&self) {
        let _ = self.left.set(None);
    }

    /// Reads there. The read is made once more, at the primary, where the replica did not make it.
    pub async fn read<T, F>(&self, read: impl Fn(Arc<Store>) -> F) -> Result<T, AppError>
    where
        F: Future<Output = Result<T, AppError>>,
    {
        let Some(replica) = &self.replica else { return read(Arc::clone(&self.store)).await };
        let why = match (self.left.get(), self.needed.get_or_init(|| replica.needed())) {
            (Some(why), _) => *why,
            (None, needed) => match *needed.await {
                Err(why) => Some(why),
                Ok(point) => match Box::pin(replica.read(point, read(Arc::clone(&replica.0.store)))).await {
                    Ok(outcome) => {
                        telemetry::count_replica_read(ReplicaRead::Replica);
                        return outcome;
                    }
                    Err(why) => *self.left.get_or_init(|| Some(why)),
                },
            },
        };
        if let Some(why) = why {
            telemetry::count_replica_read(why);
        }
        read(Arc::clone(&self.store)).await
    }
}
