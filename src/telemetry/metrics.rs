//! The metrics: every family with its meaning, and how it is updated.
//!
//! What belongs here: names, labels (each of a closed set) and descriptions. What does not: when something is counted.
//! To add a metric: a line in [`describe`], a row in docs/operations.md; a test holds the two together.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio::time::Instant;

use crate::domain::webhook::{AttemptOutcome, EndpointState, ParkedCounts, ParkedState};
use crate::error::ErrorCode;

/// The metrics crate knows one recorder a process.
static METRICS: OnceLock<(PrometheusHandle, Collector)> = OnceLock::new();

/// Held while what is known only at the moment of asking is noted and written down.
static RENDERING: Mutex<()> = Mutex::new(());

/// The wire by which a failure reached its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// By REST, or at any other path that is not GraphQL's.
    Rest,
    /// By GraphQL: POST, GET, server-sent events or WebSocket.
    Graphql,
}

impl Wire {
    /// The wire of a path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        if path == "/graphql" || path.starts_with("/graphql/") { Self::Graphql } else { Self::Rest }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Graphql => "graphql",
        }
    }
}

/// Installs the recorder, and begins every metric whose labels are known at 0: an alert that looks at the increase of a
/// counter misses its first one otherwise.
pub fn install_metrics() -> anyhow::Result<()> {
    // Half a millisecond to ten seconds: the range in which an answer can still be given.
    let buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let recorder = PrometheusBuilder::new().set_buckets(&buckets)?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    let process = Collector::default();
    process.describe();
    describe();
    begin();
    let _ = METRICS.set((handle, process));
    Ok(())
}

/// Why an entry of the log of requests was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DroppedEntry {
    /// Too many waited to be written.
    Full,
    /// Nobody proved to have sent the request, and such ones have a share of the log only.
    Share,
    /// The database did not take it.
    Refused,
}

impl DroppedEntry {
    const ALL: [Self; 3] = [Self::Full, Self::Share, Self::Refused];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Share => "share",
            Self::Refused => "refused",
        }
    }
}

/// Where a read went that may go to a replica, and why if that was the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaRead {
    /// To the replica.
    Replica,
    /// To the primary: the replica was behind.
    Behind,
    /// To the primary: the replica did not answer, or is none of this database.
    Away,
    /// To the primary: the replica failed in the middle, or the primary did not say how far it is.
    Failed,
}

impl ReplicaRead {
    const ALL: [Self; 4] = [Self::Replica, Self::Behind, Self::Away, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Replica => "replica",
            Self::Behind => "behind",
            Self::Away => "away",
            Self::Failed => "failed",
        }
    }
}

fn describe() {
    describe_gauge!("build_info", "1, with the version of the program as its label");
    describe_counter!("api_request_log_dropped_total", "Entries of the log of requests that were dropped, by reason");
    describe_counter!("api_request_log_written_total", "Entries of the log of requests that were written");
    describe_counter!("errors_total", "Failures that callers got, by the code of the catalogue and by wire");
    describe_counter!("http_connections_refused_total", "Connections refused over a limit, by the code they were told");
    describe_counter!("http_requests_total", "Answered requests by method, route and status");
    describe_histogram!("http_request_duration_seconds", "Time from a request's head to its answer's head");
    describe_counter!("log_lines_dropped_total", "Log lines that could not be written to stderr, or not in time");
    describe_counter!("sales_orders_total", "Orders taken in (created) or answered again (replayed)");
    describe_gauge!("sales_orders_waiting", "Orders on their way into the database");
    describe_gauge!("sales_order_oldest_batch_seconds", "Age of the oldest transaction under way that stores orders");
    describe_counter!("sales_order_events_expired_total", "Events of orders that were removed because they were old");
    describe_gauge!("feed_last_look_age_seconds", "Time since the feed was last looked at for its followers");
    describe_gauge!("database_connections", "Open connections to the database by pool, idle or used");
    describe_gauge!("database_connections_max", "The most connections of a pool");
    describe_gauge!("database_clock_skew_seconds", "The database's clock minus this instance's; 0 on SQLite");
    describe_gauge!("instances_configured_differently", "Running instances whose settings differ from this one's");
    describe_counter!(
        "replica_reads_total",
        "Reads that may go to the replica: those that did (replica), and why others went to the primary"
    );
    describe_gauge!("replica_lag_seconds", "For how long the replica has been lacking something; 0 without a replica");
    describe_gauge!("replica_lag_bytes", "How much of the log the replica lacked when it was last asked");
    describe_gauge!("sqlite_wal_bytes", "Size of SQLite's write-ahead log; 0 on PostgreSQL");
    describe_counter!("sales_order_batches_total", "Transactions that stored orders");
    describe_counter!("sales_orders_in_batches_total", "Orders that these transactions stored");
    describe_counter!(
        "webhook_delivery_attempts_total",
        "Attempts to send something to an endpoint of webhooks, by outcome"
    );
    describe_histogram!(
        "webhook_delivery_duration_seconds",
        "Time from the beginning of an attempt to the end of its answer"
    );
    describe_gauge!(
        "webhook_lag_seconds",
        "For how long the endpoint that is furthest behind has not been told of everything"
    );
    describe_gauge!("webhook_endpoints", "Endpoints of webhooks by state; failing are those whose last attempt failed");
    describe_gauge!("webhook_parked_events", "Events that an endpoint did not take, by what becomes of them");
    describe_counter!("signature_reuses_total", "Signatures of the documented form that came again with another order");
}

fn begin() {
    gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    for wire in [Wire::Rest, Wire::Graphql] {
        for code in ErrorCode::ALL {
            error_counter(wire, *code).absolute(0);
        }
    }
    for code in [ErrorCode::RateLimited, ErrorCode::Overloaded] {
        counter!("http_connections_refused_total", "error_code" => code.as_str()).absolute(0);
    }
    for reason in DroppedEntry::ALL {
        dropped_counter(reason).absolute(0);
    }
    counter!("api_request_log_written_total").absolute(0);
    for outcome in ["created", "replayed"] {
        counter!("sales_orders_total", "outcome" => outcome).absolute(0);
    }
    for name in ["sales_order_batches_total", "sales_orders_in_batches_total", "signature_reuses_total"] {
        counter!(name).absolute(0);
    }
    note_expired_events(0);
    for read in ReplicaRead::ALL {
        replica_counter(read).absolute(0);
    }
    note_replica_lag(Duration::ZERO, Some(0));
    for outcome in AttemptOutcome::ALL {
        webhook_counter(*outcome).absolute(0);
    }
    for state in EndpointState::ALL {
        note_webhook_endpoints(*state, 0, 0);
    }
    // It is shown before anything was sent.
    let _ = histogram!("webhook_delivery_duration_seconds");
    note_webhook_parked(ParkedCounts::default());
    note_webhook_lag(Duration::ZERO);
    note_waiting(0);
    note_database_log(0);
    note_differing_instances(0);
}

/// Counts one answered request.
pub fn count_request(method: &'static str, route: &str, status: u16, duration: Duration) {
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    counter!("http_requests_total", &labels).increment(1);
    histogram!("http_request_duration_seconds", &labels[..2]).record(duration.as_secs_f64());
}

/// Counts an entry of the log of requests that was dropped.
pub fn count_dropped_entry(reason: DroppedEntry) {
    dropped_counter(reason).increment(1);
}

fn dropped_counter(reason: DroppedEntry) -> metrics::Counter {
    counter!("api_request_log_dropped_total", "reason" => reason.as_str())
}

/// Counts entries of the log of requests that were written.
pub fn count_written_entries(entries: usize) {
    counter!("api_request_log_written_total").increment(entries as u64);
}

/// Counts a failure that a caller got.
pub fn count_error(wire: Wire, code: ErrorCode) {
    error_counter(wire, code).increment(1);
}

fn error_counter(wire: Wire, code: ErrorCode) -> metrics::Counter {
    counter!("errors_total", "code" => code.as_str(), "wire" => wire.as_str())
}

/// Counts a connection that was refused with this code.
pub fn count_connection_refused(code: ErrorCode) {
    counter!("http_connections_refused_total", "error_code" => code.as_str()).increment(1);
}

/// Counts one order taken in, or answered again.
pub fn count_order(replayed: bool) {
    let outcome = if replayed { "replayed" } else { "created" };
    counter!("sales_orders_total", "outcome" => outcome).increment(1);
}

/// Counts a signature of the documented form that came again with another order, later than is usual.
pub fn count_signature_reuse() {
    counter!("signature_reuses_total").increment(1);
}

/// Notes how many orders wait to be stored.
pub fn note_waiting(orders: usize) {
    gauge!("sales_orders_waiting").set(f64::from(u32::try_from(orders).unwrap_or(u32::MAX)));
}

/// Notes how many other instances are configured differently.
pub fn note_differing_instances(instances: usize) {
    gauge!("instances_configured_differently").set(f64::from(u32::try_from(instances).unwrap_or(u32::MAX)));
}

/// Notes the size of SQLite's write-ahead log.
pub fn note_database_log(bytes: u64) {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
    gauge!("sqlite_wal_bytes").set(bytes as f64);
}

/// Counts a transaction that stores so many orders.
pub fn count_batch(orders: usize) {
    counter!("sales_order_batches_total").increment(1);
    counter!("sales_orders_in_batches_total").increment(orders as u64);
}

/// Since when something lasts, so that its age is worked out when it is asked for: whoever should note an age may be what
/// hangs.
static OLDEST_BATCH: Mutex<Option<Instant>> = Mutex::new(None);
static LAST_LOOK: Mutex<Option<Instant>> = Mutex::new(None);

/// Notes when the oldest transaction under way that stores orders began, if there is one.
pub fn note_oldest_batch(begun: Option<Instant>) {
    *OLDEST_BATCH.lock().unwrap_or_else(PoisonError::into_inner) = begun;
}

/// Notes when the feed was last looked at for its followers, if somebody follows it.
pub fn note_last_look(at: Option<Instant>) {
    *LAST_LOOK.lock().unwrap_or_else(PoisonError::into_inner) = at;
}

/// The age of the oldest transaction under way that stores orders, in seconds; 0 when there is none.
#[must_use]
pub fn oldest_batch_seconds() -> f64 {
    age(&OLDEST_BATCH)
}

fn age(since: &Mutex<Option<Instant>>) -> f64 {
    since.lock().unwrap_or_else(PoisonError::into_inner).map_or(0.0, |since| since.elapsed().as_secs_f64())
}

/// Notes the connections of one of the database's pools.
pub fn note_pool(name: &'static str, max: u32, idle: u32, used: u32) {
    gauge!("database_connections_max", "pool" => name).set(f64::from(max));
    for (state, connections) in [("idle", idle), ("used", used)] {
        gauge!("database_connections", "pool" => name, "state" => state).set(f64::from(connections));
    }
}

/// Counts a read that may go to a replica.
pub fn count_replica_read(read: ReplicaRead) {
    replica_counter(read).increment(1);
}

fn replica_counter(read: ReplicaRead) -> metrics::Counter {
    counter!("replica_reads_total", "outcome" => read.as_str())
}

/// Notes for how long the replica has been lacking something, and how much, if it said so.
pub fn note_replica_lag(lag: Duration, bytes: Option<i64>) {
    gauge!("replica_lag_seconds").set(lag.as_secs_f64());
    if let Some(bytes) = bytes {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
        gauge!("replica_lag_bytes").set(bytes as f64);
    }
}

/// Notes by how much the database's clock is ahead of ours.
pub fn note_clock_skew(seconds: f64) {
    gauge!("database_clock_skew_seconds").set(seconds);
}

/// Counts an attempt at an endpoint.
pub fn count_webhook_attempt(outcome: AttemptOutcome, duration: Duration) {
    webhook_counter(outcome).increment(1);
    histogram!("webhook_delivery_duration_seconds").record(duration.as_secs_f64());
}

fn webhook_counter(outcome: AttemptOutcome) -> metrics::Counter {
    counter!("webhook_delivery_attempts_total", "outcome" => outcome.as_str())
}

/// Notes for how long the endpoint that is furthest behind has not been told of everything.
pub fn note_webhook_lag(lag: Duration) {
    gauge!("webhook_lag_seconds").set(lag.as_secs_f64());
}

/// Notes how many endpoints are in a state, and of how many of them the last attempt failed.
pub fn note_webhook_endpoints(state: EndpointState, all: u64, failing: u64) {
    for (name, number) in [("false", all.saturating_sub(failing)), ("true", failing)] {
        #[expect(clippy::cast_precision_loss, reason = "nobody has so many endpoints")]
        gauge!("webhook_endpoints", "state" => state.as_str(), "failing" => name).set(number as f64);
    }
}

/// Counts events that were removed because they were old.
pub fn note_expired_events(events: u64) {
    counter!("sales_order_events_expired_total").increment(events);
}

/// Notes how many events are parked.
pub fn note_webhook_parked(ParkedCounts { retrying, waiting, exhausted }: ParkedCounts) {
    for (state, number) in
        [(ParkedState::Retrying, retrying), (ParkedState::Waiting, waiting), (ParkedState::Exhausted, exhausted)]
    {
        #[expect(clippy::cast_precision_loss, reason = "each endpoint parks 10,000 at most")]
        gauge!("webhook_parked_events", "state" => state.as_str()).set(number as f64);
    }
}

/// The metrics in the Prometheus text format, after `note` noted what is known only at the moment of asking.
pub fn render_metrics(note: impl FnOnce()) -> String {
    let Some((metrics, process)) = METRICS.get() else { return String::new() };
    let _rendering = RENDERING.lock().unwrap_or_else(PoisonError::into_inner);
    note();
    process.collect();
    counter!("log_lines_dropped_total").absolute(super::dropped_lines());
    gauge!("sales_order_oldest_batch_seconds").set(oldest_batch_seconds());
    gauge!("feed_last_look_age_seconds").set(age(&LAST_LOOK));
    metrics.render()
}

/// Folds what the metrics gathered, every few seconds: it would pile up while nobody asks for them.
pub async fn keep_up_metrics() {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        if let Some((metrics, _)) = METRICS.get() {
            metrics.run_upkeep();
        }
    }
}
