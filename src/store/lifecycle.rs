//! Orders on their way through life.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
};

use super::connect::{Store, micros};
use super::entity::{sales_order_events, sales_orders};
use super::error::StoreResult;
use crate::domain::client::ClientId;
use crate::domain::order::{OrderNumber, SalesOrder};
use crate::domain::permission::Scope;
use crate::domain::status_change::{StatusChange, Verdict};

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
                let moved = SalesOrder {
                    status: change.status,
                    version: order.version + 1,
                    // A clock that was set back must not let an order change before it was made.
                    updated_at: std::cmp::max(now, order.updated_at),
                    ..order.clone()
                };
                sales_orders::Entity::update_many()
                    .col_expr(sales_orders::Column::Status, Expr::value(moved.status.as_str()))
                    .col_expr(sales_orders::Column::Version, Expr::value(moved.version))
                    .col_expr(sales_orders::Column::UpdatedAt, Expr::value(micros(moved.updated_at)))
                    .filter(sales_orders::Column::Id.eq(number.id()))
                    .exec(tx)
                    .await?;
                let payload = serde_json::json!({
                    "from": order.status.as_str(), "status": moved.status.as_str(), "version": moved.version,
                    "note": change.note,
                });
                append_event(tx, &moved, "STATUS_CHANGED", &actor, &payload).await?;
                Ok(Some((moved, verdict)))
            })
        })
        .await
    }
}

/// The order, held against other changes until the transaction ends. SQLite's transaction holds everything already.
async fn locked(tx: &DatabaseTransaction, scope: &Scope, number: OrderNumber) -> StoreResult<Option<SalesOrder>> {
    let mut query = sales_orders::Entity::find_by_id(number.id());
    if let Scope::Client(client_id) = scope {
        query = query.filter(sales_orders::Column::ClientId.eq(client_id.as_str()));
    }
    query.lock_exclusive().one(tx).await?.map(SalesOrder::try_from).transpose()
}

async fn append_event(
    tx: &DatabaseTransaction,
    order: &SalesOrder,
    kind: &str,
    actor: &ClientId,
    payload: &serde_json::Value,
) -> StoreResult<()> {
    let last: Option<Option<i32>> = sales_order_events::Entity::find()
        .select_only()
        .column_as(Expr::col(sales_order_events::Column::Sequence).max(), "last")
        .filter(sales_order_events::Column::OrderId.eq(order.number.id()))
        .into_tuple()
        .one(tx)
        .await?;
    sales_order_events::Entity::insert(sales_order_events::ActiveModel {
        position: NotSet,
        order_id: Set(order.number.id()),
        sequence: Set(last.flatten().unwrap_or(0) + 1),
        kind: Set(kind.to_owned()),
        actor: Set(actor.to_string()),
        payload: Set(payload.to_string()),
        created_at: Set(micros(order.updated_at)),
    })
    .exec_without_returning(tx)
    .await?;
    Ok(())
}
