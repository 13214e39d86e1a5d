//! What is asked of a PostgreSQL server before it is relied upon: a database that cannot hold orders is refused in one
//! sentence, and one that may lose them is warned of.

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgRow};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, Row as _};

use super::address::{Address, host_and_port};
use super::error::StoreResult;
use super::pooler::{self, Pooler};
use super::reach::within;
use super::unreachable;

/// The oldest server the statements are written for, as `server_version_num` counts.
const OLDEST: i32 = 13;

/// What was found at a database that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// What lends connections out; none on SQLite.
    pub pooler: Pooler,
    /// What an operator should know.
    pub warnings: Vec<String>,
}

/// In the simple protocol, for nothing is known yet of a pooler between.
const QUESTION: &str = "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_version'),
    current_setting('server_encoding'), current_database()::text, current_user::text,
    CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN 'there'
        WHEN NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN 'missing'
        WHEN NOT has_database_privilege(current_database(), 'CREATE') THEN 'forbidden' ELSE 'creatable' END,
    NOT pg_is_in_recovery() AND (EXISTS (SELECT FROM pg_stat_replication)
        OR EXISTS (SELECT FROM pg_replication_slots WHERE slot_type = 'physical')),
    current_setting('synchronous_standby_names'), current_setting('synchronous_commit'),
    current_setting('fsync'), current_setting('full_page_writes')";

/// What the server says of itself.
struct Server {
    version: i32,
    version_text: String,
    encoding: String,
    database: String,
    user: String,
    /// Of the extension pg_trgm: there, creatable, missing or forbidden.
    trigrams: String,
    has_standbys: bool,
    synchronous_standbys: String,
    synchronous_commit: String,
    fsync: String,
    full_page_writes: String,
}

/// Looks at the database at `url`. Each step may take `patience`.
pub async fn examine(url: &str, patience: Duration) -> StoreResult<Findings> {
    if url.starts_with("sqlite:") {
        return Ok(Findings { pooler: Pooler::None, warnings: Vec::new() });
    }
    let options = Address::parse(url)?.find(patience).await?;
    let server = within(&options, patience, ask(&options)).await?;
    if let Some(why) = server.refusal() {
        let sentence = format!("the server at {} {why}", host_and_port(&options));
        return Err(unreachable::lasting(sentence).into());
    }
    Ok(Findings { pooler: pooler::detect(&options, patience).await?, warnings: server.warnings() })
}

/// Finds what lends connections out at `url`, where nothing else is asked. Each step may take `patience`.
pub async fn find_pooler(url: &str, patience: Duration) -> StoreResult<Pooler> {
    if url.starts_with("sqlite:") {
        return Ok(Pooler::None);
    }
    let options = Address::parse(url)?.find(patience).await?;
    Ok(pooler::detect(&options, patience).await?)
}

async fn ask(options: &PgConnectOptions) -> Result<Server, sqlx::Error> {
    let mut connection = options.connect().await?;
    let row = sqlx::raw_sql(QUESTION).fetch_one(&mut connection).await?;
    // It does not matter whether the message that ends the session arrives.
    let _ = connection.close().await;
    Server::read(&row)
}

impl Server {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            version: row.try_get(0)?,
            version_text: row.try_get(1)?,
            encoding: row.try_get(2)?,
            database: row.try_get(3)?,
            user: row.try_get(4)?,
            trigrams: row.try_get(5)?,
            has_standbys: row.try_get(6)?,
            synchronous_standbys: row.try_get(7)?,
            synchronous_commit: row.try_get(8)?,
            fsync: row.try_get(9)?,
            full_page_writes: row.try_get(10)?,
        })
    }

    /// Why orders cannot be kept there.
    fn refusal(&self) -> Option<String> {
        let Self { version, encoding, database, user, .. } = self;
        if *version < OLDEST {
            return Some(format!("is PostgreSQL {}; {OLDEST} or newer is needed", self.version_text));
        }
        if encoding != "UTF8" {
            return Some(format!(
                "keeps database {database:?} in {encoding}, which cannot hold every letter an order may have; create it \
                 anew (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0) and move the data with pg_dump"
            ));
        }
        match &*self.trigrams {
            "missing" => Some("lacks the extension pg_trgm; install the server's contrib package there".to_owned()),
            "forbidden" => Some(format!(
                "does not let user {user:?} create the extension pg_trgm; let a superuser do it once in database \
                 {database:?}: CREATE EXTENSION pg_trgm"
            )),
            _ => None,
        }
    }

    /// What may lose orders that were answered.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (name, value) in [("fsync", &self.fsync), ("full_page_writes", &self.full_page_writes)] {
            if value == "off" {
                warnings.push(format!(
                    "{name} is off on the database server: a crash of its machine may lose acknowledged orders or \
                     damage the database; switch it on"
                ));
            }
        }
        if self.synchronous_commit == "off" {
            warnings.push(
                "synchronous_commit is off on the database server: a crash of it loses the last acknowledged orders; \
                 switch it on"
                    .to_owned(),
            );
        }
        let waits = !self.synchronous_standbys.is_empty() && !matches!(&*self.synchronous_commit, "off" | "local");
        if self.has_standbys && !waits {
            warnings.push(
                "the database has standbys and waits for none of them: promoting one may lose acknowledged orders and \
                 give their numbers again; set synchronous_standby_names, and synchronous_commit = on"
                    .to_owned(),
            );
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        let [on, none] = ["on", ""].map(str::to_owned);
        Server {
            version: 15,
            version_text: "15.4".to_owned(),
            encoding: "UTF8".to_owned(),
            database: "orders".to_owned(),
            user: "sales".to_owned(),
            trigrams: "creatable".to_owned(),
            has_standbys: false,
            synchronous_standbys: none,
            synchronous_commit: on.clone(),
            fsync: on.clone(),
            full_page_writes: on,
        }
    }

    /// What one server of the suite cannot be.
    #[test]
    fn a_server_that_cannot_keep_orders_is_refused_and_one_that_may_lose_them_is_warned_of() {
        assert_eq!((server().refusal(), server().warnings()), (None, Vec::new()));
        let old = Server { version: 12, version_text: "12.22".to_owned(), ..server() };
        assert_eq!(old.refusal().unwrap(), "is PostgreSQL 12.22; 13 or newer is needed");
        for (trigrams, remedy) in [("missing", "contrib package"), ("forbidden", "CREATE EXTENSION pg_trgm")] {
            let without = Server { trigrams: trigrams.to_owned(), ..server() };
            assert!(without.refusal().unwrap().contains(remedy), "{trigrams}");
        }
        for (risky, setting) in [
            (Server { fsync: "off".to_owned(), ..server() }, "fsync is off"),
            (Server { full_page_writes: "off".to_owned(), ..server() }, "full_page_writes is off"),
            (Server { synchronous_commit: "off".to_owned(), ..server() }, "synchronous_commit is off"),
            (Server { has_standbys: true, ..server() }, "synchronous_standby_names"),
            (
                Server {
                    has_standbys: true,
                    synchronous_standbys: "*".to_owned(),
                    synchronous_commit: "local".to_owned(),
                    ..server()
                },
                "waits for none of them",
            ),
        ] {
            assert!(risky.warnings().iter().any(|warning| warning.contains(setting)), "{setting}");
            assert_eq!(risky.refusal(), None, "{setting}");
        }
        let safe = Server { has_standbys: true, synchronous_standbys: "FIRST 1 (a, b)".to_owned(), ..server() };
        assert_eq!(safe.warnings(), Vec::<String>::new());
    }
}
