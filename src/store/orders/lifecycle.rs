//! Orders on their way through life.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use super::columns;
use crate::domain::client::ClientId;
use crate::domain::event::EventKind;
use crate::domain::order::{OrderNumber, SalesOrder};
use crate::domain::permission::Scope;
use crate::domain::status_change::{StatusChange, Verdict};
use crate::store::connect::{Store, micros};
use crate::store::entity::sales_orders;
use crate::store::error::StoreResult;
use crate::store::events;
use crate::store::filter::in_scope;

impl Store {
    /// Moves an order if the change may move it, and notes that in its history, in one transaction. Gives the order as
    /// it is afterwards with what the change meant for it; `None` when the scope holds no such order.
    pub async fn update_order_status(
        &self,
        scope: &Scope,
        number: OrderNumber,
        change: StatusChange,
        actor: ClientId,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<(SalesOrder, Verdict)>> {
        let scope = scope.clone();
        self.transaction(move |tx| {
            Box::pin(async move {
                let Some(order) = locked(tx, &scope, number).await? else { return Ok(None) };
                let verdict = change.verdict(&order);
                if verdict != Verdict::Move {
                    return Ok(Some((order, verdict)));
                }
                let moved = order.moved(change.status, now);
                sales_orders::Entity::update_many()
                    .col_expr(sales_orders::Column::Status, Expr::value(moved.status.as_str()))
                    .col_expr(sales_orders::Column::Version, Expr::value(moved.version))
                    .col_expr(sales_orders::Column::UpdatedAt, Expr::value(micros(moved.updated_at)))
                    .filter(sales_orders::Column::Id.eq(number.id()))
                    .exec(tx)
                    .await?;
                let kind = EventKind::StatusChanged {
                    from: order.status,
                    status: moved.status,
                    version: moved.version,
                    note: change.note,
                    partner_note: change.partner_note,
                };
                events::append_next(tx, number, &kind, &actor, moved.updated_at).await?;
                Ok(Some((moved, verdict)))
            })
        })
        .await
    }
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
