//! Client secrets: argon2id hashes, of which two may be live while a client rotates.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::addresses;
use super::audit;
use super::clients::parse_client_id;
use super::connect::{Store, instant, micros};
use super::entity::client_secrets::{ActiveModel, Column, Entity, Model};
use super::entity::clients;
use super::error::{StoreError, StoreResult};
use crate::auth::secret::LIVE_SECRETS;
use crate::domain::audit::NewAuditEntry;
use crate::domain::client::ClientId;

/// A stored secret.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    /// Names the secret in the tokens it began.
    pub id: i64,
    /// PHC string of its argon2id hash.
    pub hash: String,
    /// The time at which it was created.
    pub created_at: DateTime<Utc>,
    /// The time until which it works; `None` for the newest one.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it last opened a session, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// From which address that was.
    pub last_used_from: Option<IpAddr>,
}

/// The outcome of a rotation.
#[derive(Debug)]
pub enum Rotated {
    /// It is the client's newest now; the one before it ends then.
    Done(DateTime<Utc>),
    /// Two secrets work already, and both are used; this is the older one.
    BothInUse(StoredSecret),
}

impl Store {
    /// The secrets of a client that are live at `now`, the newest first; two at most.
    pub async fn list_live_secrets(&self, client_id: &str, now: DateTime<Utc>) -> StoreResult<Vec<StoredSecret>> {
        let rows = Entity::find()
            .filter(Column::ClientId.eq(client_id))
            .filter(live_at(now))
            .order_by_desc(Column::Id)
            .limit(LIVE_SECRETS as u64)
            .all(&self.core)
            .await?;
        rows.into_iter().map(StoredSecret::try_from).collect()
    }

    /// The live secrets of many clients at once, each client's as [`Store::list_live_secrets`] gives them.
    pub async fn list_live_secrets_of(
        &self,
        clients: &[ClientId],
        now: DateTime<Utc>,
    ) -> StoreResult<HashMap<ClientId, Vec<StoredSecret>>> {
        let rows = Entity::find()
            .filter(Column::ClientId.is_in(clients.iter().map(ClientId::as_str)))
            .filter(live_at(now))
            .order_by_desc(Column::Id)
            .all(&self.core)
            .await?;
        let mut secrets: HashMap<_, Vec<_>> = clients.iter().map(|client| (client.clone(), Vec::new())).collect();
        for row in rows {
            let client_id = parse_client_id(&row.client_id)?;
            secrets.entry(client_id).or_default().push(row.try_into()?);
        }
        Ok(secrets)
    }

    /// Adds a secret, and lets the one before it end at `previous_expires_at`. Two work at once: a third takes the place of
    /// one that nobody ever used. When both are used, nothing happens, unless the older ones are to end at once.
    pub async fn insert_secret(
        &self,
        hash: String,
        previous_expires_at: DateTime<Utc>,
        audit: NewAuditEntry,
    ) -> StoreResult<Rotated> {
        self.transaction(move |tx| {
            Box::pin(async move {
                let (client_id, now) = (audit.client_id.clone(), audit.at);
                let mut live = lock_live(tx, &client_id, now).await?;
                let mut ends = previous_expires_at;
                if previous_expires_at > now && live.len() >= LIVE_SECRETS {
                    // The oldest unused one. A secret that is used was promised to work until its end.
                    let Some(unused) = live.iter().rposition(|row| row.last_used_at.is_none()) else {
                        return Ok(Rotated::BothInUse(live.remove(1).try_into()?));
                    };
                    end(tx, &live.remove(unused), now).await?;
                }
                for row in &live {
                    ends = end(tx, row, previous_expires_at).await?;
                }
                insert(tx, &client_id, hash, now).await?;
                let detail = vec![("previous_expires_at".to_owned(), ends.to_rfc3339())];
                audit::append(tx, NewAuditEntry { detail, ..audit }).await?;
                Ok(Rotated::Done(ends))
            })
        })
        .await
    }

    /// Ends every secret of a client but the newest now. Gives how many there were.
    pub async fn update_old_secrets_ended(&self, audit: NewAuditEntry) -> StoreResult<usize> {
        self.transaction(move |tx| {
            Box::pin(async move {
                let live = lock_live(tx, &audit.client_id, audit.at).await?;
                let old = live.get(1..).unwrap_or_default();
                for row in old {
                    end(tx, row, audit.at).await?;
                }
                if !old.is_empty() {
                    audit::append(tx, audit).await?;
                }
                Ok(old.len())
            })
        })
        .await
    }

    /// Notes that a client used a secret from an address; `network` is what of the address tells it from others.
    pub async fn update_secret_last_used(
        &self,
        client_id: &ClientId,
        id: i64,
        (from, network): (IpAddr, IpAddr),
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let client_id = client_id.clone();
        self.transaction(move |tx| {
            Box::pin(async move {
                addresses::note(tx, &client_id, network, now).await?;
                Entity::update_many()
                    .col_expr(Column::LastUsedAt, Expr::value(micros(now)))
                    .col_expr(Column::LastUsedFrom, Expr::value(from.to_string()))
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
        last_used_from: Set(None),
    })
    .exec_without_returning(tx)
    .await?;
    Ok(())
}

/// The live secrets, the newest first. Two rotations at once take turns; side by side neither would end the other's
/// secret.
async fn lock_live(tx: &DatabaseTransaction, client_id: &ClientId, now: DateTime<Utc>) -> StoreResult<Vec<Model>> {
    clients::Entity::find_by_id(client_id.as_str()).lock_exclusive().one(tx).await?;
    let live = Entity::find().filter(Column::ClientId.eq(client_id.as_str())).filter(live_at(now));
    Ok(live.order_by_desc(Column::Id).all(tx).await?)
}

/// Lets a secret end, and never later than it would have. Gives when that is.
async fn end(tx: &DatabaseTransaction, row: &Model, at: DateTime<Utc>) -> StoreResult<DateTime<Utc>> {
    let at = row.expires_at.map_or(micros(at), |already| std::cmp::Ord::min(already, micros(at)));
    let update = Entity::update_many().col_expr(Column::ExpiresAt, Expr::value(at)).filter(Column::Id.eq(row.id));
    update.exec(tx).await?;
    instant(at)
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
            last_used_from: row.last_used_from.and_then(|address| address.parse().ok()),
        })
    }
}
