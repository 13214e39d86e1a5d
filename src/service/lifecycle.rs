//! Moving orders through their life.

mod fulfilment;
mod requests;

use chrono::SecondsFormat;

use super::archiving;
use super::caller::Principal;
use super::directory::ClientDirectory;
use crate::clock::Clock;
use crate::domain::acknowledgement::AcknowledgementInput;
use crate::domain::order::{OrderNumber, OrderStatus, SalesOrder};
use crate::domain::permission::Scope;
use crate::domain::status_change::{StatusChange, Verdict};
use crate::error::{AppError, ErrorCode};
use crate::store::{Acknowledged, StatusOutcome, Store};

/// Moves orders.
pub struct Lifecycle {
    store: Store,
    clock: Clock,
    directory: ClientDirectory,
}

impl Lifecycle {
    /// Moves the orders of this store.
    #[must_use]
    pub const fn new(store: Store, clock: Clock, directory: ClientDirectory) -> Self {
        Self { store, clock, directory }
    }

    /// Notes that a receiving system has an order. Saying so again changes nothing; saying it with another number is a
    /// conflict, for one of the two must be wrong.
    pub async fn acknowledge(
        &self,
        principal: &Principal,
        input: AcknowledgementInput,
    ) -> Result<SalesOrder, AppError> {
        let number = input.order_number.parse().map_err(|_| not_found())?;
        let (actor, now) = (principal.client_id().clone(), self.clock.now());
        let outcome = self.store.insert_acknowledgement(&Scope::All, number, input, actor, now).await?;
        match self.found(&Scope::All, number, outcome).await? {
            Acknowledged::Accepted(order) => Ok(order),
            Acknowledged::Otherwise(first) => {
                let refusal =
                    |message| AppError::new(ErrorCode::Conflict, message).detail("order_number", number.to_string());
                // The number is its system's own, and for those who may read it.
                if !principal.scope().shows_work_of(&first.actor) {
                    let message = format!(
                        "{} has acknowledged {number} before, with another external number; check which one is right",
                        first.system
                    );
                    return Err(refusal(message));
                }
                let known = first.external_number.as_deref().unwrap_or("none");
                let message = format!(
                    "{} has acknowledged {number} before, with the external number {known}; check which one is right",
                    first.system
                );
                Err(refusal(message).detail("external_number", first.external_number))
            }
        }
    }

    /// Moves any client's order to another status. Where it is already is no error and changes nothing.
    pub async fn update_status(&self, principal: &Principal, change: StatusChange) -> Result<SalesOrder, AppError> {
        let number = change.order_number.parse().map_err(|_| not_found())?;
        let (actor, now, wanted) = (principal.client_id().clone(), self.clock.now(), change.status);
        let outcome = self.store.update_order_status(&Scope::All, number, change, actor, now).await?;
        let StatusOutcome { order, verdict, next } = self.found(&Scope::All, number, outcome).await?;
        match verdict {
            Verdict::Move | Verdict::Already => Ok(order),
            Verdict::Stale => Err(changed_since(&order, next)),
            Verdict::Illegal => {
                let names: Vec<_> = next.iter().map(|status| status.as_str()).collect();
                let ways = if names.is_empty() { "nowhere".to_owned() } else { format!("to {}", names.join(" or ")) };
                let message = format!("{number} is {} and cannot become {wanted}; it can go {ways}", order.status);
                Err(state_of(AppError::new(ErrorCode::IllegalTransition, message), &order, next))
            }
        }
    }
}

impl Lifecycle {
    /// What became of an order, or why there is none in the scope.
    async fn found<T>(&self, scope: &Scope, number: OrderNumber, outcome: Option<T>) -> Result<T, AppError> {
        match outcome {
            Some(outcome) => Ok(outcome),
            None => Err(archiving::absent(&self.store, scope, number).await),
        }
    }
}

/// The refusal of a caller that saw an older version.
fn changed_since(order: &SalesOrder, next: Vec<OrderStatus>) -> AppError {
    let message = format!("{} is at version {} by now; read it again and decide anew", order.number, order.version);
    state_of(AppError::new(ErrorCode::Conflict, message), order, next)
}

/// Tells how the order is now.
fn state_of(refusal: AppError, order: &SalesOrder, next: Vec<OrderStatus>) -> AppError {
    let next: Vec<_> = next.into_iter().map(OrderStatus::as_str).collect();
    refusal
        .detail("order_number", order.number.to_string())
        .detail("current_status", order.status.as_str())
        .detail("current_version", order.version)
        .detail("updated_at", order.updated_at.to_rfc3339_opts(SecondsFormat::Micros, true))
        .detail("next_statuses", next)
}

/// The refusal where there is no such order.
pub(super) fn not_found() -> AppError {
    AppError::new(ErrorCode::NotFound, "There is no order with this number")
}
