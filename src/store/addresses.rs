//! From where clients log in.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::connect::{Store, micros};
use super::entity::client_addresses::{ActiveModel, Column, Entity};
use super::error::StoreResult;
use crate::domain::client::ClientId;

/// So many addresses of a client are remembered, the last used ones: more than a partner's sites and proxies are.
const REMEMBERED: u64 = 32;

/// More clients than this at one address are not told apart from strangers once it is over its limits.
const CLIENTS_AT_ONE: u64 = 1_000;

impl Store {
    /// Whether the client has logged in from this address.
    pub async fn has_address(&self, client_id: &str, address: IpAddr) -> StoreResult<bool> {
        let key = (client_id.to_owned(), address.to_string());
        Ok(Entity::find_by_id(key).one(&self.core).await?.is_some())
    }

    /// The clients that have logged in from this address.
    pub async fn list_clients_at(&self, address: IpAddr) -> StoreResult<Vec<String>> {
        let at = Entity::find().filter(Column::Address.eq(address.to_string()));
        Ok(at.select_only().column(Column::ClientId).limit(CLIENTS_AT_ONE).into_tuple().all(&self.read).await?)
    }
}

/// Notes that the client has logged in from this address.
pub(super) async fn note(
    tx: &DatabaseTransaction,
    client_id: &ClientId,
    address: IpAddr,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let row = ActiveModel {
        client_id: Set(client_id.to_string()),
        address: Set(address.to_string()),
        last_used_at: Set(micros(now)),
    };
    let again = OnConflict::columns([Column::ClientId, Column::Address]).update_column(Column::LastUsedAt).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    let of_client = Entity::find().filter(Column::ClientId.eq(client_id.as_str()));
    let newest_forgotten: Option<i64> = of_client
        .select_only()
        .column(Column::LastUsedAt)
        .order_by_desc(Column::LastUsedAt)
        .offset(REMEMBERED)
        .limit(1)
        .into_tuple()
        .one(tx)
        .await?;
    if let Some(forgotten) = newest_forgotten {
        let of_client = Entity::delete_many().filter(Column::ClientId.eq(client_id.as_str()));
        of_client.filter(Column::LastUsedAt.lte(forgotten)).exec(tx).await?;
    }
    Ok(())
}
