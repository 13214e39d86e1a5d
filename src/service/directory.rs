//! Clients and their keys, looked up from memory.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::future::Cache;
use tracing::warn;

use super::rate_limit::network;
use crate::auth::public_key::PublicKey;
use crate::auth::signature::{RegisteredKey, SignatureForm};
use crate::domain::client::{Client, ClientId};
use crate::error::AppError;
use crate::store::{Store, StoredPublicKey};
use crate::telemetry::spawn_in_request;

/// A client with its keys as they were at most the cache's lifetime ago.
#[derive(Debug)]
pub struct KnownClient {
    /// The client.
    pub client: Client,
    /// Its keys, revoked ones too: they let a refusal say so.
    pub keys: Vec<RegisteredKey>,
}

/// The cache of clients. It is asked only for clients that a valid token names, so callers without one cannot fill it.
#[derive(Clone)]
pub struct ClientDirectory {
    store: Store,
    known: Cache<ClientId, Option<Arc<KnownClient>>>,
    recently_used: Cache<String, ()>,
}

/// `last_used_at` is kept to this precision, so that a busy key costs one write a minute instead of one a request.
const LAST_USED_PRECISION: Duration = Duration::from_mins(1);

impl ClientDirectory {
    /// A directory whose entries are read again after `time_to_live`: how soon another process' change is in force.
    #[must_use]
    pub fn new(store: Store, time_to_live: Duration) -> Self {
        Self {
            store,
            known: Cache::builder().max_capacity(10_000).time_to_live(time_to_live).build(),
            recently_used: Cache::builder().max_capacity(10_000).time_to_live(LAST_USED_PRECISION).build(),
        }
    }

    /// The client with this id. Simultaneous misses share one look-up.
    pub async fn find(&self, client_id: &ClientId) -> Result<Option<Arc<KnownClient>>, AppError> {
        if let Some(known) = self.known.get(client_id).await {
            return Ok(known);
        }
        // In a task of its own: the others wait for it, and whoever began it may not be polled for long, as a stream is not
        // that nobody reads (`a_look_up_does_not_wait_for_who_began_it`).
        let (directory, client_id) = (self.clone(), client_id.clone());
        let looking = spawn_in_request(async move { directory.look_up(&client_id).await });
        looking.await.map_err(AppError::internal)?
    }

    /// The same, as the client is now.
    pub async fn find_again(&self, client_id: &ClientId) -> Result<Option<Arc<KnownClient>>, AppError> {
        self.known.invalidate(client_id).await;
        self.find(client_id).await
    }

    /// Whether a token that was made at this time may tell something new of its client: once a minute.
    pub async fn is_token_news(&self, client_id: &ClientId, issued_at: i64) -> bool {
        self.is_due(format!("token {client_id} {issued_at}")).await
    }

    async fn look_up(&self, client_id: &ClientId) -> Result<Option<Arc<KnownClient>>, AppError> {
        // Sockets and subscriptions ask too, whom no request's time would end; and all who ask wait for one look-up.
        let load = self.store.in_time_hedged(async || {
            let Some(client) = self.store.find_client(client_id.as_str()).await? else { return Ok(None) };
            let keys = self.store.list_keys_to_verify(client_id).await?;
            Ok(Some(Arc::new(KnownClient { client, keys: register(client_id, &keys) })))
        });
        self.known.try_get_with_by_ref(client_id, load).await.map_err(|error: Arc<AppError>| AppError::clone(&error))
    }

    /// Fails where no client and no key could be read now; what is known of them answers nothing here.
    pub async fn ensure_reads(&self) -> Result<(), AppError> {
        let nobody: ClientId = "nobody".parse().map_err(AppError::internal)?;
        let reading = async {
            self.store.find_client(nobody.as_str()).await?;
            self.store.list_keys_to_verify(&nobody).await.map(drop)
        };
        Ok(self.store.in_time(reading).await?)
    }

    /// Whether a key's last use with this form of signature is worth noting again.
    pub async fn is_key_use_due(&self, client_id: &ClientId, fingerprint: &str, form: SignatureForm) -> bool {
        self.is_due(format!("key {client_id} {fingerprint} {}", form.as_str())).await
    }

    /// Notes that a secret opened a session or carried one on, afterwards: nobody waits for it, and a failure fails
    /// nothing.
    pub fn note_secret_used(&self, client_id: &ClientId, id: i64, from: IpAddr, now: DateTime<Utc>) {
        let (directory, client_id) = (self.clone(), client_id.clone());
        tokio::spawn(async move {
            if directory.is_due(format!("secret {id} {from}")).await
                && let Err(error) =
                    directory.store.update_secret_last_used(&client_id, id, (from, network(from)), now).await
            {
                warn!(%error, "the secret's last use could not be noted");
            }
        });
    }

    async fn is_due(&self, what: String) -> bool {
        self.recently_used.entry(what).or_insert(()).await.is_fresh()
    }
}

fn register(client_id: &ClientId, keys: &[StoredPublicKey]) -> Vec<RegisteredKey> {
    let usable = keys.iter().filter_map(|stored| match PublicKey::from_pem(&stored.pem) {
        Ok(key) => Some(RegisteredKey {
            key,
            not_before: stored.not_before,
            expires_at: stored.expires_at,
            revoked_at: stored.revoked_at,
        }),
        // Registration refuses such a key; one edited by hand must not lock out the client's other keys.
        Err(error) => {
            warn!(%client_id, fingerprint = stored.fingerprint, %error, "a stored key cannot be used");
            None
        }
    });
    usable.collect()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::store::DatabaseOptions;

    #[tokio::test]
    async fn a_look_up_does_not_wait_for_who_began_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::connect(&DatabaseOptions::in_test(&folder.path().join("orders.db"))).await.unwrap();
        store.migrate_up().await.unwrap();
        let directory = ClientDirectory::new(store.clone(), Duration::from_mins(1));
        let nobody: ClientId = "nobody".parse().unwrap();
        let mut begun = Box::pin(directory.find(&nobody));
        assert!((&mut begun).now_or_never().is_none(), "the database is asked");
        // `begun` is not polled any more, and not dropped.
        let found = tokio::time::timeout(Duration::from_mins(10), directory.find(&nobody)).await;
        assert!(found.expect("an answer").unwrap().is_none());
        drop(begun);
        store.close().await;
    }
}
