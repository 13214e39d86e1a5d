//! Orders by the partner's own reference. An index has it first, so neither look depends on how many orders there are.

use std::collections::HashMap;

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, ConnectionTrait, Order, QueryFilter, QueryOrder, QuerySelect, Statement, Value};

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

    /// Of each of these orders that shares its partner reference with another one of its client that is not cancelled: the newest
    /// such other order.
    pub async fn list_same_references(&self, orders: &[OrderNumber]) -> StoreResult<HashMap<OrderNumber, OrderNumber>> {
        if orders.is_empty() {
            return Ok(HashMap::new());
        }
        let places: Vec<_> = (1..=orders.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT id, (SELECT max(other.id) FROM sales_orders AS other WHERE other.partner_reference = o.partner_reference
                 AND other.client_id = o.client_id AND other.status <> 'CANCELLED' AND other.id <> o.id)
             FROM sales_orders AS o WHERE id IN ({})",
            places.join(", ")
        );
        let numbers = orders.iter().map(|number| Value::from(number.id()));
        let query = Statement::from_sql_and_values(self.backend(), sql, numbers);
        let mut found = HashMap::new();
        for row in self.core.query_all_raw(query).await? {
            let other: Option<i64> = row.try_get_by_index(1)?;
            let number = OrderNumber::from_id(row.try_get_by_index(0)?);
            found.extend(other.map(|other| (number, OrderNumber::from_id(other))));
        }
        Ok(found)
    }

    /// The newest order of a client that has this partner reference and is not cancelled, of all but one. `None` where there is no
    /// reference.
    pub async fn find_order_with_reference(
        &self,
        client_id: &ClientId,
        reference: Option<&str>,
        but: Option<OrderNumber>,
    ) -> StoreResult<Option<OrderNumber>> {
        find_other(&self.core, client_id, reference, but).await
    }
}

/// The same over any connection.
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
