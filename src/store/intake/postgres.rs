//! PostgreSQL: one statement for all tables, for each round trip is a wait in which nothing is stored.

use std::sync::LazyLock;

use super::rows::Table;
use super::tables::{EVENTS, LINES, ORDERS, RECEIPTS};
use crate::store::events::postgres_lock;

/// The lock comes when everything else is done, for it holds up everybody else's events until the commit; counting what
/// was written before is what makes PostgreSQL keep to that order
/// (`an_order_gets_its_place_in_the_feed_last_and_only_when_nobody_else_is_appending`).
pub(super) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let of_order = |table: &Table, parameter, further| {
        let rows = format!("{} JOIN made USING (place) {further}", table.postgres_rows(parameter));
        table.postgres(Some(("order_id", "made.id")), &rows)
    };
    format!(
        "WITH new AS MATERIALIZED (SELECT * FROM {orders} WHERE r.signed_text_digest IS NULL OR NOT EXISTS (
                  SELECT 1 FROM sales_order_retries AS t WHERE t.client_id = r.client_id
                      AND t.signed_text_digest = decode(r.signed_text_digest, 'hex'))),
              stored AS ({insert_orders} ON CONFLICT DO NOTHING
                  RETURNING id, client_id, idempotency_key),
              made AS MATERIALIZED (SELECT r.place, stored.id FROM stored JOIN new AS r USING (client_id, idempotency_key)),
              lines AS ({insert_lines} RETURNING 1),
              receipts AS ({insert_receipts} RETURNING 1),
              lock AS MATERIALIZED ({lock}
                  FROM (SELECT count(*) FROM lines) AS of_lines, (SELECT count(*) FROM receipts) AS of_receipts),
              events AS ({insert_events} RETURNING 1)
         SELECT place, id FROM made, (SELECT count(*) FROM events) AS of_events",
        orders = ORDERS.postgres_rows("$1"),
        insert_orders = ORDERS.postgres(None, "new AS r"),
        insert_lines = of_order(&LINES, "$2", ""),
        insert_receipts = of_order(&RECEIPTS, "$3", ""),
        lock = postgres_lock(),
        insert_events = of_order(&EVENTS, "$4", "CROSS JOIN lock ORDER BY made.id"),
    )
});
