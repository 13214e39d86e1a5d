//! Which kind of pooler stands between this service and PostgreSQL, found by what two connections see of each other.

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, Row as _};

use super::address::host_and_port;
use super::reach::{Unreachable, within};
use super::unreachable;

/// The connection pooler between the service and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooler {
    /// Nobody, as far as can be seen: a pooler in session mode that has not lent this connection before looks the same,
    /// and works the same.
    None,
    /// A server's connection for as long as the client's lasts: all works as without.
    Session,
    /// One for each transaction: what belongs to a session (LISTEN, SET, session locks) does not work.
    Transaction,
}

/// How often the connections are compared: while others use the pooler, one look may miss it.
const LOOKS: usize = 3;

/// What stands in the way of a pooler.
enum Seen {
    Is(Pooler),
    Refused(&'static str),
}

/// Finds out which pooler there is, and refuses one that orders cannot pass. Each step may take `limit`.
pub(super) async fn detect(options: &PgConnectOptions, limit: Duration) -> Result<Pooler, Unreachable> {
    match within(options, limit, look(options)).await? {
        Seen::Is(pooler) => Ok(pooler),
        Seen::Refused(why) => Err(unreachable::lasting(format!("the pooler at {} {why}", host_and_port(options)))),
    }
}

async fn look(options: &PgConnectOptions) -> Result<Seen, sqlx::Error> {
    let (mut one, mut other) = (options.connect().await?, options.connect().await?);
    let shared = match is_shared(&mut one, &mut other).await {
        Ok(shared) => shared,
        Err(error) if is_said(&error, "transaction blocks not allowed") => {
            return Ok(Seen::Refused(
                "runs in statement mode, where no transaction can pass; set pool_mode = session, or transaction from \
                 PgBouncer 1.21 on",
            ));
        }
        Err(error) => return Err(error),
    };
    if shared {
        if !keeps_statements(&mut one, &mut other).await? {
            return Ok(Seen::Refused(
                "runs in transaction mode and mixes up the prepared statements of its clients; it needs PgBouncer 1.21 \
                 or newer with max_prepared_statements > 0, or pool_mode = session",
            ));
        }
        return Ok(Seen::Is(Pooler::Transaction));
    }
    // A server ends with its connection; one that is lent again was kept by somebody.
    let before = backend(&mut one).await?;
    one.close().await?;
    let mut again = options.connect().await?;
    let kept = backend(&mut again).await? == before;
    Ok(Seen::Is(if kept { Pooler::Session } else { Pooler::None }))
}

/// Whether two connections at the same time, or one connection over time, are lent different servers.
async fn is_shared(one: &mut PgConnection, other: &mut PgConnection) -> Result<bool, sqlx::Error> {
    for _ in 0..LOOKS {
        let first = [backend(one).await?, backend(other).await?];
        sqlx::raw_sql("BEGIN").execute(&mut *one).await?;
        // Held by one, a server cannot be the other's, which then needs another one.
        let second = [backend(one).await?, first[1]];
        sqlx::raw_sql("COMMIT").execute(&mut *one).await?;
        let third = [backend(one).await?, backend(other).await?];
        if first[0] == first[1] || first != second || second != third {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether statements that two connections prepared under one name, as the driver names them, stay apart.
async fn keeps_statements(one: &mut PgConnection, other: &mut PgConnection) -> Result<bool, sqlx::Error> {
    for _ in 0..LOOKS {
        for (connection, question, answer) in [(&mut *one, "SELECT 1", 1), (&mut *other, "SELECT 2", 2)] {
            match sqlx::query_scalar::<_, i32>(question).fetch_one(connection).await {
                Ok(number) if number == answer => {}
                // Somebody else's statement ran.
                Ok(_) => return Ok(false),
                Err(error) if is_said(&error, "prepared statement") => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(true)
}

/// The server's process, asked in the simple protocol, which prepares nothing.
async fn backend(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::raw_sql("SELECT pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}

fn is_said(error: &sqlx::Error, words: &str) -> bool {
    error.as_database_error().is_some_and(|error| error.message().contains(words))
}
