//! What PostgreSQL's triggers write of the totals, and how that is merged: as changes of their own in `sales_order_totals_delta`,
//! which `merge_sales_order_totals` adds to `sales_order_totals_base` and, since that is there, to `sales_order_totals_by_period`.

use crate::m20261128_000014_keep_totals_of_every_change::{FIGURES, KEY, function, values};

/// Of whoever merges: "sales-me" in ASCII.
const MERGE_LOCK: i64 = 0x7361_6c65_732d_6d65;

/// So many rows are merged in one transaction, which takes about 50 ms.
const MERGED_AT_ONCE: i64 = 10_000;

/// By what orders are added up in `sales_order_totals_by_period`.
pub(crate) const PERIOD_KEY: [&str; 5] = ["period_seconds", "period_start", "client_id", "status", "currency"];

/// Totals are kept of each hour and of each day in UTC. In seconds.
pub(crate) const PERIODS: [i64; 2] = [3_600, 86_400];

/// The start of the period that a time, in microseconds, is in. `%` has the sign of the time.
pub(crate) fn period_start(time: &str, seconds: &str) -> String {
    let length = format!("({seconds} * CAST(1000000 AS bigint))");
    format!("({time} - (({time} % {length}) + {length}) % {length})")
}

/// The same of an order for the shortest period.
pub(crate) fn hour(row: &str) -> String {
    period_start(&format!("{row}.created_at"), "3600")
}

/// The periods as the rows of a query's FROM.
pub(crate) fn periods() -> String {
    let selects = PERIODS.map(|seconds| format!("SELECT {seconds} AS period_seconds")).join(" UNION ALL ");
    format!("({selects}) AS periods")
}

/// Functions of the triggers of `sales_orders` that write the delta.
pub(crate) fn trigger_functions(schema: &str, by_period: bool) -> [String; 4] {
    let delta = &format!("{schema}.sales_order_totals_delta");
    let (key, figures) = (KEY.join(", "), FIGURES.join(", "));
    let column = if by_period { ", hour" } else { "" };
    let hour_of = |row: &str| if by_period { format!(", {}", hour(row)) } else { String::new() };
    let group = hour_of("added");
    let insert = format!("INSERT INTO {delta} ({key}, {figures}{column})");
    let row = |row: &str, sign: &str| format!("({}{})", values(row, sign), hour_of(row));
    let (old, new) = (row("old", "-"), row("new", ""));
    let tables = ["base", "by_period"].map(|part| format!("{schema}.sales_order_totals_{part}"));
    let kept = if by_period { tables.join(", ") } else { tables[0].clone() };
    [
        function(
            schema,
            "add_to_sales_order_totals",
            &format!(
                "{insert} SELECT {key}, count(*), sum(line_count), sum(total_quantity), sum(unpriced_lines),
                     sum(priced_amount / 1000000), sum(priced_amount % 1000000){group} FROM added GROUP BY {key}{group};"
            ),
        ),
        function(schema, "move_in_sales_order_totals", &format!("{insert} VALUES {old}, {new};")),
        function(schema, "take_from_sales_order_totals", &format!("{insert} VALUES {old};")),
        function(
            schema,
            "empty_sales_order_totals",
            &format!("PERFORM pg_advisory_xact_lock({MERGE_LOCK}); TRUNCATE {kept}, {delta};"),
        ),
    ]
}

/// The parts of a statement that add rows to the totals in a table. A key that no order is left of leaves the table.
fn add(name: &str, table: &str, key: &[&str], rows: &str, set_too: &str) -> String {
    let sums = FIGURES.map(|figure| format!("sum({figure}) AS {figure}")).join(", ");
    let results = FIGURES.map(|figure| format!("s.{figure} + coalesce(b.{figure}, 0) AS {figure}")).join(", ");
    let zeros = FIGURES.map(|figure| format!("r.{figure} = 0")).join(" AND ");
    let same = key.iter().map(|column| format!("b.{column} = r.{column}")).collect::<Vec<_>>().join(" AND ");
    let set = FIGURES.map(|figure| format!("{figure} = excluded.{figure}")).join(", ");
    let (key, figures) = (key.join(", "), FIGURES.join(", "));
    format!(
        "{name}_summed AS (SELECT {key}, {sums} FROM ({rows}) AS added GROUP BY {key}),
         {name}_results AS MATERIALIZED (
            SELECT {key}, {results} FROM {name}_summed AS s LEFT JOIN {table} AS b USING ({key})),
         {name}_swept AS (DELETE FROM {table} AS b USING {name}_results AS r WHERE {same} AND {zeros}),
         {name}_kept AS (
            INSERT INTO {table} ({key}, {figures}) SELECT {key}, {figures} FROM {name}_results AS r WHERE NOT ({zeros})
            ON CONFLICT ({key}) DO UPDATE SET {set}{set_too})"
    )
}

/// Adds rows of the delta to the totals, and tells whether there may be more.
pub(crate) fn merge(schema: &str, by_period: bool) -> String {
    let [base, delta, of_periods] =
        ["base", "delta", "by_period"].map(|part| format!("{schema}.sales_order_totals_{part}"));
    let mut parts = vec![add("base", &base, &KEY, "SELECT * FROM gone", "")];
    if by_period {
        // Without an hour it is a correction of the base alone.
        let rows = format!(
            "SELECT periods.period_seconds, {start} AS period_start, gone.* FROM gone CROSS JOIN {periods} WHERE hour IS NOT NULL",
            start = period_start("hour", "periods.period_seconds"),
            periods = periods()
        );
        parts.push(add("period", &of_periods, &PERIOD_KEY, &rows, ", stamp = excluded.stamp"));
    }
    let body = format!(
        "DECLARE merged bigint;
         BEGIN
            IF current_setting('transaction_isolation') <> 'read committed' THEN
                RAISE invalid_transaction_state USING MESSAGE = 'merge in a transaction with isolation level read committed';
            END IF;
            IF waits THEN
                PERFORM pg_advisory_xact_lock({MERGE_LOCK});
            ELSIF NOT pg_try_advisory_xact_lock({MERGE_LOCK}) THEN
                RETURN false;
            END IF;
            EXECUTE $merge$ WITH gone AS (
                DELETE FROM {delta} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {delta} LIMIT {MERGED_AT_ONCE})) RETURNING *),
            {parts}
            SELECT count(*) FROM gone $merge$ INTO merged;
            RETURN merged = {MERGED_AT_ONCE};
         END",
        parts = parts.join(", ")
    );
    // Planned each time: a connection that knew the tables without rows would keep a plan that compares each row with each, which took 17 s
    // (`a_merge_looks_up_the_rows_it_deletes_also_on_a_connection_that_knew_the_totals_without_any`). One setting lets rows into the
    // totals (see `tr_sales_order_totals_copied`); the others are for that plan, and not to compile it, which takes seconds.
    format!(
        "CREATE OR REPLACE FUNCTION {schema}.merge_sales_order_totals(waits boolean DEFAULT true) RETURNS boolean LANGUAGE plpgsql
             SET sales_order.totals = 'rebuild' SET enable_seqscan = off SET jit = off AS $$ {body} $$"
    )
}
