//! Secrets of endpoints and the service's signing keys, sealed by whoever stores them.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::domain::audit::NewAuditEntry;
use crate::domain::webhook::SignatureScheme;
use crate::store::audit;
use crate::store::connect::{Store, instant, micros};
use crate::store::entity::{webhook_endpoints, webhook_secrets, webhook_signing_keys};
use crate::store::error::StoreResult;

/// A secret that only who has the configured key can read.
#[derive(Debug, Clone)]
pub struct SealedSecret {
    /// The sealed text.
    pub sealed: String,
    /// Which key opens it.
    pub sealed_by: String,
    /// Tells the secret from others.
    pub fingerprint: String,
    /// Until when it signs; without an end where there is none.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A new signing key of the service.
#[derive(Debug, Clone)]
pub struct NewSigningKey {
    /// Its algorithm.
    pub algorithm: &'static str,
    /// The sealed private key.
    pub sealed: String,
    /// Which key opens it.
    pub sealed_by: String,
    /// The public key, as a JSON Web Key.
    pub public_key: String,
}

/// A signing key of the service.
#[derive(Debug, Clone)]
pub struct SigningKeyRow {
    /// Its algorithm.
    pub algorithm: String,
    /// The sealed private key.
    pub sealed: String,
    /// Which key opens it.
    pub sealed_by: String,
    /// The public key, as a JSON Web Key.
    pub public_key: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it signs; without an end where there is none.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Store {
    /// The secrets of an endpoint that sign at this time, the newest first.
    pub async fn list_webhook_secrets(&self, endpoint: i64, now: DateTime<Utc>) -> StoreResult<Vec<SealedSecret>> {
        use webhook_secrets::Column;
        let valid = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(micros(now)));
        let rows = webhook_secrets::Entity::find()
            .filter(Column::EndpointId.eq(endpoint))
            .filter(valid)
            .order_by_desc(Column::Id)
            .all(&self.read)
            .await?;
        let secret = |row: webhook_secrets::Model| {
            let expires_at = row.expires_at.map(instant).transpose()?;
            Ok(SealedSecret { sealed: row.sealed, sealed_by: row.sealed_by, fingerprint: row.fingerprint, expires_at })
        };
        rows.into_iter().map(secret).collect()
    }

    /// The keys with which the secrets of endpoints that sign at this time are sealed, each once.
    pub async fn list_webhook_secret_seals(&self, now: DateTime<Utc>) -> StoreResult<Vec<String>> {
        use webhook_secrets::Column;
        let valid = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(micros(now)));
        let seals = webhook_secrets::Entity::find().select_only().column(Column::SealedBy).distinct().filter(valid);
        Ok(seals.order_by_asc(Column::SealedBy).into_tuple().all(&self.read).await?)
    }

    /// Gives an endpoint a new secret, with the entry that tells of it. Those it has sign until a time, or shorter where they ended
    /// earlier already.
    pub async fn rotate_webhook_secret(
        &self,
        endpoint: i64,
        secret: SealedSecret,
        until: DateTime<Utc>,
        entry: NewAuditEntry,
    ) -> StoreResult<()> {
        use webhook_secrets::{Column, Entity};
        self.transaction(move |tx| {
            Box::pin(async move {
                let now = entry.at;
                let of_endpoint = Column::EndpointId.eq(endpoint);
                Entity::delete_many()
                    .filter(of_endpoint.clone())
                    .filter(Column::ExpiresAt.lte(micros(now)))
                    .exec(tx)
                    .await?;
                let until = micros(until);
                Entity::update_many()
                    .filter(of_endpoint)
                    .filter(Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(until)))
                    .col_expr(Column::ExpiresAt, Expr::value(until))
                    .exec(tx)
                    .await?;
                // Whoever sends to it reads its secrets anew.
                webhook_endpoints::Entity::update_many()
                    .filter(webhook_endpoints::Column::Id.eq(endpoint))
                    .col_expr(webhook_endpoints::Column::UpdatedAt, Expr::value(micros(now)))
                    .exec(tx)
                    .await?;
                insert_secret(tx, endpoint, secret, now).await?;
                audit::append(tx, entry).await
            })
        })
        .await
    }

    /// The signing keys that sign at this time, of each algorithm the oldest first.
    pub async fn list_webhook_signing_keys(&self, now: DateTime<Utc>) -> StoreResult<Vec<SigningKeyRow>> {
        use webhook_signing_keys::{Column, Entity};
        let valid = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(micros(now)));
        let rows = Entity::find().filter(valid).order_by_asc(Column::Id).all(&self.read).await?;
        let key = |row: webhook_signing_keys::Model| {
            Ok(SigningKeyRow {
                algorithm: row.algorithm,
                sealed: row.sealed,
                sealed_by: row.sealed_by,
                public_key: row.public_key,
                created_at: instant(row.created_at)?,
                expires_at: row.expires_at.map(instant).transpose()?,
            })
        };
        rows.into_iter().map(key).collect()
    }

    /// Adds a signing key. In a rotation those of its algorithm that are there sign until a time, or shorter where they ended earlier
    /// already; else a key that is there already stays the only one.
    pub async fn insert_webhook_signing_key(
        &self,
        key: NewSigningKey,
        now: DateTime<Utc>,
        rotation: Option<(DateTime<Utc>, NewAuditEntry)>,
    ) -> StoreResult<()> {
        use webhook_signing_keys::{ActiveModel, Column, Entity};
        self.transaction(move |tx| {
            Box::pin(async move {
                lock_keys(tx).await?;
                let of_algorithm = Column::Algorithm.eq(key.algorithm);
                if let Some((until, entry)) = rotation {
                    let until = micros(until);
                    Entity::update_many()
                        .filter(of_algorithm)
                        .filter(Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(until)))
                        .col_expr(Column::ExpiresAt, Expr::value(until))
                        .exec(tx)
                        .await?;
                    // Whoever sends to an endpoint reads the keys anew.
                    webhook_endpoints::Entity::update_many()
                        .filter(webhook_endpoints::Column::Signatures.ne(SignatureScheme::V1.as_str()))
                        .col_expr(webhook_endpoints::Column::UpdatedAt, Expr::value(micros(now)))
                        .exec(tx)
                        .await?;
                    audit::append(tx, entry).await?;
                } else if Entity::find().filter(of_algorithm.and(Column::ExpiresAt.is_null())).one(tx).await?.is_some()
                {
                    return Ok(());
                }
                let row = ActiveModel {
                    id: NotSet,
                    algorithm: Set(key.algorithm.to_owned()),
                    sealed: Set(key.sealed),
                    sealed_by: Set(key.sealed_by),
                    public_key: Set(key.public_key),
                    created_at: Set(micros(now)),
                    expires_at: Set(None),
                };
                Entity::insert(row).exec_without_returning(tx).await?;
                Ok(())
            })
        })
        .await
    }
}

/// Two instances make one key.
async fn lock_keys(tx: &DatabaseTransaction) -> StoreResult<()> {
    use sea_orm::{ConnectionTrait as _, DbBackend};
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared("LOCK TABLE webhook_signing_keys IN SHARE ROW EXCLUSIVE MODE").await?;
    }
    Ok(())
}

pub(super) async fn insert_secret(
    tx: &DatabaseTransaction,
    endpoint: i64,
    secret: SealedSecret,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let row = webhook_secrets::ActiveModel {
        id: NotSet,
        endpoint_id: Set(endpoint),
        sealed: Set(secret.sealed),
        sealed_by: Set(secret.sealed_by),
        fingerprint: Set(secret.fingerprint),
        created_at: Set(micros(now)),
        expires_at: Set(secret.expires_at.map(micros)),
    };
    webhook_secrets::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}
