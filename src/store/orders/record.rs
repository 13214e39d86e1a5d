//! What is kept of an order: of each table one list of columns, by which rows are written, selected and read.
//!
//! To add a field: to its type in `domain/order_input.rs` (what a sender writes) or `domain/order.rs` (what the service
//! knows), to the list here, and the column in a migration. The compiler asks for the list, and
//! `every_column_of_an_order_is_listed` for whichever of list and migration is missing. A type that no column held so far
//! needs a `ColumnValue` (`columns.rs`).

use chrono::{DateTime, NaiveDate, Utc};
use serde::ser::SerializeMap;

use super::columns::{Column, ColumnValue as _, Record, Row, RowReader, record, row};
use crate::domain::client::ClientId;
use crate::domain::line_answer::{AnswerReason, AnsweredLine, LineAnswer};
use crate::domain::money::Money;
use crate::domain::order::{SalesOrder, SalesOrderLine};
use crate::domain::order_input::{LineContent, NewOrder, OrderContent};
use crate::domain::receipt::Receipt;
use crate::store::entity::{sales_order_lines, sales_order_receipts, sales_orders};
use crate::store::error::StoreResult;

record! {
    SalesOrder (number) of sales_orders::Id {
        client_id, status, version, total_quantity, total_amount, line_count, created_at, updated_at;
        content: OrderContent { customer_code, site_code, sales_name, address, currency, note, partner_reference, requested_delivery_date }
    }
}

record! {
    SalesOrderLine [answer] of sales_order_lines::OrderId {
        line_no;
        content: LineContent { product_code, product_name, quantity, unit, unit_price, note, reference }
    }
}

/// A line with all that is kept of it. A new order has no answers, and a page that shows none is read without.
#[derive(Debug)]
pub struct WholeLine {
    pub line_no: i32,
    pub confirmed_quantity: Option<i32>,
    pub back_ordered_quantity: Option<i32>,
    pub rejected_quantity: Option<i32>,
    pub cancelled_quantity: Option<i32>,
    pub shipped_quantity: Option<i32>,
    pub promised_on: Option<NaiveDate>,
    pub answer_reason: Option<AnswerReason>,
    pub content: LineContent,
}

record! {
    WholeLine of sales_order_lines::OrderId {
        line_no, confirmed_quantity, back_ordered_quantity, rejected_quantity, cancelled_quantity, shipped_quantity,
        promised_on, answer_reason;
        content: LineContent { product_code, product_name, quantity, unit, unit_price, note, reference }
    }
}

impl From<WholeLine> for SalesOrderLine {
    fn from(row: WholeLine) -> Self {
        let WholeLine { line_no, content, promised_on, answer_reason: reason, .. } = row;
        let [back_ordered, rejected, cancelled, shipped] =
            [row.back_ordered_quantity, row.rejected_quantity, row.cancelled_quantity, row.shipped_quantity]
                .map(Option::unwrap_or_default);
        let answer = row.confirmed_quantity.map(|confirmed| LineAnswer {
            open: content.quantity - confirmed - back_ordered - rejected - cancelled,
            confirmed,
            back_ordered,
            rejected,
            cancelled,
            shipped,
            promised_on,
            reason,
        });
        Self { line_no, content, answer }
    }
}

impl WholeLine {
    /// A new line with its answer.
    pub fn of(content: &LineContent, line: &AnsweredLine) -> Self {
        let AnswerRow {
            line_no,
            quantity,
            confirmed_quantity,
            back_ordered_quantity,
            rejected_quantity,
            cancelled_quantity,
            shipped_quantity,
            promised_on,
            answer_reason,
        } = AnswerRow::of(line);
        Self {
            line_no,
            confirmed_quantity: Some(confirmed_quantity),
            back_ordered_quantity: Some(back_ordered_quantity),
            rejected_quantity: Some(rejected_quantity),
            cancelled_quantity: Some(cancelled_quantity),
            shipped_quantity: Some(shipped_quantity),
            promised_on,
            answer_reason,
            content: LineContent { quantity, ..content.clone() },
        }
    }
}

/// An answer as it is written to its line, with the quantity that it is of.
#[derive(Debug)]
pub struct AnswerRow {
    pub line_no: i32,
    pub quantity: i32,
    pub confirmed_quantity: i32,
    pub back_ordered_quantity: i32,
    pub rejected_quantity: i32,
    pub cancelled_quantity: i32,
    pub shipped_quantity: i32,
    pub promised_on: Option<NaiveDate>,
    pub answer_reason: Option<AnswerReason>,
}

row! {
    AnswerRow {
        line_no, quantity, confirmed_quantity, back_ordered_quantity, rejected_quantity, cancelled_quantity, shipped_quantity,
        promised_on, answer_reason
    }
}

impl AnswerRow {
    /// What is open is what is left.
    pub fn of(line: &AnsweredLine) -> Self {
        let LineAnswer { open: _, confirmed, back_ordered, rejected, cancelled, shipped, promised_on, reason } =
            line.answer;
        Self {
            line_no: line.line_no,
            quantity: line.answer.ordered(),
            confirmed_quantity: confirmed,
            back_ordered_quantity: back_ordered,
            rejected_quantity: rejected,
            cancelled_quantity: cancelled,
            shipped_quantity: shipped,
            promised_on,
            answer_reason: reason,
        }
    }
}

/// What is kept of an order and never shown: to be compared, added up and searched by the database.
#[derive(Debug)]
pub struct Internals {
    pub idempotency_key: String,
    pub request_digest: Vec<u8>,
    pub unpriced_lines: i32,
    pub priced_amount: Money,
    pub search_text: String,
    /// Whether no other order of its client may have its partner reference, until it is cancelled.
    pub reference_is_unique: bool,
}

row! {
    Internals { idempotency_key, request_digest, unpriced_lines, priced_amount, search_text, reference_is_unique }
}

/// What a change can make another in the row of an order.
#[derive(Debug)]
pub struct AmendedRow {
    pub address: String,
    pub requested_delivery_date: Option<NaiveDate>,
    pub total_quantity: i64,
    pub total_amount: Option<Money>,
    pub line_count: i32,
    pub unpriced_lines: i32,
    pub priced_amount: Money,
    pub search_text: String,
}

row! {
    AmendedRow {
        address, requested_delivery_date, total_quantity, total_amount, line_count, unpriced_lines, priced_amount, search_text
    }
}

impl AmendedRow {
    pub fn of(order: &NewOrder) -> Self {
        let content = order.content();
        Self {
            address: content.address.clone(),
            requested_delivery_date: content.requested_delivery_date,
            total_quantity: order.total_quantity(),
            total_amount: order.total_amount(),
            line_count: order.line_count(),
            unpriced_lines: order.unpriced_lines(),
            priced_amount: order.priced_amount(),
            search_text: order.search_text(),
        }
    }
}

record! {
    Receipt of sales_order_receipts::OrderId {
        signature_form, string_to_sign, signature, key_fingerprint, body_sha256
    }
}

/// An event that is stored with its order.
#[derive(Debug)]
pub struct FirstEvent {
    pub sequence: i32,
    pub kind: String,
    pub actor: String,
    pub payload: String,
    pub created_at: DateTime<Utc>,
}

row! { FirstEvent { sequence, kind, actor, payload, created_at } }

/// A signed text with the order it asks for, which may be stored already.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "fields are named like their columns")]
pub struct SignedText {
    pub client_id: ClientId,
    pub idempotency_key: String,
    pub request_digest: Vec<u8>,
    pub signed_text_digest: Vec<u8>,
    pub created_at: DateTime<Utc>,
}

row! { SignedText { client_id, idempotency_key, request_digest, signed_text_digest, created_at } }

/// The partner reference of an order that must have it alone.
#[derive(Debug)]
pub struct UniqueReference {
    pub client_id: ClientId,
    pub partner_reference: String,
}

row! { UniqueReference { client_id, partner_reference } }

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait as _, Statement};

    use super::*;
    use crate::store::connect::Store;
    use crate::store::options::DatabaseOptions;

    /// A column that is not listed would be left empty, one that is not there would fail every order.
    #[tokio::test]
    async fn every_column_of_an_order_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::connect(&DatabaseOptions::in_test(&folder.path().join("orders.db"))).await.unwrap();
        store.migrate_up().await.unwrap();
        let of_orders = [SalesOrder::COLUMNS, Internals::COLUMNS].concat();
        for (table, listed, others) in [
            // The number is computed from the id.
            ("sales_orders", of_orders.as_slice(), &["id", "order_number"][..]),
            ("sales_order_lines", WholeLine::COLUMNS, &["order_id"]),
            ("sales_order_receipts", Receipt::COLUMNS, &["order_id"]),
            ("sales_order_events", FirstEvent::COLUMNS, &["position", "order_id"]),
        ] {
            let sql = format!("SELECT name FROM pragma_table_xinfo('{table}')");
            let rows = store.write().query_all_raw(Statement::from_string(store.backend(), sql)).await.unwrap();
            let mut there: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
            let mut listed: Vec<_> = listed.iter().map(|column| column.name).chain(others.iter().copied()).collect();
            there.sort();
            listed.sort_unstable();
            assert_eq!(there, listed, "{table}");
        }
        store.close().await;
    }
}
