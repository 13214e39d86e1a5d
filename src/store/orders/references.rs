//! Orders by the partner's own reference. An index has it first, so neither look depends on how many orders there are.

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, ConnectionTrait, Order, QueryFilter, QueryOrder, QuerySelect};

use super::columns;
use crate::domain::client::ClientId;
use crate::domain::order::{OrderNumber, OrderStatus, SalesOrder};
use crate::domain::permission::Scope;
use crate::store::connect::Store;
use crate::store::entity::sales_orders::{Column, Entity};
use crate::store::error::StoreResult;
use crate::store::filter::in_scope;

impl Store {
    /// The orders of the scope with this partner reference, the newest first, so many at most. Cancelled ones too.
    pub async fn list_orders_by_reference(
        &self,
        scope: &Scope,
        reference: &str,
        limit: usize,
    ) -> StoreResult<Vec<SalesOrder>> {
        let orders = columns::find::<SalesOrder>()
            .filter(Column::PartnerReference.eq(reference))
            .filter(in_scope(scope))
            .order_by_desc(Column::Id)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX));
        Ok(columns::all(orders, &self.read).await?.into_iter().map(|(_, order)| order).collect())
    }

    /// The newest other order of a client that has the partner reference of this one and is not cancelled.
    pub async fn find_order_with_same_reference(&self, order: &SalesOrder) -> StoreResult<Option<OrderNumber>> {
        let reference = order.content.partner_reference.as_deref();
        find_other(&self.core, &order.client_id, reference, Some(order.number)).await
    }
}

/// The newest order of a client that has this reference and is not cancelled, of all but one. `None` where there is no reference.
pub(super) async fn find_other(
    connection: &impl ConnectionTrait,
    client_id: &ClientId,
    reference: Option<&str>,
    but: Option<OrderNumber>,
) -> StoreResult<Option<OrderNumber>> {
    let Some(reference) = reference else { return Ok(None) };
    let mut query = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::PartnerReference.eq(reference))
        .and_where(Column::ClientId.eq(client_id.as_str()))
        .and_where(Column::Status.ne(OrderStatus::Cancelled.as_str()))
        .order_by(Column::Id, Order::Desc)
        .limit(1)
        .take();
    if let Some(number) = but {
        query.and_where(Column::Id.ne(number.id()));
    }
    let row = connection.query_one(&query).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.map(OrderNumber::from_id))
}
