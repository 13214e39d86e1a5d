//! The two kinds of totals as SQL: what orders come to by their key, and what is kept.

use sea_orm::DbBackend;

use super::{FIGURES, PERIOD_KEY, TOTALS_KEY};

/// A kind of totals.
pub struct Kept {
    pub key: &'static [&'static str],
    table: [&'static str; 2],
    /// What an order's key is taken from.
    orders: &'static str,
    /// All rows that count, on PostgreSQL.
    rows: &'static str,
}

/// Totals of everything.
pub const OVERALL: Kept = Kept {
    key: &TOTALS_KEY,
    table: ["sales_order_totals_base", "sales_order_totals"],
    orders: "sales_orders",
    rows: "sales_order_totals",
};

/// Totals of hours and days.
pub const BY_PERIOD: Kept = Kept {
    key: &PERIOD_KEY,
    table: ["sales_order_totals_by_period"; 2],
    orders: "(SELECT length / 1000000 AS period_seconds, created_at - (created_at % length + length) % length AS period_start,
                  sales_orders.*
              FROM (SELECT 3600000000 AS length UNION ALL SELECT 86400000000) AS periods CROSS JOIN sales_orders) AS of_periods",
    rows: "(SELECT period_seconds, period_start, client_id, status, currency, orders, line_count, total_quantity, unpriced_lines,
                amount_high, amount_low FROM sales_order_totals_by_period
            UNION ALL
            SELECT length / 1000000, hour - (hour % length + length) % length, client_id, status, currency, orders, line_count,
                total_quantity, unpriced_lines, amount_high, amount_low
            FROM sales_order_totals_delta CROSS JOIN (SELECT 3600000000 AS length UNION ALL SELECT 86400000000) AS periods
            WHERE hour IS NOT NULL) AS of_periods",
};

impl Kept {
    /// The table that totals are added to.
    pub fn table(&self, backend: DbBackend) -> &'static str {
        self.table[usize::from(backend != DbBackend::Postgres)]
    }

    /// The keys whose totals are wrong, with the figures expected and found. A row of zeros that no order has is wrong too: it may
    /// hold a name that was erased.
    pub fn wrong(&self, backend: DbBackend) -> String {
        let rows = if backend == DbBackend::Postgres { self.rows } else { self.table(backend) };
        let key = self.key.join(", ");
        let texts = self.key.iter().map(|column| format!("CAST({column} AS text) AS {column}_text"));
        let of_orders = [
            "count(*)",
            "sum(line_count)",
            "sum(total_quantity)",
            "sum(unpriced_lines)",
            "sum(priced_amount / 1000000)",
            "sum(priced_amount % 1000000)",
        ];
        let named = |prefix: &str, values: [&str; 6]| {
            let pairs = values.iter().zip(FIGURES).map(|(value, figure)| format!("{value} AS {prefix}_{figure}"));
            pairs.collect::<Vec<_>>().join(", ")
        };
        let sums = ["expected", "found"]
            .iter()
            .flat_map(|side| FIGURES.map(|figure| format!("CAST(sum({side}_{figure}) AS bigint) AS {side}_{figure}")));
        let differ = FIGURES.map(|figure| format!("sum(expected_{figure}) <> sum(found_{figure})")).join(" OR ");
        format!(
            "SELECT {key}, {texts}, CAST(sum(kept) AS bigint) AS kept, {sums} FROM (
                 SELECT {key}, 0 AS kept, 0 AS empty, {expected}, {none} FROM {orders} GROUP BY {key}
                 UNION ALL
                 SELECT {key}, 1 AS kept, CASE WHEN {zeros} THEN 1 ELSE 0 END AS empty, {nothing}, {found}
                 FROM {rows}) AS both_sides
             GROUP BY {key} HAVING {differ} OR (sum(expected_orders) = 0 AND sum(empty) > 0)",
            texts = texts.collect::<Vec<_>>().join(", "),
            sums = sums.collect::<Vec<_>>().join(", "),
            expected = named("expected", of_orders),
            none = named("found", ["0"; 6]),
            orders = self.orders,
            zeros = zeros(),
            nothing = named("expected", ["0"; 6]),
            found = named("found", FIGURES),
        )
    }
}

/// That nothing is left of a row.
pub fn zeros() -> String {
    FIGURES.map(|figure| format!("{figure} = 0")).join(" AND ")
}
