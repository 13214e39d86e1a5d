//! Summaries by time add up hours and days that the database keeps, and orders at the ends of a span. They are those of the orders
//! wherever a span begins and ends, whatever changed meanwhile, and however often a dashboard asks again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rust_decimal::Decimal;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use super::summary;
use crate::support::{TestApp, on_postgres};

const CLIENTS: [&str; 2] = ["versuni-client-001", "other-partner"];
const STATUSES: [&str; 3] = ["RECEIVED", "CONFIRMED", "CANCELLED"];
const CURRENCIES: [&str; 2] = ["IDR", "EUR"];

/// An order as the test knows it.
#[derive(Debug, Clone)]
struct Known {
    id: usize,
    client: usize,
    customer: usize,
    status: usize,
    currency: usize,
    created_at: DateTime<Utc>,
    quantity: i64,
    lines: i64,
    amount: i64,
}

impl Known {
    fn insert(&self) -> String {
        let digest = if on_postgres().is_some() { "'\\x00'" } else { "x'00'" };
        let Self { id, customer, quantity, lines, amount, .. } = self;
        let created_at = self.created_at.timestamp_micros();
        format!(
            "INSERT INTO sales_orders (id, client_id, idempotency_key, request_digest, customer_code, site_code, sales_name,
                 address, note, currency, status, version, total_quantity, total_amount, created_at, updated_at, line_count,
                 unpriced_lines, priced_amount, search_text)
             VALUES ({id}, '{}', 'k{id}', {digest}, 'C{customer}', 'S', 'N', 'A', NULL, '{}', '{}', 1, {quantity}, {amount},
                 {created_at}, {created_at}, {lines}, {}, {amount}, '')",
            CLIENTS[self.client],
            CURRENCIES[self.currency],
            STATUSES[self.status],
            lines / 2
        )
    }
}

/// A time between 23 October and 2 November, where clocks are put back: any, or the first of an hour or a day.
fn time() -> impl Strategy<Value = DateTime<Utc>> {
    let start = "2026-10-23T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let hour = 3_600_000_000_i64;
    (0..240 * hour, 0..4_u8).prop_map(move |(micros, kind)| {
        let micros = match kind {
            0 => micros - micros % hour,
            1 => micros - micros % (24 * hour),
            2 => micros - micros % hour - 1,
            _ => micros,
        };
        start + TimeDelta::microseconds(micros)
    })
}

fn known(id: usize) -> impl Strategy<Value = Known> {
    let kinds = (0..CLIENTS.len(), 0..7_usize, 0..STATUSES.len(), 0..CURRENCIES.len());
    (kinds, time(), 1..1_000_i64, 1..9_i64, 0..90_000_000_000_000_000_i64).prop_map(
        move |((client, customer, status, currency), created_at, quantity, lines, amount)| Known {
            id,
            client,
            customer,
            status,
            currency,
            created_at,
            quantity,
            lines,
            amount,
        },
    )
}

/// What is asked.
#[derive(Debug, Clone)]
struct Question {
    from: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
    status: Option<usize>,
    client: Option<usize>,
    group_by: &'static [&'static str],
    zone: &'static str,
}

fn question() -> impl Strategy<Value = Question> {
    let groupings: [&[&str]; 9] = [
        &["HOUR"],
        &["DAY"],
        &["DAY"],
        &["WEEK"],
        &["MONTH"],
        &["STATUS"],
        &["DAY", "STATUS"],
        &["CLIENT", "WEEK"],
        &["DAY", "CUSTOMER"],
    ];
    let zones = ["UTC", "Asia/Jakarta", "Asia/Kathmandu", "America/St_Johns", "Europe/Amsterdam"];
    (
        prop_oneof![1 => Just(None), 2 => time().prop_map(Some)],
        prop_oneof![1 => Just(None), 2 => time().prop_map(Some)],
        prop_oneof![2 => Just(None), 1 => (0..STATUSES.len()).prop_map(Some)],
        prop_oneof![2 => Just(None), 1 => (0..CLIENTS.len()).prop_map(Some)],
        proptest::sample::select(groupings.to_vec()),
        proptest::sample::select(zones.to_vec()),
    )
        .prop_map(|(from, before, status, client, group_by, zone)| Question {
            from,
            before,
            status,
            client,
            group_by,
            zone,
        })
}

impl Question {
    fn filter(&self) -> Value {
        let time = |time: &DateTime<Utc>| Value::from(time.to_rfc3339());
        let mut filter = json!({});
        let mut range = json!({});
        for (name, bound) in [("gte", &self.from), ("lt", &self.before)] {
            if let Some(bound) = bound {
                range[name] = time(bound);
                filter["createdAt"] = range.clone();
            }
        }
        if let Some(status) = self.status {
            filter["status"] = json!({"eq": STATUSES[status]});
        }
        if let Some(client) = self.client {
            filter["clientId"] = json!({"in": [CLIENTS[client]]});
        }
        filter
    }

    fn is_meant(&self, order: &Known) -> bool {
        self.from.is_none_or(|from| order.created_at >= from)
            && self.before.is_none_or(|before| order.created_at < before)
            && self.status.is_none_or(|status| order.status == status)
            && self.client.is_none_or(|client| order.client == client)
    }
}

fn figures<'a>(orders: impl Iterator<Item = &'a Known>) -> Value {
    let (mut count, mut lines, mut quantity, mut unpriced) = (0, 0, 0, 0);
    let (mut customers, mut amounts) = (BTreeSet::new(), BTreeMap::<_, i128>::new());
    for order in orders {
        count += 1;
        lines += order.lines;
        quantity += order.quantity;
        unpriced += order.lines / 2;
        customers.insert(order.customer);
        *amounts.entry(CURRENCIES[order.currency]).or_default() += i128::from(order.amount);
    }
    let amounts = amounts.into_iter().map(|(currency, sum)| {
        json!({"currency": currency, "amount": Decimal::from_i128_with_scale(sum, 4).normalize().to_string()})
    });
    json!({"orders": count, "lines": lines, "quantity": quantity, "customers": customers.len(), "unpricedLines": unpriced,
        "amounts": amounts.collect::<Vec<_>>()})
}

/// The orders of a group, by its keys.
fn is_of_group(order: &Known, keys: &Value) -> bool {
    keys.as_array().unwrap().iter().all(|key| {
        let instant = |end: &str| key[end].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        match key["dimension"].as_str().unwrap() {
            "STATUS" => key["value"] == STATUSES[order.status],
            "CLIENT" => key["value"] == CLIENTS[order.client],
            "CUSTOMER" => key["value"] == format!("C{}", order.customer),
            _ => order.created_at >= instant("from") && order.created_at < instant("to"),
        }
    })
}

#[tokio::test]
async fn figures_of_any_span_are_those_of_its_orders_however_they_change_between_two_questions() {
    let app = TestApp::new().await;
    app.partner().await;
    app.partner_named(CLIENTS[1], SignaturePolicy::default()).await;
    let dashboard = app.dashboard().await;
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut orders = Vec::<Known>::new();
    // Asked again and again, so that what was counted before meets what changed since.
    let questions: Vec<_> = (0..24).map(|_| question().new_tree(&mut runner).unwrap().current()).collect();
    let mut id = 0;
    for round in 0..8 {
        let mut changes = Vec::new();
        if round == 6 {
            let empty = on_postgres().map_or("DELETE FROM sales_orders", |_| "TRUNCATE sales_orders CASCADE");
            changes.push(empty.to_owned());
            orders.clear();
        }
        for _ in 0..40 / (round + 1) {
            id += 1;
            let order = known(id).new_tree(&mut runner).unwrap().current();
            changes.push(order.insert());
            orders.push(order);
        }
        for order in orders.iter_mut().filter(|order| order.id % 9 == round) {
            // Only customers change in one round, and no figure.
            let (customer, moved) = ((order.customer + 1) % 7, order.created_at + TimeDelta::hours(1));
            order.customer = customer;
            changes.push(format!("UPDATE sales_orders SET customer_code = 'C{customer}' WHERE id = {}", order.id));
            if round % 2 == 0 {
                order.status = (order.status + 1) % STATUSES.len();
                order.created_at = moved;
                changes.push(format!(
                    "UPDATE sales_orders SET status = '{}', created_at = {} WHERE id = {}",
                    STATUSES[order.status],
                    moved.timestamp_micros(),
                    order.id
                ));
            }
        }
        // On SQLite a transaction that begins to write later does not wait for another writer.
        let begin = on_postgres().map_or("BEGIN IMMEDIATE", |_| "BEGIN");
        app.database.db_execute(&format!("{begin}; {}; COMMIT", changes.join("; "))).await.unwrap();
        app.database.true_totals().await;
        // At one time changes stand beside the totals, at another they are in them.
        for is_merged in [false, true] {
            if is_merged {
                app.store.merge_totals().await.unwrap();
                app.database.true_totals().await;
            }
            for question in &questions {
                let meant: Vec<_> = orders.iter().filter(|order| question.is_meant(order)).collect();
                let found = summary(&dashboard, &question.filter(), question.group_by, question.zone, 1_000).await;
                assert_eq!(found["totals"], figures(meant.iter().copied()), "{round} {question:?}");
                let mut shown = 0;
                for group in found["groups"].as_array().unwrap() {
                    let is_empty = group["figures"]["orders"] == 0;
                    let of_group =
                        meant.iter().copied().filter(|order| !is_empty && is_of_group(order, &group["keys"]));
                    assert_eq!(group["figures"], figures(of_group), "{round} {question:?} {}", group["keys"]);
                    shown += group["figures"]["orders"].as_u64().unwrap();
                }
                assert_eq!(shown, meant.len() as u64, "{question:?}");
            }
        }
    }
}
