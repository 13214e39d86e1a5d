//! Validates an order: all that stands between it and the database, and what it would be answered with. Writes nothing.

use serde_json::Value;

use super::{OrderIntake, ensure_expected, settle};
use crate::domain::expectations::Mismatch;
use crate::domain::fields::Naming;
use crate::domain::order::{OrderNumber, SalesOrder, SalesOrderLine};
use crate::domain::reference_policy::ReferencePolicy;
use crate::error::AppError;
use crate::service::caller::Caller;

/// An order that would be taken.
pub struct ValidOrder {
    /// The order as it would be stored first, without a number.
    pub order: SalesOrder,
    /// Its lines.
    pub lines: Vec<SalesOrderLine>,
    /// The order that would be answered instead, because it is this very one.
    pub replays: Option<OrderNumber>,
    /// Of a client that is to be warned: the newest other order with the same partner reference that is not cancelled.
    pub same_reference: Option<OrderNumber>,
    /// Where this request expects other amounts.
    pub mismatches: Vec<Mismatch>,
}

impl OrderIntake {
    /// Tells what [`OrderIntake::create_sales_order`] would make of the order in `input` now: it is refused for the same reasons, in
    /// the same sequence. Nothing is kept of it: no key, no signed text, no use of the public key. The database is only read, so
    /// it answers too where nothing can be written.
    pub async fn validate_sales_order(
        &self,
        caller: &Caller,
        input: &Value,
        naming: Naming,
    ) -> Result<ValidOrder, AppError> {
        let mut new = self.read(caller, input, naming)?;
        // What the body-bound forms sign of a validation names its own path or document, so it never made an order.
        new.signed_text_digest = None;
        let (store, principal) = (&self.store, caller.admitted()?);
        let policy = principal.known.client.reference_policy;
        let has_key = caller.credentials.idempotency_key()?.is_some();
        let replays = match store.in_time(store.find_existing(&new)).await? {
            Some(existing) => Some(settle(existing, new.digest, has_key)?.order.number),
            None => {
                ensure_expected(principal, &new, naming)?;
                None
            }
        };
        let reference = new.order.content().partner_reference.as_deref().filter(|_| policy == ReferencePolicy::Warn);
        let looking = store.find_order_with_reference(&new.client_id, reference, replays);
        let same_reference = store.in_time(looking).await?;
        let mismatches = new.order.mismatches().to_vec();
        let (order, lines) = SalesOrder::taken(&new.order, OrderNumber::NONE, new.client_id, new.now);
        Ok(ValidOrder { order, lines, replays, same_reference, mismatches })
    }
}
