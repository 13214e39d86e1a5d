//! The options of the store.

use std::time::Duration;

use super::pooler::Pooler;
use crate::domain::numbers::Numbers;

/// The options of the database connections.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    /// `sqlite://path` or `postgres://…`.
    pub url: String,
    /// Another way to the same PostgreSQL for being told of events, where `url` leads through a pooler.
    pub listen_url: Option<String>,
    /// A replica for pages and reports, if there is one.
    pub replica: Option<ReplicaOptions>,
    /// The pooler that `url` leads to.
    pub pooler: Pooler,
    /// How many connections (on SQLite: readers) one instance may hold.
    pub max_connections: u32,
    /// How many of them reports may hold.
    pub report_connections: u32,
    /// How long a query waits for a free connection, and on SQLite for another process' write.
    pub acquire_timeout: Duration,
    /// How long a connection to PostgreSQL that nobody uses stays open.
    pub idle_timeout: Duration,
    /// How long a statement of a report may take, and on PostgreSQL one of any reader.
    pub statement_timeout: Duration,
    /// What gives new orders their numbers.
    pub numbers: Numbers,
    /// Called once for every statement, in the task that runs it.
    pub on_statement: fn(&'static str, &str, Duration),
}

/// A hot standby of the same PostgreSQL.
#[derive(Debug, Clone)]
pub struct ReplicaOptions {
    /// `postgres://…`.
    pub url: String,
    /// How long a read waits at most for the replica to have what was committed before it.
    pub max_lag: Duration,
}

#[cfg(test)]
impl DatabaseOptions {
    /// A SQLite file, for a test that asks for nothing else.
    pub(crate) fn in_test(path: &std::path::Path) -> Self {
        Self {
            url: format!("sqlite://{}", path.display()),
            listen_url: None,
            replica: None,
            pooler: Pooler::None,
            max_connections: 2,
            report_connections: 1,
            acquire_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_mins(1),
            statement_timeout: Duration::from_mins(1),
            numbers: Numbers::default(),
            on_statement: |_, _, _| {},
        }
    }
}
