//! Clients.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder};

use super::connect::{Store, instant, micros};
use super::entity::clients::{ActiveModel, Column, Entity, Model};
use super::error::{StoreError, StoreResult};
use super::keys::{self, NewPublicKey};
use super::secrets;
use crate::domain::client::{Client, ClientId};
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
    pub async fn insert_client(&self, new: NewClient) -> StoreResult<()> {
        self.transaction(move |tx| {
            Box::pin(async move {
                let client = &new.client;
                Entity::insert(ActiveModel {
                    client_id: Set(client.client_id.to_string()),
                    name: Set(client.name.clone()),
                    scopes: Set(permission::join(&client.permissions)),
                    signature_policy: Set(client.signature_policy.as_str().to_owned()),
                    session_generation: Set(client.session_generation),
                    created_at: Set(micros(client.created_at)),
                    disabled_at: Set(client.disabled_at.map(micros)),
                })
                .exec_without_returning(tx)
                .await?;
                secrets::insert(tx, &client.client_id, new.secret_hash, client.created_at).await?;
                for key in new.keys {
                    keys::insert(tx, &client.client_id, key, client.created_at).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// The client with this id.
    pub async fn find_client(&self, client_id: &ClientId) -> StoreResult<Option<Client>> {
        Entity::find_by_id(client_id.to_string()).one(&self.read).await?.map(Client::try_from).transpose()
    }

    /// Every client, by id.
    pub async fn list_clients(&self) -> StoreResult<Vec<Client>> {
        let rows = Entity::find().order_by_asc(Column::ClientId).all(&self.read).await?;
        rows.into_iter().map(Client::try_from).collect()
    }

    /// Disables a client from this instant on (`None` enables it). `false` when there is no such client.
    pub async fn update_client_disabled(&self, id: &ClientId, since: Option<DateTime<Utc>>) -> StoreResult<bool> {
        let id = id.to_string();
        self.transaction(move |tx| {
            Box::pin(async move {
                let update = Entity::update_many()
                    .set(ActiveModel { disabled_at: Set(since.map(micros)), ..ActiveModel::default() })
                    .filter(Column::ClientId.eq(id));
                Ok(update.exec(tx).await?.rows_affected > 0)
            })
        })
        .await
    }

    /// Ends every session of a client. `false` when there is no such client.
    pub async fn update_client_session_generation(&self, id: &ClientId) -> StoreResult<bool> {
        let id = id.to_string();
        self.transaction(move |tx| {
            Box::pin(async move {
                let update = Entity::update_many()
                    .col_expr(
                        Column::SessionGeneration,
                        sea_orm::sea_query::Expr::col(Column::SessionGeneration).add(1),
                    )
                    .filter(Column::ClientId.eq(id));
                Ok(update.exec(tx).await?.rows_affected > 0)
            })
        })
        .await
    }
}

impl TryFrom<Model> for Client {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            client_id: parse_client_id(&row.client_id)?,
            name: row.name,
            permissions: permission::split(&row.scopes),
            signature_policy: row
                .signature_policy
                .parse()
                .map_err(|_| StoreError::Unreadable { what: "signature policy", value: row.signature_policy })?,
            session_generation: row.session_generation,
            created_at: instant(row.created_at)?,
            disabled_at: row.disabled_at.map(instant).transpose()?,
        })
    }
}

pub(super) fn parse_client_id(text: &str) -> StoreResult<ClientId> {
    text.parse().map_err(|_| StoreError::Unreadable { what: "client id", value: text.to_owned() })
}
