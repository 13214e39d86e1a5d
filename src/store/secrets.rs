//! Client secrets: argon2id hashes, of which two may be live while a client rotates.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::connect::{Store, instant, micros};
use super::entity::client_secrets::{ActiveModel, Column, Entity, Model};
use super::entity::clients;
use super::error::{StoreError, StoreResult};
use crate::auth::secret::LIVE_SECRETS;
use crate::domain::client::ClientId;

/// A stored secret.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    /// Names the secret in the tokens it began.
    pub id: i64,
    /// PHC string of its argon2id hash.
    pub hash: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends, if it has been rotated out.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it last opened a session, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Store {
    /// The secrets of a client that are live at `now`, the newest first; two at most.
    pub async fn list_live_secrets(&self, client_id: &str, now: DateTime<Utc>) -> StoreResult<Vec<StoredSecret>> {
        let rows = Entity::find()
            .filter(Column::ClientId.eq(client_id))
            .filter(live_at(now))
            .order_by_desc(Column::Id)
            .limit(LIVE_SECRETS as u64)
            .all(&self.read)
            .await?;
        rows.into_iter().map(StoredSecret::try_from).collect()
    }

    /// Adds a secret and ends the older ones: the newest of them at `previous_expires_at`, any others now.
    pub async fn insert_secret(
        &self,
        client_id: &ClientId,
        hash: String,
        now: DateTime<Utc>,
        previous_expires_at: DateTime<Utc>,
    ) -> StoreResult<()> {
        let client_id = client_id.clone();
        self.transaction(move |tx| {
            Box::pin(async move {
                // Two rotations at once take turns; side by side neither would end the other's secret.
                clients::Entity::find_by_id(client_id.as_str()).lock_exclusive().one(tx).await?;
                let live = Entity::find()
                    .filter(Column::ClientId.eq(client_id.as_str()))
                    .filter(live_at(now))
                    .order_by_desc(Column::Id)
                    .all(tx)
                    .await?;
                for (place, row) in live.iter().enumerate() {
                    let end = if place == 0 { previous_expires_at } else { now };
                    // A rotation never lengthens the life of an old secret.
                    let end = row.expires_at.map_or(micros(end), |already| std::cmp::Ord::min(already, micros(end)));
                    Entity::update_many()
                        .col_expr(Column::ExpiresAt, Expr::value(end))
                        .filter(Column::Id.eq(row.id))
                        .exec(tx)
                        .await?;
                }
                insert(tx, &client_id, hash, now).await
            })
        })
        .await
    }

    /// Notes that a secret was used.
    pub async fn update_secret_last_used(&self, id: i64, now: DateTime<Utc>) -> StoreResult<()> {
        self.transaction(move |tx| {
            Box::pin(async move {
                Entity::update_many()
                    .col_expr(Column::LastUsedAt, Expr::value(micros(now)))
                    .filter(Column::Id.eq(id))
                    .exec(tx)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}

pub(super) async fn insert(
    tx: &DatabaseTransaction,
    client_id: &ClientId,
    hash: String,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    Entity::insert(ActiveModel {
        id: NotSet,
        client_id: Set(client_id.to_string()),
        secret_hash: Set(hash),
        created_at: Set(micros(now)),
        expires_at: Set(None),
        last_used_at: Set(None),
    })
    .exec_without_returning(tx)
    .await?;
    Ok(())
}

fn live_at(now: DateTime<Utc>) -> Condition {
    Condition::any().add(Column::ExpiresAt.is_null()).add(Expr::col(Column::ExpiresAt).gt(micros(now)))
}

impl TryFrom<Model> for StoredSecret {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            hash: row.secret_hash,
            created_at: instant(row.created_at)?,
            expires_at: row.expires_at.map(instant).transpose()?,
            last_used_at: row.last_used_at.map(instant).transpose()?,
        })
    }
}
