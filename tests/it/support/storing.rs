//! Orders that are stored without a wire, for tests of what happens at the same moment.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sales_order_api::auth::signature::SignatureForm;
use sales_order_api::domain::fields::{Fields, Naming};
use sales_order_api::domain::order_input::NewOrder;
use sales_order_api::store::{Created, NewReceipt, OrderToInsert, Store};
use serde_json::Value;
use tokio::task::JoinHandle;

/// A partner's order under a key, with no signed text of its own and a reference that others may have too.
pub fn to_insert(now: DateTime<Utc>, key: &str, sent: &Value) -> OrderToInsert {
    let Ok(order) = NewOrder::read(Fields::new(sent, Naming::SnakeCase), "IDR") else { panic!("a faulty order") };
    OrderToInsert {
        client_id: "versuni-client-001".parse().unwrap(),
        idempotency_key: key.to_owned(),
        digest: order.digest(),
        signed_text_digest: None,
        reference_is_unique: false,
        order,
        receipt: NewReceipt {
            signature_form: SignatureForm::Documented,
            string_to_sign: "text".to_owned(),
            signature: vec![1; 256],
            key_fingerprint: "SHA256:none".to_owned(),
            body_sha256: [1; 32],
        },
        key_use_is_due: false,
        now,
    }
}

/// Stores orders in a task of its own. A database that gives up one of two that wait for each other makes it fail.
pub fn insert(store: &Store, new: Vec<OrderToInsert>) -> JoinHandle<Vec<Created>> {
    let store = store.clone();
    tokio::spawn(async move { store.insert_orders(Arc::from(new)).await.unwrap() })
}

/// What became of each: its order's number, and how it came to it.
pub fn told(outcomes: &[Created]) -> Vec<(i64, &'static str)> {
    let tell = |outcome: &Created| match outcome {
        Created::New { order, .. } => (order.number.id(), "new"),
        Created::Existing { order, is_same_key: true, .. } => (order.number.id(), "again"),
        Created::Existing { order, is_same_key: false, .. } => (order.number.id(), "by its text"),
        Created::Archived { number, .. } => (number.id(), "archived"),
        Created::DuplicateReference { number, .. } => (number.id(), "refused for its reference"),
    };
    outcomes.iter().map(tell).collect()
}
