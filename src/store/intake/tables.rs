//! What of an order goes into which table. A row's members are its table's columns and the place of its order.

use serde::Serialize;

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

#[derive(Serialize)]
pub(super) struct Order<'a> {
    place: i64,
    client_id: &'a str,
    idempotency_key: &'a str,
    request_digest: String,
    customer_code: &'a str,
    site_code: &'a str,
    sales_name: &'a str,
    address: &'a str,
    note: Option<&'a str>,
    currency: &'a str,
    status: &'a str,
    version: i32,
    total_quantity: i64,
    total_amount: Option<i64>,
    created_at: i64,
    updated_at: i64,
    line_count: usize,
    unpriced_lines: usize,
    priced_amount: i64,
    search_text: String,
    /// No column: on SQLite, whether the order may be stored.
    signed_text_digest: Option<String>,
}

impl<'a> Order<'a> {
    pub(super) fn new(place: i64, new: &'a OrderToInsert) -> Self {
        // Taken apart so that a new field cannot be forgotten here.
        let NewOrder { customer_code, site_code, sales_name, address, currency, note, products } = &new.order;
        Self {
            place,
            client_id: new.client_id.as_str(),
            idempotency_key: &new.idempotency_key,
            request_digest: hex::encode(new.digest),
            customer_code,
            site_code,
            sales_name,
            address,
            note: note.as_deref(),
            currency,
            status: OrderStatus::Received.as_str(),
            version: 1,
            total_quantity: new.order.total_quantity(),
            total_amount: new.order.total_amount().map(Money::ten_thousandths),
            created_at: micros(new.now),
            updated_at: micros(new.now),
            line_count: products.len(),
            unpriced_lines: new.order.unpriced_lines(),
            priced_amount: new.order.priced_amount().ten_thousandths(),
            search_text: new.order.search_text(),
            signed_text_digest: new.signed_text_digest.map(hex::encode),
        }
    }
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

#[derive(Serialize)]
pub(super) struct Line<'a> {
    place: i64,
    #[serde(rename = "line_no")]
    number: i32,
    product_code: &'a str,
    product_name: Option<&'a str>,
    quantity: i32,
    unit: Option<&'a str>,
    unit_price: Option<i64>,
    note: Option<&'a str>,
}

impl<'a> Line<'a> {
    pub(super) fn all(place: i64, new: &'a OrderToInsert) -> impl Iterator<Item = Self> {
        new.order.products.iter().zip(1..).map(move |(line, number)| Self {
            place,
            number,
            product_code: &line.product_code,
            product_name: line.product_name.as_deref(),
            quantity: line.quantity,
            unit: line.unit.as_deref(),
            unit_price: line.unit_price.map(Money::ten_thousandths),
            note: line.note.as_deref(),
        })
    }
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

#[derive(Serialize)]
pub(super) struct Receipt<'a> {
    place: i64,
    signature_form: &'a str,
    string_to_sign: &'a str,
    signature: String,
    key_fingerprint: &'a str,
    body_sha256: String,
}

impl<'a> Receipt<'a> {
    pub(super) fn new(place: i64, new: &'a OrderToInsert) -> Self {
        let NewReceipt { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 } = &new.receipt;
        Self {
            place,
            signature_form: signature_form.as_str(),
            string_to_sign,
            signature: hex::encode(signature),
            key_fingerprint,
            body_sha256: hex::encode(body_sha256),
        }
    }
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

#[derive(Serialize)]
pub(super) struct Event<'a> {
    place: i64,
    sequence: i32,
    kind: &'a str,
    actor: &'a str,
    payload: String,
    created_at: i64,
}

impl<'a> Event<'a> {
    pub(super) fn new(place: i64, new: &'a OrderToInsert) -> Self {
        let happening = Happening::Created;
        Self {
            place,
            sequence: 1,
            kind: happening.kind(),
            actor: new.client_id.as_str(),
            payload: happening.payload(),
            created_at: micros(new.now),
        }
    }
}

/// Signed texts with the order they ask for. It may be there already.
pub(super) const TEXTS: Table = Table {
    name: "sales_order_signed_texts",
    columns: &[
        ("client_id", "text"),
        ("idempotency_key", "text"),
        ("request_digest", "bytea"),
        ("signed_text_digest", "bytea"),
        ("created_at", "bigint"),
    ],
};

#[derive(Serialize)]
pub(super) struct Text<'a> {
    place: i64,
    client_id: &'a str,
    idempotency_key: &'a str,
    request_digest: String,
    signed_text_digest: String,
    created_at: i64,
}

impl<'a> Text<'a> {
    /// `None` where any number of orders may share the text.
    pub(super) fn new(place: i64, new: &'a OrderToInsert) -> Option<Self> {
        Some(Self {
            place,
            client_id: new.client_id.as_str(),
            idempotency_key: &new.idempotency_key,
            request_digest: hex::encode(new.digest),
            signed_text_digest: hex::encode(new.signed_text_digest?),
            created_at: micros(new.now),
        })
    }
}
