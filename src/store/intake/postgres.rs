//! PostgreSQL: one statement for all tables, for each round trip is a wait in which nothing is stored.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::Value;

use super::OrderToInsert;
use super::rows::Table;
use super::tables::{EVENTS, LINES, ORDERS, RECEIPTS, event_row, line_rows, order_row, receipt_row};
use crate::store::error::StoreResult;
use crate::store::events::postgres_lock;

/// Stores orders whose keys differ, and gives the ids of those whose key was not used before, by their place.
pub(super) async fn insert(
    tx: &impl ConnectionTrait,
    new: &[(i64, &OrderToInsert)],
) -> StoreResult<BTreeMap<i64, i64>> {
    // What belongs to an order names it by its place: its id is not known yet.
    let orders: Value = new.iter().map(|(place, order)| order_row(*place, order)).collect();
    let lines: Value = new.iter().flat_map(|(place, order)| line_rows(*place, &order.order)).collect();
    let receipts: Value = new.iter().map(|(place, order)| receipt_row(*place, order)).collect();
    let events: Value = new.iter().map(|(place, order)| event_row(*place, order)).collect();
    let parameters = [orders, lines, receipts, events].map(|rows| rows.to_string().into());
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, INSERT.as_str(), parameters);
    let mut ids = BTreeMap::new();
    for row in tx.query_all_raw(statement).await? {
        ids.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    }
    Ok(ids)
}

/// The lock comes when everything else is done, for it holds up everybody else's events until the commit; counting what
/// was written before is what makes PostgreSQL keep to that order
/// (`an_order_gets_its_place_in_the_feed_last_and_only_when_nobody_else_is_appending`).
static INSERT: LazyLock<String> = LazyLock::new(|| {
    let of_made = |table: &Table, parameter| {
        format!("{} JOIN made ON made.place = r.order_id", table.postgres_rows(parameter, ""))
    };
    format!(
        "WITH new AS MATERIALIZED (SELECT * FROM {orders}),
              stored AS ({insert_orders}),
              made AS MATERIALIZED (SELECT r.place, stored.id FROM stored JOIN new AS r USING (client_id, idempotency_key)),
              lines AS ({insert_lines} RETURNING 1),
              receipts AS ({insert_receipts} RETURNING 1),
              lock AS MATERIALIZED ({lock}
                  FROM (SELECT count(*) FROM lines) AS of_lines, (SELECT count(*) FROM receipts) AS of_receipts),
              events AS ({insert_events} RETURNING 1)
         SELECT place, id FROM made, (SELECT count(*) FROM events) AS of_events",
        orders = ORDERS.postgres_rows("$1", ", place bigint"),
        insert_orders = ORDERS.postgres("", "new AS r"),
        insert_lines = LINES.postgres("made.id", &of_made(&LINES, "$2")),
        insert_receipts = RECEIPTS.postgres("made.id", &of_made(&RECEIPTS, "$3")),
        lock = postgres_lock(),
        insert_events = EVENTS.postgres("made.id", &format!("{} CROSS JOIN lock ORDER BY made.id", of_made(&EVENTS, "$4"))),
    )
});
