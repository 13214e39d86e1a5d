//! Clients' public keys.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
};

use super::connect::{Store, instant, micros};
use super::entity::client_public_keys::{ActiveModel, Column, Entity, Model};
use super::error::{StoreError, StoreResult};
use crate::domain::client::ClientId;

/// A public key to be stored.
#[derive(Debug, Clone)]
pub struct NewPublicKey {
    /// Names the key.
    pub fingerprint: String,
    /// The key (SPKI PEM).
    pub pem: String,
    /// From when it counts.
    pub not_before: Option<DateTime<Utc>>,
    /// Until when it counts.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A stored public key.
#[derive(Debug, Clone)]
pub struct StoredPublicKey {
    /// Names the key.
    pub fingerprint: String,
    /// The key (SPKI PEM).
    pub pem: String,
    /// From when it counts.
    pub not_before: Option<DateTime<Utc>>,
    /// Until when it counts.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it counts no more.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it last verified a request, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Store {
    /// The keys of a client, revoked ones too, oldest first.
    pub async fn list_keys(&self, client_id: &ClientId) -> StoreResult<Vec<StoredPublicKey>> {
        let rows = Entity::find()
            .filter(Column::ClientId.eq(client_id.as_str()))
            .order_by_asc(Column::Id)
            .all(&self.read)
            .await?;
        rows.into_iter().map(StoredPublicKey::try_from).collect()
    }

    /// Adds a key. One the client has already is `Duplicate`.
    pub async fn insert_key(&self, client_id: &ClientId, key: NewPublicKey, now: DateTime<Utc>) -> StoreResult<()> {
        let client_id = client_id.clone();
        self.transaction(move |tx| Box::pin(async move { insert(tx, &client_id, key, now).await })).await
    }

    /// Revokes a key from now on. `false` when the client has no such key; one revoked before keeps its date.
    pub async fn update_key_revoked(
        &self,
        client_id: &ClientId,
        fingerprint: &str,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        let (client_id, fingerprint) = (client_id.to_string(), fingerprint.to_owned());
        self.transaction(move |tx| {
            Box::pin(async move {
                let update = Entity::update_many()
                    .col_expr(Column::RevokedAt, Expr::col(Column::RevokedAt).if_null(micros(now)))
                    .filter(Column::ClientId.eq(client_id))
                    .filter(Column::Fingerprint.eq(fingerprint));
                Ok(update.exec(tx).await?.rows_affected > 0)
            })
        })
        .await
    }
}

/// Notes that a key verified a request.
pub(super) async fn update_last_used(
    tx: &DatabaseTransaction,
    client_id: &ClientId,
    fingerprint: &str,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(micros(now)))
        .filter(Column::ClientId.eq(client_id.as_str()))
        .filter(Column::Fingerprint.eq(fingerprint))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn insert(
    tx: &DatabaseTransaction,
    client_id: &ClientId,
    key: NewPublicKey,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    Entity::insert(ActiveModel {
        id: NotSet,
        client_id: Set(client_id.to_string()),
        fingerprint: Set(key.fingerprint),
        public_key_pem: Set(key.pem),
        created_at: Set(micros(now)),
        not_before: Set(key.not_before.map(micros)),
        expires_at: Set(key.expires_at.map(micros)),
        revoked_at: Set(None),
        last_used_at: Set(None),
    })
    .exec_without_returning(tx)
    .await?;
    Ok(())
}

impl TryFrom<Model> for StoredPublicKey {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            fingerprint: row.fingerprint,
            pem: row.public_key_pem,
            not_before: row.not_before.map(instant).transpose()?,
            expires_at: row.expires_at.map(instant).transpose()?,
            revoked_at: row.revoked_at.map(instant).transpose()?,
            last_used_at: row.last_used_at.map(instant).transpose()?,
        })
    }
}
