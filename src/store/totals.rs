//! The totals the database keeps (`sales_order_totals` and `sales_order_totals_by_period`), held against what its orders come to.

mod kept;

use std::time::Duration;

use chrono::SecondsFormat;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, QueryResult, Statement};
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::connect::{Store, instant};
use super::error::{StoreError, StoreResult};
use crate::domain::summary::Sum;
use crate::telemetry;
use kept::{BY_PERIOD, Kept, OVERALL};

/// The columns by which totals of everything are kept.
pub const TOTALS_KEY: [&str; 6] = ["client_id", "customer_code", "site_code", "sales_name", "status", "currency"];
/// The columns by which totals of hours and days are kept. The start is a time in microseconds.
pub const PERIOD_KEY: [&str; 5] = ["period_seconds", "period_start", "client_id", "status", "currency"];
/// What is added up of them.
pub const FIGURES: [&str; 6] =
    ["orders", "line_count", "total_quantity", "unpriced_lines", "amount_high", "amount_low"];

/// The shortest interval of merges. A summary reads what was changed in so much time beside the base.
const MERGE_EVERY: Duration = Duration::from_secs(1);

/// The longest interval of merges.
const MERGE_AT_LEAST: Duration = Duration::from_secs(50);

/// Totals that are not what the orders come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongTotals {
    /// The values of [`TOTALS_KEY`] or [`PERIOD_KEY`], with their names. The start of a period is written by RFC 3339.
    pub key: Vec<(&'static str, String)>,
    /// The totals computed from the orders.
    pub expected: TotalFigures,
    /// The stored totals; `None` when there is no row.
    pub found: Option<TotalFigures>,
}

/// The figures of orders that share a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalFigures {
    /// How many orders.
    pub orders: i64,
    /// Their lines.
    pub lines: i64,
    /// The sum of the lines' quantities.
    pub quantity: i64,
    /// Lines without a price.
    pub unpriced_lines: i64,
    /// The priced lines' amount. In wrong totals it may be below zero.
    pub amount: Sum,
}

impl Store {
    /// The totals that are wrong: of everything, then of periods, by their keys. One statement sees orders and totals as of one
    /// moment.
    pub async fn find_wrong_totals(&self) -> StoreResult<Vec<WrongTotals>> {
        find_wrong(&self.core).await
    }

    /// Puts wrong totals right and gives how many there were. On PostgreSQL orders are taken meanwhile: what was wrong in
    /// one view of the database is added as one more change, beside those of the orders of the meantime.
    pub async fn rebuild_totals(&self) -> StoreResult<u64> {
        let corrected = self.transaction_of_orders(|tx| Box::pin(rebuild(tx))).await?;
        self.merge_or_warn().await;
        Ok(corrected)
    }

    /// Adds what orders changed of the totals since to their base, after commits of this process and otherwise within a minute,
    /// for as long as it is polled: a summary reads fewer rows then, and no row is left of a key that every order has left.
    pub async fn keep_totals_merged(&self) {
        let mut committed = self.committed.subscribe();
        loop {
            self.merge_or_warn().await;
            sleep(MERGE_EVERY).await;
            // Orders are changed by SQL too.
            let _ = timeout(MERGE_AT_LEAST, committed.changed()).await;
        }
    }

    /// Nothing is wrong where it fails: changes count beside the base.
    async fn merge_or_warn(&self) {
        if let Err(error) = self.merge_totals().await {
            warn!(error = telemetry::causes(&error), "the totals could not be merged; an instance tries again");
        }
    }

    /// Adds what orders changed of the totals to their base, unless another instance is at it. SQLite has the totals in one
    /// piece.
    pub async fn merge_totals(&self) -> StoreResult<()> {
        self.merge(false).await
    }

    /// The same after an erasure: until then totals name who was erased. It waits for others that are at it. Where it fails, an instance
    /// does it within a minute.
    pub async fn merge_erased(&self) {
        if let Err(error) = self.merge(true).await {
            warn!(error = telemetry::causes(&error), "the totals could not be merged; an instance tries again");
        }
    }

    async fn merge(&self, waits: bool) -> StoreResult<()> {
        while self.backend() == DbBackend::Postgres && self.in_time(self.merge_some_totals(waits)).await? {}
        Ok(())
    }

    /// Merges some rows, and tells whether there may be more.
    async fn merge_some_totals(&self, waits: bool) -> StoreResult<bool> {
        let sql = format!("SELECT merge_sales_order_totals(waits => {waits})");
        let merge = Statement::from_string(DbBackend::Postgres, sql);
        let row = self.core.query_one_raw(merge).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(false))
    }
}

/// The same of any database of this service.
pub(super) async fn find_wrong(connection: &impl ConnectionTrait) -> StoreResult<Vec<WrongTotals>> {
    let backend = connection.get_database_backend();
    let mut wrong = Vec::new();
    for kept in [&OVERALL, &BY_PERIOD] {
        let sql = format!("{} ORDER BY {}", kept.wrong(backend), kept.key.join(", "));
        for row in &connection.query_all_raw(Statement::from_string(backend, sql)).await? {
            wrong.push(read(row, kept)?);
        }
    }
    Ok(wrong)
}

async fn rebuild(tx: &DatabaseTransaction) -> StoreResult<u64> {
    let backend = tx.get_database_backend();
    if backend == DbBackend::Postgres {
        // A statement of its own: the next one's view of the database begins when nobody else is at it, or what was wrong
        // would be added twice. The setting lets rows into the totals (see the trigger `tr_sales_order_totals_copied`).
        let alone = format!(
            "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({REBUILD_LOCK});
             SELECT set_config('sales_order.totals', 'rebuild', true)"
        );
        tx.execute_unprepared(&alone).await?;
    }
    let overall = tx.execute_raw(Statement::from_string(backend, correct(&OVERALL, backend))).await?.rows_affected();
    if backend == DbBackend::Postgres {
        // From here to the commit nobody else merges, so nobody changes the rows that follow.
        tx.execute_unprepared("SELECT merge_sales_order_totals()").await?;
    }
    let by_period =
        tx.execute_raw(Statement::from_string(backend, correct(&BY_PERIOD, backend))).await?.rows_affected();
    for kept in [&OVERALL, &BY_PERIOD] {
        tx.execute_unprepared(&format!("DELETE FROM {} WHERE {}", kept.table(backend), kept::zeros())).await?;
    }
    Ok(overall + by_period)
}

/// Any number will do as long as nobody else in the database uses it; this one spells "sales-to" in ASCII.
const REBUILD_LOCK: i64 = 0x7361_6c65_732d_746f;

/// On PostgreSQL totals of everything are corrected by a change without an hour, which counts for no period.
fn correct(kept: &Kept, backend: DbBackend) -> String {
    let (wrong, key, columns) = (kept.wrong(backend), kept.key.join(", "), [kept.key, &FIGURES].concat().join(", "));
    let differences = FIGURES.map(|figure| format!("expected_{figure} - found_{figure}")).join(", ");
    let rows = format!("SELECT {key}, {differences} FROM ({wrong}) AS wrong");
    if backend == DbBackend::Postgres && kept.key == TOTALS_KEY {
        return format!("INSERT INTO sales_order_totals_delta ({columns}) {rows}");
    }
    let table = kept.table(backend);
    let sums = FIGURES.map(|figure| format!("{figure} = {table}.{figure} + excluded.{figure}")).join(", ");
    let stamp = if kept.key == PERIOD_KEY { ", stamp = excluded.stamp" } else { "" };
    format!("INSERT INTO {table} ({columns}) {rows} WHERE true ON CONFLICT ({key}) DO UPDATE SET {sums}{stamp}")
}

fn read(row: &QueryResult, kept: &Kept) -> StoreResult<WrongTotals> {
    let mut key = Vec::new();
    for name in kept.key {
        let mut value: String = row.try_get("", &format!("{name}_text"))?;
        if *name == "period_start" {
            let micros = value.parse().map_err(|_| StoreError::Unreadable { what: "time", value })?;
            value = instant(micros)?.to_rfc3339_opts(SecondsFormat::Secs, true);
        }
        key.push((*name, value));
    }
    let figures = |side: &str| -> StoreResult<TotalFigures> {
        let figure = |name: &str| row.try_get::<i64>("", &format!("{side}_{name}"));
        Ok(TotalFigures {
            orders: figure("orders")?,
            lines: figure("line_count")?,
            quantity: figure("total_quantity")?,
            unpriced_lines: figure("unpriced_lines")?,
            amount: Sum::from_ten_thousandths(
                i128::from(figure("amount_high")?) * 1_000_000 + i128::from(figure("amount_low")?),
            ),
        })
    };
    let is_kept = row.try_get::<i64>("", "kept")? > 0;
    let found = figures("found")?;
    Ok(WrongTotals { key, expected: figures("expected")?, found: is_kept.then_some(found) })
}
