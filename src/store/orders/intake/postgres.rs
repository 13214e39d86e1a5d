//! PostgreSQL: one statement for all tables, for each round trip is a wait in which nothing is stored.

use std::sync::LazyLock;

use super::batch::{Id, Table, Tables};
use crate::store::events;

/// What a batch holds beside orders, lines, receipts and events. Each part costs a small batch about as much as an order's lines, so
/// it is left out where it is not needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    /// The orders have numbers. One whose number another order has is left out like one whose key another has.
    pub(super) numbers: bool,
    /// Signed texts of which each makes one order: the fifth parameter.
    pub(super) texts: bool,
    /// References that orders must have alone: the last parameter.
    pub(super) references: bool,
}

impl Parts {
    /// What stores a batch of these parts.
    pub(super) fn statement(self) -> &'static str {
        let Self { numbers, texts, references } = self;
        &STATEMENTS[usize::from(numbers) << 2 | usize::from(texts) << 1 | usize::from(references)]
    }
}

static STATEMENTS: LazyLock<[String; 8]> = LazyLock::new(|| {
    std::array::from_fn(|bits| {
        statement(Parts { numbers: bits & 4 > 0, texts: bits & 2 > 0, references: bits & 1 > 0 })
    })
});

/// Locks are taken in one order by everybody, so that no two wait for each other: signed texts, sorted (`hold_signed_texts`);
/// then references, sorted (`hold_references`); then keys, sorted. What holds the end of the feed comes when everything else is
/// done, for nobody reads beyond it until the commit. Counting what was written before is what makes PostgreSQL keep to that order
/// (`an_order_gets_its_position_in_the_feed_last`, `crossing_texts_of_two_instances_never_wait_for_each_other`,
/// `crossing_references_of_two_instances_never_wait_for_each_other`).
///
/// Whether a text was used is asked when its lock is held, of a function that sees what was committed meanwhile; a
/// text whose order was there before goes into the table too. So nobody else gets between the question and the answer. The same
/// goes for a reference that an order must have alone.
fn statement(Parts { numbers, texts, references }: Parts) -> String {
    let tables = Tables::new();
    let id: Id = numbers.then_some(("id", "r.id"));
    let of_order = |table: &Table, parameter, further| {
        let rows = format!("{} JOIN made USING (ordinal) {further}", table.postgres_rows(parameter));
        table.postgres(Some(("order_id", "made.id")), &rows)
    };
    let (mut before, mut joined, mut are_new) = (Vec::new(), String::new(), Vec::new());
    if texts {
        before.push(format!(
            "texts AS MATERIALIZED (SELECT * FROM {rows}),
             held AS MATERIALIZED (SELECT count(*) AS locks,
                 hold_signed_texts(array_agg(client_id), array_agg(client_id || signed_text_digest)) FROM texts)",
            rows = tables.texts.postgres_rows("$5"),
        ));
        joined.push_str(" LEFT JOIN texts ON texts.ordinal = r.ordinal CROSS JOIN held");
        are_new.push(
            "CASE WHEN texts.ordinal IS NULL THEN true WHEN held.locks >= 0
                 THEN order_of_signed_text(texts.client_id, decode(texts.signed_text_digest, 'hex')) IS NULL END",
        );
    }
    if references {
        before.push(format!(
            "uniques AS MATERIALIZED (SELECT r.* FROM {rows} {after_texts}),
             alone AS MATERIALIZED (SELECT count(*) AS locks,
                 hold_references(array_agg(client_id || '/' || partner_reference)) FROM uniques)",
            rows = tables.references.postgres_rows(if texts { "$6" } else { "$5" }),
            after_texts = if texts { "CROSS JOIN held WHERE held.locks >= 0" } else { "" },
        ));
        joined.push_str(" LEFT JOIN uniques ON uniques.ordinal = r.ordinal CROSS JOIN alone");
        are_new.push(
            "CASE WHEN uniques.ordinal IS NULL THEN true WHEN alone.locks >= 0
                 THEN order_of_reference(uniques.client_id, uniques.partner_reference) IS NULL END",
        );
    }
    let are_new = if are_new.is_empty() { String::new() } else { format!("WHERE {}", are_new.join(" AND ")) };
    let mut written =
        vec![("lines", of_order(&tables.lines, "$2", "")), ("receipts", of_order(&tables.receipts, "$3", ""))];
    if texts {
        written.push(("named", NAMED.to_owned()));
    }
    let counts = written.iter().map(|(name, _)| format!("(SELECT count(*) FROM {name}) AS of_{name}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    before.push(format!(
        "new AS MATERIALIZED (SELECT r.* FROM {rows} {joined} {are_new}),
         stored AS ({insert} {on_conflict} DO NOTHING RETURNING id, client_id, idempotency_key),
         made AS MATERIALIZED (SELECT r.ordinal, stored.id FROM stored JOIN new AS r USING (client_id, idempotency_key))",
        rows = tables.orders.postgres_rows_with("$1", id.map_or(&[], |_| &["id bigint"])),
        insert = tables.orders.postgres(id, "new AS r ORDER BY r.ordinal"),
        on_conflict = id.map_or("ON CONFLICT (client_id, idempotency_key)", |_| "ON CONFLICT"),
    ));
    before.extend(written.into_iter().map(|(name, insert)| format!("{name} AS ({insert} RETURNING 1)")));
    format!(
        "WITH {before},
             lock AS MATERIALIZED ({lock} FROM {counts}),
             events AS ({insert_events} RETURNING 1)
         SELECT ordinal, id FROM made, (SELECT count(*) FROM events) AS of_events",
        before = before.join(", "),
        lock = events::BEGIN,
        insert_events = of_order(&tables.events, "$4", "CROSS JOIN lock ORDER BY made.id, r.sequence"),
    )
}

/// Names the order of each signed text: of those that are stored now, and of those that were there before.
const NAMED: &str = "INSERT INTO sales_order_signed_texts (client_id, signed_text_digest, order_id, created_at)
        SELECT texts.client_id, decode(signed_text_digest, 'hex'), made.id, created_at FROM made JOIN texts USING (ordinal)
        UNION ALL
        SELECT texts.client_id, decode(signed_text_digest, 'hex'), o.id, texts.created_at
            FROM texts CROSS JOIN held JOIN sales_orders AS o ON o.client_id = texts.client_id
                AND o.idempotency_key = texts.idempotency_key AND o.request_digest = decode(texts.request_digest, 'hex')
            WHERE held.locks >= 0
    ON CONFLICT DO NOTHING";
