//! Orders on their way through life.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::fulfilment::write_answers;
use super::record::WholeLine;
use super::{columns, requests, shipments};
use crate::domain::client::ClientId;
use crate::domain::event::EventKind;
use crate::domain::fulfilment::{Fulfilment, next_statuses};
use crate::domain::order::{OrderNumber, OrderStatus, SalesOrder, SalesOrderLine};
use crate::domain::permission::Scope;
use crate::domain::status_change::{StatusChange, Verdict};
use crate::store::connect::{Store, micros};
use crate::store::entity::{sales_order_lines, sales_orders};
use crate::store::error::StoreResult;
use crate::store::events;
use crate::store::filter::in_scope;

/// What became of a change of status.
#[derive(Debug, Clone)]
pub struct StatusOutcome {
    /// The order as it is afterwards.
    pub order: SalesOrder,
    /// What the change meant for it.
    pub verdict: Verdict,
    /// Where it may go from there.
    pub next: Vec<OrderStatus>,
}

impl Store {
    /// Moves an order if the change may move it, and notes that in its history, in one transaction. Lines that were answered by
    /// themselves move with it; those of any other order follow its status. `None` when the scope holds no such order.
    pub async fn update_order_status(
        &self,
        scope: &Scope,
        number: OrderNumber,
        change: StatusChange,
        actor: ClientId,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<StatusOutcome>> {
        let scope = scope.clone();
        self.transaction(move |tx| {
            Box::pin(async move {
                let Some(order) = locked(tx, &scope, number).await? else { return Ok(None) };
                let answered = answered(tx, &order).await?;
                let has_left = answered.as_ref().is_some_and(|(_, fulfilment)| fulfilment.has_left());
                let mut verdict = change.verdict(&order);
                let next = next_statuses(order.status, has_left);
                if verdict == Verdict::Move && !next.contains(&change.status) {
                    verdict = Verdict::Illegal;
                }
                if verdict != Verdict::Move {
                    return Ok(Some(StatusOutcome { order, verdict, next }));
                }
                let moved = order.moved(change.status, now);
                write_moved(tx, &moved).await?;
                let mut has_left = false;
                if let Some((stored, mut fulfilment)) = answered {
                    fulfilment.go_to(change.status);
                    write_answers(tx, number, &stored, &fulfilment).await?;
                    if change.status == OrderStatus::Delivered {
                        shipments::deliver(tx, number, None, moved.updated_at).await?;
                    }
                    has_left = fulfilment.has_left();
                }
                let kind = EventKind::StatusChanged {
                    from: order.status,
                    status: moved.status,
                    version: moved.version,
                    note: change.note,
                    partner_note: change.partner_note,
                };
                events::append_next(tx, number, &kind, &actor, moved.updated_at).await?;
                requests::close(tx, &moved, &actor).await?;
                let next = next_statuses(moved.status, has_left);
                Ok(Some(StatusOutcome { order: moved, verdict, next }))
            })
        })
        .await
    }
}

/// The lines of an order that were answered by themselves, which is all of them or none, and how far they are.
async fn answered(
    tx: &DatabaseTransaction,
    order: &SalesOrder,
) -> StoreResult<Option<(Vec<SalesOrderLine>, Fulfilment)>> {
    let lines = columns::find::<WholeLine>()
        .filter(sales_order_lines::Column::OrderId.eq(order.number.id()))
        .filter(sales_order_lines::Column::ConfirmedQuantity.is_not_null())
        .order_by_asc(sales_order_lines::Column::LineNo);
    let lines: Vec<SalesOrderLine> =
        columns::all::<WholeLine>(lines, tx).await?.into_iter().map(|(_, line)| line.into()).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let shipments = shipments::of_orders(tx, &[order.number]).await?.remove(&order.number).unwrap_or_default();
    let fulfilment = Fulfilment::new(order.status, &lines, &shipments);
    Ok(Some((lines, fulfilment)))
}

/// Writes what a change makes of an order itself.
pub(super) async fn write_moved(tx: &DatabaseTransaction, moved: &SalesOrder) -> StoreResult<()> {
    sales_orders::Entity::update_many()
        .col_expr(sales_orders::Column::Status, Expr::value(moved.status.as_str()))
        .col_expr(sales_orders::Column::Version, Expr::value(moved.version))
        .col_expr(sales_orders::Column::UpdatedAt, Expr::value(micros(moved.updated_at)))
        .filter(sales_orders::Column::Id.eq(moved.number.id()))
        .exec(tx)
        .await?;
    Ok(())
}

/// The order, held against other changes until the transaction ends. SQLite's transaction holds everything already.
pub(super) async fn locked(
    tx: &DatabaseTransaction,
    scope: &Scope,
    number: OrderNumber,
) -> StoreResult<Option<SalesOrder>> {
    let order = columns::find::<SalesOrder>()
        .filter(sales_orders::Column::Id.eq(number.id()))
        .filter(in_scope(scope))
        .lock_exclusive();
    Ok(columns::all(order, tx).await?.pop().map(|(_, order)| order))
}
