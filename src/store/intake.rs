//! Orders in, many in one transaction.

mod existing;
mod postgres;
mod rows;
mod sqlite;
mod tables;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use serde::Serialize;

use self::tables::{Event, Line, Order, Receipt};
use super::connect::Store;
use super::error::{StoreError, StoreResult};
use super::keys;
use super::orders::count;
use crate::auth::signature::SignatureForm;
use crate::domain::client::ClientId;
use crate::domain::order::{OrderNumber, OrderStatus, SalesOrder, SalesOrderLine};
use crate::domain::order_input::NewOrder;

/// What the sender signed: evidence if the order is ever disputed.
#[derive(Debug, Clone)]
pub struct NewReceipt {
    /// Which of the texts was signed.
    pub signature_form: SignatureForm,
    /// The signed text.
    pub string_to_sign: String,
    /// The signature's bytes.
    pub signature: Vec<u8>,
    /// Which key verified it.
    pub key_fingerprint: String,
    /// SHA-256 of the body as received.
    pub body_sha256: [u8; 32],
}

/// An order to be stored with everything that belongs to it.
#[derive(Debug, Clone)]
pub struct OrderToInsert {
    /// Who sends it.
    pub client_id: ClientId,
    /// Unique per client: a second order with the same key is the first one again.
    pub idempotency_key: String,
    /// The order.
    pub order: NewOrder,
    /// Its digest: whether a second one is the same.
    pub digest: [u8; 32],
    /// SHA-256 of the signed text, where one text makes one order: unique per client.
    pub signed_text_digest: Option<[u8; 32]>,
    /// What was signed.
    pub receipt: NewReceipt,
    /// Whether to note the key's use with it, so that a busy key costs no transaction of its own.
    pub key_use_is_due: bool,
    /// When it was taken.
    pub now: chrono::DateTime<chrono::Utc>,
}

/// What became of an order to be stored.
#[derive(Debug)]
pub enum Created {
    /// It is stored now.
    New {
        /// The order.
        order: SalesOrder,
        /// Its lines.
        lines: Vec<SalesOrderLine>,
    },
    /// Its key, or its signed text, was used before, by this order.
    Existing {
        /// The order as it is now.
        order: SalesOrder,
        /// The digest of the order that was first sent so.
        digest: Vec<u8>,
        /// Whether the order was stored under this key; otherwise it was signed by this very text.
        is_same_key: bool,
    },
}

impl Store {
    /// Stores orders, their lines, first events and receipts in one transaction, except those whose key or signed text was used
    /// before. Of any number of simultaneous calls with one key or text exactly one stores. Gives what became of each, in their order.
    pub async fn insert_orders(&self, new: Arc<[OrderToInsert]>) -> StoreResult<Vec<Created>> {
        // One statement is a transaction by itself, which saves two round trips.
        if new.iter().all(|order| !order.key_use_is_due) {
            let outcomes = insert(self.write(), &new).await.map_err(StoreError::in_writing);
            // Also when only reading afterwards failed: what is stored then stays.
            self.note_appended();
            return outcomes;
        }
        self.transaction_of_orders(move |tx| Box::pin(async move { insert(tx, &new).await })).await
    }
}

async fn insert(tx: &impl ConnectionTrait, new: &[OrderToInsert]) -> StoreResult<Vec<Created>> {
    note_key_uses(tx, new).await?;
    let mut outcomes = BTreeMap::new();
    // A second round is for one that was held back by a neighbour which then was not stored itself.
    while outcomes.len() < new.len() {
        let open: Vec<_> = (0_i64..).zip(new).filter(|(place, _)| !outcomes.contains_key(place)).collect();
        let ids = insert_rows(tx, &firsts(&open)).await?;
        for (place, order) in &open {
            let outcome = match ids.get(place) {
                Some(id) => Some(made_order(*id, order)),
                None => existing::find(tx, order).await?,
            };
            outcomes.extend(outcome.map(|outcome| (*place, outcome)));
        }
        if outcomes.len() + open.len() == new.len() {
            return Err(DbErr::RecordNotFound("the order that used the key first".to_owned()).into());
        }
    }
    Ok(outcomes.into_values().collect())
}

/// Of those with one key or one signed text the first. Sorted by key, so that of two transactions that meet at two keys
/// neither waits for the other; the rare two that meet at two texts are given up by the database, and stored apart.
fn firsts<'o>(new: &[(i64, &'o OrderToInsert)]) -> Vec<(i64, &'o OrderToInsert)> {
    let (mut by_key, mut texts) = (BTreeMap::new(), BTreeSet::new());
    for (place, order) in new {
        let text = order.signed_text_digest.map(|digest| (&order.client_id, digest));
        if text.is_none_or(|text| !texts.contains(&text))
            && let Entry::Vacant(entry) = by_key.entry((order.client_id.as_str(), order.idempotency_key.as_str()))
        {
            entry.insert((*place, *order));
            texts.extend(text);
        }
    }
    by_key.into_values().collect()
}

/// Stores orders whose keys and signed texts differ, and gives the ids of those that were not there before, by their place.
async fn insert_rows(tx: &impl ConnectionTrait, new: &[(i64, &OrderToInsert)]) -> StoreResult<BTreeMap<i64, i64>> {
    let orders = json(new.iter().map(|(place, order)| Order::new(*place, order)))?;
    let lines = json(new.iter().flat_map(|(place, order)| Line::all(*place, order)))?;
    let receipts = json(new.iter().map(|(place, order)| Receipt::new(*place, order)))?;
    let events = json(new.iter().map(|(place, order)| Event::new(*place, order)))?;
    let parameters = [orders, lines, receipts, events].map(Value::from);
    let backend = tx.get_database_backend();
    let sql = if backend == DbBackend::Postgres { &postgres::INSERT } else { &sqlite::INSERT };
    let mut ids = BTreeMap::new();
    for row in tx.query_all_raw(Statement::from_sql_and_values(backend, sql.as_str(), parameters)).await? {
        ids.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    }
    Ok(ids)
}

fn json(rows: impl Iterator<Item = impl Serialize>) -> Result<String, DbErr> {
    serde_json::to_string(&rows.collect::<Vec<_>>()).map_err(|error| DbErr::Json(error.to_string()))
}

async fn note_key_uses(tx: &impl ConnectionTrait, orders: &[OrderToInsert]) -> StoreResult<()> {
    let mut due: Vec<_> = orders.iter().filter(|order| order.key_use_is_due).collect();
    due.sort_by_key(|order| (order.client_id.as_str(), order.receipt.key_fingerprint.as_str()));
    for order in due {
        let NewReceipt { signature_form, key_fingerprint, .. } = &order.receipt;
        keys::update_last_used(tx, &order.client_id, key_fingerprint, *signature_form, order.now).await?;
    }
    Ok(())
}

/// What was stored, without reading it back.
fn made_order(id: i64, new: &OrderToInsert) -> Created {
    let order = &new.order;
    let lines = order.products.iter().zip(1..).map(|(line, line_no)| SalesOrderLine {
        line_no,
        product_code: line.product_code.clone(),
        product_name: line.product_name.clone(),
        quantity: line.quantity,
        unit: line.unit.clone(),
        unit_price: line.unit_price,
        note: line.note.clone(),
    });
    Created::New {
        lines: lines.collect(),
        order: SalesOrder {
            number: OrderNumber::from_id(id),
            client_id: new.client_id.clone(),
            customer_code: order.customer_code.clone(),
            site_code: order.site_code.clone(),
            sales_name: order.sales_name.clone(),
            address: order.address.clone(),
            note: order.note.clone(),
            currency: order.currency.clone(),
            status: OrderStatus::Received,
            version: 1,
            total_quantity: order.total_quantity(),
            total_amount: order.total_amount(),
            line_count: count(order.products.len()),
            created_at: new.now,
            updated_at: new.now,
        },
    }
}
