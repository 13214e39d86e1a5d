//! The totals the database keeps (`sales_order_totals`), held against what its orders come to.

use std::sync::LazyLock;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, QueryResult, Statement};

use super::connect::Store;
use super::error::StoreResult;
use super::events::postgres_lock;
use crate::domain::summary::Sum;

/// The columns by which totals are kept.
pub const TOTALS_KEY: [&str; 6] = ["client_id", "customer_code", "site_code", "sales_name", "status", "currency"];
const FIGURES: [&str; 6] = ["orders", "line_count", "total_quantity", "unpriced_lines", "amount_high", "amount_low"];

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
    /// one view of the database is added to the totals as they are by then, which the orders of the meantime are in.
    pub async fn rebuild_totals(&self) -> StoreResult<u64> {
        self.transaction_of_orders(|tx| Box::pin(rebuild(tx))).await
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
    let zeros = FIGURES.map(|figure| format!("{figure} = 0")).join(" AND ");
    let sweep = format!("DELETE FROM sales_order_totals WHERE {zeros}");
    tx.execute_raw(Statement::from_string(backend, sweep)).await?;
    Ok(corrected)
}

/// Any number will do as long as nobody else in the database uses it; this one spells "sales-to" in ASCII.
const REBUILD_LOCK: i64 = 0x7361_6c65_732d_746f;

fn correct(backend: DbBackend) -> String {
    let columns = [TOTALS_KEY, FIGURES].concat().join(", ");
    let differences = FIGURES.map(|figure| format!("expected_{figure} - found_{figure}")).join(", ");
    let sums = FIGURES.map(|figure| format!("{figure} = sales_order_totals.{figure} + excluded.{figure}")).join(", ");
    let key = TOTALS_KEY.join(", ");
    // Whoever holds it is about to commit, and takes no row of the totals before; so the two never wait for each other
    // halfway. Counting first is what makes PostgreSQL take it when all is read.
    let (held, alone) = if backend == DbBackend::Postgres {
        let held = format!(", held AS MATERIALIZED ({} FROM (SELECT count(*) FROM wrong) AS read)", postgres_lock());
        (held, "CROSS JOIN held")
    } else {
        (String::new(), "")
    };
    format!(
        "WITH wrong AS MATERIALIZED ({wrong}){held}
         INSERT INTO sales_order_totals ({columns}) SELECT {key}, {differences} FROM wrong {alone} WHERE true
         ON CONFLICT ({key}) DO UPDATE SET {sums}",
        wrong = *WRONG
    )
}

/// The keys whose totals are wrong, with the figures expected and found. A row that no order has is wrong too, though it be
/// of zeros: it may hold a name that was erased.
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
             SELECT {key}, 0 AS kept, {expected}, {none} FROM sales_orders GROUP BY {key}
             UNION ALL
             SELECT {key}, 1 AS kept, {nothing}, {found} FROM sales_order_totals) AS both_sides
         GROUP BY {key} HAVING {differ} OR sum(expected_orders) = 0",
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
