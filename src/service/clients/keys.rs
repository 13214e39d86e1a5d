//! Clients' public keys.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::warn;

use super::{ClientDetails, Clients, not_found, refuse};
use crate::auth::public_key::PublicKey;
use crate::auth::registered_key::KeyStatus;
use crate::domain::audit::Action;
use crate::domain::client::ClientId;
use crate::domain::client_input::KeyToAdd;
use crate::error::{AppError, ErrorCode};
use crate::store::{NewPublicKey, StoreError, StoredPublicKey};

/// The time before its expiry at which an operator is warned of a key.
pub const EXPIRES_SOON: TimeDelta = TimeDelta::days(14);

/// A key that ends soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiringKey {
    /// The client that has the key.
    pub client_id: ClientId,
    /// The key's fingerprint.
    pub fingerprint: String,
    /// The time at which it expires.
    pub expires_at: DateTime<Utc>,
}

impl ExpiringKey {
    /// The warning in a sentence.
    #[must_use]
    pub fn sentence(&self, now: DateTime<Utc>) -> String {
        let days = (self.expires_at - now).num_days();
        let when = if days == 0 { "within a day".to_owned() } else { format!("in {days} d") };
        format!("key {} expires {when}, at {}", self.fingerprint, self.expires_at.to_rfc3339())
    }
}

impl Clients {
    /// Registers a public key and gives its fingerprint.
    pub async fn add_key(&self, client_id: &ClientId, key: KeyToAdd) -> Result<String, AppError> {
        let KeyToAdd { public_key, not_before, expires_at } = key;
        self.existing_machine(client_id).await?;
        let now = self.clock.now();
        if expires_at.is_some_and(|end| end <= not_before.unwrap_or(now).max(now)) {
            return Err(refuse("expiresAt", "the key would expire before it counts; give a later expiry"));
        }
        let key = new_key("publicKey", &public_key, not_before, expires_at)?;
        let fingerprint = key.fingerprint.clone();
        let mut detail = vec![("key".to_owned(), fingerprint.clone())];
        let bounds = [("not_before", not_before), ("expires_at", expires_at)];
        detail.extend(bounds.iter().filter_map(|(name, at)| Some(((*name).to_owned(), at.as_ref()?.to_rfc3339()))));
        self.ensure_unheld(client_id, &[fingerprint.as_str()]).await?;
        match self.store.insert_key(key, self.entry(Action::KeyAdded, client_id, detail)).await {
            Ok(()) => Ok(fingerprint),
            Err(StoreError::Duplicate(_)) => {
                // Somebody else may have been quicker.
                self.ensure_unheld(client_id, &[fingerprint.as_str()]).await?;
                let message =
                    format!("{client_id} has this key already: {fingerprint}; a revoked key cannot come back");
                Err(refuse("publicKey", message))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses keys that another client has: a signature must tell whose order it is, and the body-bound forms do not
    /// name the client. That two are not registered at once rests on a unique index.
    pub(super) async fn ensure_unheld(&self, client_id: &ClientId, fingerprints: &[&str]) -> Result<(), AppError> {
        for fingerprint in fingerprints.iter().copied() {
            if let Some(holder) = self.store.find_key_holder(fingerprint, client_id).await? {
                let message = format!(
                    "the client {holder} has the key {fingerprint} already, and one key is one client's; register another \
                     key, or revoke that one there first"
                );
                return Err(AppError::new(ErrorCode::Conflict, message)
                    .detail("client_id", holder.as_str())
                    .detail("fingerprint", fingerprint));
            }
        }
        Ok(())
    }

    /// Refuses a policy that binds the body to a client one of whose keys another client has too.
    pub(super) async fn ensure_unshared(&self, client_id: &ClientId) -> Result<(), AppError> {
        let keys = self.store.list_keys(client_id).await?;
        let Some(key) = keys.iter().find(|key| !key.shared_with.is_empty()) else { return Ok(()) };
        let message = format!(
            "{client_id} shares the key {} with {}, so a signature that binds the body would not tell whose order it is; \
             revoke the key of all but one of them first",
            key.fingerprint,
            key.holders()
        );
        Err(AppError::new(ErrorCode::Conflict, message)
            .detail("client_id", key.shared_with.first().map_or("", ClientId::as_str))
            .detail("fingerprint", key.fingerprint.as_str()))
    }

    /// The keys of a client, oldest first.
    pub async fn list_keys(&self, client_id: &ClientId) -> Result<Vec<StoredPublicKey>, AppError> {
        self.existing(client_id).await?;
        Ok(self.store.list_keys(client_id).await?)
    }

    /// Revokes a key for good.
    pub async fn revoke_key(&self, client_id: &ClientId, fingerprint: &str) -> Result<(), AppError> {
        self.existing(client_id).await?;
        let entry = self.entry(Action::KeyRevoked, client_id, vec![("key".to_owned(), fingerprint.to_owned())]);
        if self.store.update_key_revoked(fingerprint, entry).await? {
            return Ok(());
        }
        Err(not_found(format!("{client_id} has no key {fingerprint}; list its keys to see them")))
    }

    /// Warns in the log of keys that end soon and of keys that several clients have: at first and now and then, for as long as
    /// it is polled.
    pub async fn watch_keys(self) {
        let mut ticks = tokio::time::interval(WATCH);
        loop {
            ticks.tick().await;
            match self.store.in_time(self.list_clients()).await {
                Ok(clients) => {
                    clients
                        .iter()
                        .flat_map(|client| client.expiring_keys(self.clock.now()))
                        .for_each(|key| warn_of(&key));
                    clients.iter().for_each(warn_of_shares);
                }
                Err(error) => warn!(%error, "the keys that expire soon could not be read"),
            }
        }
    }
}

fn warn_of(key: &ExpiringKey) {
    warn!(
        client_id = %key.client_id,
        fingerprint = key.fingerprint,
        expires_at = key.expires_at.to_rfc3339(),
        "a public key expires soon: ask the client for its next one and register it (client key add)"
    );
}

fn warn_of_shares(details: &ClientDetails) {
    for key in details.shared_keys() {
        warn!(
            client_id = %details.client.client_id,
            fingerprint = key.fingerprint,
            shared_with = key.holders(),
            "a public key is registered for several clients: a signature that binds the body does not tell whose order it \
             is; register a key of its own for each, and revoke this one (client key revoke)"
        );
    }
}

/// The interval between two warnings.
const WATCH: Duration = Duration::from_hours(12);

/// Whether a key ends within two weeks.
pub(super) fn ends_soon(key: &StoredPublicKey, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let is_usable = KeyStatus::at(now, None, key.expires_at, key.revoked_at) == KeyStatus::Active;
    key.expires_at.filter(|end| is_usable && *end <= now + EXPIRES_SOON)
}

/// The key in a PEM, which came in this field.
pub(super) fn new_key(
    field: &str,
    pem: &str,
    not_before: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
) -> Result<NewPublicKey, AppError> {
    let key = PublicKey::from_pem(pem).map_err(|error| refuse(field, error.to_string()))?;
    Ok(NewPublicKey { fingerprint: key.fingerprint().to_owned(), pem: key.to_pem(), not_before, expires_at })
}
