//! The order that a request asks for again.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::{Created, OrderToInsert};
use crate::store::entity::sales_order_signed_texts;
use crate::store::entity::sales_orders::{self, OrderRow};
use crate::store::error::StoreResult;

/// The order that was stored under this key, or else for this signed text. `None` when there is none, because what stood in
/// the way was not stored itself; and when the text does not name its order yet, because that was committed by somebody else
/// meanwhile: then to insert again does it.
pub(super) async fn find(connection: &impl ConnectionTrait, new: &OrderToInsert) -> StoreResult<Option<Created>> {
    let of_key = sales_orders::Entity::find()
        .filter(sales_orders::Column::ClientId.eq(new.client_id.as_str()))
        .filter(sales_orders::Column::IdempotencyKey.eq(new.idempotency_key.as_str()))
        .one(connection)
        .await?;
    let needs_text = |row: &sales_orders::Model| row.request_digest == new.digest && new.signed_text_digest.is_some();
    match of_key {
        Some(row) if !needs_text(&row) => existing(row, true).map(Some),
        Some(row) => match order_of_text(connection, new).await? {
            Some(_) => existing(row, true).map(Some),
            None => Ok(None),
        },
        None => {
            let Some(id) = order_of_text(connection, new).await? else { return Ok(None) };
            let row = sales_orders::Entity::find_by_id(id).one(connection).await?;
            row.map(|row| existing(row, false)).transpose()
        }
    }
}

fn existing(row: sales_orders::Model, is_same_key: bool) -> StoreResult<Created> {
    let digest = row.request_digest.clone();
    Ok(Created::Existing { order: OrderRow::from(row).try_into()?, digest, is_same_key })
}

async fn order_of_text(connection: &impl ConnectionTrait, new: &OrderToInsert) -> StoreResult<Option<i64>> {
    let Some(digest) = new.signed_text_digest else { return Ok(None) };
    let key = (new.client_id.to_string(), digest.to_vec());
    let row = sales_order_signed_texts::Entity::find_by_id(key).one(connection).await?;
    Ok(row.map(|row| row.order_id))
}
