//! Connections to the replica prove, each time they are taken for a read, that what is read over them is not older than the read.
//! Asked in the statement that reads it would prove nothing: what a statement sees was settled before its first row.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use sea_orm::sqlx::postgres::{PgConnection, PgPoolOptions};
use sea_orm::sqlx::{self, AssertSqlSafe, Executor as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::point::{Fit, Point};
use crate::store::liveness::{Liveness, TEST_LIMIT, within};

/// The pause before a standby that is behind is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(2);

tokio::task_local! {
    /// What the read under way must find.
    pub(super) static PROOF: Arc<Proof>;
}

/// What the connections of one read must prove.
#[derive(Debug)]
pub(super) struct Proof {
    point: Point,
    patience: Duration,
    failure: watch::Sender<Option<Failure>>,
}

/// Why a connection is of no use to a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The replica lacks something, and did not get it in time.
    Behind,
    /// It is none of this database.
    Unfit,
}

impl Proof {
    pub(super) fn new(point: Point, patience: Duration) -> Self {
        Self { point, patience, failure: watch::Sender::new(None) }
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        *self.failure.borrow()
    }

    /// Resolves when a connection failed: what is read over it is not to be used.
    pub(super) async fn failed(&self) {
        let mut failure = self.failure.subscribe();
        // Its sender is here.
        let _ = failure.wait_for(Option::is_some).await;
    }

    async fn ask(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let begun = Instant::now();
        loop {
            let failure = match within(TEST_LIMIT, self.point.is_at(connection)).await? {
                Fit::Current => return Ok(()),
                Fit::Behind(_) if begun.elapsed() < self.patience => {
                    sleep(ASK_AGAIN).await;
                    continue;
                }
                Fit::Behind(_) => Failure::Behind,
                Fit::Unfit(_) => Failure::Unfit,
            };
            // The connection stays: only this read has no use for it.
            self.failure.send_replace(Some(failure));
            return Ok(());
        }
    }
}

/// Lets connections out of the pool as elsewhere, and for a read those that proved themselves.
pub(super) fn guard(pool: PgPoolOptions, liveness: &Liveness, settings: String) -> PgPoolOptions {
    let (settings, taken): (Arc<str>, _) = (settings.into(), liveness.clone());
    liveness
        .guard(pool, String::new())
        .after_connect(move |connection, _| {
            let settings = Arc::clone(&settings);
            async move {
                within(TEST_LIMIT, connection.execute(AssertSqlSafe(&*settings))).await?;
                match PROOF.try_with(Arc::clone) {
                    Ok(proof) => proof.ask(connection).await,
                    Err(_) => Ok(()),
                }
            }
            .boxed()
        })
        .before_acquire(move |connection, about| {
            let liveness = taken.clone();
            async move {
                let Ok(proof) = PROOF.try_with(Arc::clone) else {
                    return Ok(liveness.may_be_taken(connection, about).await);
                };
                if liveness.is_suspect(Instant::now(), &about) {
                    return Ok(false);
                }
                let asked = proof.ask(connection).await;
                if asked.is_err() {
                    liveness.doubt();
                }
                Ok(asked.is_ok())
            }
            .boxed()
        })
}
