//! Orders line by line: answers to their lines, and shipments.

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;

use super::lifecycle::{locked, write_moved};
use super::record::AnswerRow;
use super::{amending, lines_of, requests, shipments};
use crate::domain::client::ClientId;
use crate::domain::event::EventKind;
use crate::domain::fields::Naming;
use crate::domain::fulfilment::{Fulfilment, Refused, Remaining};
use crate::domain::line_answer::AnsweredLine;
use crate::domain::line_answers::LineAnswersInput;
use crate::domain::order::{OrderNumber, OrderStatus, SalesOrder, SalesOrderLine};
use crate::domain::order_change::Changed;
use crate::domain::order_request::{Asked, OrderRequest, RequestNumber};
use crate::domain::permission::Scope;
use crate::domain::shipment::{DeliveryInput, MAX_SHIPMENT_LINES, MAX_SHIPMENTS, Shipment, ShipmentInput};
use crate::store::connect::Store;
use crate::store::error::StoreResult;
use crate::store::events;

/// What became of a change of an order's lines or shipments.
#[derive(Debug, Clone)]
pub enum Fulfilled {
    /// It is so, now or since before.
    Done(SalesOrder),
    /// The order changed since the caller saw it.
    Stale(SalesOrder),
    /// The order is cancelled, and that is final.
    Cancelled(SalesOrder),
    /// The lines do not allow it.
    Refused(Refused),
    /// The shipment is known, and other than it is told now.
    Otherwise(Shipment),
    /// The shipment arrived before, at another time than is told now.
    Arrived(Shipment),
    /// The order has as many shipments as it may have.
    Full,
    /// The order has no such shipment.
    NoShipment,
}

/// An order that is held, with all that its status follows from.
pub(super) struct Held {
    pub order: SalesOrder,
    lines: Vec<SalesOrderLine>,
    shipments: Vec<Shipment>,
    pub fulfilment: Fulfilment,
    /// What is to become of the order besides, and the request that asks for it.
    pub change: Option<(RequestNumber, Changed)>,
}

impl Store {
    /// Answers lines of an order, with its event, in one transaction. `None` when the scope holds no such order.
    pub async fn update_line_answers(
        &self,
        scope: &Scope,
        number: OrderNumber,
        input: LineAnswersInput,
        actor: ClientId,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<Fulfilled>> {
        let scope = scope.clone();
        self.transaction(move |tx| {
            Box::pin(async move {
                let Some(mut held) = Held::find(tx, &scope, number).await? else { return Ok(None) };
                let answered = held.fulfilment.answer(&input.lines, input.naming);
                // A caller that repeats its request after a lost answer knows only the version before.
                if answered.as_ref().is_ok_and(Vec::is_empty) {
                    return Ok(Some(Fulfilled::Done(held.order)));
                }
                if held.order.status == OrderStatus::Cancelled {
                    return Ok(Some(Fulfilled::Cancelled(held.order)));
                }
                if input.expected_version.is_some_and(|version| version != held.order.version) {
                    return Ok(Some(Fulfilled::Stale(held.order)));
                }
                let lines = match answered {
                    Ok(lines) => lines,
                    Err(refused) => return Ok(Some(Fulfilled::Refused(refused))),
                };
                let kind = |version| EventKind::LinesConfirmed { version, lines };
                Ok(Some(Fulfilled::Done(held.write(tx, &actor, now, kind).await?)))
            })
        })
        .await
    }

    /// Notes a shipment of an order, with its event, in one transaction. `None` when the scope holds no such order.
    pub async fn insert_shipment(
        &self,
        scope: &Scope,
        number: OrderNumber,
        input: ShipmentInput,
        actor: ClientId,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<Fulfilled>> {
        let scope = scope.clone();
        self.transaction(move |tx| {
            Box::pin(async move {
                let Some(mut held) = Held::find(tx, &scope, number).await? else { return Ok(None) };
                if let Some(known) = held.shipments.iter().find(|known| known.number == input.shipment_number) {
                    let known = known.clone();
                    let is_repeated = input.tells_of(&known);
                    return Ok(Some(if is_repeated {
                        Fulfilled::Done(held.order)
                    } else {
                        Fulfilled::Otherwise(known)
                    }));
                }
                if let Err(refused) = held.fulfilment.ship(&input.shipment_number, &input.lines, input.naming) {
                    return Ok(Some(Fulfilled::Refused(refused)));
                }
                let lines: usize = held.shipments.iter().map(|shipment| shipment.lines.len()).sum();
                if held.shipments.len() >= MAX_SHIPMENTS || lines + input.lines.len() > MAX_SHIPMENT_LINES {
                    return Ok(Some(Fulfilled::Full));
                }
                let shipment = input.recorded(now);
                shipments::insert(tx, number, &shipment, now).await?;
                let kind = |version| EventKind::ShipmentRecorded { version, shipment };
                Ok(Some(Fulfilled::Done(held.write(tx, &actor, now, kind).await?)))
            })
        })
        .await
    }

    /// Notes that a shipment of an order arrived, with its event, in one transaction. `None` when the scope holds no such order.
    pub async fn update_shipment_delivered(
        &self,
        scope: &Scope,
        number: OrderNumber,
        input: DeliveryInput,
        actor: ClientId,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<Fulfilled>> {
        let scope = scope.clone();
        self.transaction(move |tx| {
            Box::pin(async move {
                let Some(mut held) = Held::find(tx, &scope, number).await? else { return Ok(None) };
                let known = held.shipments.iter().find(|known| known.number == input.shipment_number);
                let Some(mut shipment) = known.cloned() else { return Ok(Some(Fulfilled::NoShipment)) };
                if let Some(known) = shipment.delivered_at {
                    let is_repeated = input.delivered_at.is_none_or(|told| told == known);
                    return Ok(Some(if is_repeated {
                        Fulfilled::Done(held.order)
                    } else {
                        Fulfilled::Arrived(shipment)
                    }));
                }
                if let Err(refused) = input.ensure_after(&shipment) {
                    return Ok(Some(Fulfilled::Refused(refused)));
                }
                let at = input.delivered_at.unwrap_or(now).max(shipment.shipped_at);
                shipment.delivered_at = Some(at);
                held.fulfilment.deliver(&shipment.number);
                shipments::deliver(tx, number, Some(&shipment.number), at).await?;
                let kind = |version| EventKind::ShipmentDelivered { version, shipment };
                Ok(Some(Fulfilled::Done(held.write(tx, &actor, now, kind).await?)))
            })
        })
        .await
    }
}

impl Held {
    pub async fn find(tx: &DatabaseTransaction, scope: &Scope, number: OrderNumber) -> StoreResult<Option<Self>> {
        match locked(tx, scope, number).await? {
            Some(order) => Self::of(tx, order).await.map(Some),
            None => Ok(None),
        }
    }

    /// An order that is held already, with all that is stored of it.
    pub async fn of(tx: &DatabaseTransaction, order: SalesOrder) -> StoreResult<Self> {
        let number = order.number;
        let lines = lines_of(tx, &[number]).await?.remove(&number).unwrap_or_default();
        let shipments = shipments::of_orders(tx, &[number]).await?.remove(&number).unwrap_or_default();
        let fulfilment = Fulfilment::new(order.status, &lines, &shipments);
        Ok(Self { order, lines, shipments, fulfilment, change: None })
    }

    /// Refuses what cannot be done with the order as it is.
    pub fn ensure_possible(&mut self, asked: &Asked, naming: Naming) -> Result<(), Refused> {
        match asked {
            Asked::Cancellation { lines: None } => Ok(()),
            Asked::Cancellation { lines: Some(lines) } => self.fulfilment.ensure_cancellable(lines, naming),
            Asked::Change { change } => {
                change.apply(&self.order, &self.lines, self.fulfilment.clone(), naming).map(drop)
            }
        }
    }

    /// What is left to do of what is asked for.
    pub fn remaining(&self, asked: &Asked) -> Remaining {
        match asked {
            Asked::Cancellation { lines } => self.fulfilment.remaining(lines.as_deref()),
            Asked::Change { change } => change.remaining(&self.order, &self.lines, &self.fulfilment),
        }
    }

    /// Does what a request asks for, as far as something is left of it; gives the lines that changed.
    pub fn apply(&mut self, request: &OrderRequest) -> Vec<AnsweredLine> {
        match &request.asked {
            Asked::Cancellation { lines } => self.fulfilment.cancel(lines.as_deref()),
            Asked::Change { change } => {
                let applied = change.apply(&self.order, &self.lines, self.fulfilment.clone(), Naming::SnakeCase);
                let Ok(changed) = applied else { return Vec::new() };
                self.fulfilment = changed.fulfilment.clone();
                let lines = changed.lines.clone();
                self.change = Some((request.number, changed));
                lines
            }
        }
    }

    /// Writes the order and its lines as they are now, with the event that says why, and more where its status is another or a pending
    /// request is settled by that.
    pub async fn write(
        self,
        tx: &DatabaseTransaction,
        actor: &ClientId,
        now: DateTime<Utc>,
        kind: impl FnOnce(i32) -> EventKind,
    ) -> StoreResult<SalesOrder> {
        let Self { order, lines, shipments: _, fulfilment, change } = self;
        let mut moved = order.moved(fulfilment.status(), now);
        write_moved(tx, &moved).await?;
        if let Some((_, changed)) = &change {
            moved = moved.amended(&changed.amended);
            amending::amend(tx, moved.number, changed, lines.len()).await?;
        }
        // The lines of an order that is changed beside them go on following its status.
        if change.as_ref().is_none_or(|(_, changed)| !changed.lines.is_empty()) {
            write_answers(tx, order.number, &lines, &fulfilment).await?;
        }
        events::append_next(tx, order.number, &kind(moved.version), actor, moved.updated_at).await?;
        if let Some((request, changed)) = change {
            let kind = EventKind::OrderChanged { version: moved.version, request, changes: changed.differences };
            events::append_next(tx, order.number, &kind, actor, moved.updated_at).await?;
        }
        if moved.status != order.status {
            let changed = EventKind::StatusChanged {
                from: order.status,
                status: moved.status,
                version: moved.version,
                note: None,
                partner_note: None,
            };
            events::append_next(tx, order.number, &changed, actor, moved.updated_at).await?;
        }
        requests::close(tx, &moved, actor).await?;
        Ok(moved)
    }
}

/// Writes the answers that are not stored yet, all by one statement.
pub(super) async fn write_answers(
    tx: &DatabaseTransaction,
    number: OrderNumber,
    stored: &[SalesOrderLine],
    fulfilment: &Fulfilment,
) -> StoreResult<()> {
    let differs = stored.iter().zip(fulfilment.lines()).filter(|(stored, now)| stored.answer != Some(now.answer));
    let rows: Vec<_> = differs.map(|(_, now)| AnswerRow::of(now)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    amending::update(tx, "sales_order_lines", ("order_id", Some(LINE_NO)), number, &rows).await
}

/// The column by which a line is found.
const LINE_NO: &str = "line_no";
