//! The connections to PostgreSQL.

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use super::connect::DatabaseOptions;
use super::error::{StoreError, StoreResult};
use super::liveness::Liveness;
use super::pools::{FEWEST_SHARED_OUT, Pools, Shares};

/// Opens the pools.
pub(super) async fn connect(options: &DatabaseOptions) -> StoreResult<Pools> {
    // Before SeaORM does, whose complaint quotes the address with its password.
    if let Err(error) = options.url.parse::<PgConnectOptions>() {
        return Err(StoreError::Address(error.to_string()));
    }
    let liveness = Liveness::default();
    if options.max_connections < FEWEST_SHARED_OUT {
        let all = pool(options, options.max_connections, false, &liveness).await?;
        let reports_at_once = options.report_connections.min(options.max_connections.div_ceil(2)) as usize;
        let [read, core, reports, write] = std::array::from_fn(|_| all.clone());
        return Ok(Pools { read, core, reports, reports_at_once, write, liveness });
    }
    let Shares { core, reports, read } = Shares::of(options);
    let core = pool(options, core, false, &liveness).await?;
    Ok(Pools {
        read: pool(options, read, true, &liveness).await?,
        reports: pool(options, reports, true, &liveness).await?,
        reports_at_once: reports as usize,
        write: core.clone(),
        core,
        liveness,
    })
}

async fn pool(
    options: &DatabaseOptions,
    connections: u32,
    reads: bool,
    liveness: &Liveness,
) -> StoreResult<DatabaseConnection> {
    let (liveness, settings) = (liveness.clone(), settings(options, reads));
    let mut connect = ConnectOptions::new(&options.url);
    connect
        .max_connections(connections)
        .acquire_timeout(options.acquire_timeout)
        .connect_timeout(options.acquire_timeout)
        .idle_timeout(options.idle_timeout)
        .set_application_name("sales-order-api")
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(connection)
        .map_sqlx_postgres_pool_opts(move |pool| liveness.guard(pool, settings.clone()));
    Ok(Database::connect(connect).await?)
}

/// What every connection asks for at its start. A pooler takes few parameters there, and no floating-point number is read.
pub(super) fn connection(options: PgConnectOptions) -> PgConnectOptions {
    options.extra_float_digits(None)
}

/// The settings of a new connection, in one round trip.
fn settings(options: &DatabaseOptions, reads: bool) -> String {
    // Who waits for another's lock is answered in time, as on SQLite. Compiling a summary takes longer than running it.
    // Three months of orders are sorted in memory.
    let lock_timeout = options.acquire_timeout.as_millis();
    let all = format!("SET lock_timeout = {lock_timeout}; SET jit = off; SET work_mem = '16MB'");
    // Of readers alone: where a commit waits for a standby, PostgreSQL takes the end of this time for leave to call the
    // order stored although no standby has it.
    if reads { format!("{all}; SET statement_timeout = {}", options.statement_timeout.as_millis()) } else { all }
}
