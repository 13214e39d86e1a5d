//! The connections to PostgreSQL.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::address::{Address, host_and_port};
use super::error::{StoreError, StoreResult};
use super::liveness::Liveness;
use super::options::DatabaseOptions;
use super::outage::Outage;
use super::pooler::Pooler;
use super::pools::{FEWEST_SHARED_OUT, Pools, Shares};

/// How long to wait between two looks for a host that can be written to.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Opens the pools.
pub(super) async fn connect(options: &DatabaseOptions) -> StoreResult<Pools> {
    let address = Address::parse(&options.url)?;
    let found = address.find(options.acquire_timeout).await?;
    let liveness = Liveness::default();
    let Shares { core, reports, read } = Shares::of(options);
    let open = async |connections, reads| {
        let opened = pool(options, &found, (connections, reads), &liveness).await;
        let Err(error) = opened else { return opened };
        // A pool only says that it had no connection in time.
        Err(address.find(options.acquire_timeout).await.err().map_or(error, StoreError::from))
    };
    let pools = if options.max_connections < FEWEST_SHARED_OUT {
        let all = open(options.max_connections, false).await?;
        let reports_at_once = options.report_connections.min(options.max_connections.div_ceil(2)) as usize;
        let [read, core, reports, write] = std::array::from_fn(|_| all.clone());
        Pools { read, core, reports, reports_at_once, write, named: vec![("all", all)], liveness, files: None }
    } else {
        let core = open(core, false).await?;
        let read = open(read, true).await?;
        let (reports, reports_at_once) = (open(reports, true).await?, reports as usize);
        let named = [("core", &core), ("read", &read), ("reports", &reports)];
        Pools {
            named: named.map(|(name, pool)| (name, pool.clone())).into(),
            read,
            reports,
            reports_at_once,
            write: core.clone(),
            core,
            liveness,
            files: None,
        }
    };
    let of_reads = pools.named.iter().skip(1).map(|(_, pool)| pool.clone()).collect();
    tokio::spawn(follow(address, options.acquire_timeout, (pools.core.clone(), of_reads), pools.liveness.clone()));
    Ok(pools)
}

async fn pool(
    options: &DatabaseOptions,
    found: &PgConnectOptions,
    (connections, reads): (u32, bool),
    liveness: &Liveness,
) -> StoreResult<DatabaseConnection> {
    let (liveness, found, settings) = (liveness.clone(), found.clone(), session_settings(options, reads));
    // SeaORM reads an address too, and knows fewer forms of it; the address that was found replaces it.
    let mut connect = ConnectOptions::new("postgres://localhost");
    connect
        .max_connections(connections)
        .acquire_timeout(options.acquire_timeout)
        .connect_timeout(options.acquire_timeout)
        .idle_timeout(options.idle_timeout)
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(move |_| found.clone())
        .map_sqlx_postgres_pool_opts(move |pool| liveness.guard(pool, settings.clone()));
    Ok(Database::connect(connect).await?)
}

/// The settings of a new connection, in one round trip. With a pooler in transaction mode a connection is not ours, and
/// transactions have settings of their own.
pub(super) fn session_settings(options: &DatabaseOptions, reads: bool) -> String {
    if options.pooler == Pooler::Transaction { String::new() } else { settings(options, "SET", reads) }
}

/// The settings of a transaction, where a session can have none.
pub(super) fn transaction_settings(options: &DatabaseOptions, reads: bool) -> Option<String> {
    (options.pooler == Pooler::Transaction).then(|| settings(options, "SET LOCAL", reads))
}

fn settings(options: &DatabaseOptions, set: &str, reads: bool) -> String {
    // Who waits for another's lock is answered in time, as on SQLite. Compiling a summary takes longer than running it.
    // Three months of orders are sorted in memory.
    let lock_timeout = options.acquire_timeout.as_millis();
    let all = format!("{set} lock_timeout = {lock_timeout}; {set} jit = off; {set} work_mem = '16MB'");
    // Changes look at what others committed while they waited for them; a report says itself that it does not.
    let all = match options.pooler {
        Pooler::Transaction if reads => all,
        Pooler::Transaction => format!("{set} transaction_isolation = 'read committed'; {all}"),
        _ => format!("{set} default_transaction_isolation = 'read committed'; {all}"),
    };
    // Of readers alone: where a commit waits for a standby, PostgreSQL takes the end of this time for leave to call the
    // order stored although no standby has it. Writers are ended when they stand still in the middle of a transaction, for
    // a process that was stopped lets go of nothing by itself; half of what others wait for its locks, so that they get them.
    if reads {
        format!("{all}; {set} statement_timeout = {}", options.statement_timeout.as_millis())
    } else {
        format!("{all}; {set} idle_in_transaction_session_timeout = {}", lock_timeout / 2)
    }
}

/// The pool that orders are stored with, and those of pages and reports, if they have some of their own.
type OrdersAndReads = (DatabaseConnection, Vec<DatabaseConnection>);

/// Looks for the host that the address asks for whenever there is doubt about the one that connections lead to, until it is
/// found; leads new connections there, and tells why there is none. Ends with the pools.
async fn follow(address: Address, patience: Duration, pools: OrdersAndReads, liveness: Liveness) {
    let closed = pools.0.get_postgres_connection_pool().close_event();
    tokio::select! {
        () = lead(&address, patience, &pools, &liveness) => {}
        () = closed => {}
    }
}

async fn lead(address: &Address, patience: Duration, (orders, reads): &OrdersAndReads, liveness: &Liveness) {
    let mut current = host_and_port(&orders.get_postgres_connection_pool().connect_options());
    let (mut outage, mut is_found) = (Outage::default(), true);
    loop {
        if is_found {
            liveness.doubted().await;
        }
        let found = address.find(patience).await;
        is_found = found.is_ok();
        match found {
            Ok(found) => {
                if host_and_port(&found) != current {
                    current = host_and_port(&found);
                    info!(host = current, "the database is at another host now");
                    for pool in std::iter::once(orders).chain(reads) {
                        pool.get_postgres_connection_pool().set_connect_options(found.clone());
                    }
                    liveness.close_all();
                }
                if let Some(lasted) = outage.end() {
                    info!(host = current, seconds = lasted.as_secs_f64(), "the database can be reached again");
                }
            }
            Err(failure) => {
                if failure.full {
                    make_room(reads).await;
                }
                if outage.is_news(&failure.sentence) {
                    warn!(cause = failure.sentence, "the database cannot be reached; trying again");
                }
            }
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Closes what pages and reports leave idle at a server that has no connection left: orders may have none.
async fn make_room(reads: &[DatabaseConnection]) {
    for pool in reads {
        while let Some(idle) = pool.get_postgres_connection_pool().try_acquire() {
            let _ = timeout(LOOK_AGAIN, idle.close()).await;
        }
    }
}
