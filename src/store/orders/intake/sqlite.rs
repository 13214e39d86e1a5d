//! SQLite: an INSERT writes to one table only, but a trigger can write to several. So one statement stores a whole batch
//! here too: the writing connection runs in a thread of its own, and each further statement would cost a round trip to it.

use std::sync::LazyLock;

use super::batch::{Table, Tables};
use crate::domain::order::OrderNumber;

/// The table, view and trigger are temporary: each connection creates its own with its first batch. Order ids are assigned
/// before the rows are written; the transaction holds the write lock, so no other connection assigns them. Ids rise in the
/// order of insertion, because the full-text index flushes to the file whenever an id is not larger than the one before.
/// JSONB is parsed once and read faster than JSON.
pub(super) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let give = format!("{} + row_number() OVER (ORDER BY r.key)", last_id());
    let stored = stored(&Names { made: "made", batch: "batch" }, &give, "");
    format!("{stored}; SELECT ordinal, id FROM made")
});

/// The same for orders that have numbers. AUTOINCREMENT takes the largest id for the last of the sequence, and would go on after a
/// random one; so the sequence is set back, in the transaction that the caller has begun
/// (`running_numbers_go_on_where_they_were_after_random_ones`).
pub(super) static NUMBERED: LazyLock<String> = LazyLock::new(|| {
    let last_id = last_id();
    let is_free = "AND NOT EXISTS (SELECT 1 FROM sales_orders AS o WHERE o.id = r.value ->> 'id')
                 ON CONFLICT DO NOTHING";
    let stored = stored(&Names { made: "numbered", batch: "numbered_batch" }, "r.value ->> 'id'", is_free);
    format!(
        "CREATE TEMP TABLE IF NOT EXISTS sequence (row integer PRIMARY KEY, last integer NOT NULL);
         INSERT OR REPLACE INTO sequence VALUES (1, {last_id});
         {stored};
         UPDATE sqlite_sequence SET seq = (SELECT last FROM sequence) WHERE name = 'sales_orders';
         SELECT ordinal, id FROM numbered"
    )
});

/// The last position in the feed that was given out.
pub(super) const LAST_POSITION: &str = "SELECT max(seq) FROM sqlite_sequence WHERE name = 'sales_order_events'";

/// What each form of the statement calls its table and its view: one connection may run both.
struct Names {
    made: &'static str,
    batch: &'static str,
}

/// What stores a batch, each order under the id that `give` is of its row `r`, and leaves out what does not meet `further`.
fn stored(Names { made, batch }: &Names, give: &str, further: &str) -> String {
    let Tables { orders, lines, receipts, events, texts: _, references: _ } = Tables::new();
    let of_made =
        |rows| format!("jsonb_each(new.{rows}) AS r CROSS JOIN {made} AS made ON made.ordinal = r.value ->> 'ordinal'");
    let of_order = |table: &Table, rows| table.sqlite(Some(("order_id", "made.id")), &of_made(rows));
    let unique = if further.is_empty() { "" } else { " UNIQUE" };
    format!(
        "CREATE TEMP TABLE IF NOT EXISTS {made} (ordinal integer PRIMARY KEY, id integer NOT NULL{unique});
         CREATE TEMP VIEW IF NOT EXISTS {batch} AS SELECT NULL AS orders, NULL AS lines, NULL AS receipts, NULL AS events,
             NULL AS texts;
         CREATE TEMP TRIGGER IF NOT EXISTS tr_{batch} INSTEAD OF INSERT ON {batch} BEGIN
             DELETE FROM {made};
             INSERT INTO {made}
                 SELECT r.value ->> 'ordinal', {give}
                 FROM jsonb_each(new.orders) AS r
                 WHERE NOT EXISTS (SELECT 1 FROM sales_orders AS o
                         WHERE o.client_id = r.value ->> 'client_id' AND o.idempotency_key = r.value ->> 'idempotency_key')
                     AND NOT EXISTS (SELECT 1 FROM sales_order_signed_texts AS t
                         WHERE t.client_id = r.value ->> 'client_id'
                             AND t.signed_text_digest = unhex(r.value ->> 'signed_text_digest'))
                     AND NOT (r.value ->> 'reference_is_unique' AND EXISTS (SELECT 1 FROM sales_orders AS o
                         WHERE o.client_id = r.value ->> 'client_id' AND o.status <> 'CANCELLED'
                             AND o.partner_reference = r.value ->> 'partner_reference'))
                     {further};
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
         INSERT INTO {batch} VALUES (jsonb(?1), jsonb(?2), jsonb(?3), jsonb(?4), jsonb(?5))",
        orders = orders.sqlite(Some(("id", "made.id")), &of_made("orders")),
        lines = of_order(&lines, "lines"),
        receipts = of_order(&receipts, "receipts"),
        events = of_order(&events, "events"),
    )
}

/// The largest running id that an order has or had, archived ones too, read while nobody else may write. Like AUTOINCREMENT it takes the larger one of
/// `sqlite_sequence` and the table (`an_order_gets_a_number_that_is_free_when_the_sequence_was_lost`).
fn last_id() -> String {
    let first_random = OrderNumber::FIRST_RANDOM.id();
    format!(
        "max(coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'sales_orders' AND seq < {first_random}), 0),
            coalesce((SELECT max(id) FROM sales_orders WHERE id < {first_random}), 0),
            coalesce((SELECT max(id) FROM archived_sales_orders WHERE id < {first_random}), 0))"
    )
}
