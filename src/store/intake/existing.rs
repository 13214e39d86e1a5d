//! The order that a request asks for again.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::{Created, OrderToInsert};
use crate::store::entity::sales_order_retries;
use crate::store::entity::sales_orders::{self, OrderRow};
use crate::store::error::StoreResult;

/// The order that was stored for this signed text, or else under this key. It is committed, or in this very transaction: an
/// insert that meets an uncommitted one waits for its end. `None` when what stood in the way is not there after all: an
/// order of the same batch that was itself not stored.
pub(super) async fn find(tx: &impl ConnectionTrait, new: &OrderToInsert) -> StoreResult<Option<Created>> {
    if let Some(row) = by_text(tx, new).await? {
        let is_same_key = row.idempotency_key == new.idempotency_key;
        return existing(row, is_same_key).map(Some);
    }
    let row = sales_orders::Entity::find()
        .filter(sales_orders::Column::ClientId.eq(new.client_id.as_str()))
        .filter(sales_orders::Column::IdempotencyKey.eq(new.idempotency_key.as_str()))
        .one(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    if row.request_digest == new.digest {
        note_retry(tx, new, row.id).await?;
    }
    existing(row, true).map(Some)
}

fn existing(row: sales_orders::Model, is_same_key: bool) -> StoreResult<Created> {
    let digest = row.request_digest.clone();
    Ok(Created::Existing { order: OrderRow::from(row).try_into()?, digest, is_same_key })
}

async fn by_text(tx: &impl ConnectionTrait, new: &OrderToInsert) -> StoreResult<Option<sales_orders::Model>> {
    let Some(digest) = new.signed_text_digest else { return Ok(None) };
    let first = sales_orders::Entity::find()
        .filter(sales_orders::Column::ClientId.eq(new.client_id.as_str()))
        .filter(sales_orders::Column::SignedTextDigest.eq(digest.to_vec()))
        .one(tx)
        .await?;
    if first.is_some() {
        return Ok(first);
    }
    let retry = sales_order_retries::Entity::find_by_id((new.client_id.to_string(), digest.to_vec())).one(tx).await?;
    match retry {
        Some(retry) => Ok(sales_orders::Entity::find_by_id(retry.order_id).one(tx).await?),
        None => Ok(None),
    }
}

/// Keeps the text with which an order was asked for again: it named this order, so it makes no other one.
async fn note_retry(tx: &impl ConnectionTrait, new: &OrderToInsert, order_id: i64) -> StoreResult<()> {
    let Some(digest) = new.signed_text_digest else { return Ok(()) };
    let row = sales_order_retries::ActiveModel {
        client_id: Set(new.client_id.to_string()),
        signed_text_digest: Set(digest.to_vec()),
        order_id: Set(order_id),
    };
    sales_order_retries::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
