//! Rows of an order and of its lines that are written after it was stored.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement};

use super::columns::Row;
use super::intake::json_of;
use super::record::{AmendedRow, WholeLine};
use crate::domain::order::OrderNumber;
use crate::domain::order_change::Changed;
use crate::store::error::StoreResult;

/// Writes what a change makes of an order and of its lines behind the first `stored` ones. The totals follow by triggers.
pub(super) async fn amend(
    tx: &DatabaseTransaction,
    number: OrderNumber,
    Changed { amended, fulfilment, .. }: &Changed,
    stored: usize,
) -> StoreResult<()> {
    update(tx, "sales_orders", ("id", None), number, &[AmendedRow::of(amended)]).await?;
    let added = amended.products().iter().zip(fulfilment.lines()).skip(stored);
    let rows: Vec<_> = added.map(|(content, line)| WholeLine::of(content, line)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let backend = tx.get_database_backend();
    let names = WholeLine::COLUMNS.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let rows_of_json = if backend == DbBackend::Postgres {
        let types = WholeLine::COLUMNS.iter().map(|column| format!("{} {}", column.name, column.kind));
        format!("SELECT $2, {names} FROM json_to_recordset($1::json) AS r ({})", types.collect::<Vec<_>>().join(", "))
    } else {
        let values = WholeLine::COLUMNS.iter().map(|column| format!("value ->> '{}'", column.name));
        format!("SELECT $2, {} FROM json_each($1)", values.collect::<Vec<_>>().join(", "))
    };
    let sql = format!("INSERT INTO sales_order_lines (order_id, {names}) {rows_of_json}");
    let values = [json_of(&rows)?.into(), number.id().into()];
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(())
}

/// Writes rows of an order over those that are stored, all by one statement: of the table's rows with its id in `order_id` each the one
/// with the same `key`, which is a column of it.
pub(super) async fn update<R: Row>(
    tx: &DatabaseTransaction,
    table: &str,
    (order_id, key): (&str, Option<&str>),
    number: OrderNumber,
    rows: &[R],
) -> StoreResult<()> {
    let backend = tx.get_database_backend();
    let (mut set, mut types) = (String::new(), String::new());
    for column in R::COLUMNS {
        let (name, kind) = (column.name, column.kind);
        let comma = if types.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(types, "{comma}{name} {kind}");
        if Some(name) == key {
            continue;
        }
        let comma = if set.is_empty() { "" } else { ", " };
        let _ = match backend {
            DbBackend::Postgres => write!(set, "{comma}{name} = r.{name}"),
            _ => write!(set, "{comma}{name} = r.value ->> '{name}'"),
        };
    }
    let (from, of_row) = match backend {
        DbBackend::Postgres => (format!("json_to_recordset($1::json) AS r ({types})"), "r."),
        _ => ("json_each($1) AS r".to_owned(), "r.value ->> "),
    };
    let same = match (key, backend) {
        (None, _) => String::new(),
        (Some(key), DbBackend::Postgres) => format!(" AND t.{key} = {of_row}{key}"),
        (Some(key), _) => format!(" AND t.{key} = {of_row}'{key}'"),
    };
    let sql = format!("UPDATE {table} AS t SET {set} FROM {from} WHERE t.{order_id} = $2{same}");
    let values = [json_of(rows)?.into(), number.id().into()];
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(())
}
