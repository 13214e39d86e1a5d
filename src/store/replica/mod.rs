//! Reads elsewhere: pages and reports from a replica, a hot standby of the same PostgreSQL, which is never older to its reader
//! than the read itself.
//!
//! A read first asks the primary how far its log is ([`point`]), and each connection to the replica proves that it has replayed as
//! much before it is used ([`proof`]). So a caller sees what it wrote, whichever instance it wrote it through, and nobody is
//! remembered. Whatever is wrong with the replica, the read is made at the primary ([`route`]). A watcher keeps looking, so that no
//! read waits for a replica that is away ([`watcher`]).

mod point;
mod proof;
mod route;
mod watcher;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{ConnectOptions, Database, DatabaseConnection, sqlx};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::address::Address;
use super::connect::{Store, meter};
use super::error::StoreResult;
use super::liveness::Liveness;
use super::options::{DatabaseOptions, ReplicaOptions};
use super::outage::Outage;
use super::pooler::Pooler;
use super::pools::Shares;
use super::postgres;
use crate::error::{AppError, ErrorCode};
use crate::telemetry::{self, ReplicaRead};

use point::Point;
use proof::{Failure, PROOF, Proof};

pub use route::Route;
pub use watcher::ReplicaSeen;

/// How long a connection to the replica, or the primary's position, is waited for: the primary can be read instead.
const SHORTLY: Duration = Duration::from_secs(1);

/// The replica. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Replica(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Reads there; what it would write goes to the primary.
    store: Arc<Store>,
    primary: Store,
    liveness: Liveness,
    max_lag: Duration,
    statement_timeout: Duration,
    last: Mutex<Asked>,
    state: watch::Sender<State>,
}

/// What the primary was asked last.
#[derive(Debug, Default)]
struct Asked {
    /// When, and its position if it said one.
    last: Option<(Instant, Option<Point>)>,
    refusing: Outage,
}

/// Whether reads go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has looked yet.
    Unknown,
    Current,
    /// It lacks what was committed longer ago than is waited for.
    Behind,
    /// It does not answer, or is no replica of this database.
    Away,
}

impl Store {
    /// Opens connections to the replica when they are needed, and watches it until this store is closed.
    pub(super) async fn follow_replica(
        &mut self,
        options: &DatabaseOptions,
        replica: &ReplicaOptions,
    ) -> StoreResult<()> {
        let address = Address::of_replica(&replica.url)?;
        let Some(first) = address.candidates.first() else { return Ok(()) };
        let (liveness, Shares { reports, read, .. }) = (Liveness::default(), Shares::of(options));
        let mut pools = Vec::new();
        for (name, connections) in [("replica", read), ("replica_reports", reports)] {
            let mut pool = pool(options, replica, (first, connections), &liveness).await?;
            meter(&mut pool, options.on_statement);
            pools.push((name, pool));
        }
        let [(_, read), (_, reports)] = &pools[..] else { return Ok(()) };
        let store = Arc::new(self.reading_from(read.clone(), reports.clone(), liveness.clone()));
        let shared = Shared {
            store,
            primary: self.clone(),
            liveness,
            max_lag: replica.max_lag,
            statement_timeout: options.statement_timeout,
            last: Mutex::default(),
            state: watch::Sender::new(State::Unknown),
        };
        let replica = Replica(Arc::new(shared));
        tokio::spawn(watcher::follow(replica.clone(), address));
        self.named.extend(pools);
        self.replica = Some(replica);
        Ok(())
    }
}

async fn pool(
    options: &DatabaseOptions,
    replica: &ReplicaOptions,
    (first, connections): (&PgConnectOptions, u32),
    liveness: &Liveness,
) -> StoreResult<DatabaseConnection> {
    // A pooler in transaction mode is not used there.
    let direct = DatabaseOptions { pooler: Pooler::None, ..options.clone() };
    let (settings, liveness, first) = (postgres::session_settings(&direct, true), liveness.clone(), first.clone());
    let mut connect = ConnectOptions::new("postgres://localhost");
    connect
        .max_connections(connections)
        // With the time in which a connection may prove itself.
        .acquire_timeout(options.acquire_timeout.min(SHORTLY) + replica.max_lag)
        .idle_timeout(options.idle_timeout)
        .sqlx_logging(false)
        // It may be away.
        .connect_lazy(true)
        .map_sqlx_postgres_opts(move |_| first.clone())
        .map_sqlx_postgres_pool_opts(move |pool| proof::guard(pool, &liveness, settings.clone()));
    Ok(Database::connect(connect).await?)
}

impl Replica {
    /// How far the primary's log was after this was asked. One question at a time answers all who asked before it was sent.
    async fn primary_point(&self) -> Option<Point> {
        let asked = Instant::now();
        let mut known = self.0.last.lock().await;
        if let Some((begun, point)) = known.last
            && begun >= asked
        {
            return point;
        }
        let begun = Instant::now();
        let pool = self.0.primary.core.get_postgres_connection_pool();
        let point = match timeout(SHORTLY, Point::of_primary(pool)).await {
            Ok(Ok(point)) => {
                known.refusing.end();
                Some(point)
            }
            // That it is away is told elsewhere.
            Ok(Err(sqlx::Error::Database(cause))) => {
                if known.refusing.is_news(cause.message()) {
                    warn!(
                        cause = cause.message(),
                        "the primary does not say how far its log is; everything is read from it"
                    );
                }
                None
            }
            Ok(Err(_)) | Err(_) => None,
        };
        known.last = Some((begun, point));
        point
    }

    /// What a read that begins now must find there, or why it goes to the primary.
    async fn needed(&self) -> Result<Point, ReplicaRead> {
        let mut state = self.0.state.subscribe();
        let _ = timeout(SHORTLY, state.wait_for(|state| *state != State::Unknown)).await;
        let state = *state.borrow();
        match state {
            State::Current => self.primary_point().await.ok_or(ReplicaRead::Failed),
            State::Behind => Err(ReplicaRead::Behind),
            State::Away | State::Unknown => Err(ReplicaRead::Away),
        }
    }

    /// What came of a read there, or why it is to be made at the primary.
    async fn read<T>(
        &self,
        point: Point,
        read: impl Future<Output = Result<T, AppError>>,
    ) -> Result<Result<T, AppError>, ReplicaRead> {
        let (proof, begun) = (Arc::new(Proof::new(point, self.0.max_lag)), Instant::now());
        let outcome = tokio::select! {
            biased;
            () = proof.failed() => None,
            () = self.is_left() => None,
            outcome = PROOF.scope(Arc::clone(&proof), read) => Some(outcome),
        };
        let why = match (proof.failure(), outcome) {
            (None, Some(Ok(answer))) => return Ok(Ok(answer)),
            (None, Some(Err(error))) if !self.may_do_better(&error, begun) => return Ok(Err(error)),
            (Some(Failure::Behind), _) => {
                self.0.state.send_if_modified(|state| {
                    let is_news = *state == State::Current;
                    if is_news {
                        *state = State::Behind;
                    }
                    is_news
                });
                ReplicaRead::Behind
            }
            (Some(Failure::Unfit), _) | (None, None) => ReplicaRead::Away,
            (None, Some(Err(error))) => {
                let cause = error.source.as_deref().map(|cause| telemetry::causes(cause));
                debug!(cause, "a read of the replica failed");
                ReplicaRead::Failed
            }
        };
        self.0.liveness.doubt();
        Err(why)
    }

    /// Resolves when the replica does not answer any more, or is none.
    async fn is_left(&self) {
        let mut state = self.0.state.subscribe();
        if state.wait_for(|state| *state == State::Away).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the primary may answer what the replica did not: not where the read is wrong, and not where it was given all its
    /// time, which a report would take of the primary too.
    fn may_do_better(&self, error: &AppError, begun: Instant) -> bool {
        match error.code {
            ErrorCode::Overloaded => begun.elapsed() < self.0.statement_timeout,
            code => code.status() >= 500,
        }
    }
}
