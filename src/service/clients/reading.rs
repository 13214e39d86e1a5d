//! What operators see of clients.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::Clients;
use super::keys::{self, ExpiringKey};
use crate::auth::signature::SignatureForm;
use crate::domain::audit::AuditEntry;
use crate::domain::client::{Client, ClientId};
use crate::domain::page::{Page, Span};
use crate::error::AppError;
use crate::store::{StoredPublicKey, StoredSecret};

/// A client with all an operator may see of it.
pub struct ClientDetails {
    /// The client.
    pub client: Client,
    /// Its live secrets, newest first.
    pub secrets: Vec<StoredSecret>,
    /// Its keys, oldest first.
    pub keys: Vec<StoredPublicKey>,
}

impl ClientDetails {
    /// Its keys that end soon.
    pub fn expiring_keys(&self, now: DateTime<Utc>) -> impl Iterator<Item = ExpiringKey> {
        self.keys.iter().filter_map(move |key| {
            let expires_at = keys::ends_soon(key, now)?;
            let (client_id, fingerprint) = (self.client.client_id.clone(), key.fingerprint.clone());
            Some(ExpiringKey { client_id, fingerprint, expires_at })
        })
    }

    /// Its keys that other clients have too.
    pub fn shared_keys(&self) -> impl Iterator<Item = &StoredPublicKey> {
        self.keys.iter().filter(|key| !key.shared_with.is_empty())
    }

    /// When each form of signature was last used.
    pub fn form_use(&self) -> [(&'static str, Option<DateTime<Utc>>); 3] {
        let last = |of: fn(&StoredPublicKey) -> Option<DateTime<Utc>>| self.keys.iter().filter_map(of).max();
        SignatureForm::ALL.map(|form| {
            let at = match form {
                SignatureForm::Documented => last(|key| key.documented_used_at),
                SignatureForm::BodyBound => last(|key| key.body_bound_used_at),
                SignatureForm::BodyAndKeyBound => last(|key| key.body_and_key_bound_used_at),
            };
            (form.as_str(), at)
        })
    }
}

impl Clients {
    /// Every client with its secrets and keys, by id.
    pub async fn list_clients(&self) -> Result<Vec<ClientDetails>, AppError> {
        let clients = self.store.list_clients(None).await?;
        let ids: Vec<_> = clients.iter().map(|client| client.client_id.clone()).collect();
        let (mut keys, mut secrets) = (self.keys_of(&ids).await?, self.secrets_of(&ids).await?);
        let with_details = clients.into_iter().map(|client| ClientDetails {
            secrets: secrets.remove(&client.client_id).unwrap_or_default(),
            keys: keys.remove(&client.client_id).unwrap_or_default(),
            client,
        });
        Ok(with_details.collect())
    }

    /// One page of the clients, by id.
    pub async fn page(&self, span: &Span<String>) -> Result<Page<Client>, AppError> {
        Ok(span.page(self.store.list_clients(Some(span)).await?))
    }

    /// Those of these clients that there are.
    pub async fn by_ids(&self, ids: &[ClientId]) -> Result<HashMap<ClientId, Client>, AppError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let clients = self.store.list_clients_by_id(ids).await?;
        Ok(clients.into_iter().map(|client| (client.client_id.clone(), client)).collect())
    }

    /// The keys of these clients.
    pub async fn keys_by_ids(&self, ids: &[ClientId]) -> Result<HashMap<ClientId, Vec<StoredPublicKey>>, AppError> {
        if ids.is_empty() { Ok(HashMap::new()) } else { self.keys_of(ids).await }
    }

    /// Those of these entries of the log that there are.
    pub async fn audit_entries(&self, ids: &[i64]) -> Result<HashMap<i64, AuditEntry>, AppError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let entries = self.store.list_audit_entries_by_id(ids).await?;
        Ok(entries.into_iter().map(|entry| (entry.id, entry)).collect())
    }

    /// A client, if there is one.
    pub async fn find(&self, client_id: &str) -> Result<Option<Client>, AppError> {
        Ok(self.store.find_client(client_id).await?)
    }

    /// One client with its secrets and keys.
    pub async fn show_client(&self, client_id: &ClientId) -> Result<ClientDetails, AppError> {
        let client = self.existing(client_id).await?;
        let secrets = self.store.list_live_secrets(client_id.as_str(), self.clock.now()).await?;
        let keys = self.store.list_keys(client_id).await?;
        Ok(ClientDetails { client, secrets, keys })
    }

    /// The keys of clients, each client's oldest first.
    pub async fn keys_of(&self, clients: &[ClientId]) -> Result<HashMap<ClientId, Vec<StoredPublicKey>>, AppError> {
        Ok(self.store.list_keys_of(clients).await?)
    }

    /// The live secrets of clients, each client's newest first.
    pub async fn secrets_of(&self, clients: &[ClientId]) -> Result<HashMap<ClientId, Vec<StoredSecret>>, AppError> {
        Ok(self.store.list_live_secrets_of(clients, self.clock.now()).await?)
    }

    /// One page of the log of what was done to clients, the newest entry first.
    pub async fn audit_log(&self, client_id: Option<&str>, span: &Span<i64>) -> Result<Page<AuditEntry>, AppError> {
        Ok(span.page(self.store.list_audit_entries(client_id, span).await?))
    }

    /// The time, for whoever shows what of all this is still good.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
