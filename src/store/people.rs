//! People and the sessions of their browsers. Of a session the database holds a hash only, so that nobody gets in with a backup.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::audit;
use super::clients::{parse_client_id, row_of};
use super::connect::{Store, instant, micros};
use super::entity::clients;
use super::entity::person_sessions::{ActiveModel, Column, Entity, Model};
use super::error::{StoreError, StoreResult};
use crate::domain::audit::NewAuditEntry;
use crate::domain::client::{Client, ClientId};
use crate::domain::person::PersonSession;

/// So many browsers of one person stay signed in, the last ones.
const MOST_SESSIONS: u64 = 20;

/// A session to be stored.
#[derive(Debug, Clone)]
pub struct NewPersonSession {
    /// The hash of what the browser keeps.
    pub token_hash: String,
    /// When the person signed in.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// What the browser says of itself.
    pub user_agent: String,
    /// From where the person signs in.
    pub network: String,
}

impl Store {
    /// Writes what the provider says of a person, and with it the session that begins, if one does. `change` gets the client as it
    /// is, or nothing where the person is new, and gives what it is to be and what the log tells of that; giving no client, it
    /// changes nothing. A person that another sign-in made meanwhile is `Duplicate`.
    pub async fn save_person<F>(
        &self,
        (issuer, subject): (&str, &str),
        session: Option<NewPersonSession>,
        change: F,
    ) -> StoreResult<Option<Client>>
    where
        F: FnOnce(Option<Client>) -> Option<(Client, Option<NewAuditEntry>)> + Send + 'static,
    {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        self.transaction(move |tx| {
            Box::pin(async move {
                let known = clients::Entity::find()
                    .filter(clients::Column::Issuer.eq(&issuer))
                    .filter(clients::Column::Subject.eq(&subject))
                    .lock_exclusive()
                    .one(tx)
                    .await?;
                let known = known.map(Client::try_from).transpose()?;
                let is_new = known.is_none();
                let Some((client, entry)) = change(known) else { return Ok(None) };
                if is_new {
                    let row = clients::ActiveModel {
                        issuer: Set(Some(issuer)),
                        subject: Set(Some(subject)),
                        ..row_of(&client)
                    };
                    clients::Entity::insert(row).exec_without_returning(tx).await?;
                } else if entry.is_some() {
                    clients::Entity::update(row_of(&client)).exec(tx).await?;
                }
                if let Some(entry) = entry {
                    audit::append(tx, entry).await?;
                }
                if let Some(session) = session {
                    insert(tx, &client, session).await?;
                }
                Ok(Some(client))
            })
        })
        .await
    }

    /// The session with this hash and the client whose it is, whatever has become of both.
    pub async fn find_person_session(&self, token_hash: &str) -> StoreResult<Option<(PersonSession, Client)>> {
        let Some(row) = Entity::find().filter(Column::TokenHash.eq(token_hash)).one(&self.core).await? else {
            return Ok(None);
        };
        let client = clients::Entity::find_by_id(&row.client_id).one(&self.core).await?;
        let Some(client) = client.map(Client::try_from).transpose()? else { return Ok(None) };
        Ok(Some((row.try_into()?, client)))
    }

    /// Notes that a session gave a token. False where it was ended meanwhile.
    pub async fn update_person_session_used(&self, id: i64, now: DateTime<Utc>) -> StoreResult<bool> {
        let update = Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(micros(now)));
        let update = update.filter(Column::Id.eq(id));
        let updated = self.in_time(async { self.written(update.exec(self.write()).await) }).await?;
        Ok(updated.rows_affected > 0)
    }

    /// The sessions of these clients that have not expired, each client's newest first.
    pub async fn list_person_sessions_of(
        &self,
        clients: &[ClientId],
        now: DateTime<Utc>,
    ) -> StoreResult<HashMap<ClientId, Vec<PersonSession>>> {
        let rows = Entity::find()
            .filter(Column::ClientId.is_in(clients.iter().map(ClientId::as_str)))
            .filter(Column::ExpiresAt.gt(micros(now)))
            .order_by_desc(Column::Id)
            .all(&self.core)
            .await?;
        let mut sessions: HashMap<_, Vec<_>> = clients.iter().map(|client| (client.clone(), Vec::new())).collect();
        for row in rows {
            let session = PersonSession::try_from(row)?;
            sessions.entry(session.client_id.clone()).or_default().push(session);
        }
        Ok(sessions)
    }

    /// Ends the session with this hash; false where there is none.
    pub async fn delete_person_session(&self, token_hash: &str) -> StoreResult<bool> {
        let delete = Entity::delete_many().filter(Column::TokenHash.eq(token_hash));
        let deleted = self.in_time(async { self.written(delete.exec(self.write()).await) }).await?;
        Ok(deleted.rows_affected > 0)
    }

    /// Ends the session of a client that has this name, with the entry that tells of it; false where the client has none.
    pub async fn revoke_person_session(&self, name: &str, entry: NewAuditEntry) -> StoreResult<bool> {
        let name = name.to_owned();
        self.transaction(move |tx| {
            Box::pin(async move {
                let of_client = Entity::find().filter(Column::ClientId.eq(entry.client_id.as_str())).all(tx).await?;
                let meant = of_client.into_iter().map(PersonSession::try_from).collect::<StoreResult<Vec<_>>>()?;
                let Some(session) = meant.into_iter().find(|session| session.name == name) else { return Ok(false) };
                Entity::delete_by_id(session.id).exec(tx).await?;
                audit::append(tx, entry).await?;
                Ok(true)
            })
        })
        .await
    }
}

/// Stores a session; what has expired goes, and of the person's others all but the newest.
async fn insert(tx: &DatabaseTransaction, client: &Client, session: NewPersonSession) -> StoreResult<()> {
    let now = micros(session.created_at);
    Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(tx).await?;
    let of_client = Column::ClientId.eq(client.client_id.as_str());
    let newest_forgotten: Option<i64> = Entity::find()
        .filter(of_client.clone())
        .select_only()
        .column(Column::Id)
        .order_by_desc(Column::Id)
        .offset(MOST_SESSIONS - 1)
        .limit(1)
        .into_tuple()
        .one(tx)
        .await?;
    if let Some(forgotten) = newest_forgotten {
        Entity::delete_many().filter(of_client).filter(Column::Id.lte(forgotten)).exec(tx).await?;
    }
    Entity::insert(ActiveModel {
        id: NotSet,
        client_id: Set(client.client_id.to_string()),
        token_hash: Set(session.token_hash),
        session_generation: Set(client.session_generation),
        created_at: Set(now),
        last_used_at: Set(now),
        expires_at: Set(micros(session.expires_at)),
        user_agent: Set(session.user_agent),
        network: Set(session.network),
    })
    .exec_without_returning(tx)
    .await?;
    Ok(())
}

impl TryFrom<Model> for PersonSession {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            name: row.token_hash.chars().take(PersonSession::NAME).collect(),
            client_id: parse_client_id(&row.client_id)?,
            generation: row.session_generation,
            created_at: instant(row.created_at)?,
            last_used_at: instant(row.last_used_at)?,
            expires_at: instant(row.expires_at)?,
            user_agent: row.user_agent,
            network: row.network,
        })
    }
}
