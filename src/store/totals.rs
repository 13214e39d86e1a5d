//! The totals the database keeps (`sales_order_totals`), held against what its orders come to.

use std::sync::LazyLock;
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, QueryResult, Statement};
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::connect::Store;
use super::error::StoreResult;
use crate::domain::summary::Sum;
use crate::telemetry;

/// The columns by which totals are kept.
pub const TOTALS_KEY: [&str; 6] = ["client_id", "customer_code", "site_code", "sales_name", "status", "currency"];
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
    /// The values of [`TOTALS_KEY`].
    pub key: [String; 6],
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
    /// The totals that are wrong, by their key. One statement sees orders and totals as of one moment.
    pub async fn find_wrong_totals(&self) -> StoreResult<Vec<WrongTotals>> {
        let sql = format!("{} ORDER BY {}", *WRONG, TOTALS_KEY.join(", "));
        let rows = self.core.query_all_raw(Statement::from_string(self.backend(), sql)).await?;
        rows.iter().map(read).collect()
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
        while self.backend() == DbBackend::Postgres && self.in_time(self.merge_some_totals()).await? {}
        Ok(())
    }

    /// Merges some rows, and tells whether there may be more.
    async fn merge_some_totals(&self) -> StoreResult<bool> {
        let merge = Statement::from_string(DbBackend::Postgres, "SELECT merge_sales_order_totals(waits => false)");
        let row = self.core.query_one_raw(merge).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(false))
    }
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
    let corrected = tx.execute_raw(Statement::from_string(backend, correct(backend))).await?.rows_affected();
    let sweep = match backend {
        // No other merge is under way after this one.
        DbBackend::Postgres => "SELECT merge_sales_order_totals(); DELETE FROM sales_order_totals_base",
        _ => "DELETE FROM sales_order_totals",
    };
    tx.execute_unprepared(&format!("{sweep} WHERE {}", zeros())).await?;
    Ok(corrected)
}

fn zeros() -> String {
    FIGURES.map(|figure| format!("{figure} = 0")).join(" AND ")
}

/// Any number will do as long as nobody else in the database uses it; this one spells "sales-to" in ASCII.
const REBUILD_LOCK: i64 = 0x7361_6c65_732d_746f;

fn correct(backend: DbBackend) -> String {
    let (wrong, key, columns) = (&*WRONG, TOTALS_KEY.join(", "), [TOTALS_KEY, FIGURES].concat().join(", "));
    let differences = FIGURES.map(|figure| format!("expected_{figure} - found_{figure}")).join(", ");
    if backend == DbBackend::Postgres {
        return format!(
            "INSERT INTO sales_order_totals_delta ({columns}) SELECT {key}, {differences} FROM ({wrong}) AS wrong"
        );
    }
    let sums = FIGURES.map(|figure| format!("{figure} = sales_order_totals.{figure} + excluded.{figure}")).join(", ");
    format!(
        "INSERT INTO sales_order_totals ({columns}) SELECT {key}, {differences} FROM ({wrong}) WHERE true
         ON CONFLICT ({key}) DO UPDATE SET {sums}"
    )
}

/// The keys whose totals are wrong, with the figures expected and found. A row of zeros that no order has is wrong too: it may
/// hold a name that was erased.
static WRONG: LazyLock<String> = LazyLock::new(|| {
    let key = TOTALS_KEY.join(", ");
    let of_orders = [
        "count(*)",
        "sum(line_count)",
        "sum(total_quantity)",
        "sum(unpriced_lines)",
        "sum(priced_amount / 1000000)",
        "sum(priced_amount % 1000000)",
    ];
    let none = FIGURES.map(|figure| format!("0 AS found_{figure}")).join(", ");
    let zeros = zeros();
    let named = |prefix: &str, values: [&str; 6]| {
        let pairs = values.iter().zip(FIGURES).map(|(value, figure)| format!("{value} AS {prefix}_{figure}"));
        pairs.collect::<Vec<_>>().join(", ")
    };
    let sums: Vec<_> = ["expected", "found"]
        .iter()
        .flat_map(|side| FIGURES.map(|figure| format!("CAST(sum({side}_{figure}) AS bigint) AS {side}_{figure}")))
        .collect();
    let differ = FIGURES.map(|figure| format!("sum(expected_{figure}) <> sum(found_{figure})")).join(" OR ");
    format!(
        "SELECT {key}, CAST(sum(kept) AS bigint) AS kept, {sums} FROM (
             SELECT {key}, 0 AS kept, 0 AS empty, {expected}, {none} FROM sales_orders GROUP BY {key}
             UNION ALL
             SELECT {key}, 1 AS kept, CASE WHEN {zeros} THEN 1 ELSE 0 END AS empty, {nothing}, {found}
             FROM sales_order_totals) AS both_sides
         GROUP BY {key} HAVING {differ} OR (sum(expected_orders) = 0 AND sum(empty) > 0)",
        sums = sums.join(", "),
        expected = named("expected", of_orders),
        nothing = named("expected", ["0"; 6]),
        found = named("found", FIGURES),
    )
});

fn read(row: &QueryResult) -> StoreResult<WrongTotals> {
    let mut key = [const { String::new() }; 6];
    for (value, column) in key.iter_mut().zip(TOTALS_KEY) {
        *value = row.try_get("", column)?;
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
