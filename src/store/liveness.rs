//! Tests connections to PostgreSQL before they are used. A server that vanished and a firewall that dropped a connection
//! send nothing: a client waits there until TCP gives up, about a quarter of an hour. The driver has no
//! limit of its own, neither when it takes a connection out of its pool nor when it puts one back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use sea_orm::sqlx::pool::PoolConnectionMetadata;
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tracing::warn;

/// How long a connection may take to say that it works.
pub(super) const TEST_LIMIT: Duration = Duration::from_secs(1);

/// A connection that was put back, and tested, so shortly ago is not tested when it is taken again.
const FRESH: Duration = Duration::from_millis(100);

/// What is known of the connections of one database. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Liveness {
    since: Instant,
    /// Milliseconds after `since`; connections last used before are closed.
    idle_before: Arc<AtomicU64>,
    /// The same; connections opened before are closed.
    opened_before: Arc<AtomicU64>,
    /// Told when the host the connections lead to may be the wrong one.
    doubt: Arc<Notify>,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            idle_before: Arc::default(),
            opened_before: Arc::default(),
            doubt: Arc::default(),
        }
    }
}

impl Liveness {
    /// Closes every connection that is open now before it is used again: they lead to a server that cannot be written to.
    pub(super) fn close_all(&self) {
        self.opened_before.fetch_max(self.millis(Instant::now()), Ordering::AcqRel);
    }

    /// Notes that something went wrong that another host may not have.
    pub(super) fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Resolves when something went wrong.
    pub(super) async fn doubted(&self) {
        self.doubt.notified().await;
    }

    /// Lets no connection out of the pool, or back into it, that does not answer in time; `settings` is run on each new one.
    pub(super) fn guard(&self, pool: PgPoolOptions, settings: String) -> PgPoolOptions {
        let settings: Arc<str> = settings.into();
        let taken = self.clone();
        pool.test_before_acquire(false)
            .after_connect(move |connection, _| {
                let settings = Arc::clone(&settings);
                async move { within(TEST_LIMIT, connection.execute(AssertSqlSafe(&*settings))).await.map(drop) }.boxed()
            })
            .before_acquire(move |connection, about| {
                let liveness = taken.clone();
                async move { Ok(liveness.may_be_taken(connection, about).await) }.boxed()
            })
            // Otherwise the driver waits for the answer of a statement that was given up, without a limit, and the pool
            // has one connection less for as long.
            .after_release(|connection, _| async move { Ok(answers(connection).await) }.boxed())
    }

    pub(super) async fn may_be_taken(&self, connection: &mut PgConnection, about: PoolConnectionMetadata) -> bool {
        let now = Instant::now();
        if self.is_suspect(now, &about) {
            return false;
        }
        if about.idle_for < FRESH || answers(connection).await {
            return true;
        }
        // What was idle for just as long led to the same server by the same way.
        self.idle_before.fetch_max(self.millis(now), Ordering::AcqRel);
        self.doubt();
        warn!(
            idle_seconds = about.idle_for.as_secs(),
            "a connection to the database does not answer: closing the idle ones"
        );
        false
    }

    pub(super) fn is_suspect(&self, now: Instant, about: &PoolConnectionMetadata) -> bool {
        let ago = |time: Duration| self.millis(now.checked_sub(time).unwrap_or(self.since));
        ago(about.idle_for) < self.idle_before.load(Ordering::Acquire)
            || ago(about.age) < self.opened_before.load(Ordering::Acquire)
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.since).as_millis()).unwrap_or(u64::MAX)
    }
}

async fn answers(connection: &mut PgConnection) -> bool {
    within(TEST_LIMIT, connection.ping()).await.is_ok()
}

/// What the driver gives up when it has not come in time.
pub(super) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(limit, answer).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
