//! A wake-up for those who follow the feed. It may come too often and, when a connection broke, not at all; what is
//! true is in the table, and whoever waits looks there from time to time anyway.

use std::convert::Infallible;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::sqlx::{self, AssertSqlSafe, Executor as _};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::address::Address;
use super::connect::Store;
use super::error::{StoreError, StoreResult, from_sqlx};
use super::liveness::within;
use super::options::DatabaseOptions;
use super::outage::Outage;
use super::pooler::Pooler;
use super::reach::Unreachable;
use super::unreachable;
use crate::clock::random_bytes;

/// Where PostgreSQL tells every instance that events were appended.
pub(super) const CHANNEL: &str = "sales_order_events";

/// The shortest interval of notices. Each costs the server about as much as a read.
const TELL_EVERY: Duration = Duration::from_millis(8);

/// How often a connection on which nothing is told is asked whether it works, and how long it may take to answer.
const TEST_EVERY: Duration = Duration::from_secs(5);

/// How long to wait before listening again on a new connection.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells that events may have been appended: by this process at once; by others on the same PostgreSQL database, for as
/// long as this is kept. Of others on the same SQLite file nobody tells.
pub struct EventSignal {
    appended: watch::Receiver<()>,
    _listening: Option<Listening>,
}

struct Listening(AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Store {
    /// Tells other instances of the commits of this one, for as long as it is polled. Not in the transactions themselves:
    /// PostgreSQL lets one transaction at a time commit a notice, in the whole cluster.
    pub async fn tell_of_commits(&self) {
        if self.backend() == DbBackend::Sqlite {
            return;
        }
        let (mut committed, notify) = (self.committed.subscribe(), format!("NOTIFY {CHANNEL}"));
        while committed.changed().await.is_ok() {
            let notice = self.core.execute_unprepared(&notify);
            // Whoever is not told looks by itself.
            if let Ok(Err(error)) = timeout(TEST_EVERY, notice).await {
                debug!(%error, "other instances were not told of a commit");
            }
            sleep(TELL_EVERY).await;
        }
    }

    /// A signal for one follower. On PostgreSQL it holds a connection beside those of the pools.
    #[must_use]
    pub fn event_signal(&self) -> EventSignal {
        let tells = !matches!(self.listen_at, ListenAt::Nowhere);
        let listening = tells.then(|| {
            let listening = listen(self.listen_at.clone(), self.read.clone(), self.appended.clone());
            Listening(tokio::spawn(listening).abort_handle())
        });
        EventSignal { appended: self.appended.subscribe(), _listening: listening }
    }
}

/// Whether this database tells instances of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// What one connection tells arrives at another.
    Works,
    /// The connection works, and nothing arrives at it: it leads to another database.
    Elsewhere,
    /// Nobody is told; events are looked for at intervals.
    Nobody,
}

impl Store {
    /// Tells something and listens for it, in a channel of its own, for so long.
    pub async fn rehearse_telling(&self, limit: Duration) -> StoreResult<Telling> {
        if matches!(self.listen_at, ListenAt::Nowhere) {
            return Ok(Telling::Nobody);
        }
        let options = self.listen_at.find(&self.read).await?;
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(limit).connect_lazy_with(options);
        let channel = format!("sales_order_{}", hex::encode(random_bytes::<8>()));
        let rehearsal = async {
            let mut listener = PgListener::connect_with(&pool).await.map_err(from_sqlx)?;
            listener.listen(&channel).await.map_err(from_sqlx)?;
            self.core.execute_unprepared(&format!("NOTIFY {channel}")).await?;
            Ok::<_, StoreError>(timeout(limit, listener.recv()).await.is_ok_and(|told| told.is_ok()))
        };
        let arrived = rehearsal.await;
        pool.close().await;
        Ok(if arrived? { Telling::Works } else { Telling::Elsewhere })
    }
}

/// Where other instances' events are told of.
#[derive(Debug, Clone)]
pub(super) enum ListenAt {
    /// SQLite tells nobody, and a pooler in transaction mode lends a connection for too short a time.
    Nowhere,
    /// Where everything else goes.
    Database,
    /// Past a pooler.
    Other(Box<Address>),
}

/// Where to listen with these options.
pub(super) fn listen_at(options: &DatabaseOptions) -> StoreResult<ListenAt> {
    if options.url.starts_with("sqlite:") {
        return Ok(ListenAt::Nowhere);
    }
    let other = options.listen_url.as_deref().map(Address::parse).transpose()?;
    Ok(match other {
        Some(address) => ListenAt::Other(Box::new(address)),
        None if options.pooler == Pooler::Transaction => ListenAt::Nowhere,
        None => ListenAt::Database,
    })
}

impl ListenAt {
    /// The host to listen at now: after a fail-over it is another one.
    async fn find(&self, reading: &DatabaseConnection) -> Result<PgConnectOptions, Unreachable> {
        match self {
            Self::Other(address) => address.find(TEST_EVERY).await,
            _ => Ok(PgConnectOptions::clone(&reading.get_postgres_connection_pool().connect_options())),
        }
    }
}

impl EventSignal {
    /// Resolves when events may have been appended since the last call, at the latest after `at_most`.
    pub async fn wait(&mut self, at_most: Duration) {
        // The sender lives as long as the store; time out or not, the caller looks.
        let _ = timeout(at_most, self.appended.changed()).await;
    }
}

/// Passes on what the database tells, until it is aborted.
async fn listen(at: ListenAt, reading: DatabaseConnection, appended: watch::Sender<()>) {
    let mut outage = Outage::default();
    loop {
        let failed = match at.find(&reading).await {
            Ok(options) => {
                let Err(error) = listen_once(&options, &appended, &mut outage).await;
                unreachable::cause(&error, &options)
            }
            Err(failure) => failure,
        };
        if outage.is_news(&failed.sentence) {
            let cause = failed.sentence;
            warn!(cause, "the database tells of no events at the moment; they are looked for from time to time");
        }
        sleep(PAUSE).await;
    }
}

/// A connection of its own, never one of a pool that others use: a connection that listens is told of events in the middle
/// of their statements, and the driver, when it is stopped while it connects again, puts it back as it is.
async fn listen_once(
    options: &PgConnectOptions,
    appended: &watch::Sender<()>,
    outage: &mut Outage,
) -> Result<Infallible, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(TEST_EVERY)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    // So that nothing is connected anew within `try_recv`, which is stopped in the middle below.
    listener.eager_reconnect(false);
    within(TEST_EVERY, listener.listen(CHANNEL)).await?;
    debug!("listening for events");
    if let Some(lasted) = outage.end() {
        info!(seconds = lasted.as_secs_f64(), "the database tells of events again");
    }
    loop {
        match timeout(TEST_EVERY, listener.try_recv()).await {
            Ok(Ok(Some(_))) => {}
            Ok(Ok(None)) => return Err(sqlx::Error::PoolClosed),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                // Once more the same, so that an operator sees in `pg_stat_activity` what the connection is for.
                within(TEST_EVERY, listener.execute(AssertSqlSafe(format!("LISTEN {CHANNEL}")))).await?;
            }
        }
        while listener.next_buffered().is_some() {}
        appended.send_replace(());
    }
}
