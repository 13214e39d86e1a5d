//! PostgreSQL: one statement for all tables, for each round trip is a wait in which nothing is stored.

use std::sync::LazyLock;

use super::batch::{Id, Table, Tables};
use crate::store::events;

/// Locks are taken in one order by everybody, so that no two wait for each other: signed texts, sorted (`hold_signed_texts`);
/// then references, sorted (`hold_references`); then keys, sorted. What holds the end of the feed comes when everything else is done, for nobody reads beyond it until the
/// commit. Counting what was written before is what makes PostgreSQL keep to that order
/// (`an_order_gets_its_position_in_the_feed_last`, `crossing_texts_of_two_instances_never_wait_for_each_other`,
/// `crossing_references_of_two_instances_never_wait_for_each_other`).
///
/// Whether a text was used is asked when its lock is held, of a function that sees what was committed meanwhile; a
/// text whose order was there before goes into the table too. So nobody else gets between the question and the answer. The same
/// goes for a reference that an order must have alone.
pub(super) static INSERT: LazyLock<String> = LazyLock::new(|| statement(None));

/// The same for orders that have numbers. One whose number another order has is left out like one whose key another has.
pub(super) static NUMBERED: LazyLock<String> = LazyLock::new(|| statement(Some(("id", "r.id"))));

fn statement(id: Id) -> String {
    let Tables { orders, lines, receipts, events, texts, references } = Tables::new();
    let of_order = |table: &Table, parameter, further| {
        let rows = format!("{} JOIN made USING (ordinal) {further}", table.postgres_rows(parameter));
        table.postgres(Some(("order_id", "made.id")), &rows)
    };
    format!(
        "WITH texts AS MATERIALIZED (SELECT * FROM {text_rows}),
              held AS MATERIALIZED (SELECT count(*) AS locks,
                  hold_signed_texts(array_agg(client_id), array_agg(client_id || signed_text_digest)) FROM texts),
              uniques AS MATERIALIZED (SELECT r.* FROM {reference_rows} CROSS JOIN held WHERE held.locks >= 0),
              alone AS MATERIALIZED (SELECT count(*) AS locks,
                  hold_references(array_agg(client_id || '/' || partner_reference)) FROM uniques),
              new AS MATERIALIZED (SELECT r.* FROM {order_rows} LEFT JOIN texts ON texts.ordinal = r.ordinal
                  LEFT JOIN uniques ON uniques.ordinal = r.ordinal CROSS JOIN held CROSS JOIN alone
                  WHERE CASE WHEN texts.ordinal IS NULL THEN true WHEN held.locks >= 0
                      THEN order_of_signed_text(texts.client_id, decode(texts.signed_text_digest, 'hex')) IS NULL END
                  AND CASE WHEN uniques.ordinal IS NULL THEN true WHEN alone.locks >= 0
                      THEN order_of_reference(uniques.client_id, uniques.partner_reference) IS NULL END),
              stored AS ({insert_orders} {on_conflict} DO NOTHING
                  RETURNING id, client_id, idempotency_key),
              made AS MATERIALIZED (SELECT r.ordinal, stored.id FROM stored JOIN new AS r USING (client_id, idempotency_key)),
              lines AS ({insert_lines} RETURNING 1),
              receipts AS ({insert_receipts} RETURNING 1),
              named AS (
                  INSERT INTO sales_order_signed_texts (client_id, signed_text_digest, order_id, created_at)
                      SELECT texts.client_id, decode(signed_text_digest, 'hex'), made.id, created_at
                          FROM made JOIN texts USING (ordinal)
                      UNION ALL
                      SELECT texts.client_id, decode(signed_text_digest, 'hex'), o.id, texts.created_at
                          FROM texts CROSS JOIN held JOIN sales_orders AS o ON o.client_id = texts.client_id
                              AND o.idempotency_key = texts.idempotency_key
                              AND o.request_digest = decode(texts.request_digest, 'hex')
                          WHERE held.locks >= 0
                  ON CONFLICT DO NOTHING RETURNING 1),
              lock AS MATERIALIZED ({lock}
                  FROM (SELECT count(*) FROM lines) AS of_lines, (SELECT count(*) FROM receipts) AS of_receipts,
                       (SELECT count(*) FROM named) AS of_texts),
              events AS ({insert_events} RETURNING 1)
         SELECT ordinal, id FROM made, (SELECT count(*) FROM events) AS of_events",
        text_rows = texts.postgres_rows("$5"),
        order_rows = orders.postgres_rows_with("$1", id.map_or(&[], |_| &["id bigint"])),
        reference_rows = references.postgres_rows("$6"),
        on_conflict = id.map_or("ON CONFLICT (client_id, idempotency_key)", |_| "ON CONFLICT"),
        insert_orders = orders.postgres(id, "new AS r ORDER BY r.ordinal"),
        insert_lines = of_order(&lines, "$2", ""),
        insert_receipts = of_order(&receipts, "$3", ""),
        lock = events::BEGIN,
        insert_events = of_order(&events, "$4", "CROSS JOIN lock ORDER BY made.id, r.sequence"),
    )
}
