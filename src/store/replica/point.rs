//! How far a server's log is. A transaction that was answered is before the primary's position, and is seen where a standby has
//! replayed up to it.

use sea_orm::sqlx::postgres::{PgConnection, PgPool, PgRow};
use sea_orm::sqlx::{self, Executor, Postgres, Row as _};

/// A position in the log of one database. Any role may ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// Of the cluster, which its standbys share.
    system: i64,
    /// The database's number there.
    database: i64,
    timeline: i32,
    position: i64,
}

/// How a standby compares with what it must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It has everything.
    Current,
    /// It lacks so many bytes of the log.
    Behind(i64),
    /// It is no standby of this database, for this reason.
    Unfit(&'static str),
}

/// Standbys are sent what is on the disk, which every answered transaction is: of a server that answers before that, what it has
/// in memory counts too.
const PRIMARY: &str = "SELECT (SELECT system_identifier FROM pg_control_system()),
    (SELECT CAST(oid AS bigint) FROM pg_database WHERE datname = current_database()),
    CAST(CAST('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) AS bit(32)) AS integer),
    CAST(CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn()
        ELSE pg_current_wal_flush_lsn() END - CAST('0/0' AS pg_lsn) AS bigint)";

/// The timeline is that of its last restart point. It follows the one that is replayed, never the other way round: one that
/// replayed past the point where the primary's timeline began keeps the old one for good.
const STANDBY: &str = "SELECT (SELECT system_identifier FROM pg_control_system()),
    (SELECT CAST(oid AS bigint) FROM pg_database WHERE datname = current_database()),
    (SELECT timeline_id FROM pg_control_checkpoint()),
    CAST(coalesce(pg_last_wal_replay_lsn(), '0/0') - CAST('0/0' AS pg_lsn) AS bigint),
    pg_is_in_recovery()";

impl Point {
    /// How far the primary is.
    pub(super) async fn of_primary(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Self::read(&fetch(pool, PRIMARY).await?)
    }

    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            system: row.try_get(0)?,
            database: row.try_get(1)?,
            timeline: row.try_get(2)?,
            position: row.try_get(3)?,
        })
    }

    /// Whether the server of a connection has replayed up to here.
    pub(super) async fn is_at(&self, connection: &mut PgConnection) -> Result<Fit, sqlx::Error> {
        let row = fetch(connection, STANDBY).await?;
        Ok(self.compare(&Self::read(&row)?, row.try_get(4)?))
    }

    fn compare(&self, seen: &Self, is_standby: bool) -> Fit {
        if !is_standby {
            return Fit::Unfit("is no standby");
        }
        if (seen.system, seen.database) != (self.system, self.database) {
            return Fit::Unfit("is a standby of another database");
        }
        if seen.timeline != self.timeline {
            return Fit::Unfit("has not followed the primary to its timeline yet, or never will");
        }
        match self.position - seen.position {
            ..=0 => Fit::Current,
            behind => Fit::Behind(behind),
        }
    }

    /// Whether whoever is here has what is there.
    pub(super) const fn is_past(&self, other: &Self) -> bool {
        self.position >= other.position
    }

    /// So many bytes before this.
    pub(super) const fn before(&self, bytes: i64) -> Self {
        Self { position: self.position - bytes, ..*self }
    }
}

async fn fetch<'e>(at: impl Executor<'e, Database = Postgres>, question: &'static str) -> Result<PgRow, sqlx::Error> {
    sqlx::query(question).fetch_one(at).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: Point = Point { system: 1, database: 2, timeline: 3, position: 100 };

    #[test]
    fn a_standby_is_current_only_with_all_of_the_log_of_the_same_database_on_the_same_timeline() {
        for (seen, fit) in [
            (NEEDED, Fit::Current),
            (Point { position: 101, ..NEEDED }, Fit::Current),
            (Point { position: 90, ..NEEDED }, Fit::Behind(10)),
        ] {
            assert_eq!(NEEDED.compare(&seen, true), fit, "{seen:?}");
        }
        let ahead = Point { position: 1_000, ..NEEDED };
        for seen in [
            Point { system: 7, ..ahead },
            Point { database: 7, ..ahead },
            // It replayed what the primary of today never had, or follows one that was primary before.
            Point { timeline: 2, ..ahead },
            Point { timeline: 4, ..ahead },
        ] {
            assert!(matches!(NEEDED.compare(&seen, true), Fit::Unfit(_)), "{seen:?}");
        }
        assert_eq!(NEEDED.compare(&ahead, false), Fit::Unfit("is no standby"), "one that was promoted");
    }
}
