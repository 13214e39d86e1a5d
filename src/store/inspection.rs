//! What an operator would look at in the database, without changing anything there.

use migrations::ONLINE_INDEXES;
use sea_orm::{
    ConnectionTrait as _, DbBackend, QueryResult, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait as _,
};

use super::connect::Store;
use super::error::StoreResult;
use super::{migrating, orders};

/// What the database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Its kind and version.
    pub version: String,
    /// How large it is, in bytes.
    pub bytes: u64,
    /// Why it takes no changes, if that is so.
    pub takes_no_changes: Option<&'static str>,
    /// Its connections; none on SQLite.
    pub connections: Option<ServerConnections>,
}

/// A sequence of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering {
    /// Its name.
    pub name: String,
    /// The last number it gave out.
    pub last: i64,
    /// The last one it can give out.
    pub most: i64,
}

/// The connections of a server, of all its databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerConnections {
    /// The most that it takes.
    pub most: u64,
    /// How many of them are kept for superusers.
    pub reserved: u64,
    /// How many there are.
    pub used: u64,
    /// The most that the user of the database may have; `None` where it has no limit of its own.
    pub of_user: Option<u64>,
    /// The most that the database may have; `None` where it has no limit of its own.
    pub of_database: Option<u64>,
}

/// Indexes of this service's tables that no query may use, but those that are being built; which one that is, others' builds do not tell.
const UNUSABLE_INDEXES: &str = "SELECT name::text FROM (
        SELECT indexrelid::regclass AS name, indexrelid FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
        WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace) unusable
    WHERE NOT EXISTS (SELECT FROM pg_stat_progress_create_index building WHERE datname = current_database()
        AND coalesce(building.index_relid, unusable.indexrelid) = unusable.indexrelid)";

/// The number of backends is what everybody may read; who they are is not.
const OF_SERVER: &str = "SELECT current_setting('server_version'), pg_database_size(current_database()),
    pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
    current_setting('max_connections')::bigint,
    current_setting('superuser_reserved_connections')::bigint
        + coalesce(current_setting('reserved_connections', true), '0')::bigint,
    (SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_stat_database),
    (SELECT rolconnlimit::bigint FROM pg_roles WHERE rolname = current_user AND NOT rolsuper AND rolconnlimit >= 0),
    (SELECT datconnlimit::bigint FROM pg_database, pg_roles
        WHERE datname = current_database() AND rolname = current_user AND NOT rolsuper AND datconnlimit >= 0)";

/// Of those the user may read; the last number of others is not told.
const NUMBERINGS: &str = "SELECT sequencename::text, last_value, max_value FROM pg_sequences
    WHERE last_value > max_value / 10 * 9 AND increment_by > 0 AND NOT cycle
        AND pg_table_is_visible(to_regclass(format('%I.%I', schemaname, sequencename)))
    ORDER BY max_value - last_value";

const OF_FILE: &str = "SELECT sqlite_version(), page_count * page_size FROM pragma_page_count, pragma_page_size";

impl Store {
    /// What the database says of itself.
    pub async fn inspect(&self) -> StoreResult<Inspection> {
        let is_sqlite = self.backend() == DbBackend::Sqlite;
        let question = Statement::from_string(self.backend(), if is_sqlite { OF_FILE } else { OF_SERVER });
        let rows = self.core.query_all_raw(question).await?;
        let Some(row) = rows.first() else { return Err(super::StoreError::no_answer()) };
        let number = |row: &QueryResult, at| row.try_get_by_index::<i64>(at).map(i64::unsigned_abs);
        let (version, bytes): (String, _) = (row.try_get_by_index(0)?, number(row, 1)?);
        if is_sqlite {
            let version = format!("SQLite {version}");
            return Ok(Inspection { version, bytes, takes_no_changes: None, connections: None });
        }
        let (is_standby, is_read_only): (bool, bool) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        let takes_no_changes = match (is_standby, is_read_only) {
            (true, _) => Some("it is a standby"),
            (_, true) => Some("it is read-only (default_transaction_read_only)"),
            _ => None,
        };
        let limit = |at| row.try_get_by_index::<Option<i64>>(at).map(|limit| limit.map(i64::unsigned_abs));
        let connections = ServerConnections {
            most: number(row, 4)?,
            reserved: number(row, 5)?,
            used: number(row, 6)?,
            of_user: limit(7)?,
            of_database: limit(8)?,
        };
        let version = format!("PostgreSQL {version}");
        Ok(Inspection { version, bytes, takes_no_changes, connections: Some(connections) })
    }

    /// Runs the statement that stores orders, without any, in a transaction that is taken back.
    pub async fn rehearse_writing(&self) -> StoreResult<()> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let tx = self.write().begin_with_options(options).await?;
        if let Some(settings) = &self.changes_begin {
            tx.execute_unprepared(settings).await?;
        }
        let rehearsed = orders::rehearse(&tx, &self.numbers, None).await;
        tx.rollback().await?;
        rehearsed
    }

    /// The sequences that have given out most of their numbers, the fullest first; none on SQLite, whose numbers do not end.
    pub async fn list_numberings(&self) -> StoreResult<Vec<Numbering>> {
        if self.backend() == DbBackend::Sqlite {
            return Ok(Vec::new());
        }
        let rows = self.core.query_all_raw(Statement::from_string(self.backend(), NUMBERINGS)).await?;
        let numbering = |row: QueryResult| {
            Ok(Numbering {
                name: row.try_get_by_index(0)?,
                last: row.try_get_by_index(1)?,
                most: row.try_get_by_index(2)?,
            })
        };
        rows.into_iter().map(numbering).collect()
    }

    /// Indexes that are missing or that no query can use, as a build that was broken off leaves them; none on SQLite.
    pub async fn list_unusable_indexes(&self) -> StoreResult<Vec<String>> {
        if self.backend() == DbBackend::Sqlite {
            return Ok(Vec::new());
        }
        let online = ONLINE_INDEXES.map(|(_, name, _)| format!("('{name}')")).join(", ");
        let missing = format!("SELECT name FROM (VALUES {online}) AS online (name) WHERE to_regclass(name) IS NULL");
        let question = format!("{UNUSABLE_INDEXES} UNION {missing} ORDER BY 1");
        let rows = self.core.query_all_raw(Statement::from_string(self.backend(), question)).await?;
        Ok(rows.into_iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
    }

    /// Migrations that the database has and this version does not know.
    pub async fn list_unknown_migrations(&self) -> StoreResult<Vec<String>> {
        Ok(migrating::unknown(&migrating::applied_migrations(&self.core).await?))
    }

    /// Whether the database is a file of this machine.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.backend() == DbBackend::Sqlite
    }

    /// Reads every page of a SQLite database; gives what is wrong with them, nothing on PostgreSQL.
    pub async fn list_damages(&self) -> StoreResult<Vec<String>> {
        if self.backend() == DbBackend::Postgres {
            return Ok(Vec::new());
        }
        let rows = self.core.query_all_raw(Statement::from_string(self.backend(), "PRAGMA quick_check(10)")).await?;
        let said = rows.iter().map(|row| row.try_get_by_index::<String>(0)).collect::<Result<Vec<_>, _>>()?;
        Ok(said.into_iter().filter(|said| said != "ok").collect())
    }
}
