//! Totals follow every change of an order: of what it is summed by, of what is summed, its erasure and, on PostgreSQL,
//! TRUNCATE and a restore of rows alone. Before this only new orders and changes of status did, so a name that was erased
//! by SQL stayed in the totals for good. What is wrong by now is put right.
//!
//! A row of zeros is deleted and no other: a row that is not there stands for zeros, so whoever adds a difference to the
//! totals need not care whether the row went away meanwhile.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbBackend, Statement};

#[derive(DeriveMigrationName)]
pub struct Migration;

pub(crate) const KEY: [&str; 6] = ["client_id", "customer_code", "site_code", "sales_name", "status", "currency"];
pub(crate) const FIGURES: [&str; 6] =
    ["orders", "line_count", "total_quantity", "unpriced_lines", "amount_high", "amount_low"];
/// The columns of an order that figures are made of.
pub(crate) const SUMMED: [&str; 4] = ["line_count", "total_quantity", "unpriced_lines", "priced_amount"];

/// The lock of whoever appends an event (see `store/events.rs`). Who changes totals of several orders takes it first, so
/// that two of them never wait for each other halfway.
pub(crate) const APPEND_LOCK: i64 = 0x7361_6c65_732d_6576;

/// The key of an order and its figures, with a sign.
pub(crate) fn values(row: &str, sign: &str) -> String {
    let key = KEY.map(|column| format!("{row}.{column}")).join(", ");
    let figures = [
        "1".to_owned(),
        format!("{row}.line_count"),
        format!("{row}.total_quantity"),
        format!("{row}.unpriced_lines"),
        format!("{row}.priced_amount / 1000000"),
        format!("{row}.priced_amount % 1000000"),
    ];
    format!("{key}, {}", figures.map(|figure| format!("{sign}({figure})")).join(", "))
}

/// Adds the figures of a row to those of its key, or with a minus sign takes them away.
fn upsert(totals: &str, row: &str, sign: &str) -> String {
    let values = values(row, sign);
    let sums = FIGURES.map(|name| format!("{name} = sales_order_totals.{name} + excluded.{name}")).join(", ");
    format!(
        "INSERT INTO {totals} ({}, {}) VALUES ({values}) ON CONFLICT ({}) DO UPDATE SET {sums};",
        KEY.join(", "),
        FIGURES.join(", "),
        KEY.join(", ")
    )
}

/// Deletes the row of the old key when nothing is left of it.
fn sweep(totals: &str) -> String {
    let of_key = KEY.map(|column| format!("{column} = old.{column}"));
    let zeros = FIGURES.map(|figure| format!("{figure} = 0"));
    format!("DELETE FROM {totals} WHERE {};", [of_key, zeros].concat().join(" AND "))
}

pub(crate) fn refill() -> [String; 2] {
    let (key, figures) = (KEY.join(", "), FIGURES.join(", "));
    [
        "DELETE FROM sales_order_totals".to_owned(),
        format!(
            "INSERT INTO sales_order_totals ({key}, {figures})
             SELECT {key}, count(*), sum(line_count), sum(total_quantity), sum(unpriced_lines),
                    sum(priced_amount / 1000000), sum(priced_amount % 1000000)
             FROM sales_orders GROUP BY {key}"
        ),
    ]
}

/// A trigger's function. Names have their schema: a restore runs with an empty search path.
pub(crate) fn function(schema: &str, name: &str, body: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION {schema}.{name}() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN {body} RETURN NULL; END $$"
    )
}

/// What keeps the totals when orders are added, changed and removed.
pub(crate) fn postgres_functions(schema: &str) -> [String; 4] {
    let totals = &format!("{schema}.sales_order_totals");
    let (add, take, sweep) = (upsert(totals, "new", "+"), upsert(totals, "old", "-"), sweep(totals));
    let lock = format!("PERFORM pg_advisory_xact_lock({APPEND_LOCK});");
    [
        function(schema, "add_to_sales_order_totals", &add),
        function(schema, "move_in_sales_order_totals", &format!("{lock} {take} {add} {sweep}")),
        function(schema, "take_from_sales_order_totals", &format!("{lock} {take} {sweep}")),
        function(schema, "empty_sales_order_totals", &format!("TRUNCATE {totals};")),
    ]
}

fn postgres_up(schema: &str) -> Vec<String> {
    let row =
        |name: &str| [&KEY[..], &SUMMED].concat().iter().map(|c| format!("{name}.{c}")).collect::<Vec<_>>().join(", ");
    let deferred = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW";
    let mut statements = vec![
        // Until the commit nobody adds an order, and whoever added one before has committed, with the totals.
        "LOCK TABLE sales_orders IN SHARE ROW EXCLUSIVE MODE".to_owned(),
        "DROP TRIGGER tr_sales_orders_moved ON sales_orders".to_owned(),
    ];
    statements.extend(postgres_functions(schema));
    statements.extend([
        function(schema, "keep_sales_order_totals", ""),
        format!(
            "CREATE CONSTRAINT TRIGGER tr_sales_orders_changed AFTER UPDATE ON sales_orders {deferred}
             WHEN (ROW({}) IS DISTINCT FROM ROW({})) EXECUTE FUNCTION {schema}.move_in_sales_order_totals()",
            row("old"),
            row("new")
        ),
        format!(
            "CREATE CONSTRAINT TRIGGER tr_sales_orders_removed AFTER DELETE ON sales_orders {deferred}
             EXECUTE FUNCTION {schema}.take_from_sales_order_totals()"
        ),
        format!(
            "CREATE TRIGGER tr_sales_orders_emptied AFTER TRUNCATE ON sales_orders
             FOR EACH STATEMENT EXECUTE FUNCTION {schema}.empty_sales_order_totals()"
        ),
    ]);
    statements.extend(refill());
    // A restore of rows alone copies the totals too, which the restored orders add up to already.
    statements.push(format!(
        "CREATE TRIGGER tr_sales_order_totals_copied BEFORE INSERT ON sales_order_totals FOR EACH ROW
         WHEN (pg_trigger_depth() = 0 AND current_setting('sales_order.totals', true) IS DISTINCT FROM 'rebuild')
         EXECUTE FUNCTION {schema}.keep_sales_order_totals()"
    ));
    statements
}

/// As the migration that made the triggers wrote it, to the letter, so that taking this one back leaves what was there.
fn former_upsert(status: &str, sign: &str) -> String {
    let figures = [
        "1",
        "new.line_count",
        "new.total_quantity",
        "new.unpriced_lines",
        "new.priced_amount / 1000000",
        "new.priced_amount % 1000000",
    ];
    let values = figures.map(|figure| format!("{sign}({figure})")).join(", ");
    let sums = FIGURES.map(|name| format!("{name} = sales_order_totals.{name} + excluded.{name}")).join(", ");
    let (key, figures) = (KEY.join(", "), FIGURES.join(", "));
    format!(
        "INSERT INTO sales_order_totals ({key}, {figures})
         VALUES (new.client_id, new.customer_code, new.site_code, new.sales_name, {status}, new.currency, {values})
         ON CONFLICT ({key}) DO UPDATE SET {sums};"
    )
}

fn postgres_down() -> Vec<String> {
    let (add, take) = (former_upsert("new.status", "+"), former_upsert("old.status", "-"));
    let mut statements = vec!["DROP TRIGGER tr_sales_order_totals_copied ON sales_order_totals".to_owned()];
    for trigger in ["changed", "removed", "emptied"] {
        statements.push(format!("DROP TRIGGER tr_sales_orders_{trigger} ON sales_orders"));
    }
    for name in ["move_in", "take_from", "empty", "keep"] {
        statements.push(format!("DROP FUNCTION {name}_sales_order_totals()"));
    }
    statements.push(format!(
        "CREATE OR REPLACE FUNCTION add_to_sales_order_totals() RETURNS trigger LANGUAGE plpgsql AS $$
                     BEGIN
                        IF TG_OP = 'UPDATE' THEN {take} END IF;
                        {add}
                        RETURN NULL;
                     END $$"
    ));
    statements.push(
        "CREATE CONSTRAINT TRIGGER tr_sales_orders_moved AFTER UPDATE OF status ON sales_orders
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (old.status <> new.status)
            EXECUTE FUNCTION add_to_sales_order_totals()"
            .to_owned(),
    );
    statements
}

fn sqlite_up() -> Vec<String> {
    let (add, take) = (upsert("sales_order_totals", "new", "+"), upsert("sales_order_totals", "old", "-"));
    let sweep = sweep("sales_order_totals");
    let columns = [&KEY[..], &SUMMED].concat();
    let differs: Vec<_> = columns.iter().map(|column| format!("old.{column} IS NOT new.{column}")).collect();
    let mut statements = vec![
        "DROP TRIGGER tr_sales_orders_moved".to_owned(),
        format!(
            "CREATE TRIGGER tr_sales_orders_changed AFTER UPDATE OF {} ON sales_orders
                WHEN {} BEGIN {take} {add} {sweep} END",
            columns.join(", "),
            differs.join(" OR ")
        ),
        format!("CREATE TRIGGER tr_sales_orders_removed AFTER DELETE ON sales_orders BEGIN {take} {sweep} END"),
    ];
    statements.extend(refill());
    statements
}

fn sqlite_down() -> Vec<String> {
    let (add, take) = (former_upsert("new.status", "+"), former_upsert("old.status", "-"));
    vec![
        "DROP TRIGGER tr_sales_orders_changed".to_owned(),
        "DROP TRIGGER tr_sales_orders_removed".to_owned(),
        format!(
            "CREATE TRIGGER tr_sales_orders_moved AFTER UPDATE OF status ON sales_orders
                        WHEN old.status <> new.status BEGIN {take} {add} END"
        ),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = if manager.get_database_backend() == DbBackend::Postgres {
            postgres_up(&schema(manager).await?)
        } else {
            sqlite_up()
        };
        run(manager, statements).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        run(manager, if is_postgres { postgres_down() } else { sqlite_down() }).await
    }
}

/// The schema of new tables, quoted.
pub(crate) async fn schema(manager: &SchemaManager<'_>) -> Result<String, DbErr> {
    let schema = Statement::from_string(DbBackend::Postgres, "SELECT quote_ident(current_schema())");
    let row = manager.get_connection().query_one_raw(schema).await?;
    row.ok_or_else(|| DbErr::Custom("the database names no schema for new tables".to_owned()))?.try_get_by_index(0)
}

pub(crate) async fn run(manager: &SchemaManager<'_>, statements: Vec<String>) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}
