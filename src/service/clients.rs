//! Clients, their secrets and their keys, as operators manage them: at the command line and over GraphQL alike.

mod keys;
mod reading;
mod secrets;
mod sessions;

use secrecy::SecretString;

pub use keys::{EXPIRES_SOON, ExpiringKey};
pub use reading::ClientDetails;
pub use secrets::{MIN_SECRET, RotatedSecret};
pub use sessions::is_live;

use crate::clock::Clock;
use crate::domain::audit::{Action, Actor, Detail, NewAuditEntry};
use crate::domain::client::{self, Client, ClientId, ClientKind};
pub use crate::domain::client_input::{ChosenSecret, ClientChange, ClientToCreate, KeyToAdd};
use crate::domain::permission::{self, Permission};
use crate::domain::signature_policy::SignaturePolicy;
use crate::error::{AppError, ErrorCode, FieldError, FieldErrorCode};
use crate::store::{NewClient, Store, StoreError};
pub use crate::store::{StoredPublicKey, StoredSecret};

/// Manages clients on somebody's behalf: every change is written down with who made it.
#[derive(Clone)]
pub struct Clients {
    store: Store,
    clock: Clock,
    actor: Actor,
}

impl Clients {
    /// Manages the clients of this store.
    #[must_use]
    pub const fn new(store: Store, clock: Clock, actor: Actor) -> Self {
        Self { store, clock, actor }
    }

    /// The same on behalf of somebody else.
    #[must_use]
    pub fn on_behalf_of(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// Creates a client and gives its secret, which cannot be shown again.
    pub async fn create_client(&self, new: ClientToCreate) -> Result<SecretString, AppError> {
        if new.client_id == ClientId::operator() {
            return Err(refuse("clientId", "this id is the command line's own; choose another one"));
        }
        let name = checked_name(&new.name)?;
        let permissions = checked_permissions(new.permissions)?;
        let secret = secrets::checked_or_made(new.secret)?;
        let read = |(index, pem): (usize, &String)| keys::new_key(&format!("publicKeys/{index}"), pem, None, None);
        let keys = new.public_keys.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut fingerprints: Vec<_> = keys.iter().map(|key| key.fingerprint.as_str()).collect();
        self.ensure_unheld(&new.client_id, &fingerprints).await?;
        fingerprints.sort_unstable();
        if fingerprints.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(refuse("publicKeys", "the same public key is given twice"));
        }
        let client = Client {
            client_id: new.client_id.clone(),
            kind: ClientKind::Machine,
            name,
            permissions,
            signature_policy: new.signature_policy,
            reference_policy: new.reference_policy,
            expectation_policy: new.expectation_policy,
            session_generation: 0,
            created_at: self.clock.now(),
            disabled_at: None,
            signature_reuses: 0,
            signature_reused_at: None,
        };
        let fingerprints: Vec<_> = keys.iter().map(|key| key.fingerprint.clone()).collect();
        let of_keys = fingerprints.iter().map(|fingerprint| ("key".to_owned(), fingerprint.clone()));
        let entry =
            self.entry(Action::ClientCreated, &new.client_id, described(&client).into_iter().chain(of_keys).collect());
        let secret_hash = secrets::hashed(secret.clone()).await?;
        match self.store.insert_client(NewClient { client, secret_hash, keys }, entry).await {
            Ok(()) => Ok(secret),
            Err(StoreError::Duplicate(_)) => {
                // Somebody else may have registered a key meanwhile.
                self.ensure_unheld(&new.client_id, &fingerprints.iter().map(String::as_str).collect::<Vec<_>>())
                    .await?;
                Err(refuse("clientId", format!("there is a client {} already", new.client_id)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Changes a client's name, scopes or policies. Saying what is so already changes nothing.
    pub async fn update_client(&self, client_id: &ClientId, change: ClientChange) -> Result<Client, AppError> {
        let name = change.name.as_deref().map(checked_name).transpose()?;
        let permissions = change.permissions.map(checked_permissions).transpose()?;
        self.existing_machine(client_id).await?;
        if change.signature_policy.is_some_and(SignaturePolicy::binds_body) {
            // A share can end meanwhile, but none can begin.
            self.ensure_unshared(client_id).await?;
        }
        self.change(Action::ClientUpdated, client_id, move |client| {
            let before = described(client);
            client.name = name.unwrap_or_else(|| client.name.clone());
            client.permissions = permissions.unwrap_or_else(|| client.permissions.clone());
            client.signature_policy = change.signature_policy.unwrap_or(client.signature_policy);
            client.reference_policy = change.reference_policy.unwrap_or(client.reference_policy);
            client.expectation_policy = change.expectation_policy.unwrap_or(client.expectation_policy);
            let changed: Detail = described(client).into_iter().filter(|now| !before.contains(now)).collect();
            (!changed.is_empty()).then_some(changed)
        })
        .await
    }

    /// Refuses a client from now on, whatever it holds, and ends its sessions: enabling it again brings none of them back.
    pub async fn disable_client(&self, client_id: &ClientId) -> Result<Client, AppError> {
        let now = self.clock.now();
        self.change(Action::ClientDisabled, client_id, move |client| {
            if client.disabled_at.is_some() {
                return None;
            }
            client.disabled_at = Some(now);
            client.session_generation += 1;
            Some(Detail::new())
        })
        .await
    }

    /// Takes a disabled client back; it logs in anew.
    pub async fn enable_client(&self, client_id: &ClientId) -> Result<Client, AppError> {
        self.change(Action::ClientEnabled, client_id, |client| {
            client.disabled_at.take()?;
            // Again, for clients that were disabled when that did not end their sessions yet.
            client.session_generation += 1;
            Some(Detail::new())
        })
        .await
    }

    /// Ends every session of a client: its tokens are refused and cannot be refreshed.
    pub async fn revoke_sessions(&self, client_id: &ClientId) -> Result<Client, AppError> {
        self.change(Action::SessionsRevoked, client_id, |client| {
            client.session_generation += 1;
            Some(Detail::new())
        })
        .await
    }

    /// Changes a client; `change` gives what goes into the log, or `None` when there is nothing to change.
    async fn change(
        &self,
        action: Action,
        client_id: &ClientId,
        change: impl FnOnce(&mut Client) -> Option<Detail> + Send + 'static,
    ) -> Result<Client, AppError> {
        let entry = self.entry(action, client_id, Detail::new());
        let changed = self
            .store
            .update_client(client_id, move |client| change(client).map(|detail| NewAuditEntry { detail, ..entry }));
        changed.await?.ok_or_else(|| no_client(client_id))
    }

    fn entry(&self, action: Action, client_id: &ClientId, detail: Detail) -> NewAuditEntry {
        NewAuditEntry { actor: self.actor.clone(), action, client_id: client_id.clone(), detail, at: self.clock.now() }
    }

    async fn existing(&self, client_id: &ClientId) -> Result<Client, AppError> {
        self.store.find_client(client_id.as_str()).await?.ok_or_else(|| no_client(client_id))
    }
}

/// The fields of a client that the audit log records.
pub(super) fn described(client: &Client) -> Detail {
    vec![
        ("name".to_owned(), client.name.clone()),
        ("scopes".to_owned(), permission::join(&client.permissions)),
        ("signature_policy".to_owned(), client.signature_policy.as_str().to_owned()),
        ("reference_policy".to_owned(), client.reference_policy.as_str().to_owned()),
        ("expectation_policy".to_owned(), client.expectation_policy.as_str().to_owned()),
    ]
}

fn checked_name(name: &str) -> Result<String, AppError> {
    client::read_name(name).map_err(|error| refuse("name", error.to_string()))
}

fn checked_permissions(mut permissions: Vec<Permission>) -> Result<Vec<Permission>, AppError> {
    if permissions.is_empty() {
        return Err(refuse("scopes", "a client needs at least one scope"));
    }
    permissions.sort_unstable();
    permissions.dedup();
    Ok(permissions)
}

/// Names the field that is wrong, as GraphQL spells it, in a sentence that stands alone at the command line.
fn refuse(field: &str, message: impl Into<String>) -> AppError {
    let message = message.into();
    let fault = FieldError { pointer: format!("/{field}"), code: FieldErrorCode::Value, message: message.clone() };
    AppError::new(ErrorCode::ValidationFailed, message).with_errors(vec![fault])
}

fn not_found(message: String) -> AppError {
    AppError::new(ErrorCode::NotFound, message)
}

fn no_client(client_id: &ClientId) -> AppError {
    not_found(format!("there is no client {client_id}; list the clients to see all"))
}
