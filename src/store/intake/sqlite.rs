//! SQLite: no statement writes to several tables, but a trigger does. So here too it is one for all, for the writing
//! connection is a thread of its own, and each return to it is a wait in which nothing is stored.

use std::sync::LazyLock;

use super::rows::Table;
use super::tables::{EVENTS, LINES, ORDERS, RECEIPTS};
use crate::store::orders::SQLITE_LAST_ID as LAST_ID;

/// What it stores through is the connection's own and there from its first batch on. Places get their ids in advance: who
/// writes holds the lock from the beginning, so nobody else takes one. They rise in the order in which rows are stored, or
/// the index for searching would write itself to the file at each that does not. JSONB is read faster, and parsed once.
pub(super) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let of_made = |rows| format!("jsonb_each(new.{rows}) AS r CROSS JOIN made ON made.place = r.value ->> 'place'");
    let of_order = |table: &Table, rows| table.sqlite(Some(("order_id", "made.id")), &of_made(rows));
    format!(
        "CREATE TEMP TABLE IF NOT EXISTS made (place integer PRIMARY KEY, id integer NOT NULL);
         CREATE TEMP VIEW IF NOT EXISTS batch AS SELECT NULL AS orders, NULL AS lines, NULL AS receipts, NULL AS events,
             NULL AS texts;
         CREATE TEMP TRIGGER IF NOT EXISTS tr_batch INSTEAD OF INSERT ON batch BEGIN
             DELETE FROM made;
             INSERT INTO made
                 SELECT r.value ->> 'place', {LAST_ID} + row_number() OVER (ORDER BY r.key)
                 FROM jsonb_each(new.orders) AS r
                 WHERE NOT EXISTS (SELECT 1 FROM sales_orders AS o
                         WHERE o.client_id = r.value ->> 'client_id' AND o.idempotency_key = r.value ->> 'idempotency_key')
                     AND NOT EXISTS (SELECT 1 FROM sales_order_signed_texts AS t
                         WHERE t.client_id = r.value ->> 'client_id'
                             AND t.signed_text_digest = unhex(r.value ->> 'signed_text_digest'));
             {orders};
             {lines};
             {receipts};
             {events};
             INSERT INTO sales_order_signed_texts (client_id, signed_text_digest, order_id, created_at)
                 SELECT o.client_id, unhex(r.value ->> 'signed_text_digest'), o.id, r.value ->> 'created_at'
                 FROM jsonb_each(new.texts) AS r CROSS JOIN sales_orders AS o
                     ON o.client_id = r.value ->> 'client_id' AND o.idempotency_key = r.value ->> 'idempotency_key'
                         AND o.request_digest = unhex(r.value ->> 'request_digest')
                 WHERE true ORDER BY r.key
                 ON CONFLICT DO NOTHING;
         END;
         INSERT INTO batch VALUES (jsonb(?1), jsonb(?2), jsonb(?3), jsonb(?4), jsonb(?5));
         SELECT place, id FROM made",
        orders = ORDERS.sqlite(Some(("id", "made.id")), &of_made("orders")),
        lines = of_order(&LINES, "lines"),
        receipts = of_order(&RECEIPTS, "receipts"),
        events = of_order(&EVENTS, "events"),
    )
});
