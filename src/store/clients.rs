//! Clients.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
};

use super::audit;
use super::connect::{Store, instant, micros};
use super::entity::clients::{ActiveModel, Column, Entity, Model};
use super::error::{StoreError, StoreResult};
use super::keys::{self, NewPublicKey};
use super::secrets;
use crate::domain::audit::NewAuditEntry;
use crate::domain::client::{Client, ClientId};
use crate::domain::page::Span;
use crate::domain::permission;

/// A client to be stored, with the secret and the keys it starts with.
pub struct NewClient {
    /// The client itself.
    pub client: Client,
    /// Hash of its first secret.
    pub secret_hash: String,
    /// Its first public keys.
    pub keys: Vec<NewPublicKey>,
}

impl Store {
    /// Stores a client with its secret and keys: all of it or nothing. A taken id is `Duplicate`.
    pub async fn insert_client(&self, new: NewClient, audit: NewAuditEntry) -> StoreResult<()> {
        self.transaction(move |tx| {
            Box::pin(async move {
                let client = &new.client;
                Entity::insert(row_of(client)).exec_without_returning(tx).await?;
                secrets::insert(tx, &client.client_id, new.secret_hash, client.created_at).await?;
                for key in new.keys {
                    keys::insert(tx, &client.client_id, key, client.created_at).await?;
                }
                audit::append(tx, audit).await
            })
        })
        .await
    }

    /// The client with this id.
    pub async fn find_client(&self, client_id: &str) -> StoreResult<Option<Client>> {
        Entity::find_by_id(client_id).one(&self.core).await?.map(Client::try_from).transpose()
    }

    /// Which of these ids are clients'.
    pub async fn find_known(&self, ids: HashSet<String>) -> StoreResult<HashSet<String>> {
        let known = Entity::find().select_only().column(Column::ClientId).filter(Column::ClientId.is_in(ids));
        let known: Vec<String> = known.into_tuple().all(&self.core).await?;
        Ok(known.into_iter().collect())
    }

    /// Clients by id: those of a span, counted from its own end, and one more; every one without a span.
    pub async fn list_clients(&self, span: Option<&Span<String>>) -> StoreResult<Vec<Client>> {
        let from_end = span.is_some_and(|span| span.from_end);
        let limit = span.map(|span| span.limit as u64 + 1);
        let order = if from_end { Order::Desc } else { Order::Asc };
        let mut query = Entity::find().order_by(Column::ClientId, order).limit(limit);
        if let Some(after) = span.and_then(|span| span.after.as_deref()) {
            query = query.filter(Column::ClientId.gt(after));
        }
        if let Some(before) = span.and_then(|span| span.before.as_deref()) {
            query = query.filter(Column::ClientId.lt(before));
        }
        query.all(&self.read).await?.into_iter().map(Client::try_from).collect()
    }

    /// Those of these clients that there are.
    pub async fn list_clients_by_id(&self, ids: &[ClientId]) -> StoreResult<Vec<Client>> {
        let query = Entity::find().filter(Column::ClientId.is_in(ids.iter().map(ClientId::as_str)));
        query.all(&self.core).await?.into_iter().map(Client::try_from).collect()
    }

    /// Changes a client as `change` says, with the entry that tells of it; `None` leaves everything as it is. Gives the
    /// client as it is then, or `None` when there is none. Changes of one client take turns, so that none undoes another.
    pub async fn update_client<F>(&self, id: &ClientId, change: F) -> StoreResult<Option<Client>>
    where
        F: FnOnce(&mut Client) -> Option<NewAuditEntry> + Send + 'static,
    {
        let id = id.to_string();
        self.transaction(move |tx| {
            Box::pin(async move {
                let Some(row) = Entity::find_by_id(id).lock_exclusive().one(tx).await? else { return Ok(None) };
                let mut client = Client::try_from(row)?;
                if let Some(entry) = change(&mut client) {
                    Entity::update(row_of(&client)).exec(tx).await?;
                    audit::append(tx, entry).await?;
                }
                Ok(Some(client))
            })
        })
        .await
    }

    /// Notes that signatures of a client came again with other orders, so many times, the last time then.
    pub async fn add_signature_reuses(&self, id: &ClientId, count: i64, last: DateTime<Utc>) -> StoreResult<()> {
        let update = Entity::update_many()
            .col_expr(Column::SignatureReuses, Expr::col(Column::SignatureReuses).add(count))
            .col_expr(Column::SignatureReusedAt, Expr::value(micros(last)))
            .filter(Column::ClientId.eq(id.as_str()));
        self.in_time(async { self.written(update.exec(self.write()).await) }).await?;
        Ok(())
    }
}

pub(super) fn row_of(client: &Client) -> ActiveModel {
    ActiveModel {
        client_id: Set(client.client_id.to_string()),
        kind: Set(client.kind.as_str().to_owned()),
        // What the provider calls a person never changes.
        issuer: NotSet,
        subject: NotSet,
        name: Set(client.name.clone()),
        scopes: Set(permission::join(&client.permissions)),
        signature_policy: Set(client.signature_policy.as_str().to_owned()),
        reference_policy: Set(client.reference_policy.as_str().to_owned()),
        expectation_policy: Set(client.expectation_policy.as_str().to_owned()),
        session_generation: Set(client.session_generation),
        created_at: Set(micros(client.created_at)),
        disabled_at: Set(client.disabled_at.map(micros)),
        // Counted beside, by `add_signature_reuses`: a change of the client must not take that back.
        signature_reuses: NotSet,
        signature_reused_at: NotSet,
    }
}

impl TryFrom<Model> for Client {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            client_id: parse_client_id(&row.client_id)?,
            kind: row.kind.parse().map_err(|_| StoreError::Unreadable { what: "kind of client", value: row.kind })?,
            name: row.name,
            permissions: permission::split(&row.scopes),
            signature_policy: row
                .signature_policy
                .parse()
                .map_err(|_| StoreError::Unreadable { what: "signature policy", value: row.signature_policy })?,
            reference_policy: row
                .reference_policy
                .parse()
                .map_err(|_| StoreError::Unreadable { what: "reference policy", value: row.reference_policy })?,
            expectation_policy: row
                .expectation_policy
                .parse()
                .map_err(|_| StoreError::Unreadable { what: "expectation policy", value: row.expectation_policy })?,
            session_generation: row.session_generation,
            created_at: instant(row.created_at)?,
            disabled_at: row.disabled_at.map(instant).transpose()?,
            signature_reuses: row.signature_reuses,
            signature_reused_at: row.signature_reused_at.map(instant).transpose()?,
        })
    }
}

pub(super) fn parse_client_id(text: &str) -> StoreResult<ClientId> {
    text.parse().map_err(|_| StoreError::Unreadable { what: "client id", value: text.to_owned() })
}
