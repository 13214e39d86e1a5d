//! How far the programs are that read the feed of events.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

use super::connect::{Store, instant, micros};
use super::entity::event_consumers::{ActiveModel, Column, Entity, Model};
use super::error::{StoreError, StoreResult};
use super::{horizon, locks};
use crate::domain::client::ClientId;
use crate::domain::event::Position;
use crate::domain::event_consumer::EventConsumer;
use crate::domain::own_name::OwnName;

impl Store {
    /// The client's consumers, by name.
    pub async fn list_event_consumers(&self, client: &ClientId) -> StoreResult<Vec<EventConsumer>> {
        let of_client = Entity::find().filter(Column::ClientId.eq(client.as_str())).order_by_asc(Column::Name);
        of_client.all(&self.read).await?.into_iter().map(EventConsumer::try_from).collect()
    }

    /// Notes that a consumer has read up to a position; where it was further already, it stays there. Makes it where it is not there, at
    /// that position or else at the beginning of what is left of the feed; `None` where the client has so many already.
    pub async fn update_event_consumer(
        &self,
        client: &ClientId,
        name: &OwnName,
        position: Option<Position>,
        most: u64,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<EventConsumer>> {
        let (key, at) = ((client.to_string(), name.to_string()), micros(now));
        self.transaction(move |tx| {
            Box::pin(async move {
                if Entity::find_by_id(key.clone()).one(tx).await?.is_none() {
                    locks::hold(tx, CONSUMERS_LOCK, &key.0).await?;
                    let others = Entity::find().filter(Column::ClientId.eq(&key.0)).filter(Column::Name.ne(&key.1));
                    if others.count(tx).await? >= most {
                        return Ok(None);
                    }
                    // What it is to read must not expire before it is there to keep it.
                    horizon::hold(tx).await?;
                    if let Some(position) = position {
                        horizon::ensure_kept(tx, position).await?;
                    }
                }
                let position = match position {
                    Some(position) => position,
                    None => horizon::find(tx).await?,
                };
                let row = ActiveModel {
                    client_id: Set(key.0.clone()),
                    name: Set(key.1.clone()),
                    position: Set(position.get()),
                    created_at: Set(at),
                    updated_at: Set(at),
                };
                Entity::insert(row).on_conflict(only_further()).exec_without_returning(tx).await?;
                Entity::find_by_id(key).one(tx).await?.map(EventConsumer::try_from).transpose()
            })
        })
        .await
    }

    /// Forgets a consumer; false where it was not there.
    pub async fn delete_event_consumer(&self, client: &ClientId, name: &OwnName) -> StoreResult<bool> {
        let key = (client.to_string(), name.to_string());
        self.transaction(move |tx| {
            Box::pin(async move { Ok(Entity::delete_by_id(key).exec(tx).await?.rows_affected > 0) })
        })
        .await
    }
}

/// It spells "cons" in ASCII.
const CONSUMERS_LOCK: i32 = 0x636f_6e73;

/// Of two that say at once how far a consumer is, in whichever order they are written, the later position counts.
fn only_further() -> OnConflict {
    let further = |name| {
        let is_further = "excluded.position > event_consumers.position";
        Expr::cust(format!("CASE WHEN {is_further} THEN excluded.{name} ELSE event_consumers.{name} END"))
    };
    OnConflict::columns([Column::ClientId, Column::Name])
        .value(Column::Position, further("position"))
        .value(Column::UpdatedAt, further("updated_at"))
        .to_owned()
}

impl TryFrom<Model> for EventConsumer {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let unreadable = |_| StoreError::Unreadable { what: "event consumer", value: row.name.clone() };
        Ok(Self {
            name: row.name.parse().map_err(unreadable)?,
            position: Position::new(row.position),
            created_at: instant(row.created_at)?,
            updated_at: instant(row.updated_at)?,
        })
    }
}
