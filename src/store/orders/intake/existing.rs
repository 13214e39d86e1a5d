//! The order that stands in the way of another one: the one that a request asks for again, or one with its reference.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect as _, QueryTrait as _, Select};

use super::{Created, OrderToInsert};
use crate::domain::order::SalesOrder;
use crate::store::entity::sales_order_signed_texts;
use crate::store::entity::sales_orders::{Column, Entity};
use crate::store::error::StoreResult;
use crate::store::orders::archived;
use crate::store::orders::columns::{Record as _, RowReader, find as find_records};
use crate::store::orders::references;

/// The order that was stored under this key, or else for this signed text, or else the one that has the reference which this one
/// must have alone. `None` when there is none, because what stood in the way was not stored itself; and when the text does not name
/// its order yet, because that was committed by somebody else meanwhile: then to insert again does it.
pub(super) async fn find(connection: &impl ConnectionTrait, new: &OrderToInsert) -> StoreResult<Option<Created>> {
    let of_key = find_records::<SalesOrder>()
        .filter(Column::ClientId.eq(new.client_id.as_str()))
        .filter(Column::IdempotencyKey.eq(new.idempotency_key.as_str()));
    if let Some(found) = one(connection, of_key).await? {
        let needs_text = found.digest == new.digest && new.signed_text_digest.is_some();
        let is_settled = !needs_text || order_of_text(connection, new).await?.is_some();
        return Ok(is_settled.then(|| found.created(new)));
    }
    // An order is archived once and for all, so one that is not there any more is found where it is looked for next.
    if let Some(archived) = archived::of_key(connection, new).await? {
        return Ok(Some(archived));
    }
    if let Some(id) = order_of_text(connection, new).await? {
        let of_text = one(connection, find_records::<SalesOrder>().filter(Column::Id.eq(id))).await?;
        return match of_text {
            Some(found) => Ok(Some(found.created(new))),
            None => archived::of_text(connection, new, id).await,
        };
    }
    let reference = new.unique_reference();
    if let Some(number) = references::find_other(connection, &new.client_id, reference, None).await? {
        return Ok(Some(Created::DuplicateReference { number, is_archived: false }));
    }
    let archived = archived::of_reference(connection, &new.client_id, reference).await?;
    Ok(archived.map(|number| Created::DuplicateReference { number, is_archived: true }))
}

struct Found {
    order: SalesOrder,
    digest: Vec<u8>,
    idempotency_key: String,
}

impl Found {
    /// Another transaction may have stored the order between the two questions, so found by its text it may have this key.
    fn created(self, new: &OrderToInsert) -> Created {
        let Self { order, digest, idempotency_key } = self;
        Created::Existing { order, digest, is_same_key: idempotency_key == new.idempotency_key }
    }
}

async fn one(connection: &impl ConnectionTrait, query: Select<Entity>) -> StoreResult<Option<Found>> {
    let query = query.column(Column::RequestDigest).column(Column::IdempotencyKey).limit(1).into_query();
    let Some(row) = connection.query_one(&query).await? else { return Ok(None) };
    let mut row = RowReader::new(&row)?;
    let order = SalesOrder::read(&mut row)?;
    Ok(Some(Found { order, digest: row.value()?, idempotency_key: row.value()? }))
}

async fn order_of_text(connection: &impl ConnectionTrait, new: &OrderToInsert) -> StoreResult<Option<i64>> {
    let Some(digest) = new.signed_text_digest else { return Ok(None) };
    let key = (new.client_id.to_string(), digest.to_vec());
    let row = sales_order_signed_texts::Entity::find_by_id(key).one(connection).await?;
    Ok(row.map(|row| row.order_id))
}
