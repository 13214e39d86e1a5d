//! What was signed for orders.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::columns;
use crate::domain::order::OrderNumber;
use crate::domain::receipt::Receipt;
use crate::store::connect::Store;
use crate::store::entity::{sales_order_receipts, sales_orders};
use crate::store::error::StoreResult;

impl Store {
    /// The receipts of many orders at once. Takes no scope: whoever holds an order's number got it from a query that did.
    pub async fn list_receipts(&self, orders: &[OrderNumber]) -> StoreResult<HashMap<OrderNumber, Receipt>> {
        let of_orders = sales_order_receipts::Column::OrderId.is_in(orders.iter().map(|number| number.id()));
        Ok(columns::all(columns::find::<Receipt>().filter(of_orders), &self.read).await?.into_iter().collect())
    }

    /// The idempotency key that each of these orders was stored under, and the digest of what was sent. Takes no scope, as above.
    pub async fn list_intake_facts(
        &self,
        orders: &[OrderNumber],
    ) -> StoreResult<HashMap<OrderNumber, (String, Vec<u8>)>> {
        use sales_orders::Column;
        let rows: Vec<(i64, String, Vec<u8>)> = sales_orders::Entity::find()
            .select_only()
            .columns([Column::Id, Column::IdempotencyKey, Column::RequestDigest])
            .filter(Column::Id.is_in(orders.iter().map(|number| number.id())))
            .into_tuple()
            .all(&self.read)
            .await?;
        Ok(rows.into_iter().map(|(id, key, digest)| (OrderNumber::from_id(id), (key, digest))).collect())
    }

    /// The idempotency key that an order was stored under. Takes no scope, as above.
    pub async fn find_idempotency_key(&self, order: OrderNumber) -> StoreResult<Option<String>> {
        let key = sales_orders::Entity::find_by_id(order.id())
            .select_only()
            .column(sales_orders::Column::IdempotencyKey)
            .into_tuple()
            .one(&self.read)
            .await?;
        Ok(key)
    }
}
