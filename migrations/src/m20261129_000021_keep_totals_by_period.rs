//! Totals of each hour and each day in UTC, so that a summary by time adds up periods instead of orders. A span of time is whole
//! days, whole hours before and after them, and orders of what is left at its ends.
//!
//! A row's stamp is a random number that is drawn anew with each change of the row: who has counted something of a period knows by
//! it whether that is still so.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::m20261128_000014_keep_totals_of_every_change::{FIGURES, KEY, SUMMED, run, schema, values};
use crate::m20261128_000020_store_orders_side_by_side::grant_as_on_base;
use crate::totals::{self, PERIOD_KEY, PERIODS, period_start, periods};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What of an order the totals by period are made of, and what is counted beside them and found unchanged by a stamp.
const OF_ORDER: [&str; 5] = ["created_at", "client_id", "status", "currency", "customer_code"];

/// Eight million stamps add up within 64 bits.
const STAMPS: i64 = 1 << 40;

fn create(is_postgres: bool) -> String {
    let (kind, stamp, end) = if is_postgres {
        ("bigint", format!("floor(random() * {STAMPS})::bigint"), "")
    } else {
        ("integer", format!("(random() & {})", STAMPS - 1), " WITHOUT ROWID")
    };
    let figures = FIGURES.map(|figure| format!("{figure} {kind} NOT NULL")).join(", ");
    format!(
        "CREATE TABLE sales_order_totals_by_period (
            period_seconds {kind} NOT NULL, period_start {kind} NOT NULL, client_id varchar(64) NOT NULL,
            status varchar(16) NOT NULL, currency varchar(3) NOT NULL, {figures}, stamp {kind} NOT NULL DEFAULT {stamp},
            PRIMARY KEY ({})){end}",
        PERIOD_KEY.join(", ")
    )
}

/// Adds up the orders there are.
fn fill() -> String {
    format!(
        "INSERT INTO sales_order_totals_by_period ({key}, {figures})
         SELECT period_seconds, {start} AS period_start, client_id, status, currency, count(*), sum(line_count),
                sum(total_quantity), sum(unpriced_lines), sum(priced_amount / 1000000), sum(priced_amount % 1000000)
         FROM sales_orders CROSS JOIN {periods} GROUP BY 1, 2, 3, 4, 5",
        key = PERIOD_KEY.join(", "),
        figures = FIGURES.join(", "),
        start = period_start("created_at", "period_seconds"),
        periods = periods()
    )
}

// ---- PostgreSQL

/// What tells the trigger that an order changed in what totals are made of.
fn changed(schema: &str, columns: &[&str]) -> [String; 2] {
    let row = |row: &str| columns.iter().map(|column| format!("{row}.{column}")).collect::<Vec<_>>().join(", ");
    [
        "DROP TRIGGER tr_sales_orders_changed ON sales_orders".to_owned(),
        format!(
            "CREATE CONSTRAINT TRIGGER tr_sales_orders_changed AFTER UPDATE ON sales_orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
             WHEN (ROW({}) IS DISTINCT FROM ROW({})) EXECUTE FUNCTION {schema}.move_in_sales_order_totals()",
            row("old"),
            row("new")
        ),
    ]
}

fn postgres_up(schema: &str) -> Vec<String> {
    let copied = format!(
        "CREATE TRIGGER tr_sales_order_totals_copied BEFORE INSERT ON sales_order_totals_by_period FOR EACH ROW
         WHEN (pg_trigger_depth() = 0 AND current_setting('sales_order.totals', true) IS DISTINCT FROM 'rebuild')
         EXECUTE FUNCTION {schema}.keep_sales_order_totals()"
    );
    let begin = vec![
        // Until the commit nobody adds an order, and whoever added one before has committed, with the totals.
        "LOCK TABLE sales_orders IN SHARE ROW EXCLUSIVE MODE".to_owned(),
        // What is there counts as orders below, so what was written of it before has no hour.
        "ALTER TABLE sales_order_totals_delta ADD COLUMN hour bigint".to_owned(),
        create(true),
        fill(),
        copied,
        grant_as_on_base("'sales_order_totals_by_period'"),
        totals::merge(schema, true),
    ];
    let columns = [&KEY[..], &SUMMED, &["created_at"]].concat();
    [begin, totals::trigger_functions(schema, true).to_vec(), changed(schema, &columns).to_vec()].concat()
}

fn postgres_down(schema: &str) -> Vec<String> {
    let begin = vec!["LOCK TABLE sales_orders IN SHARE ROW EXCLUSIVE MODE".to_owned(), totals::merge(schema, false)];
    let end = vec![
        "DROP TABLE sales_order_totals_by_period".to_owned(),
        "ALTER TABLE sales_order_totals_delta DROP COLUMN hour".to_owned(),
    ];
    let columns = [&KEY[..], &SUMMED].concat();
    [begin, totals::trigger_functions(schema, false).to_vec(), changed(schema, &columns).to_vec(), end].concat()
}

// ---- SQLite

/// Adds the figures of a row to those of its hour and its day, or with a minus sign takes them away.
fn upsert(row: &str, sign: &str) -> String {
    // The figures, without the key that they come with.
    let figures = values(row, sign).split(", ").skip(KEY.len()).collect::<Vec<_>>().join(", ");
    let rows = PERIODS.map(|seconds| {
        let start = period_start(&format!("{row}.created_at"), &seconds.to_string());
        format!("({seconds}, {start}, {row}.client_id, {row}.status, {row}.currency, {figures})")
    });
    let sums = FIGURES.map(|figure| format!("{figure} = sales_order_totals_by_period.{figure} + excluded.{figure}"));
    format!(
        "INSERT INTO sales_order_totals_by_period ({key}, {columns}) VALUES {rows}
         ON CONFLICT ({key}) DO UPDATE SET {sums}, stamp = excluded.stamp;",
        key = PERIOD_KEY.join(", "),
        columns = FIGURES.join(", "),
        rows = rows.join(", "),
        sums = sums.join(", ")
    )
}

/// Deletes the rows of the old key when nothing is left of them.
fn sweep() -> String {
    let zeros = FIGURES.map(|figure| format!("{figure} = 0")).join(" AND ");
    let of_key = ["client_id", "status", "currency"].map(|column| format!("{column} = old.{column}")).join(" AND ");
    let sweeps = PERIODS.map(|seconds| {
        let start = period_start("old.created_at", &seconds.to_string());
        format!(
            "DELETE FROM sales_order_totals_by_period
             WHERE period_seconds = {seconds} AND period_start = {start} AND {of_key} AND {zeros};"
        )
    });
    sweeps.join(" ")
}

fn sqlite_up() -> Vec<String> {
    let (add, take, sweep) = (upsert("new", "+"), upsert("old", "-"), sweep());
    let columns = [&OF_ORDER[..], &SUMMED].concat();
    let differs: Vec<_> = columns.iter().map(|column| format!("old.{column} IS NOT new.{column}")).collect();
    vec![
        create(false),
        fill(),
        format!("CREATE TRIGGER tr_sales_orders_created_in_period AFTER INSERT ON sales_orders BEGIN {add} END"),
        format!(
            "CREATE TRIGGER tr_sales_orders_changed_in_period AFTER UPDATE OF {} ON sales_orders
                WHEN {} BEGIN {take} {add} {sweep} END",
            columns.join(", "),
            differs.join(" OR ")
        ),
        format!(
            "CREATE TRIGGER tr_sales_orders_removed_in_period AFTER DELETE ON sales_orders BEGIN {take} {sweep} END"
        ),
    ]
}

fn sqlite_down() -> Vec<String> {
    let triggers =
        ["created", "changed", "removed"].map(|what| format!("DROP TRIGGER tr_sales_orders_{what}_in_period"));
    [triggers.to_vec(), vec!["DROP TABLE sales_order_totals_by_period".to_owned()]].concat()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        run(manager, if is_postgres { postgres_up(&schema(manager).await?) } else { sqlite_up() }).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        run(manager, if is_postgres { postgres_down(&schema(manager).await?) } else { sqlite_down() }).await
    }
}
