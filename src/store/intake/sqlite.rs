//! SQLite: a statement for each table. They cost no round trip, and it knows no statement that writes to several.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::Value;

use super::OrderToInsert;
use super::rows::Table;
use super::tables::{EVENTS, LINES, ORDERS, RECEIPTS, event_row, line_rows, order_row, receipt_row};
use crate::store::error::StoreResult;

/// Stores orders whose keys differ, and gives the ids of those whose key was not used before, by their place.
pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    new: &[(i64, &OrderToInsert)],
) -> StoreResult<BTreeMap<i64, i64>> {
    let key = |order: &OrderToInsert| (order.client_id.to_string(), order.idempotency_key.clone());
    let by_key: HashMap<_, _> = new.iter().map(|(place, order)| (key(order), (*place, *order))).collect();
    let rows = new.iter().map(|(place, order)| order_row(*place, order));
    let mut made = Vec::with_capacity(new.len());
    for row in tx.query_all_raw(statement(&ORDERS, rows)).await? {
        if let Some((place, order)) = by_key.get(&(row.try_get_by_index(1)?, row.try_get_by_index(2)?)) {
            made.push((*place, row.try_get_by_index(0)?, *order));
        }
    }
    if !made.is_empty() {
        let lines = made.iter().flat_map(|(_, id, order)| line_rows(*id, &order.order));
        tx.execute_raw(statement(&LINES, lines)).await?;
        tx.execute_raw(statement(&RECEIPTS, made.iter().map(|(_, id, order)| receipt_row(*id, order)))).await?;
        tx.execute_raw(statement(&EVENTS, made.iter().map(|(_, id, order)| event_row(*id, order)))).await?;
    }
    Ok(made.into_iter().map(|(place, id, _)| (place, id)).collect())
}

fn statement(table: &Table, rows: impl Iterator<Item = Value>) -> Statement {
    let rows: Value = rows.collect();
    Statement::from_sql_and_values(DbBackend::Sqlite, table.sqlite(), [rows.to_string().into()])
}
