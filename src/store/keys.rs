//! Clients' public keys.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect as _, QueryTrait as _,
};
use std::collections::{BTreeSet, HashMap};

use super::audit;
use super::clients::parse_client_id;
use super::connect::{Store, instant, micros};
use super::entity::client_public_keys::{ActiveModel, Column, Entity, Model};
use super::error::StoreResult;
use crate::auth::signature::SignatureForm;
use crate::domain::audit::NewAuditEntry;
use crate::domain::client::ClientId;

/// A public key to be stored.
#[derive(Debug, Clone)]
pub struct NewPublicKey {
    /// Names the key.
    pub fingerprint: String,
    /// The key (SPKI PEM).
    pub pem: String,
    /// The time from which signatures are accepted.
    pub not_before: Option<DateTime<Utc>>,
    /// The time until which signatures are accepted.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A stored public key.
#[derive(Debug, Clone)]
pub struct StoredPublicKey {
    /// Names the key.
    pub fingerprint: String,
    /// The key (SPKI PEM).
    pub pem: String,
    /// The time from which signatures are accepted.
    pub not_before: Option<DateTime<Utc>>,
    /// The time until which signatures are accepted.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time at which it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it last verified a request, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The same for the documented form of signature alone.
    pub documented_used_at: Option<DateTime<Utc>>,
    /// The same for the body-bound form.
    pub body_bound_used_at: Option<DateTime<Utc>>,
    /// The same for the body-and-key-bound form.
    pub body_and_key_bound_used_at: Option<DateTime<Utc>>,
    /// The other clients that have this key. New ones cannot come to be: it was so before a key had to be one client's alone.
    pub shared_with: Vec<ClientId>,
}

impl StoredPublicKey {
    /// The other clients that have it, in a list for people.
    #[must_use]
    pub fn holders(&self) -> String {
        self.shared_with.iter().map(ClientId::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl Store {
    /// The keys of a client, revoked ones too, oldest first.
    pub async fn list_keys(&self, client_id: &ClientId) -> StoreResult<Vec<StoredPublicKey>> {
        let rows = self.keys_of(client_id).await?;
        let shares = self.shares(&rows).await?;
        rows.into_iter().map(|row| stored(row, &shares)).collect()
    }

    /// The same for whoever checks signatures, without a look at who shares them.
    pub async fn list_keys_to_verify(&self, client_id: &ClientId) -> StoreResult<Vec<StoredPublicKey>> {
        let rows = self.keys_of(client_id).await?;
        rows.into_iter().map(|row| stored(row, &HashMap::new())).collect()
    }

    async fn keys_of(&self, client_id: &ClientId) -> StoreResult<Vec<Model>> {
        let keys = Entity::find().filter(Column::ClientId.eq(client_id.as_str())).order_by_asc(Column::Id);
        Ok(keys.all(&self.core).await?)
    }

    /// The client, other than this one, for which a key is registered and not revoked.
    pub async fn find_key_holder(&self, fingerprint: &str, except: &ClientId) -> StoreResult<Option<ClientId>> {
        let row = Entity::find()
            .filter(Column::Fingerprint.eq(fingerprint))
            .filter(Column::RevokedAt.is_null())
            .filter(Column::ClientId.ne(except.as_str()))
            .order_by_asc(Column::Id)
            .one(&self.read)
            .await?;
        row.map(|row| parse_client_id(&row.client_id)).transpose()
    }

    /// Who has the keys among these, whatever they were marked as: a version from before the mark may have registered some.
    async fn shares(&self, rows: &[Model]) -> StoreResult<HashMap<String, Vec<ClientId>>> {
        let counting = rows.iter().filter(|row| row.revoked_at.is_none());
        let fingerprints: BTreeSet<_> = counting.map(|row| row.fingerprint.as_str()).collect();
        let mut holders: HashMap<String, Vec<ClientId>> = HashMap::new();
        if fingerprints.is_empty() {
            return Ok(holders);
        }
        let rows = Entity::find()
            .filter(Column::Fingerprint.is_in(fingerprints))
            .filter(Column::RevokedAt.is_null())
            .order_by_asc(Column::ClientId)
            .all(&self.read)
            .await?;
        for row in rows {
            holders.entry(row.fingerprint).or_default().push(parse_client_id(&row.client_id)?);
        }
        Ok(holders)
    }

    /// The keys of many clients at once, each client's as [`Store::list_keys`] gives them.
    pub async fn list_keys_of(&self, clients: &[ClientId]) -> StoreResult<HashMap<ClientId, Vec<StoredPublicKey>>> {
        let rows = Entity::find()
            .filter(Column::ClientId.is_in(clients.iter().map(ClientId::as_str)))
            .order_by_asc(Column::Id)
            .all(&self.core)
            .await?;
        let shares = self.shares(&rows).await?;
        let mut keys: HashMap<_, Vec<_>> = clients.iter().map(|client| (client.clone(), Vec::new())).collect();
        for row in rows {
            let client_id = parse_client_id(&row.client_id)?;
            keys.entry(client_id).or_default().push(stored(row, &shares)?);
        }
        Ok(keys)
    }

    /// Adds a key. One that the client has already, or that another client has, is `Duplicate`.
    pub async fn insert_key(&self, key: NewPublicKey, audit: NewAuditEntry) -> StoreResult<()> {
        self.transaction(move |tx| {
            Box::pin(async move {
                insert(tx, &audit.client_id, key, audit.at).await?;
                audit::append(tx, audit).await
            })
        })
        .await
    }

    /// Revokes a key from now on. `false` when the client has no such key; one revoked before keeps its date.
    pub async fn update_key_revoked(&self, fingerprint: &str, audit: NewAuditEntry) -> StoreResult<bool> {
        let fingerprint = fingerprint.to_owned();
        self.transaction(move |tx| {
            Box::pin(async move {
                let this = Condition::all()
                    .add(Column::ClientId.eq(audit.client_id.as_str()))
                    .add(Column::Fingerprint.eq(fingerprint));
                let revoke = Entity::update_many()
                    .col_expr(Column::RevokedAt, Expr::value(micros(audit.at)))
                    .filter(this.clone())
                    .filter(Column::RevokedAt.is_null());
                if revoke.exec(tx).await?.rows_affected > 0 {
                    audit::append(tx, audit).await?;
                    return Ok(true);
                }
                Ok(Entity::find().filter(this).one(tx).await?.is_some())
            })
        })
        .await
    }
}

/// Notes that a key verified a request with this form of signature.
pub(super) async fn update_last_used(
    tx: &impl ConnectionTrait,
    client_id: &ClientId,
    fingerprint: &str,
    form: SignatureForm,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let of_form = match form {
        SignatureForm::Documented => Column::DocumentedUsedAt,
        SignatureForm::BodyBound => Column::BodyBoundUsedAt,
        SignatureForm::BodyAndKeyBound => Column::BodyAndKeyBoundUsedAt,
    };
    // Whoever has the row notes its use, or changes the key: no order waits for that
    // (`an_order_waits_for_nobody_who_has_its_key`). SQLite has one writer and leaves the clause out.
    let mut unlocked = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::ClientId.eq(client_id.as_str()))
        .filter(Column::Fingerprint.eq(fingerprint))
        .into_query();
    unlocked.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(micros(now)))
        .col_expr(of_form, Expr::value(micros(now)))
        .filter(Column::Id.in_subquery(unlocked))
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
        documented_used_at: Set(None),
        body_bound_used_at: Set(None),
        body_and_key_bound_used_at: Set(None),
        is_shared: Set(false),
    })
    .exec_without_returning(tx)
    .await?;
    Ok(())
}

/// A key as it is read, with who else has it.
fn stored(row: Model, shares: &HashMap<String, Vec<ClientId>>) -> StoreResult<StoredPublicKey> {
    let holders = shares.get(&row.fingerprint).filter(|_| row.revoked_at.is_none()).into_iter().flatten();
    let shared_with = holders.filter(|holder| holder.as_str() != row.client_id).cloned().collect();
    Ok(StoredPublicKey {
        fingerprint: row.fingerprint,
        pem: row.public_key_pem,
        not_before: row.not_before.map(instant).transpose()?,
        expires_at: row.expires_at.map(instant).transpose()?,
        revoked_at: row.revoked_at.map(instant).transpose()?,
        last_used_at: row.last_used_at.map(instant).transpose()?,
        documented_used_at: row.documented_used_at.map(instant).transpose()?,
        body_bound_used_at: row.body_bound_used_at.map(instant).transpose()?,
        body_and_key_bound_used_at: row.body_and_key_bound_used_at.map(instant).transpose()?,
        shared_with,
    })
}
