//! SQLite: no statement writes to several tables, but a trigger does. So here too it is one for all, for the writing
//! connection is a thread of its own, and each return to it is a wait in which nothing is stored.

use std::sync::LazyLock;

use super::batch::{Table, Tables};

/// What it stores through is the connection's own and there from its first batch on. Orders get their ids in advance: who
/// writes holds the lock from the beginning, so nobody else takes one. They rise in the order in which rows are stored, or
/// the index for searching would write itself to the file at each that does not. JSONB is read faster, and parsed once.
pub(super) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let Tables { orders, lines, receipts, events, texts: _ } = Tables::new();
    let of_made = |rows| format!("jsonb_each(new.{rows}) AS r CROSS JOIN made ON made.ordinal = r.value ->> 'ordinal'");
    let of_order = |table: &Table, rows| table.sqlite(Some(("order_id", "made.id")), &of_made(rows));
    format!(
        "CREATE TEMP TABLE IF NOT EXISTS made (ordinal integer PRIMARY KEY, id integer NOT NULL);
         CREATE TEMP VIEW IF NOT EXISTS batch AS SELECT NULL AS orders, NULL AS lines, NULL AS receipts, NULL AS events,
             NULL AS texts;
         CREATE TEMP TRIGGER IF NOT EXISTS tr_batch INSTEAD OF INSERT ON batch BEGIN
             DELETE FROM made;
             INSERT INTO made
                 SELECT r.value ->> 'ordinal', {LAST_ID} + row_number() OVER (ORDER BY r.key)
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
         SELECT ordinal, id FROM made",
        orders = orders.sqlite(Some(("id", "made.id")), &of_made("orders")),
        lines = of_order(&lines, "lines"),
        receipts = of_order(&receipts, "receipts"),
        events = of_order(&events, "events"),
    )
});

/// The largest id that an order has or had, to be asked while nobody else may write. AUTOINCREMENT looks into both places as
/// well (`an_order_gets_a_number_that_is_free_when_the_sequence_was_lost`).
const LAST_ID: &str = "max(coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'sales_orders'), 0),
    coalesce((SELECT max(id) FROM sales_orders), 0))";
