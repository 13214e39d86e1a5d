//! What of an order goes into which table.

use serde_json::{Value, json};

use super::rows::Table;
use super::{NewReceipt, OrderToInsert};
use crate::domain::event::Happening;
use crate::domain::money::Money;
use crate::domain::order::OrderStatus;
use crate::domain::order_input::NewOrder;
use crate::store::connect::micros;

pub(super) const ORDERS: Table = Table {
    name: "sales_orders",
    columns: &[
        ("client_id", "text"),
        ("idempotency_key", "text"),
        ("request_digest", "bytea"),
        ("customer_code", "text"),
        ("site_code", "text"),
        ("sales_name", "text"),
        ("address", "text"),
        ("note", "text"),
        ("currency", "text"),
        ("status", "text"),
        ("version", "integer"),
        ("total_quantity", "bigint"),
        ("total_amount", "bigint"),
        ("created_at", "bigint"),
        ("updated_at", "bigint"),
        ("line_count", "integer"),
        ("unpriced_lines", "integer"),
        ("priced_amount", "bigint"),
        ("search_text", "text"),
    ],
};

pub(super) fn order_row(place: i64, new: &OrderToInsert) -> Value {
    // Taken apart so that a new field cannot be forgotten here.
    let NewOrder { customer_code, site_code, sales_name, address, currency, note, products } = &new.order;
    json!({
        "place": place,
        "client_id": new.client_id.as_str(),
        "idempotency_key": new.idempotency_key,
        "request_digest": hex::encode(new.digest),
        "customer_code": customer_code,
        "site_code": site_code,
        "sales_name": sales_name,
        "address": address,
        "note": note,
        "currency": currency,
        "status": OrderStatus::Received.as_str(),
        "version": 1,
        "total_quantity": new.order.total_quantity(),
        "total_amount": new.order.total_amount().map(Money::ten_thousandths),
        "created_at": micros(new.now),
        "updated_at": micros(new.now),
        "line_count": products.len(),
        "unpriced_lines": new.order.unpriced_lines(),
        "priced_amount": new.order.priced_amount().ten_thousandths(),
        "search_text": new.order.search_text(),
    })
}

pub(super) const LINES: Table = Table {
    name: "sales_order_lines",
    columns: &[
        ("line_no", "integer"),
        ("product_code", "text"),
        ("product_name", "text"),
        ("quantity", "integer"),
        ("unit", "text"),
        ("unit_price", "bigint"),
        ("note", "text"),
    ],
};

pub(super) fn line_rows(place: i64, order: &NewOrder) -> impl Iterator<Item = Value> {
    order.products.iter().zip(1..).map(move |(line, line_no): (_, i32)| {
        json!({
            "place": place,
            "line_no": line_no,
            "product_code": line.product_code,
            "product_name": line.product_name,
            "quantity": line.quantity,
            "unit": line.unit,
            "unit_price": line.unit_price.map(Money::ten_thousandths),
            "note": line.note,
        })
    })
}

pub(super) const RECEIPTS: Table = Table {
    name: "sales_order_receipts",
    columns: &[
        ("signature_form", "text"),
        ("string_to_sign", "text"),
        ("signature", "bytea"),
        ("key_fingerprint", "text"),
        ("body_sha256", "bytea"),
    ],
};

pub(super) fn receipt_row(place: i64, new: &OrderToInsert) -> Value {
    let NewReceipt { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 } = &new.receipt;
    json!({
        "place": place,
        "signature_form": signature_form.as_str(),
        "string_to_sign": string_to_sign,
        "signature": hex::encode(signature),
        "key_fingerprint": key_fingerprint,
        "body_sha256": hex::encode(body_sha256),
    })
}

pub(super) const EVENTS: Table = Table {
    name: "sales_order_events",
    columns: &[
        ("sequence", "integer"),
        ("kind", "text"),
        ("actor", "text"),
        ("payload", "text"),
        ("created_at", "bigint"),
    ],
};

pub(super) fn event_row(place: i64, new: &OrderToInsert) -> Value {
    let happening = Happening::Created;
    json!({
        "place": place,
        "sequence": 1,
        "kind": happening.kind(),
        "actor": new.client_id.as_str(),
        "payload": happening.payload(),
        "created_at": micros(new.now),
    })
}
