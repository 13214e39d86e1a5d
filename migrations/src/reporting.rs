//! The views for whoever reads the database with tools of their own: times as times, money as decimals, no internals.
//!
//! A view holds on to the columns that it reads: no migration could drop or retype one. So whoever applies migrations
//! or takes them back first calls [`take_down`] and afterwards [`put_up`], which makes the views of the columns that are
//! there by then. Who was granted a view has it again.
//!
//! A new column of an order goes to the end of its view in [`VIEWS`], or into [`LEFT_OUT`]
//! (`every_column_of_an_order_is_reported_or_named_as_left_out`). A change here reaches a database with its next migration.

use std::collections::BTreeSet;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbBackend, QueryResult, Statement};

mod columns;

pub use columns::{LEFT_OUT, VIEWS};

/// The migration that brings the views; from it on they are made.
pub const MIGRATION: &str = "m20261128_000018_create_reporting_views";

/// A view.
pub struct View {
    /// Its name.
    pub name: &'static str,
    /// What its rows are.
    about: &'static str,
    /// The table that it shows.
    pub table: &'static str,
    /// What it is selected from. Never one table alone: PostgreSQL would let such a view be written to.
    from: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
}

/// A column of a view.
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// How it is made.
    kind: Kind,
    /// The alias of the table that it is made of.
    of: &'static str,
    /// The column of that table.
    pub source: &'static str,
    /// What it says.
    comment: &'static str,
}

/// How a column is made of its source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As it is.
    Plain,
    /// Microseconds as a time.
    Time,
    /// Text as a day.
    Day,
    /// Ten-thousandths as a decimal.
    Money,
    /// Quantity times price.
    LineAmount,
    /// Text as JSON.
    Json,
}

/// What [`take_down`] found, for [`put_up`].
#[derive(Debug, Default)]
pub struct Grants(Vec<(Option<String>, String, String)>);

/// Drops the views. One that somebody else built upon stays: it stands in the way only of a migration that changes what it
/// reads.
pub async fn take_down<C: ConnectionTrait>(connection: &C) -> Result<Grants, DbErr> {
    let mut grants = Grants::default();
    for view in &VIEWS {
        if is_postgres(connection) {
            grants.0.extend(granted(connection, view.name).await?);
            if is_built_upon(connection, view.name).await? {
                continue;
            }
        }
        connection.execute_unprepared(&format!("DROP VIEW IF EXISTS {}", view.name)).await?;
    }
    Ok(grants)
}

/// Makes the views of the columns that are there, with what was granted on them.
pub async fn put_up<C: ConnectionTrait>(connection: &C, grants: &Grants) -> Result<(), DbErr> {
    for view in &VIEWS {
        let there = columns_of(connection, view).await?;
        let columns: Vec<_> =
            view.columns.iter().filter(|column| there.contains(&(column.of, column.source))).collect();
        let postgres = is_postgres(connection);
        let selected: Vec<_> =
            columns.iter().map(|column| format!("{} AS {}", column.expression(postgres), column.name)).collect();
        let selected = format!("SELECT {} FROM {}", selected.join(", "), view.from);
        if !postgres {
            connection.execute_unprepared(&format!("DROP VIEW IF EXISTS {}", view.name)).await?;
            connection.execute_unprepared(&format!("CREATE VIEW {} AS {selected}", view.name)).await?;
            continue;
        }
        // One that was left standing takes new columns at its end. Where it cannot be changed, it stays as it was.
        connection.execute_unprepared("SAVEPOINT reporting").await?;
        let made = connection.execute_unprepared(&format!("CREATE OR REPLACE VIEW {} AS {selected}", view.name)).await;
        if let Err(error) = made {
            connection.execute_unprepared("ROLLBACK TO SAVEPOINT reporting").await?;
            if !is_built_upon(connection, view.name).await? {
                return Err(error);
            }
            continue;
        }
        for statement in comments(view, &columns) {
            connection.execute_unprepared(&statement).await?;
        }
        for (column, _, statement) in grants.0.iter().filter(|(_, of, _)| of == view.name) {
            if column.as_ref().is_none_or(|granted| columns.iter().any(|column| column.name == granted)) {
                connection.execute_unprepared(statement).await?;
            }
        }
    }
    Ok(())
}

fn is_postgres<C: ConnectionTrait>(connection: &C) -> bool {
    connection.get_database_backend() == DbBackend::Postgres
}

/// Who may do what with a view, each as the statement that grants it, with the column if it is of one.
async fn granted<C: ConnectionTrait>(
    connection: &C,
    view: &str,
) -> Result<Vec<(Option<String>, String, String)>, DbErr> {
    let to = "CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
        || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END";
    let sql = format!(
        "SELECT NULL::text, format('GRANT %s ON {view} TO ', privilege_type) || {to}
            FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = to_regclass('{view}') AND grantee <> relowner
         UNION ALL SELECT attname::text, format('GRANT %s (%I) ON {view} TO ', privilege_type, attname) || {to}
            FROM pg_attribute, aclexplode(attacl) WHERE attrelid = to_regclass('{view}') AND NOT attisdropped"
    );
    let rows = connection.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let read = |row: &QueryResult| Ok((row.try_get_by_index(0)?, view.to_owned(), row.try_get_by_index(1)?));
    rows.iter().map(read).collect()
}

/// Whether another view, or a rule, reads this one.
async fn is_built_upon<C: ConnectionTrait>(connection: &C, view: &str) -> Result<bool, DbErr> {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = objid
            WHERE classid = 'pg_rewrite'::regclass AND refobjid = to_regclass('{view}') AND ev_class <> refobjid)"
    );
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.map_or(Ok(false), |row| row.try_get_by_index(0))
}

/// The columns of the tables that a view is made of, each with the alias of its table.
async fn columns_of<C: ConnectionTrait>(
    connection: &C,
    view: &View,
) -> Result<BTreeSet<(&'static str, &'static str)>, DbErr> {
    let mut there = BTreeSet::new();
    for (alias, table) in columns::TABLES {
        let sql = if is_postgres(connection) {
            format!(
                "SELECT attname::text FROM pg_attribute
                 WHERE attrelid = to_regclass('{table}') AND attnum > 0 AND NOT attisdropped"
            )
        } else {
            format!("SELECT name FROM pragma_table_xinfo('{table}')")
        };
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        for row in connection.query_all_raw(statement).await? {
            let name: String = row.try_get_by_index(0)?;
            let known = view.columns.iter().filter(|column| column.of == alias && column.source == name);
            there.extend(known.map(|column| (column.of, column.source)));
        }
    }
    Ok(there)
}

impl Column {
    fn expression(&self, postgres: bool) -> String {
        let Self { of, source, .. } = self;
        let it = format!("{of}.{source}");
        match (self.kind, postgres) {
            (Kind::Plain, _) | (Kind::Day | Kind::Json, false) => it,
            (Kind::Time, true) => format!("timestamptz 'epoch' + {it} * interval '1 microsecond'"),
            // Written as PostgreSQL writes them, so they compare and sort as texts, and SQLite's functions read them.
            (Kind::Time, false) => format!(
                "strftime('%Y-%m-%d %H:%M:%S', {it} / 1000000, 'unixepoch') || printf('.%06d+00:00', {it} % 1000000)"
            ),
            // One row that cannot be read would take the view away from everybody.
            (Kind::Day, true) => format!("CASE WHEN {it} >= '0001-01-01' THEN {it}::date END"),
            (Kind::Json, true) => format!("{it}::jsonb"),
            (Kind::Money, true) => format!("({it} * 0.0001)::numeric(17, 4)"),
            (Kind::Money, false) => decimal_of_sqlite(&it),
            (Kind::LineAmount, true) => format!("({of}.quantity * {it} * 0.0001)::numeric(17, 4)"),
            (Kind::LineAmount, false) => decimal_of_sqlite(&format!("({of}.quantity * {it})")),
        }
    }
}

/// SQLite has no decimals, and compares a text with no number. So a whole amount is an integer, one of up to 15 digits a
/// floating-point number, which shows these digits and no others, and a longer one a text.
fn decimal_of_sqlite(amount: &str) -> String {
    format!(
        "CASE WHEN {amount} % 10000 = 0 THEN {amount} / 10000 WHEN {amount} < 1000000000000000 THEN {amount} / 10000.0
              WHEN {amount} IS NOT NULL THEN printf('%d.%04d', {amount} / 10000, {amount} % 10000) END"
    )
}

/// What PostgreSQL tells of the view and, since people read the tables too, of their units.
fn comments(view: &View, columns: &[&Column]) -> Vec<String> {
    let quoted = |text: &str| text.replace('\'', "''");
    let mut statements = vec![format!("COMMENT ON VIEW {} IS '{}'", view.name, quoted(view.about))];
    for column in columns {
        let comment = quoted(column.comment);
        statements.push(format!("COMMENT ON COLUMN {}.{} IS '{comment}'", view.name, column.name));
    }
    for (column, unit) in units(view).filter(|(column, _)| columns.iter().any(|it| it.source == *column)) {
        statements.push(format!("COMMENT ON COLUMN {}.{column} IS '{unit}; see the view {}'", view.table, view.name));
    }
    statements
}

/// The columns of a view's table that are in another unit there.
fn units(view: &View) -> impl Iterator<Item = (&'static str, &'static str)> {
    view.columns.iter().filter_map(|column| match column.kind {
        Kind::Time => Some((column.source, "Microseconds since 1970-01-01 00:00 UTC")),
        Kind::Money => Some((column.source, "Ten-thousandths of the currency unit")),
        _ => None,
    })
}

/// Takes the comments on the tables away.
pub(crate) async fn forget_units<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    for view in &VIEWS {
        let columns: Vec<_> = units(view).map(|(column, _)| column).collect();
        for column in columns {
            connection.execute_unprepared(&format!("COMMENT ON COLUMN {}.{column} IS NULL", view.table)).await?;
        }
    }
    Ok(())
}
