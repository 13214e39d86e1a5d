//! Erasing what is personal in orders.

use super::archiving;
use super::lifecycle::not_found;
use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::domain::client::ClientId;
use crate::domain::erasure::CustomerToErase;
use crate::domain::order::{OrderNumber, SalesOrder};
use crate::domain::permission::Scope;
use crate::error::{AppError, ErrorCode};
use crate::store::{Erased, Store};

/// How many orders of a customer are looked at by one request: each has a transaction of its own.
const ORDERS_AT_ONCE: u64 = 100;

/// Erases what is personal in orders.
pub struct Erasure {
    store: Store,
    clock: Clock,
}

/// What became of some orders of a customer.
#[derive(Debug, Clone, Default)]
pub struct CustomerErased {
    /// How many orders were looked at.
    pub looked_at: usize,
    /// How many of them were erased.
    pub erased: i32,
    /// Orders that are under way and were left as they are.
    pub open: Vec<OrderNumber>,
    /// The last order that was looked at, where more may follow.
    pub next_after: Option<OrderNumber>,
}

impl Erasure {
    /// Erases in this store.
    #[must_use]
    pub const fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Erases what is personal in an order. Where nothing personal is left, nothing changes.
    pub async fn erase_order(&self, (client, by): (&ClientId, &Actor), number: &str) -> Result<SalesOrder, AppError> {
        let number = number.parse().map_err(|_| not_found())?;
        let outcome = self.store.erase_order(number, (client.clone(), by.clone()), self.clock.now()).await?;
        match outcome {
            Some(Erased::Done(order) | Erased::Already(order)) => {
                self.store.merge_erased().await;
                Ok(*order)
            }
            Some(Erased::Open(order)) => {
                let message = format!(
                    "{number} is {} and may still need its address; it can be erased when it is DELIVERED or CANCELLED, nothing of \
                     it is back-ordered, and no request of its sender is pending",
                    order.status
                );
                let refusal = AppError::new(ErrorCode::Conflict, message).detail("order_number", number.to_string());
                Err(refusal.detail("current_status", order.status.as_str()).detail("current_version", order.version))
            }
            None => Err(archiving::absent(&self.store, &Scope::All, number).await),
        }
    }

    /// Erases what is personal in the next orders of a customer that are under way no more. It can be ended anywhere and asked for again.
    pub async fn erase_customer(
        &self,
        (client, by): (&ClientId, &Actor),
        customer: &CustomerToErase,
    ) -> Result<CustomerErased, AppError> {
        let orders = self.store.list_orders_to_erase(customer, ORDERS_AT_ONCE).await?;
        let mut outcome = CustomerErased { looked_at: orders.len(), ..CustomerErased::default() };
        for number in &orders {
            match self.store.erase_order(*number, (client.clone(), by.clone()), self.clock.now()).await? {
                Some(Erased::Done(_)) => outcome.erased += 1,
                Some(Erased::Open(_)) => outcome.open.push(*number),
                Some(Erased::Already(_)) | None => {}
            }
        }
        self.store.merge_erased().await;
        outcome.next_after = orders.last().copied().filter(|_| orders.len() as u64 == ORDERS_AT_ONCE);
        Ok(outcome)
    }
}
