//! Erasing what is personal in orders.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait, ConnectionTrait as _, DatabaseTransaction, EntityTrait,
    IntoActiveModel as _, QueryFilter, QueryOrder, QuerySelect, Statement,
};

use super::fulfilment::Held;
use super::lifecycle::{locked, write_moved};
use crate::domain::audit::{Action, Actor, NewAuditEntry};
use crate::domain::client::ClientId;
use crate::domain::erasure::{CustomerToErase, ERASED, erased_search_text, is_closed};
use crate::domain::event::{EventKind, OrderEvent};
use crate::domain::order::{OrderNumber, SalesOrder};
use crate::domain::order_change::OrderChange;
use crate::domain::permission::Scope;
use crate::store::connect::Store;
use crate::store::entity::{sales_order_events, sales_order_requests, sales_orders};
use crate::store::error::{StoreError, StoreResult};
use crate::store::{audit, events};

/// What became of an erasure.
#[derive(Debug, Clone)]
pub enum Erased {
    /// What was personal is erased.
    Done(Box<SalesOrder>),
    /// Nothing personal was left.
    Already(Box<SalesOrder>),
    /// The order is under way, so it still needs its address.
    Open(Box<SalesOrder>),
}

impl Store {
    /// Erases what is personal in an order, in its history and in what is kept of its webhooks, and notes who did it. `None` when there
    /// is no such order.
    pub async fn erase_order(
        &self,
        number: OrderNumber,
        (actor, by): (ClientId, Actor),
        now: DateTime<Utc>,
    ) -> StoreResult<Option<Erased>> {
        self.transaction(move |tx| Box::pin(erase(tx, number, (actor, by), now))).await
    }

    /// Orders of a customer, by number, so many at most.
    pub async fn list_orders_to_erase(&self, of: &CustomerToErase, limit: u64) -> StoreResult<Vec<OrderNumber>> {
        let orders = sales_orders::Entity::find()
            .select_only()
            .column(sales_orders::Column::Id)
            .filter(sales_orders::Column::CustomerCode.eq(&*of.customer_code))
            .filter(sales_orders::Column::ClientId.eq(of.client_id.as_str()))
            .filter(sales_orders::Column::Id.gt(of.after.id()))
            .order_by_asc(sales_orders::Column::Id)
            .limit(limit);
        let ids: Vec<i64> = orders.into_tuple().all(&self.read).await?;
        Ok(ids.into_iter().map(OrderNumber::from_id).collect())
    }
}

async fn erase(
    tx: &DatabaseTransaction,
    number: OrderNumber,
    (actor, by): (ClientId, Actor),
    now: DateTime<Utc>,
) -> StoreResult<Option<Erased>> {
    let Some(Held { order, fulfilment, .. }) = Held::find(tx, &Scope::All, number).await? else { return Ok(None) };
    if !is_closed(order.status, &fulfilment) {
        return Ok(Some(Erased::Open(Box::new(order))));
    }
    let changed = [
        erase_order_row(tx, number).await?,
        run(tx, "UPDATE sales_order_lines SET note = NULL WHERE order_id = $1 AND note IS NOT NULL", number).await?,
        erase_requests(tx, number).await?,
        erase_events(tx, number).await?,
        run(tx, "UPDATE webhook_attempts SET excerpt = NULL WHERE order_id = $1 AND excerpt IS NOT NULL", number)
            .await?,
    ];
    let outcome = if changed.contains(&true) {
        let moved = order.moved(order.status, now);
        write_moved(tx, &moved).await?;
        let detail = vec![("order_number".to_owned(), number.to_string())];
        let (action, client_id) = (Action::PersonalDataErased, moved.client_id.clone());
        audit::append(tx, NewAuditEntry { actor: by, action, client_id, detail, at: moved.updated_at }).await?;
        let kind = EventKind::PersonalDataErased { version: moved.version };
        events::append_next(tx, number, &kind, &actor, moved.updated_at).await?;
        // As it is stored by now.
        let stored = locked(tx, &Scope::All, number).await?.unwrap_or(moved);
        Erased::Done(Box::new(stored))
    } else {
        Erased::Already(Box::new(order))
    };
    Ok(Some(outcome))
}

/// Whether a statement about an order, its `$1`, changed anything.
async fn run(tx: &DatabaseTransaction, sql: &str, number: OrderNumber) -> StoreResult<bool> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [number.id().into()]);
    Ok(tx.execute_raw(statement).await?.rows_affected() > 0)
}

async fn erase_order_row(tx: &DatabaseTransaction, number: OrderNumber) -> StoreResult<bool> {
    use sales_orders::{Column, Entity};
    let text = Entity::find().select_only().column(Column::SearchText).filter(Column::Id.eq(number.id()));
    let text: Option<String> = text.into_tuple().one(tx).await?;
    let erased = erased_search_text(&text.unwrap_or_default());
    let is_personal = Column::SalesName
        .ne(ERASED)
        .or(Column::Address.ne(ERASED))
        .or(Column::Note.is_not_null())
        .or(Column::SearchText.ne(&*erased));
    let changed = Entity::update_many()
        .col_expr(Column::SalesName, Expr::value(ERASED))
        .col_expr(Column::Address, Expr::value(ERASED))
        .col_expr(Column::Note, Expr::value(None::<String>))
        .col_expr(Column::SearchText, Expr::value(erased))
        .filter(Column::Id.eq(number.id()))
        .filter(is_personal)
        .exec(tx)
        .await?;
    Ok(changed.rows_affected > 0)
}

async fn erase_requests(tx: &DatabaseTransaction, number: OrderNumber) -> StoreResult<bool> {
    use sales_order_requests::{Column, Entity};
    let mut changed = false;
    for row in Entity::find().filter(Column::OrderId.eq(number.id())).all(tx).await? {
        let unreadable = |_| StoreError::Unreadable { what: "request", value: row.id.to_string() };
        let read = |text: &String| serde_json::from_str::<OrderChange>(text);
        let mut change = row.change.as_ref().map(read).transpose().map_err(unreadable)?;
        change.iter_mut().for_each(OrderChange::erase);
        let change = change.as_ref().map(serde_json::to_string).transpose().map_err(unreadable)?;
        if row.note.is_none() && row.answer_note.is_none() && row.change == change {
            continue;
        }
        let mut row = row.into_active_model();
        (row.note, row.answer_note, row.change) = (Set(None), Set(None), Set(change));
        row.update(tx).await?;
        changed = true;
    }
    Ok(changed)
}

async fn erase_events(tx: &DatabaseTransaction, number: OrderNumber) -> StoreResult<bool> {
    use sales_order_events::{Column, Entity};
    let mut changed = false;
    for row in Entity::find().filter(Column::OrderId.eq(number.id())).all(tx).await? {
        let stored = OrderEvent::try_from(row)?;
        let erased = stored.kind.clone().erased();
        if erased == stored.kind {
            continue;
        }
        Entity::update_many()
            .col_expr(Column::Payload, Expr::value(erased.payload()))
            .filter(Column::Position.eq(stored.position.get()))
            .exec(tx)
            .await?;
        changed = true;
    }
    Ok(changed)
}
