//! Opens the configured database.

use std::time::Duration;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::clock::random_bytes;
use crate::config::{Config, DatabaseConfig};
use crate::domain::numbers::Numbers;
use crate::store::{self, DatabaseOptions, Findings, Pooler, ReplicaOptions, ReplicaSeen, Store, StoreError, Uses};
use crate::telemetry;

/// Connects to the configured database. The pooler is looked for first: settings of a session would stay on connections that it
/// lends to others afterwards (`what_a_command_sets_stays_with_no_connection_of_a_pooler`).
pub async fn connect(config: &Config) -> anyhow::Result<Store> {
    let database = &config.database;
    let pooler = store::find_pooler(database.url.expose_secret(), database.acquire_timeout).await;
    connect_through(config, pooler.context("cannot open the database (database.url)")?, None).await
}

async fn connect_through(config: &Config, pooler: Pooler, replica: Option<ReplicaOptions>) -> anyhow::Result<Store> {
    let listen_url = config.database.listen_url.expose_secret();
    let options = DatabaseOptions {
        url: config.database.url.expose_secret().to_owned(),
        listen_url: (!listen_url.is_empty()).then(|| listen_url.to_owned()),
        replica,
        pooler,
        max_connections: config.database.max_connections,
        report_connections: config.database.max_reports,
        acquire_timeout: config.database.acquire_timeout,
        idle_timeout: config.database.idle_timeout,
        statement_timeout: config.database.statement_timeout,
        numbers: Numbers::new(config.orders.number_format, || u64::from_le_bytes(random_bytes())),
        on_statement: telemetry::count_statement,
    };
    Store::connect(&options).await.context("cannot open the database (database.url)")
}

/// Refuses addresses of the database that cannot be read.
pub fn check_addresses(config: &Config) -> anyhow::Result<()> {
    let DatabaseConfig { url, read_url, listen_url, .. } = &config.database;
    for (key, url) in [("database.url", url), ("database.listen_url", listen_url)] {
        let url = url.expose_secret();
        if !url.is_empty() {
            store::check_url(url).with_context(|| format!("cannot open the database ({key})"))?;
        }
    }
    let read_url = read_url.expose_secret();
    if !read_url.is_empty() {
        store::check_replica_url(read_url).context("cannot open the replica (database.read_url)")?;
    }
    Ok(())
}

/// Looks at the replica of a database, if there is one.
pub async fn look_at_replica(config: &Config, store: &Store) -> anyhow::Result<Option<ReplicaSeen>> {
    let DatabaseConfig { read_url, max_replica_lag, acquire_timeout, .. } = &config.database;
    let url = read_url.expose_secret();
    if url.is_empty() {
        return Ok(None);
    }
    let seen = store.look_at_replica(url, *max_replica_lag, *acquire_timeout).await;
    Ok(Some(seen.context("cannot read from the replica (database.read_url)")?))
}

/// Connects to the configured database and brings its schema up to date, or says that this is left to the operator.
pub async fn open(config: &Config) -> anyhow::Result<Store> {
    open_beside(config, None).await
}

/// The same for who reads much, and does so from the replica, if there is one.
pub async fn open_to_read(config: &Config) -> anyhow::Result<Store> {
    check_addresses(config)?;
    let DatabaseConfig { read_url, max_replica_lag, .. } = &config.database;
    let url = read_url.expose_secret().to_owned();
    let replica = (!url.is_empty()).then_some(ReplicaOptions { url, max_lag: *max_replica_lag });
    open_beside(config, replica).await
}

async fn open_beside(config: &Config, replica: Option<ReplicaOptions>) -> anyhow::Result<Store> {
    let database = &config.database;
    let findings = store::examine(database.url.expose_secret(), database.acquire_timeout).await;
    let Findings { pooler, warnings } = findings.context("cannot open the database (database.url)")?;
    for warning in warnings {
        warn!("{warning}");
    }
    if pooler == Pooler::Transaction && database.listen_url.expose_secret().is_empty() {
        warn!(
            "a pooler in transaction mode does not tell of new events, which are looked for instead; set database.listen_url"
        );
    }
    let store = connect_through(config, pooler, replica).await?;
    if config.database.migrate_on_start {
        for name in store.migrate_up().await.context("cannot bring the database schema up to date")? {
            info!(name, "migration applied");
        }
    } else if store.migrations().await?.iter().any(|migration| !migration.applied) {
        anyhow::bail!(
            "the database lacks migrations and database.migrate_on_start is false; run `sales-order-api migrate up`"
        );
    }
    Ok(store)
}

/// What serving does besides orders.
#[must_use]
pub fn uses(config: &Config) -> Uses {
    Uses { people: config.oidc.is_on(), managing: false, expiring: !config.events.retention.is_zero() }
}

/// The same for serving, which may be started before the database and needs rights of its own there.
pub async fn open_to_serve(config: &Config) -> anyhow::Result<Store> {
    let database = &config.database;
    store::wait_for_database(database.url.expose_secret(), database.acquire_timeout, database.start_timeout)
        .await
        .context("cannot open the database (database.url)")?;
    let store = open_to_read(config).await?;
    store.check_grants(uses(config)).await.context("cannot open the database (database.url)")?;
    if store.is_unfinished().await? {
        info!(
            "orders are stored one transaction at a time, as instances of the version before need it; when none is left, run \
             `sales-order-api migrate finish`"
        );
    }
    if database.migrate_on_start {
        tokio::spawn(build_indexes(store.clone()));
        tokio::spawn(fold_search_texts(store.clone()));
    }
    Ok(store)
}

/// When a build of indexes is tried again.
const BUILD_AGAIN: Duration = Duration::from_mins(1);

/// Nobody waits for it: a backup that is under way would keep the service from starting.
async fn build_indexes(store: Store) {
    while let Err(error) = store.build_indexes().await {
        let is_passing = matches!(error, StoreError::Unavailable(_));
        warn!(%error, is_passing, "an index could not be built; `sales-order-api migrate up` by the owner of the tables builds it");
        if !is_passing {
            return;
        }
        sleep(BUILD_AGAIN).await;
    }
}

/// When texts are looked for again that an earlier version, which still runs somewhere, stored meanwhile.
const FOLD_AGAIN: Duration = Duration::from_mins(10);

/// Nobody waits for it: what is not folded yet is found as it was before.
async fn fold_search_texts(store: Store) {
    loop {
        match store.fold_search_texts().await {
            Ok(true) => sleep(FOLD_AGAIN).await,
            Ok(false) => sleep(BUILD_AGAIN).await,
            Err(error) => {
                let is_passing = matches!(error, StoreError::Unavailable(_));
                warn!(%error, is_passing, "texts could not be folded anew for searches; `sales-order-api migrate up` by the owner of the tables does it");
                if !is_passing {
                    return;
                }
                sleep(BUILD_AGAIN).await;
            }
        }
    }
}
