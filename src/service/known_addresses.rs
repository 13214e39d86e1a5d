//! Which clients have logged in from an address, as far as it matters once the address has used up what it may: one
//! statement a minute and address answers it for every client id that a flood makes up.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use super::buckets::REMEMBERED;
use crate::error::AppError;
use crate::store::Store;

/// How long an answer is remembered: how soon another instance's login counts here.
const TIME_TO_LIVE: Duration = Duration::from_mins(1);

/// The memory.
pub struct KnownAddresses {
    store: Store,
    clients: Cache<IpAddr, Arc<HashSet<String>>>,
    /// Logins that the database may not show yet: an address is noted after the answer.
    recent: Cache<(String, IpAddr), ()>,
}

impl KnownAddresses {
    /// A memory of what this store says.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let remembered = REMEMBERED as u64;
        Self {
            store,
            clients: Cache::builder().max_capacity(remembered).time_to_live(TIME_TO_LIVE).build(),
            recent: Cache::builder().max_capacity(remembered).time_to_live(TIME_TO_LIVE * 2).build(),
        }
    }

    /// Whether the client has used the address. Simultaneous questions about one address share one statement.
    pub async fn holds(&self, client_id: &str, network: IpAddr) -> Result<bool, AppError> {
        if self.recent.contains_key(&(client_id.to_owned(), network)) {
            return Ok(true);
        }
        let load = async {
            let clients = self.store.list_clients_at(network).await?;
            Ok::<_, AppError>(Arc::new(clients.into_iter().collect::<HashSet<_>>()))
        };
        let clients = self.clients.try_get_with(network, load).await;
        Ok(clients.map_err(|error| AppError::clone(&error))?.contains(client_id))
    }

    /// Notes that the client has logged in from the address.
    pub async fn note(&self, client_id: &str, network: IpAddr) {
        self.recent.insert((client_id.to_owned(), network), ()).await;
    }
}
