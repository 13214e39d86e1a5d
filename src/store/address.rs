//! The address of a PostgreSQL server, read strictly. The driver only logs what it does not know: `sslmod=verify-full`
//! would leave TLS off. It also knows one host only; here there may be several, as libpq writes them.

mod environment;
mod parameters;
mod parts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::PgConnectOptions;

use self::environment::Variables;
use self::parts::{Parts, encode, split};
use super::error::{StoreError, StoreResult};
use crate::config;

/// Where the database may be, and what a connection to it must be good for.
#[derive(Clone)]
pub struct Address {
    /// One for each host, in the order given.
    pub(super) candidates: Vec<PgConnectOptions>,
    /// What the host must be.
    pub(super) session: TargetSession,
    /// How long connecting to one host may take, where the address says so.
    pub(super) connect_timeout: Option<Duration>,
    /// The files that every connection reads, each with the parameter that names it.
    pub(super) files: Vec<(&'static str, String)>,
}

/// libpq's `target_session_attrs`, as far as a service that writes has use for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetSession {
    /// Whichever host answers first in the order given.
    Any,
    /// One whose sessions write: neither a standby nor set to read only.
    ReadWrite,
    /// One that is not in recovery.
    Primary,
    /// One that is.
    Standby,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // PgConnectOptions would show the password.
        let hosts: Vec<_> = self.candidates.iter().map(host_and_port).collect();
        f.debug_struct("Address").field("hosts", &hosts).field("session", &self.session).finish_non_exhaustive()
    }
}

/// A host and its port, or the path of its socket.
pub(super) fn host_and_port(options: &PgConnectOptions) -> String {
    let (host, port) = (options.get_host(), options.get_port());
    match options.get_socket() {
        Some(folder) => format!("{}/.s.PGSQL.{port}", folder.display()),
        None if host.starts_with('/') => format!("{host}/.s.PGSQL.{port}"),
        None if host.contains(':') => format!("[{host}]:{port}"),
        None => format!("{host}:{port}"),
    }
}

impl Address {
    /// Reads `postgres://user:password@host1:5432,host2:5432/database?name=value`. What the URL does not say comes from
    /// the environment and the password file. No message quotes a password.
    pub fn parse(url: &str) -> StoreResult<Self> {
        Self::read(url, &config::postgres_variables()).map_err(StoreError::Address)
    }

    /// The same of a replica, which is a standby.
    pub(super) fn of_replica(url: &str) -> StoreResult<Self> {
        let address = Self::parse(url)?;
        if address.session != TargetSession::Any {
            let problem = "target_session_attrs asks for the primary; leave it out: the replica is a standby";
            return Err(StoreError::Address(problem.to_owned()));
        }
        Ok(Self { session: TargetSession::Standby, ..address })
    }

    fn read(url: &str, variables: &Variables) -> Result<Self, String> {
        let mut parts = split(url)?;
        let filled = environment::fill(&mut parts, variables)?;
        Self::of(parts).map_err(|problem| filled.explain(problem))
    }

    fn of(mut parts: Parts) -> Result<Self, String> {
        let session = match parts.parameters.remove("target_session_attrs") {
            Some(value) => parameters::session(&value)?,
            None => TargetSession::Any,
        };
        let connect_timeout = match parts.parameters.remove("connect_timeout") {
            // As in libpq, 0 sets no limit of its own.
            Some(value) => Some(parameters::number::<u32>("connect_timeout", &value)?).filter(|seconds| *seconds > 0),
            None => None,
        };
        let connect_timeout = connect_timeout.map(|seconds| Duration::from_secs(seconds.into()));
        if let Some(value) = parts.parameters.remove("channel_binding") {
            parameters::channel_binding(&value)?;
        }
        if let Some(value) = parts.parameters.get("statement-cache-capacity") {
            parameters::number::<usize>("statement-cache-capacity", value)?;
        }
        check_tls(&mut parts.parameters)?;
        let hosts = parts.take_hosts()?;
        let files = parts.files();
        let common = parts.query();
        let candidates = hosts.into_iter().map(|(host, port)| candidate(&common, &host, port.unwrap_or(DEFAULT_PORT)));
        Ok(Self { candidates: candidates.collect::<Result<_, _>>()?, session, connect_timeout, files })
    }
}

/// PostgreSQL's.
const DEFAULT_PORT: u16 = 5432;

/// The driver reads the address of a single host, so that what it adds (the password file) is as ever.
fn candidate(common: &str, host: &str, port: u16) -> Result<PgConnectOptions, String> {
    let host = if host.is_empty() { String::new() } else { format!("host={}&", encode(host)) };
    let url = format!("postgres:///?{common}{host}port={port}");
    // The cause could quote what it was given.
    let options = url.parse::<PgConnectOptions>();
    let options = options.map_err(|_| "the driver does not take its values".to_owned())?;
    // A pooler takes few parameters at the start of a connection, and no floating-point number is read.
    let options = options.extra_float_digits(None).disable_statement_logging();
    Ok(if options.get_application_name().is_some() { options } else { options.application_name("sales-order-api") })
}

/// A certificate that nobody compares with anything would look like protection.
fn check_tls(parameters: &mut BTreeMap<&'static str, String>) -> Result<(), String> {
    let mode = parameters.get("sslmode").map(|value| parameters::ssl_mode(value)).transpose()?;
    if let Some(authorities) = parameters.get("sslrootcert") {
        if authorities == "system" {
            return Err("sslrootcert=system is not supported; leave it out: the authorities browsers trust are \
                        built in, and sslmode=verify-full uses them"
                .to_owned());
        }
        match mode {
            Some("verify-ca" | "verify-full") => {}
            // As in libpq, where the driver would not look at the certificate.
            Some("require") => drop(parameters.insert("sslmode", "verify-ca".to_owned())),
            _ => {
                return Err(
                    "sslrootcert has no effect without sslmode=verify-full or verify-ca; add one of them".to_owned()
                );
            }
        }
    }
    Ok(())
}
