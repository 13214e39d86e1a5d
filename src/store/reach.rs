//! Finding a host that answers and may be written to, and the cause in one sentence where there is none. A pool would
//! only say that it had no connection in time.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, Row as _};
use thiserror::Error;
use tokio::time::Instant;
use tracing::warn;

use super::address::{Address, TargetSession, host_and_port};
use super::error::StoreResult;
use super::outage::Outage;
use super::{sqlite_file, unreachable};

/// How long one of several hosts may take where the address does not say: with the others at hand, a host that does
/// not answer is not worth waiting for.
const ONE_OF_SEVERAL: Duration = Duration::from_secs(2);

/// The pause between two tries doubles from the first to the last of these.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// Why no connection can be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{sentence}")]
pub struct Unreachable {
    /// For the operator: cause, host and port, without secrets.
    pub(super) sentence: String,
    /// Whether waiting may mend it: a server that starts, a name that appears. A wrong password stays wrong.
    pub(super) passing: bool,
    /// Whether the server has no connection left for this service.
    pub(super) full: bool,
}

impl Address {
    /// A host that is what the address asks for. All are tried at the same time, each for `patience` at most; where any
    /// host will do, the first in the order given wins.
    ///
    /// To follow a fail-over, call it again when a connection was refused, broke or proved read-only, and hand what it
    /// gives to `Pool::set_connect_options`: connections opened from then on go there.
    pub async fn find(&self, patience: Duration) -> Result<PgConnectOptions, Unreachable> {
        let usual = if self.candidates.len() > 1 { ONE_OF_SEVERAL } else { patience };
        let limit = self.connect_timeout.unwrap_or(usual).min(patience);
        self.ensure_files().await?;
        let tries = self.candidates.iter().enumerate();
        let tries = tries.map(|(index, candidate)| async move { (index, self.find_at(candidate, limit).await) });
        // Gathered before they run: a stream that makes them as it goes is not Send in the compiler's eyes.
        let tries = stream::iter(tries.collect::<Vec<_>>());
        let at_once = self.candidates.len();
        let mut tries = match self.session {
            TargetSession::Any => tries.buffered(at_once).left_stream(),
            // At most one is meant, or any of them will do: it need not wait for a host before it that is gone.
            _ => tries.buffer_unordered(at_once).right_stream(),
        };
        // Sorted by the hosts' order, so that the same failures make the same sentence.
        let mut failures = BTreeMap::new();
        while let Some((index, outcome)) = tries.next().await {
            match outcome {
                Ok(found) => return Ok(found),
                Err(failure) => drop(failures.insert(index, failure)),
            }
        }
        let failures: Vec<_> = failures.into_values().collect();
        Err(self.failed(&failures))
    }

    /// Fails where a file that the address names cannot be read: the driver does not say which one.
    async fn ensure_files(&self) -> Result<(), Unreachable> {
        for (parameter, path) in &self.files {
            if let Err(error) = tokio::fs::File::open(path).await {
                let sentence = format!("the file of {parameter}, {path}, cannot be read: {error}");
                return Err(unreachable::lasting(sentence));
            }
        }
        Ok(())
    }

    async fn find_at(&self, options: &PgConnectOptions, limit: Duration) -> Result<PgConnectOptions, Unreachable> {
        let session = self.session;
        within(options, limit, async move {
            let mut connection = options.connect().await?;
            let fits = fits(&mut connection, session).await?;
            // Nothing was changed, so it does not matter whether the message that ends the session arrives.
            let _ = connection.close().await;
            Ok(fits)
        })
        .await
        .and_then(|unfit| match unfit {
            None => Ok(options.clone()),
            Some(why) => Err(unreachable::passing(format!("{} {why}", host_and_port(options)))),
        })
    }

    fn failed(&self, failures: &[Unreachable]) -> Unreachable {
        if let [failure] = failures {
            return failure.clone();
        }
        let wanted = match self.session {
            TargetSession::Any => "none of the hosts can be used",
            TargetSession::Standby => "none of the hosts is a standby that can be used",
            _ => "none of the hosts can be written to",
        };
        let sentences: Vec<_> = failures.iter().map(|failure| failure.sentence.as_str()).collect();
        // One that may come is worth waiting for.
        let passing = failures.iter().any(|failure| failure.passing);
        let full = failures.iter().any(|failure| failure.full);
        Unreachable { sentence: format!("{wanted} ({})", sentences.join("; ")), passing, full }
    }

    /// Resolves when a host is there. Tries for `at_most`, unless the cause is one that waiting does not mend, and tells
    /// each new cause once.
    pub async fn wait(&self, patience: Duration, at_most: Duration) -> Result<(), Unreachable> {
        let end = Instant::now() + at_most;
        let [mut pause, longest] = PAUSES;
        let mut outage = Outage::default();
        loop {
            let Err(failure) = self.find(patience).await else { return Ok(()) };
            let left = end.saturating_duration_since(Instant::now());
            if !failure.passing || left.is_zero() {
                return Err(failure);
            }
            if outage.is_news(&failure.sentence) {
                warn!(cause = failure.sentence, "the database cannot be reached yet; trying again");
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 2).min(longest);
        }
    }
}

/// Refuses a URL that cannot be read, as opening the database would, without looking for the database.
pub fn check_url(url: &str) -> StoreResult<()> {
    if url.starts_with("sqlite:") { sqlite_file::path(url).map(drop) } else { Address::parse(url).map(drop) }
}

/// The same of the URL of a replica.
pub fn check_replica_url(url: &str) -> StoreResult<()> {
    Address::of_replica(url).map(drop)
}

/// Waits until the database at `url` can be reached, as [`Address::wait`] does. SQLite's file needs no waiting.
pub async fn wait_for_database(url: &str, patience: Duration, at_most: Duration) -> StoreResult<()> {
    if url.starts_with("sqlite:") {
        return Ok(());
    }
    Ok(Address::parse(url)?.wait(patience, at_most).await?)
}

/// Runs `work` with one host for `limit` at most, and gives a failure as a sentence.
pub(super) async fn within<T>(
    options: &PgConnectOptions,
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Unreachable> {
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome.map_err(|error| unreachable::cause(&error, options)),
        Err(_) => Err(unreachable::silent(options, limit)),
    }
}

/// Why a connection is not what it must be, if it is not. Asked in the simple protocol: a pooler may be between.
async fn fits(connection: &mut PgConnection, session: TargetSession) -> Result<Option<&'static str>, sqlx::Error> {
    let (question, unfit) = match session {
        TargetSession::Any => return Ok(None),
        // On for a standby, for a database or a role that was set to it, and for an old primary that was fenced off.
        TargetSession::ReadWrite => ("SHOW transaction_read_only", "is read-only"),
        TargetSession::Standby => ("SELECT CASE WHEN pg_is_in_recovery() THEN 'off' ELSE 'on' END", "is no standby"),
        TargetSession::Primary => ("SELECT CASE WHEN pg_is_in_recovery() THEN 'on' ELSE 'off' END", "is a standby"),
    };
    let row = sqlx::raw_sql(question).fetch_one(connection).await?;
    let answer: String = row.try_get(0)?;
    Ok((answer != "off").then_some(unfit))
}
