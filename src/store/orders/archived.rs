//! What stays of orders that were archived.

use std::collections::BTreeSet;

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::intake::{Created, OrderToInsert};
use crate::domain::archive::ArchivedOrder;
use crate::domain::client::ClientId;
use crate::domain::order::OrderNumber;
use crate::domain::permission::Scope;
use crate::store::connect::{Store, instant, micros};
use crate::store::entity::archived_sales_orders::{Column, Entity, Model};
use crate::store::entity::{sales_order_archives, sales_order_signed_texts};
use crate::store::error::StoreResult;

impl Store {
    /// The archived order with this number, if it is in the scope.
    pub async fn find_archived_order(&self, scope: &Scope, number: OrderNumber) -> StoreResult<Option<ArchivedOrder>> {
        let in_scope = match scope {
            Scope::All => Condition::all(),
            Scope::Client(client_id) => Condition::all().add(Column::ClientId.eq(client_id.as_str())),
        };
        let Some(row) = Entity::find_by_id(number.id()).filter(in_scope).one(&self.core).await? else {
            return Ok(None);
        };
        let archive = sales_order_archives::Entity::find_by_id(row.archive_id).one(&self.core).await?;
        Ok(Some(ArchivedOrder {
            archived_at: instant(row.archived_at)?,
            archive: archive.map(|archive| archive.name).unwrap_or_default(),
        }))
    }

    /// How many orders of a client are archived, and in how many files.
    pub async fn count_archived_orders(&self, client_id: &ClientId) -> StoreResult<(i64, i64)> {
        let counts: Option<(i64, i64)> = Entity::find()
            .select_only()
            .expr(Expr::col(Column::Id).count())
            .expr(Expr::col(Column::ArchiveId).count_distinct())
            .filter(Column::ClientId.eq(client_id.as_str()))
            .into_tuple()
            .one(&self.read)
            .await?;
        Ok(counts.unwrap_or_default())
    }
}

/// Those of these orders, by index, whose key is an archived order's.
pub(super) async fn among(
    connection: &impl ConnectionTrait,
    new: &[(usize, &OrderToInsert)],
) -> StoreResult<BTreeSet<usize>> {
    let mut any = Condition::any();
    for (_, order) in new {
        let of_key = Condition::all()
            .add(Column::ClientId.eq(order.client_id.as_str()))
            .add(Column::IdempotencyKey.eq(&*order.idempotency_key));
        any = any.add(of_key);
    }
    let found = Entity::find().select_only().columns([Column::ClientId, Column::IdempotencyKey]).filter(any);
    let found: Vec<(String, String)> = found.into_tuple().all(connection).await?;
    let is_found = |order: &OrderToInsert| {
        found.iter().any(|(client, key)| *client == order.client_id.as_str() && *key == order.idempotency_key)
    };
    Ok(new.iter().filter(|(_, order)| is_found(order)).map(|(index, _)| *index).collect())
}

/// The archived order that was stored under the key of a new one.
pub(super) async fn of_key(connection: &impl ConnectionTrait, new: &OrderToInsert) -> StoreResult<Option<Created>> {
    let of_key = Entity::find()
        .filter(Column::ClientId.eq(new.client_id.as_str()))
        .filter(Column::IdempotencyKey.eq(&*new.idempotency_key));
    of_key.one(connection).await?.map(|row| archived(row, true)).transpose()
}

/// The archived order that the signed text of a new one made.
pub(super) async fn of_text(
    connection: &impl ConnectionTrait,
    new: &OrderToInsert,
    id: i64,
) -> StoreResult<Option<Created>> {
    let of_text = Entity::find_by_id(id).filter(Column::ClientId.eq(new.client_id.as_str()));
    of_text.one(connection).await?.map(|row| archived(row, false)).transpose()
}

/// Notes that the signed text of an order made the archived one, of which the order is a retry: with another key it makes none either.
pub(super) async fn name_text(
    connection: &impl ConnectionTrait,
    new: &OrderToInsert,
    number: OrderNumber,
) -> StoreResult<()> {
    use sales_order_signed_texts::{Column, Entity};
    let Some(text) = new.signed_text_digest else { return Ok(()) };
    let named = Query::insert()
        .into_table(Entity)
        .columns([Column::ClientId, Column::SignedTextDigest, Column::OrderId, Column::CreatedAt])
        .values_panic([new.client_id.as_str().into(), text.to_vec().into(), number.id().into(), micros(new.now).into()])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .to_owned();
    connection.execute(&named).await?;
    Ok(())
}

/// The archived order of a client that keeps others from having this reference. `None` where there is no reference.
pub(super) async fn of_reference(
    connection: &impl ConnectionTrait,
    client_id: &ClientId,
    reference: Option<&str>,
) -> StoreResult<Option<OrderNumber>> {
    let Some(reference) = reference else { return Ok(None) };
    let of_reference =
        Entity::find().filter(Column::ClientId.eq(client_id.as_str())).filter(Column::PartnerReference.eq(reference));
    Ok(of_reference.one(connection).await?.map(|row| OrderNumber::from_id(row.id)))
}

fn archived(row: Model, is_same_key: bool) -> StoreResult<Created> {
    Ok(Created::Archived {
        number: OrderNumber::from_id(row.id),
        archived_at: instant(row.archived_at)?,
        digest: row.request_digest,
        is_same_key,
    })
}
