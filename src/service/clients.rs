//! Clients, their secrets and their keys, as operators manage them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use crate::auth::public_key::PublicKey;
use crate::auth::secret;
use crate::clock::Clock;
use crate::domain::client::{Client, ClientId};
use crate::domain::permission::Permission;
use crate::domain::signature_policy::SignaturePolicy;
use crate::error::{AppError, ErrorCode};
use crate::store::{NewClient, NewPublicKey, Store, StoreError, StoredPublicKey, StoredSecret};

/// Manages clients.
pub struct Clients {
    store: Store,
    clock: Clock,
}

/// A client to be made.
pub struct ClientToCreate {
    /// Its public name.
    pub client_id: ClientId,
    /// Its name for people.
    pub name: String,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// Which signatures it may send.
    pub signature_policy: SignaturePolicy,
    /// Its first keys (SPKI PEM).
    pub public_keys: Vec<String>,
    /// Its secret; `None` makes one.
    pub secret: Option<SecretString>,
}

/// A client with all an operator may see of it.
pub struct ClientDetails {
    /// The client.
    pub client: Client,
    /// Its live secrets, newest first.
    pub secrets: Vec<StoredSecret>,
    /// Its keys, oldest first.
    pub keys: Vec<StoredPublicKey>,
}

/// The outcome of a rotation.
pub struct RotatedSecret {
    /// The new secret, shown this once.
    pub secret: SecretString,
    /// When the one before it ends.
    pub previous_expires_at: DateTime<Utc>,
}

/// A secret chosen by people must still be long; ours have 64 characters.
const MIN_SECRET: usize = 16;
const MAX_SECRET: usize = 512;

/// As long as any configured duration may be; an instant this far away is still one.
const LONGEST_GRACE: Duration = Duration::from_hours(3_650 * 24);

impl Clients {
    /// Manages the clients of this store.
    #[must_use]
    pub const fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Creates a client and gives its secret, which cannot be shown again.
    pub async fn create_client(&self, new: ClientToCreate) -> Result<SecretString, AppError> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > 128 || name.chars().any(char::is_control) {
            return Err(refuse("the name must have 1 to 128 characters on one line"));
        }
        if new.permissions.is_empty() {
            return Err(refuse("a client needs at least one scope"));
        }
        let secret = match new.secret {
            Some(secret) => checked_secret(secret)?,
            None => secret::generate(),
        };
        let mut keys = Vec::with_capacity(new.public_keys.len());
        for pem in &new.public_keys {
            keys.push(new_key(pem, None, None)?);
        }
        let mut permissions = new.permissions;
        permissions.sort_unstable();
        permissions.dedup();
        let client = Client {
            client_id: new.client_id.clone(),
            name: name.to_owned(),
            permissions,
            signature_policy: new.signature_policy,
            session_generation: 0,
            created_at: self.clock.now(),
            disabled_at: None,
        };
        let stored = self.store.insert_client(NewClient { client, secret_hash: hashed(secret.clone()).await?, keys });
        match stored.await {
            Ok(()) => Ok(secret),
            Err(StoreError::Duplicate(what)) if what.contains("fingerprint") => {
                Err(refuse("the same public key is given twice"))
            }
            Err(StoreError::Duplicate(_)) => Err(refuse(format!("there is a client {} already", new.client_id))),
            Err(error) => Err(error.into()),
        }
    }

    /// Every client, by id.
    pub async fn list_clients(&self) -> Result<Vec<Client>, AppError> {
        Ok(self.store.list_clients().await?)
    }

    /// One client with its secrets and keys.
    pub async fn show_client(&self, client_id: &ClientId) -> Result<ClientDetails, AppError> {
        let client = self.existing(client_id).await?;
        let secrets = self.store.list_live_secrets(client_id.as_str(), self.clock.now()).await?;
        let keys = self.store.list_keys(client_id).await?;
        Ok(ClientDetails { client, secrets, keys })
    }

    /// Refuses a client from now on, whatever it holds.
    pub async fn disable_client(&self, client_id: &ClientId) -> Result<(), AppError> {
        let client = self.existing(client_id).await?;
        let since = client.disabled_at.unwrap_or_else(|| self.clock.now());
        found(self.store.update_client_disabled(client_id, Some(since)).await?, client_id)
    }

    /// Takes a disabled client back.
    pub async fn enable_client(&self, client_id: &ClientId) -> Result<(), AppError> {
        found(self.store.update_client_disabled(client_id, None).await?, client_id)
    }

    /// Ends every session of a client: its tokens are refused and cannot be refreshed.
    pub async fn revoke_sessions(&self, client_id: &ClientId) -> Result<(), AppError> {
        found(self.store.update_client_session_generation(client_id).await?, client_id)
    }

    /// Gives a client a new secret; the one before it works for `grace` longer.
    pub async fn rotate_secret(&self, client_id: &ClientId, grace: Duration) -> Result<RotatedSecret, AppError> {
        if grace > LONGEST_GRACE {
            return Err(refuse("the old secret may work for 3650d more at most; give a shorter grace"));
        }
        self.existing(client_id).await?;
        let now = self.clock.now();
        let previous_expires_at = TimeDelta::from_std(grace)
            .ok()
            .and_then(|grace| now.checked_add_signed(grace))
            .ok_or_else(|| refuse("the grace period is too long"))?;
        let secret = secret::generate();
        let hash = hashed(secret.clone()).await?;
        self.store.insert_secret(client_id, hash, now, previous_expires_at).await?;
        Ok(RotatedSecret { secret, previous_expires_at })
    }

    /// Registers a public key and gives its fingerprint.
    pub async fn add_key(
        &self,
        client_id: &ClientId,
        pem: &str,
        not_before: Option<DateTime<Utc>>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<String, AppError> {
        self.existing(client_id).await?;
        let now = self.clock.now();
        if expires_at.is_some_and(|end| end <= not_before.unwrap_or(now).max(now)) {
            return Err(refuse("the key would expire before it counts; give a later --expires-at"));
        }
        let key = new_key(pem, not_before, expires_at)?;
        let fingerprint = key.fingerprint.clone();
        match self.store.insert_key(client_id, key, now).await {
            Ok(()) => Ok(fingerprint),
            Err(StoreError::Duplicate(_)) => {
                Err(refuse(format!("{client_id} has this key already: {fingerprint}; a revoked key cannot come back")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The keys of a client, oldest first.
    pub async fn list_keys(&self, client_id: &ClientId) -> Result<Vec<StoredPublicKey>, AppError> {
        self.existing(client_id).await?;
        Ok(self.store.list_keys(client_id).await?)
    }

    /// Revokes a key for good.
    pub async fn revoke_key(&self, client_id: &ClientId, fingerprint: &str) -> Result<(), AppError> {
        self.existing(client_id).await?;
        if self.store.update_key_revoked(client_id, fingerprint, self.clock.now()).await? {
            return Ok(());
        }
        Err(not_found(format!("{client_id} has no key {fingerprint}; `client key list` shows its keys")))
    }

    async fn existing(&self, client_id: &ClientId) -> Result<Client, AppError> {
        self.store.find_client(client_id.as_str()).await?.ok_or_else(|| no_client(client_id))
    }
}

async fn hashed(secret: SecretString) -> Result<String, AppError> {
    tokio::task::spawn_blocking(move || secret::hash(&secret)).await.map_err(AppError::internal)?
}

fn new_key(
    pem: &str,
    not_before: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
) -> Result<NewPublicKey, AppError> {
    let key = PublicKey::from_pem(pem).map_err(|error| refuse(error.to_string()))?;
    Ok(NewPublicKey { fingerprint: key.fingerprint().to_owned(), pem: key.to_pem(), not_before, expires_at })
}

fn checked_secret(secret: SecretString) -> Result<SecretString, AppError> {
    let length = secret.expose_secret().len();
    if (MIN_SECRET..=MAX_SECRET).contains(&length) {
        Ok(secret)
    } else {
        Err(refuse(format!("a secret must have {MIN_SECRET} to {MAX_SECRET} bytes, not {length}")))
    }
}

fn refuse(message: impl Into<std::borrow::Cow<'static, str>>) -> AppError {
    AppError::new(ErrorCode::ValidationFailed, message)
}

fn not_found(message: String) -> AppError {
    AppError::new(ErrorCode::NotFound, message)
}

fn no_client(client_id: &ClientId) -> AppError {
    not_found(format!("there is no client {client_id}; `client list` shows all"))
}

fn found(changed: bool, client_id: &ClientId) -> Result<(), AppError> {
    if changed { Ok(()) } else { Err(no_client(client_id)) }
}
