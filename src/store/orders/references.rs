//! Orders by the partner's own reference. An index has it first, so neither look depends on how many orders there are.
//!
//! Running numbers rise with the time, and the index has the newest order at its end. Where a random one is found there, the orders
//! with the reference are sorted by the time they were taken: random numbers are always the greater ones, so without one at the end
//! there is none.

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

/// The newest of the others, by the time it was taken.
const BY_TIME: &str = "ORDER BY other.created_at DESC, other.id DESC LIMIT 1";

impl Store {
    /// The orders of the scope with this partner reference, the newest first, so many at most. Cancelled ones too.
    pub async fn list_orders_by_reference(
        &self,
        scope: &Scope,
        reference: &str,
        limit: usize,
    ) -> StoreResult<Vec<SalesOrder>> {
        let of_reference = columns::find::<SalesOrder>()
            .filter(Column::PartnerReference.eq(reference))
            .filter(in_scope(scope))
            .limit(u64::try_from(limit).unwrap_or(u64::MAX));
        let mut found = columns::all(of_reference.clone().order_by_desc(Column::Id), &self.read).await?;
        if found.first().is_some_and(|(number, _)| number.is_random()) {
            let by_time = of_reference.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
            found = columns::all(by_time, &self.read).await?;
        }
        Ok(found.into_iter().map(|(_, order)| order).collect())
    }

    /// Of each of these orders that shares its partner reference with another one of its client that is not cancelled: the newest
    /// such other order.
    pub async fn list_same_references(&self, orders: &[OrderNumber]) -> StoreResult<HashMap<OrderNumber, OrderNumber>> {
        let mut found = self.list_others(orders, "max(other.id)", "").await?;
        let randoms: Vec<_> = found.iter().filter(|(_, other)| other.is_random()).map(|(number, _)| *number).collect();
        found.extend(self.list_others(&randoms, "other.id", BY_TIME).await?);
        Ok(found)
    }

    /// The same, the one other order that `what` and `sequence` choose.
    async fn list_others(
        &self,
        orders: &[OrderNumber],
        what: &str,
        sequence: &str,
    ) -> StoreResult<HashMap<OrderNumber, OrderNumber>> {
        if orders.is_empty() {
            return Ok(HashMap::new());
        }
        let places: Vec<_> = (1..=orders.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT id, (SELECT {what} FROM sales_orders AS other WHERE other.partner_reference = o.partner_reference
                 AND other.client_id = o.client_id AND other.status <> 'CANCELLED' AND other.id <> o.id {sequence})
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
    let mut query = Query::select();
    query
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::PartnerReference.eq(reference))
        .and_where(Column::ClientId.eq(client_id.as_str()))
        .and_where(Column::Status.ne(OrderStatus::Cancelled.as_str()))
        .limit(1);
    if let Some(number) = but {
        query.and_where(Column::Id.ne(number.id()));
    }
    let newest = async |sequence: &[Column]| {
        let mut query = query.clone();
        for column in sequence {
            query.order_by(*column, Order::Desc);
        }
        let row = connection.query_one(&query).await?;
        StoreResult::Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.map(OrderNumber::from_id))
    };
    match newest(&[Column::Id]).await? {
        Some(number) if number.is_random() => newest(&[Column::CreatedAt, Column::Id]).await,
        found => Ok(found),
    }
}
