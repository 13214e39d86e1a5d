//! What was signed for orders.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::connect::Store;
use super::entity::sales_order_receipts::{Column, Entity, Model};
use super::entity::sales_orders;
use super::error::StoreResult;
use crate::domain::order::OrderNumber;
use crate::domain::receipt::Receipt;

impl Store {
    /// The receipts of many orders at once. Takes no scope: whoever holds an order's number got it from a query that did.
    pub async fn list_receipts(&self, orders: &[OrderNumber]) -> StoreResult<HashMap<OrderNumber, Receipt>> {
        let rows = Entity::find()
            .filter(Column::OrderId.is_in(orders.iter().map(|number| number.id())))
            .all(&self.read)
            .await?;
        Ok(rows.into_iter().map(|row| (OrderNumber::from_id(row.order_id), row.into())).collect())
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

impl From<Model> for Receipt {
    fn from(row: Model) -> Self {
        let Model { order_id: _, signature_form, string_to_sign, signature, key_fingerprint, body_sha256 } = row;
        Self { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 }
    }
}
