//! Endpoints, as their owners and staff see them.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait, EntityTrait, IntoActiveModel as _, PaginatorTrait, QueryFilter, QueryOrder,
};

use super::secrets::{SealedSecret, insert_secret};
use crate::domain::audit::NewAuditEntry;
use crate::domain::client::ClientId;
use crate::domain::event::Position;
use crate::domain::own_name::OwnName;
use crate::domain::webhook::{EndpointSettings, EndpointState, WebhookEndpoint};
use crate::store::audit;
use crate::store::connect::{Store, instant, micros};
use crate::store::entity::webhook_endpoints::{ActiveModel, Column, Entity, Model};
use crate::store::error::{StoreError, StoreResult};
use crate::store::{horizon, locks};

/// An endpoint that was written.
#[derive(Debug)]
pub struct SavedEndpoint {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// Whether it was not there before.
    pub is_new: bool,
}

impl Store {
    /// The endpoints of a client, or of all, by client and name.
    pub async fn list_webhook_endpoints(&self, client: Option<&ClientId>) -> StoreResult<Vec<WebhookEndpoint>> {
        let mut all = Entity::find().order_by_asc(Column::ClientId).order_by_asc(Column::Name);
        if let Some(client) = client {
            all = all.filter(Column::ClientId.eq(client.as_str()));
        }
        all.all(&self.read).await?.into_iter().map(WebhookEndpoint::try_from).collect()
    }

    /// The client's endpoint of this name.
    pub async fn find_webhook_endpoint(
        &self,
        client: &ClientId,
        name: &OwnName,
    ) -> StoreResult<Option<WebhookEndpoint>> {
        one_of(client, name).one(&self.read).await?.map(WebhookEndpoint::try_from).transpose()
    }

    /// An endpoint by its key.
    pub async fn find_webhook_endpoint_by_id(&self, id: i64) -> StoreResult<Option<WebhookEndpoint>> {
        Entity::find_by_id(id).one(&self.read).await?.map(WebhookEndpoint::try_from).transpose()
    }

    /// Writes the settings of an endpoint, or makes it with a secret, to be told of what is behind a position; `None` where the client
    /// has so many already. One that gets another URL has to be verified again. `tell` gives the entry that tells of the change from
    /// the settings that there are; `None` leaves everything as it is.
    pub async fn save_webhook_endpoint<F>(
        &self,
        new: WebhookEndpoint,
        secret: SealedSecret,
        most: u64,
        tell: F,
    ) -> StoreResult<Option<SavedEndpoint>>
    where
        F: FnOnce(Option<&EndpointSettings>) -> Option<NewAuditEntry> + Send + 'static,
    {
        self.transaction(move |tx| {
            Box::pin(async move {
                locks::hold(tx, ENDPOINTS_LOCK, new.client_id.as_str()).await?;
                let now = micros(new.updated_at);
                if let Some(known) = one_of(&new.client_id, &new.name).one(tx).await? {
                    let before = WebhookEndpoint::try_from(known.clone())?;
                    let Some(entry) = tell(Some(&before.settings)) else {
                        return Ok(Some(SavedEndpoint { endpoint: before, is_new: false }));
                    };
                    let is_elsewhere = known.url != new.settings.url;
                    let mut row = known.into_active_model();
                    set(&mut row, &new.settings);
                    row.updated_at = Set(now);
                    // Else they may change meanwhile.
                    if is_elsewhere {
                        (row.state, row.verified_at) = (Set(EndpointState::Pending.as_str().to_owned()), Set(None));
                        (row.rest_until, row.trips, row.failing_since) = (Set(None), Set(0), Set(None));
                    }
                    let endpoint = row.update(tx).await?.try_into()?;
                    audit::append(tx, entry).await?;
                    return Ok(Some(SavedEndpoint { endpoint, is_new: false }));
                }
                let others = Entity::find().filter(Column::ClientId.eq(new.client_id.as_str()));
                if others.count(tx).await? >= most {
                    return Ok(None);
                }
                horizon::hold(tx).await?;
                horizon::ensure_kept(tx, new.position).await?;
                let mut row = ActiveModel {
                    id: NotSet,
                    client_id: Set(new.client_id.to_string()),
                    name: Set(new.name.to_string()),
                    version: Set(new.version),
                    state: Set(new.state.as_str().to_owned()),
                    position: Set(new.position.get()),
                    created_at: Set(now),
                    updated_at: Set(now),
                    ..Default::default()
                };
                set(&mut row, &new.settings);
                let endpoint: WebhookEndpoint = row.insert(tx).await?.try_into()?;
                insert_secret(tx, endpoint.id, secret, new.updated_at).await?;
                if let Some(entry) = tell(None) {
                    audit::append(tx, entry).await?;
                }
                Ok(Some(SavedEndpoint { endpoint, is_new: true }))
            })
        })
        .await
    }

    /// Moves an endpoint from one of these states to another, with the entry that tells of it; `None` where it is in none of them. What
    /// it rested for is over.
    pub async fn update_webhook_endpoint_state(
        &self,
        id: i64,
        from: &'static [EndpointState],
        to: EndpointState,
        entry: NewAuditEntry,
    ) -> StoreResult<Option<WebhookEndpoint>> {
        self.transaction(move |tx| {
            Box::pin(async move {
                let now = entry.at;
                let change = Entity::update_many()
                    .filter(Column::Id.eq(id))
                    .filter(Column::State.is_in(from.iter().map(|state| state.as_str())))
                    .col_expr(Column::State, Expr::value(to.as_str()))
                    .col_expr(Column::UpdatedAt, Expr::value(micros(now)))
                    .col_expr(Column::RestUntil, Expr::value(None::<i64>))
                    .col_expr(Column::Trips, Expr::value(0));
                if change.exec(tx).await?.rows_affected == 0 {
                    return Ok(None);
                }
                audit::append(tx, entry).await?;
                Entity::find_by_id(id).one(tx).await?.map(WebhookEndpoint::try_from).transpose()
            })
        })
        .await
    }

    /// Begins to tell an endpoint that was verified at this URL, and notes who had it verified; `None` where it is no longer pending or
    /// elsewhere.
    pub async fn verify_webhook_endpoint(
        &self,
        id: i64,
        url: String,
        entry: NewAuditEntry,
    ) -> StoreResult<Option<WebhookEndpoint>> {
        self.transaction(move |tx| {
            Box::pin(async move {
                let now = micros(entry.at);
                let verified = Entity::update_many()
                    .filter(Column::Id.eq(id))
                    .filter(Column::State.eq(EndpointState::Pending.as_str()))
                    .filter(Column::Url.eq(url))
                    .col_expr(Column::State, Expr::value(EndpointState::Active.as_str()))
                    .col_expr(Column::UpdatedAt, Expr::value(now))
                    .col_expr(Column::VerifiedAt, Expr::value(now))
                    .exec(tx)
                    .await?;
                if verified.rows_affected == 0 {
                    return Ok(None);
                }
                audit::append(tx, entry).await?;
                Entity::find_by_id(id).one(tx).await?.map(WebhookEndpoint::try_from).transpose()
            })
        })
        .await
    }

    /// Forgets an endpoint, with its secrets and what it did not take, and notes who did; false where it was not there.
    pub async fn delete_webhook_endpoint(&self, id: i64, entry: NewAuditEntry) -> StoreResult<bool> {
        self.transaction(move |tx| {
            Box::pin(async move {
                if Entity::delete_by_id(id).exec(tx).await?.rows_affected == 0 {
                    return Ok(false);
                }
                audit::append(tx, entry).await?;
                Ok(true)
            })
        })
        .await
    }
}

fn one_of(client: &ClientId, name: &OwnName) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::ClientId.eq(client.as_str())).filter(Column::Name.eq(name.as_str()))
}

fn set(row: &mut ActiveModel, settings: &EndpointSettings) {
    row.url = Set(settings.url.clone());
    row.kinds = Set(joined(settings.kinds.iter().map(|kind| kind.as_str())));
    row.payload = Set(settings.payload.as_str().to_owned());
    row.signatures = Set(joined(settings.signatures.iter().map(|scheme| scheme.as_str())));
    row.on_exhausted = Set(settings.on_exhausted.as_str().to_owned());
    row.max_in_flight = Set(settings.max_in_flight.into());
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(",")
}

/// It spells "hook" in ASCII.
const ENDPOINTS_LOCK: i32 = 0x686f_6f6b;

/// Reads a stored name.
pub(super) fn read<T: std::str::FromStr>(what: &'static str, text: &str) -> StoreResult<T> {
    text.parse().map_err(|_| StoreError::Unreadable { what, value: text.to_owned() })
}

fn read_all<T: std::str::FromStr>(what: &'static str, text: &str) -> StoreResult<Vec<T>> {
    text.split(',').filter(|name| !name.is_empty()).map(|name| read(what, name)).collect()
}

impl TryFrom<Model> for WebhookEndpoint {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let settings = EndpointSettings {
            kinds: read_all("kind of event", &row.kinds)?,
            payload: read("form of a webhook", &row.payload)?,
            signatures: read_all("signature scheme", &row.signatures)?,
            on_exhausted: read("rule of a webhook", &row.on_exhausted)?,
            max_in_flight: u16::try_from(row.max_in_flight).unwrap_or(1),
            url: row.url,
        };
        Ok(Self {
            id: row.id,
            client_id: read("client id", &row.client_id)?,
            name: read("name of an endpoint", &row.name)?,
            settings,
            version: row.version,
            state: read("state of an endpoint", &row.state)?,
            position: Position::new(row.position),
            rest_until: row.rest_until.map(instant).transpose()?,
            trips: u32::try_from(row.trips).unwrap_or_default(),
            failing_since: row.failing_since.map(instant).transpose()?,
            created_at: instant(row.created_at)?,
            updated_at: instant(row.updated_at)?,
            verified_at: row.verified_at.map(instant).transpose()?,
        })
    }
}
