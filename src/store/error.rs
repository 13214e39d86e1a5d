//! Tells a database that is away or busy from a mistake of ours.

use std::borrow::Cow;
use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};
use thiserror::Error;

use super::reach::Unreachable;
use crate::error::{AppError, ErrorCode};

/// The failure of a query.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached, has no connection free in time or is locked: trying again may help.
    #[error("the database is unavailable")]
    Unavailable(#[source] DbErr),
    /// No connection can be opened at all.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The address cannot be read. It is not quoted: it may hold a password.
    #[error("the address cannot be read: {0}")]
    Address(String),
    /// The URL names no file that SQLite can keep the database in.
    #[error("{0}")]
    File(String),
    /// A row with this unique value is there already.
    #[error("already there: {0}")]
    Duplicate(String),
    /// A stored value cannot be read back; somebody edited a row by hand.
    #[error("the stored {what} \"{value}\" cannot be read")]
    Unreadable {
        /// The column.
        what: &'static str,
        /// Its value.
        value: String,
    },
    /// Events after the position from which the feed was to be read are gone.
    #[error("events after this position are gone")]
    Expired,
    /// The database was given as long as a statement may take, and ended it.
    #[error("the database was not done in time")]
    TooSlow(#[source] DbErr),
    /// Everything else.
    #[error("a query failed")]
    Failed(#[source] DbErr),
}

impl StoreError {
    /// Whether the database gave the transaction up in favour of others that waited for each other (`PostgreSQL` class 40). An
    /// order alone waits for nobody who waits for it.
    #[must_use]
    pub fn is_rolled_back(&self) -> bool {
        matches!(self, Self::Unavailable(DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)))
            if matches!(&**error, sqlx::Error::Database(error)
                if error.code().is_some_and(|code| code.len() == 5 && code.starts_with("40"))))
    }
}

/// The result of a query.
pub type StoreResult<T> = Result<T, StoreError>;

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if is_ended(&error) {
            return Self::TooSlow(error);
        }
        if is_transient(&error) {
            return Self::Unavailable(error);
        }
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(message)) => Self::Duplicate(message),
            _ => Self::Failed(error),
        }
    }
}

impl StoreError {
    /// The same where something is written: no limit of ours ended it, and the caller did not ask for too much.
    pub(super) fn in_writing(self) -> Self {
        match self {
            Self::TooSlow(error) => Self::Unavailable(error),
            other => other,
        }
    }

    /// Nothing came back in time, and nothing is known of what was sent.
    #[must_use]
    pub fn no_answer() -> Self {
        Self::Unavailable(DbErr::Conn(RuntimeErr::Internal("no answer in time".to_owned())))
    }

    /// Whether what was to be stored is there already.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Duplicate(_))
    }

    /// Whether an order was refused that an archived one stands in the way of.
    pub(super) fn is_archived(&self) -> bool {
        let (state, words) = migrations::ARCHIVED;
        matches!(self, Self::Failed(error) if code(error).is_some_and(|code| code == state) || said(error) == words)
    }

    /// Whether pages of the database cannot be read as what they were written as.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Unavailable(error) if state(error) == DAMAGED)
    }

    /// Whether somebody else held a lock for longer than was waited for it, or waited for one of this transaction's own.
    pub(super) fn is_lock_conflict(&self) -> bool {
        let codes = ["55P03", "40P01"];
        matches!(self, Self::Unavailable(error) if code(error).is_some_and(|code| codes.contains(&&*code)))
    }

    /// Whether the server takes no writes: a standby, or one that was made read-only.
    pub(super) fn is_read_only(&self) -> bool {
        matches!(self, Self::Unavailable(error) if code(error).is_some_and(|code| code == READ_ONLY))
    }
}

/// SQLSTATE `read_only_sql_transaction`.
const READ_ONLY: &str = "25006";

/// What sqlx failed with where SeaORM has no part.
pub(super) fn from_sqlx(error: sqlx::Error) -> StoreError {
    DbErr::Query(RuntimeErr::SqlxError(error.into())).into()
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unreachable(_) => Self::unavailable("cannot be reached", error),
            StoreError::Unavailable(ref cause) => {
                let state = state(cause);
                Self::unavailable(state, error)
            }
            StoreError::TooSlow(_) => {
                let message = "The database needs too long for this; ask for fewer orders, such as by createdAt";
                Self::new(ErrorCode::Overloaded, message).retry_after(Duration::from_secs(5))
            }
            StoreError::Expired => Self::new(
                ErrorCode::CursorExpired,
                "Events after this point of the feed are gone, so nothing can be read or sent from there on without a gap: begin without \
                 a cursor, or at a later point, and read the orders that changed since then",
            ),
            _ => Self::internal(error),
        }
    }
}

fn is_ended(error: &DbErr) -> bool {
    // PostgreSQL's query_canceled, SQLite's INTERRUPT.
    code(error).is_some_and(|code| code == "57014" || code == "9")
}

/// The database's own code.
fn code(error: &DbErr) -> Option<Cow<'_, str>> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else {
        return None;
    };
    error.as_database_error().and_then(sqlx::error::DatabaseError::code)
}

/// What is the matter with the database, as callers are told.
fn state(error: &DbErr) -> &'static str {
    code(error).and_then(|code| database_state(&code, said(error))).unwrap_or("cannot be reached")
}

/// What the database said, which only the log may show.
fn said(error: &DbErr) -> &str {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            error.as_database_error().map_or("", sqlx::error::DatabaseError::message)
        }
        _ => "",
    }
}

fn is_transient(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => match &**error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(error) => {
                error.code().is_some_and(|code| database_state(&code, error.message()).is_some())
            }
            _ => false,
        },
        _ => false,
    }
}

/// What is the matter with a database that says this code, if it is nothing that this service did wrong: it is away or
/// busy, or an operator must mend it, and the same request may be sent again when that is done. Everything else is a
/// mistake of ours.
fn database_state(code: &str, said: &str) -> Option<&'static str> {
    if code.len() == 5 { postgres_state(code) } else { sqlite_state(code.parse().ok()?, said) }
}

const DAMAGED: &str = "is damaged";
const LACKS_MIGRATIONS: &str = "lacks migrations";

/// By SQLSTATE.
fn postgres_state(code: &str) -> Option<&'static str> {
    Some(match code {
        READ_ONLY => "takes no changes (it is read-only)",
        "53100" => "has no disk space left",
        "53300" => "has no connection left",
        "55P03" | "40P01" => "is busy",
        // This process was stopped for a while, or the machine was.
        "25P03" | "25P04" => "ended a transaction that stood still",
        // A table, a column or a schema that is not there yet, or was there before.
        "42P01" | "42703" | "3F000" => LACKS_MIGRATIONS,
        "42501" => "does not let this service do that",
        "2200H" => "has no number left for a new row",
        // A limit of the server's: no transaction numbers left, above all.
        "54000" => "takes no changes",
        // A pooler lends another connection than the one a statement was prepared on.
        "26000" | "42P05" => "mixes up connections (a pooler in another mode)",
        _ => match code.get(..2) {
            Some("XX") if code != "XX000" => DAMAGED,
            // Connections, who may have one, rollbacks, resources, an operator's doing, the system around it.
            Some("08" | "28" | "3D" | "40" | "53" | "57" | "58") => "cannot be reached",
            _ => return None,
        },
    })
}

/// By result code; extended ones have it in the low byte.
fn sqlite_state(code: u32, said: &str) -> Option<&'static str> {
    Some(match code & 0xff {
        5 | 6 | 15 => "is busy",
        8 => "takes no changes (it is read-only)",
        13 => "has no disk space left",
        11 | 26 => DAMAGED,
        3 | 7 | 10 | 14 => "cannot be read or written",
        // A code of its own has only what SQLite itself can tell apart.
        1 if ["no such table", "no such column", "has no column named"].iter().any(|words| said.contains(words)) => {
            LACKS_MIGRATIONS
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_away_or_to_be_mended_is_told_from_a_mistake_of_ours() {
        let passing = [
            "08006", "53300", "57P01", "40001", "55P03", "42P01", "25006", "42501", "2200H", "54000", "26000", "25P03",
            "25P04", "XX001", "58030", "28P01", "3D000", "5", "8", "1032", "261", "6", "517", "14", "11", "267", "26",
            "10", "522", "7",
        ];
        for code in passing {
            assert!(database_state(code, "").is_some(), "{code}");
        }
        for code in ["23505", "22001", "42601", "XX000", "25P02", "1", "19", "2067", "21", "25", "20", ""] {
            assert_eq!(database_state(code, "near \"FORM\": syntax error"), None, "{code}");
        }
        for said in ["no such table: clients", "no such column: o.x", "table clients has no column named x"] {
            assert_eq!(database_state("1", said), Some(LACKS_MIGRATIONS), "{said}");
        }
    }
}
