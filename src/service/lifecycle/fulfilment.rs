//! Answering the lines of orders, and telling what has left and arrived.

use chrono::SecondsFormat;

use super::{Lifecycle, changed_since, not_found};
use crate::domain::fulfilment::next_statuses;
use crate::domain::line_answers::LineAnswersInput;
use crate::domain::order::{OrderNumber, SalesOrder};
use crate::domain::permission::Scope;
use crate::domain::shipment::{DeliveryInput, MAX_SHIPMENT_LINES, MAX_SHIPMENTS, Shipment, ShipmentInput};
use crate::error::{AppError, ErrorCode};
use crate::service::caller::Principal;
use crate::store::Fulfilled;

impl Lifecycle {
    /// Answers lines of any client's order. What was answered before is no error and changes nothing.
    pub async fn confirm_lines(&self, principal: &Principal, input: LineAnswersInput) -> Result<SalesOrder, AppError> {
        let number = input.order_number.parse().map_err(|_| not_found())?;
        let (actor, now) = (principal.client_id().clone(), self.clock.now());
        let outcome = self.store.update_line_answers(&Scope::All, number, input, actor, now).await?;
        settle(number, self.found(&Scope::All, number, outcome).await?)
    }

    /// Notes a shipment of any client's order. The same shipment again changes nothing; another one of its number is a conflict.
    pub async fn record_shipment(&self, principal: &Principal, input: ShipmentInput) -> Result<SalesOrder, AppError> {
        let number = input.order_number.parse().map_err(|_| not_found())?;
        let (actor, now) = (principal.client_id().clone(), self.clock.now());
        let outcome = self.store.insert_shipment(&Scope::All, number, input, actor, now).await?;
        settle(number, self.found(&Scope::All, number, outcome).await?)
    }

    /// Notes that a shipment of any client's order arrived. To say so again changes nothing; to say another time is a conflict.
    pub async fn record_delivery(&self, principal: &Principal, input: DeliveryInput) -> Result<SalesOrder, AppError> {
        let number = input.order_number.parse().map_err(|_| not_found())?;
        let (actor, now) = (principal.client_id().clone(), self.clock.now());
        let outcome = self.store.update_shipment_delivered(&Scope::All, number, input, actor, now).await?;
        settle(number, self.found(&Scope::All, number, outcome).await?)
    }
}

/// The order as it is now, or why it is not as it was asked for.
fn settle(number: OrderNumber, outcome: Fulfilled) -> Result<SalesOrder, AppError> {
    let conflict = |message: String| AppError::new(ErrorCode::Conflict, message);
    let refusal = match outcome {
        Fulfilled::Done(order) => return Ok(order),
        Fulfilled::Stale(order) => return Err(changed_since(&order, next_statuses(order.status, false))),
        Fulfilled::Refused(refused) if !refused.is_conflict => return Err(AppError::invalid(refused.errors)),
        Fulfilled::Refused(refused) => {
            let first = refused.errors.first().map_or_else(String::new, |it| format!("{} {}", it.pointer, it.message));
            conflict(format!("The lines of {number} do not allow it as they are now: {first}"))
                .with_errors(refused.errors)
        }
        Fulfilled::Cancelled(order) => {
            let message = format!("{number} is {}, which is final; its lines take no other answer", order.status);
            conflict(message).detail("current_status", order.status.as_str()).detail("current_version", order.version)
        }
        Fulfilled::Otherwise(known) => conflict(format!(
            "{number} has a shipment {} that is another: {}; send this one under a number of its own",
            known.number,
            content_of(&known)
        )),
        Fulfilled::Arrived(known) => conflict(format!(
            "Shipment {} of {number} arrived before, at another time: {}; check which one is right",
            known.number,
            content_of(&known)
        )),
        Fulfilled::Full => conflict(format!(
            "{number} has as many shipments as an order may have: {MAX_SHIPMENTS}, with {MAX_SHIPMENT_LINES} lines in all"
        )),
        Fulfilled::NoShipment => {
            AppError::new(ErrorCode::NotFound, format!("{number} has no shipment with this number"))
        }
    };
    Err(refusal.detail("order_number", number.to_string()))
}

/// What a shipment is, in words.
fn content_of(known: &Shipment) -> String {
    let time = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let named = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let arrived = known.delivered_at.map(|at| format!(", arrived at {}", time(at))).unwrap_or_default();
    format!(
        "carrier {}, tracking number {}, left at {}{arrived}, {} of {} lines",
        named(&known.carrier),
        named(&known.tracking_number),
        time(known.shipped_at),
        known.quantity(),
        known.lines.len()
    )
}
