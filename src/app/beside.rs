//! Background tasks.

use std::net::SocketAddr;
use std::time::Duration;

use tracing::{info, warn};

use super::{AppState, token_keys};
use crate::domain::instance::{Load, Pool};
use crate::store::{Outage, PoolState};
use crate::telemetry;

/// The interval at which the files of the JWT secrets are read.
const JWT_SECRETS_WATCH: Duration = Duration::from_secs(2);

/// The interval at which SQLite's write-ahead log is checkpointed.
const DATABASE_LOG_TENDING: Duration = Duration::from_secs(5);

impl AppState {
    /// Runs the background tasks for as long as it is polled: reading new JWT secrets, warning of keys that expire soon or
    /// that two clients have, writing the counts of reused signatures, telling other instances of commits, measuring these, merging
    /// totals, keeping SQLite's write-ahead log small, comparing the clocks, writing the log of requests, noting that this instance
    /// runs, at `address`, and sending webhooks.
    pub async fn run_background_tasks(&self, address: SocketAddr) {
        let clients = self.0.services.clients.clone();
        tokio::join!(
            self.watch_jwt_secrets(),
            clients.watch_keys(),
            self.0.services.intake.keep_signatures_noted(),
            self.0.store.tell_of_commits(),
            self.0.store.keep_commit_time_known(),
            self.0.store.keep_totals_merged(),
            self.tend_database_log(),
            self.0.services.clock_skew.watch(),
            self.0.services.webhooks.keep_log_short(),
            self.0.services.events.keep_short(self.0.config.events.retention),
            self.0.services.request_log.keep(),
            self.keep_noted(address),
            Box::pin(self.deliver_webhooks())
        );
    }

    /// Notes that this instance runs until it stops.
    async fn keep_noted(&self, address: SocketAddr) {
        let stopping = self.stopping();
        tokio::join!(self.0.services.instances.keep_noted(address, || self.load(), stopping));
    }

    /// What this instance is busy with.
    fn load(&self) -> Load {
        let pools =
            self.0.store.pools().map(|PoolState { name, max, used, .. }| Pool { name: name.to_owned(), used, max });
        Load {
            pools: pools.collect(),
            waiting_orders: u32::try_from(self.0.services.intake.waiting()).unwrap_or(u32::MAX),
            oldest_batch_seconds: telemetry::oldest_batch_seconds(),
        }
    }

    /// The metrics in the Prometheus text format, with those that are read at the time of the request.
    #[must_use]
    pub fn metrics(&self) -> String {
        telemetry::render_metrics(|| {
            for PoolState { name, max, idle, used } in self.0.store.pools() {
                telemetry::note_pool(name, max, idle, used);
            }
            telemetry::note_clock_skew(self.0.services.clock_skew.seconds());
        })
    }

    /// Keeps SQLite's log small and its size noted.
    async fn tend_database_log(&self) {
        let mut ticks = tokio::time::interval(DATABASE_LOG_TENDING);
        let mut outage = Outage::default();
        loop {
            ticks.tick().await;
            match self.0.store.tend_log().await {
                Ok(Some(bytes)) => {
                    telemetry::note_database_log(bytes);
                    outage.end();
                }
                // PostgreSQL has no such log.
                Ok(None) => return,
                Err(error) => {
                    let error = telemetry::causes(&error);
                    if outage.is_news(&error) {
                        warn!(error, "the database's log could not be emptied; trying again");
                    }
                }
            }
        }
    }

    /// Reads the files of the JWT secrets again and again, so that rotating them needs no restart.
    async fn watch_jwt_secrets(&self) {
        let mut ticks = tokio::time::interval(JWT_SECRETS_WATCH);
        let mut told = String::new();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.0.rereading.notified() => {}
            }
            let config = self.0.config.clone();
            let secrets = match tokio::task::spawn_blocking(move || config.jwt_secrets_now()).await {
                Ok(Ok(Some(secrets))) => {
                    told.clear();
                    secrets.signing_first()
                }
                // The secrets are not in files.
                Ok(Ok(None)) => return,
                // The file may be half written; the secrets in force stay.
                Ok(Err(error)) => {
                    let error = error.to_string();
                    if told != error {
                        warn!(error, "the JWT secrets could not be read again; the ones in force stay");
                        told = error;
                    }
                    continue;
                }
                Err(_) => continue,
            };
            let accepted = secrets.len();
            if self.0.services.sessions.replace_token_keys(token_keys(&self.0.config, &secrets)) {
                info!(accepted, "the JWT secrets were read anew");
            }
        }
    }
}
