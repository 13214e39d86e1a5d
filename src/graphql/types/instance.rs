use async_graphql::{Object, SimpleObject};

use crate::domain::instance;
use crate::graphql::output::scalars::DateTime;
use crate::service::instances::SeenInstance;

/// An instance of the service on this database.
pub struct ServiceInstance(pub SeenInstance);

/// Connections of an instance to the database, for one kind of work.
#[derive(SimpleObject)]
pub struct DatabasePool {
    /// Kind of work: `core` for orders, logins and health, `read` for pages, `reports` for summaries and searches; with SQLite also
    /// `write`.
    name: String,
    /// Number of connections at work.
    used: u32,
    /// Largest number of connections.
    max: u32,
}

impl From<&instance::Pool> for DatabasePool {
    fn from(pool: &instance::Pool) -> Self {
        Self { name: pool.name.clone(), used: pool.used, max: pool.max }
    }
}

/// An instance of the service on this database. Each says every 15 seconds what it is busy with, and is forgotten a day after it
/// last did, or when it stops.
#[Object]
impl ServiceInstance {
    /// Machine and port, such as `orders-1:8080`.
    async fn name(&self) -> &str {
        &self.0.instance.name
    }

    /// Version of its program, such as `0.2.0`.
    async fn version(&self) -> &str {
        &self.0.instance.version
    }

    /// Time of its start, by the database's clock.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.instance.started_at)
    }

    /// Time at which it last said that it runs, by the database's clock.
    async fn seen_at(&self) -> DateTime {
        DateTime(self.0.instance.seen_at)
    }

    /// Whether it runs: it said so less than 50 seconds ago.
    async fn is_running(&self) -> bool {
        self.0.instance.is_running()
    }

    /// Number of orders that waited to be stored, at `seenAt`.
    async fn waiting_orders(&self) -> u32 {
        self.0.instance.load.waiting_orders
    }

    /// Age in seconds of the oldest transaction that stored orders, at `seenAt`; 0 when there was none. A value above 10 means that
    /// the database does not answer.
    async fn oldest_batch_seconds(&self) -> f64 {
        self.0.instance.load.oldest_batch_seconds
    }

    /// Connections to the database, at `seenAt`.
    async fn pools(&self) -> Vec<DatabasePool> {
        self.0.instance.load.pools.iter().map(DatabasePool::from).collect()
    }

    /// Names of the settings in which it differs from another running instance, such as `auth.jwt_secret`. Normally empty.
    async fn differing_settings(&self) -> Vec<&str> {
        self.0.differs_in.iter().map(String::as_str).collect()
    }
}
