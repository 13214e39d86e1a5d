//! What a failed try to connect means, in one sentence for the operator: the driver's own texts leave out where, and
//! often why.

use std::io::{self, ErrorKind};
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::postgres::PgConnectOptions;

use super::address::host_and_port;
use super::reach::Unreachable;

/// Nothing came back in time.
pub(super) fn silent(options: &PgConnectOptions, limit: Duration) -> Unreachable {
    let limit = humantime::format_duration(limit);
    passing(format!(
        "{} timed out: no answer within {limit} (packets are dropped, or the server hangs)",
        host_and_port(options)
    ))
}

/// What the driver failed with.
pub(super) fn cause(error: &sqlx::Error, options: &PgConnectOptions) -> Unreachable {
    let server = host_and_port(options);
    match error {
        sqlx::Error::Io(error) => of_network(error, options, &server),
        sqlx::Error::Tls(error) if error.to_string().contains("does not support TLS") => lasting(format!(
            "TLS refused at {server}: the server has it switched off; switch it on there (ssl = on), or ask for less \
             with sslmode=prefer"
        )),
        sqlx::Error::Tls(error) => lasting(format!("TLS failed at {server}: {error}")),
        sqlx::Error::Database(error) => of_server(&**error, options, &server),
        sqlx::Error::Protocol(_) => {
            passing(format!("what answers at {server} does not speak PostgreSQL's protocol; is the port right?"))
        }
        sqlx::Error::PoolTimedOut => passing(format!("{server} did not answer in time")),
        error => lasting(format!("the connection to {server} failed: {error}")),
    }
}

fn of_network(error: &io::Error, options: &PgConnectOptions, server: &str) -> Unreachable {
    let is_socket = options.get_socket().is_some() || options.get_host().starts_with('/');
    match error.kind() {
        ErrorKind::ConnectionRefused => passing(format!("connection refused at {server} (nobody listens there)")),
        ErrorKind::NotFound if is_socket => passing(format!("no socket at {server} (nobody listens there)")),
        ErrorKind::PermissionDenied if is_socket => {
            lasting(format!("the socket {server} may not be opened by this user; give it the right, or use a host"))
        }
        // A TCP connection opens no file but these.
        ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::IsADirectory => {
            lasting(format!("a file of sslrootcert, sslcert or sslkey cannot be read: {error}"))
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => passing(format!("no route to {server}")),
        ErrorKind::TimedOut => passing(format!("{server} timed out (packets are dropped, or the server hangs)")),
        ErrorKind::InvalidData | ErrorKind::InvalidInput => lasting(format!("TLS refused at {server}: {error}")),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => passing(format!(
            "{server} closed the connection before it was ready (starting or stopping, or no PostgreSQL)"
        )),
        // The system's resolver has no kind of its own.
        _ if error.to_string().contains("lookup address") => {
            passing(format!("no such host: {} ({error})", options.get_host()))
        }
        _ => passing(format!("the connection to {server} failed: {error}")),
    }
}

fn of_server(error: &dyn DatabaseError, options: &PgConnectOptions, server: &str) -> Unreachable {
    let code = error.code().unwrap_or_default();
    let said = error.message();
    let user = options.get_username();
    match &*code {
        "28P01" => lasting(format!("password authentication failed for user {user:?} at {server}")),
        "3D000" => lasting(format!(
            "database {:?} does not exist at {server}; create it (CREATE DATABASE), or correct the URL",
            options.get_database().unwrap_or(user)
        )),
        "53300" => full(format!(
            "too many clients at {server} ({said}); raise max_connections or the CONNECTION LIMIT there, or lower \
             database.max_connections of the instances"
        )),
        "57P03" => passing(format!("the server at {server} is not ready ({said})")),
        // PgBouncer's, which gives the same code to all it says.
        _ if said.contains("unsupported startup parameter") => lasting(format!(
            "the pooler at {server} says \"{said}\"; write into pgbouncer.ini: ignore_startup_parameters = \
             extra_float_digits"
        )),
        _ if said.contains("no such database") || said.contains("no such user") => {
            lasting(format!("the pooler at {server} says \"{said}\""))
        }
        code if ["08", "53", "57"].iter().any(|class| code.starts_with(class)) => {
            passing(format!("the server at {server} says \"{said}\""))
        }
        _ => lasting(format!("the server at {server} says \"{said}\"")),
    }
}

fn full(sentence: String) -> Unreachable {
    Unreachable { full: true, ..passing(sentence) }
}

/// Waiting may mend it.
pub(super) const fn passing(sentence: String) -> Unreachable {
    Unreachable { sentence, passing: true, full: false }
}

/// Waiting does not mend it.
pub(super) const fn lasting(sentence: String) -> Unreachable {
    Unreachable { sentence, passing: false, full: false }
}
