//! Taking orders in, each exactly once.

mod queue;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use queue::IntakeQueue;

use super::caller::{Caller, Principal};
use super::directory::ClientDirectory;
use crate::clock::Clock;
use crate::domain::fields::Naming;
use crate::domain::order::{SalesOrder, SalesOrderLine};
use crate::domain::order_input::NewOrder;
use crate::error::{AppError, ErrorCode};
use crate::store::{Created, NewReceipt, OrderToInsert, Store};
use crate::telemetry;

/// Takes orders from partners.
pub struct OrderIntake {
    queue: IntakeQueue,
    clock: Clock,
    directory: ClientDirectory,
    default_currency: String,
}

/// What an operator decides about orders.
#[derive(Debug, Clone)]
pub struct IntakeRules {
    /// The currency of an order that names none.
    pub default_currency: String,
    /// How many orders may wait to be stored.
    pub max_waiting: usize,
}

/// An order that is stored.
pub struct TakenOrder {
    /// The order as it is now.
    pub order: SalesOrder,
    /// Its lines, when they are at hand.
    pub lines: Option<Vec<SalesOrderLine>>,
    /// Whether it was there already, so that this request changed nothing.
    pub replayed: bool,
}

impl OrderIntake {
    /// Takes orders into this store.
    #[must_use]
    pub fn new(store: &Store, clock: Clock, directory: ClientDirectory, rules: IntakeRules) -> Self {
        let IntakeRules { default_currency, max_waiting } = rules;
        Self { queue: IntakeQueue::start(store, max_waiting), clock, directory, default_currency }
    }

    /// Takes the order in `input` from a caller whose signature is proven. The same order with the same key (or, when
    /// the partner sends none, at the same signed timestamp) is the same order again.
    pub async fn create_sales_order(
        &self,
        caller: &Caller,
        principal: &Principal,
        input: &Value,
        naming: Naming,
    ) -> Result<TakenOrder, AppError> {
        let signature = caller.verified_signature()?;
        let partner_key = caller.credentials.idempotency_key()?;
        let order = NewOrder::read(input, naming, &self.default_currency).map_err(AppError::invalid)?;
        let digest = order.digest();
        // The prefixes keep the two kinds of key apart: a partner cannot pick one that we derive.
        let idempotency_key = match partner_key {
            Some(key) => format!("key:{key}"),
            None => {
                let headers = caller.credentials.signature_headers()?;
                let mut hasher = Sha256::new();
                hasher.update(headers.client_id);
                hasher.update("|");
                hasher.update(headers.timestamp);
                hasher.update("|");
                hasher.update(digest);
                format!("sig:{}", hex::encode(hasher.finalize()))
            }
        };
        let (form, fingerprint) = (signature.form, &signature.fingerprint);
        let key_use_is_due = self.directory.is_key_use_due(principal.client_id(), fingerprint, form).await;
        let created = self
            .queue
            .insert(OrderToInsert {
                client_id: principal.client_id().clone(),
                idempotency_key,
                order,
                digest,
                receipt: NewReceipt {
                    signature_form: form,
                    string_to_sign: signature.string_to_sign.clone(),
                    signature: signature.signature.clone(),
                    key_fingerprint: signature.fingerprint.clone(),
                    body_sha256: signature.body_sha256,
                },
                key_use_is_due,
                now: self.clock.now(),
            })
            .await?;
        match created {
            Created::New { order, lines } => {
                telemetry::count_order(false);
                Ok(TakenOrder { order, lines: Some(lines), replayed: false })
            }
            Created::Existing { order, digest: first } if first == digest => {
                telemetry::count_order(true);
                telemetry::note(|facts| facts.replayed = true);
                Ok(TakenOrder { order, lines: None, replayed: true })
            }
            Created::Existing { order, .. } => {
                let message = format!(
                    "This Idempotency-Key was used for another order, {}; use a new key for a new order",
                    order.number
                );
                Err(AppError::new(ErrorCode::IdempotencyKeyReused, message)
                    .detail("order_number", order.number.to_string()))
            }
        }
    }
}
