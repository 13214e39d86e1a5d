//! Moving orders through their life.

use chrono::SecondsFormat;

use super::caller::Principal;
use crate::clock::Clock;
use crate::domain::acknowledgement::AcknowledgementInput;
use crate::domain::order::SalesOrder;
use crate::domain::permission::Scope;
use crate::domain::status_change::{StatusChange, Verdict};
use crate::error::{AppError, ErrorCode};
use crate::store::{Acknowledged, Store};

/// Moves orders.
pub struct Lifecycle {
    store: Store,
    clock: Clock,
}

impl Lifecycle {
    /// Moves the orders of this store.
    #[must_use]
    pub const fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
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
        match outcome.ok_or_else(not_found)? {
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
        let (order, verdict) =
            self.store.update_order_status(&Scope::All, number, change, actor, now).await?.ok_or_else(not_found)?;
        let next: Vec<_> = order.status.next().iter().map(|status| status.as_str()).collect();
        let refusal = match verdict {
            Verdict::Move | Verdict::Already => return Ok(order),
            Verdict::Stale => AppError::new(
                ErrorCode::Conflict,
                format!("{number} is at version {} by now; read it again and decide anew", order.version),
            ),
            Verdict::Illegal => {
                let ways = if next.is_empty() { "nowhere".to_owned() } else { format!("to {}", next.join(" or ")) };
                AppError::new(
                    ErrorCode::IllegalTransition,
                    format!("{number} is {} and cannot become {wanted}; it can go {ways}", order.status),
                )
            }
        };
        Err(refusal
            .detail("order_number", number.to_string())
            .detail("current_status", order.status.as_str())
            .detail("current_version", order.version)
            .detail("updated_at", order.updated_at.to_rfc3339_opts(SecondsFormat::Micros, true))
            .detail("next_statuses", next))
    }
}

fn not_found() -> AppError {
    AppError::new(ErrorCode::NotFound, "There is no order with this number")
}
