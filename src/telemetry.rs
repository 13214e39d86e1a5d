//! One structured line per request, which every layer may enrich from wherever it stands.
//!
//! What belongs here: the line's fields and how they reach it. What does not: tokens, secrets, signatures, addresses
//! and names; `tests/it/logs.rs` fails when one of them shows up.
//! To add a field: a member of [`Facts`], a line in [`RequestLog::write`], a row in `docs/operations.md`.

use std::future::Future;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinHandle;
use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::error::{AppError, ErrorCode};

/// What the layers noted about the request under way.
#[derive(Debug, Default)]
pub struct Facts {
    /// The client the bearer token proved.
    pub principal: Option<String>,
    /// `query`, `mutation` or `subscription`.
    pub operation_type: Option<&'static str>,
    /// The GraphQL operation's name.
    pub operation_name: Option<String>,
    /// What a client's document costs by the schema's measure; ours, behind REST, are not measured.
    pub complexity: Option<usize>,
    /// SQL statements run.
    pub queries: u32,
    /// The first failure's code.
    pub error_code: Option<ErrorCode>,
    /// The first failure's signature hint.
    pub hint: Option<String>,
    /// Whether an order was answered again instead of made.
    pub replayed: bool,
    /// What is left of the caller's quota. Not written: it goes into the answer's header fields.
    pub quota: Option<QuotaState>,
    /// Whether the body is still on its way. Not written: it tells whose fault it is when the time is up.
    pub receiving: bool,
}

/// How much of a quota is left, for the caller to see (draft-ietf-httpapi-ratelimit-headers).
#[derive(Debug, Clone, Copy)]
pub struct QuotaState {
    /// The policy's name.
    pub policy: &'static str,
    /// How many may come within the window.
    pub quota: u32,
    /// The window, in seconds.
    pub window: u64,
    /// How many may still come at once.
    pub remaining: u32,
    /// In how many seconds everything is free again.
    pub reset: u64,
}

/// The line of one request. Cloning shares it.
#[derive(Debug, Clone)]
pub struct RequestLog {
    request_id: Arc<str>,
    facts: Arc<Mutex<Facts>>,
}

tokio::task_local! {
    static CURRENT: RequestLog;
}

impl RequestLog {
    /// A line nothing is noted on yet.
    #[must_use]
    pub fn new(request_id: &str) -> Self {
        Self { request_id: Arc::from(request_id), facts: Arc::default() }
    }

    /// Runs a request's future; inside it [`note`] reaches this line.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Writes the line.
    pub fn write(&self, method: &str, route: &str, status: u16, duration: Duration) {
        let facts = self.facts();
        info!(
            target: "http.request",
            request_id = &*self.request_id,
            method,
            route,
            status,
            duration_ms = duration.as_secs_f64() * 1000.0,
            principal = facts.principal,
            graphql.operation.type = facts.operation_type,
            graphql.operation.name = facts.operation_name,
            graphql.complexity = facts.complexity,
            db.queries = facts.queries,
            error.code = facts.error_code.map(ErrorCode::as_str),
            error.hint = facts.hint,
            idempotent_replay = facts.replayed,
            "http.request"
        );
    }

    /// Whether the body is still on its way.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        self.facts().receiving
    }

    /// What is left of the caller's quota, where one was asked.
    #[must_use]
    pub fn quota(&self) -> Option<QuotaState> {
        self.facts().quota
    }

    /// The first failure's code.
    #[must_use]
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.facts().error_code
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        // A panic while noting a fact loses nothing that matters more than the rest of the line.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes something about the request under way; outside a request it does nothing.
pub fn note(change: impl FnOnce(&mut Facts)) {
    let _ = CURRENT.try_with(|log| change(&mut log.facts()));
}

/// Notes a failure on the request's line, and logs what caused it, which only the log may show.
pub fn note_failure(error: &AppError) {
    note(|facts| {
        facts.error_code.get_or_insert(error.code);
        if facts.hint.is_none() {
            facts.hint = error.details.get("hint").and_then(|hint| hint.as_str()).map(str::to_owned);
        }
    });
    if let Some(source) = &error.source {
        let cause = causes(source.as_ref());
        tracing::error!(target: "failure", request_id = request_id(), code = error.code.as_str(), cause, "request failed");
    }
}

/// The code of the first failure of the request under way.
#[must_use]
pub fn error_code() -> Option<ErrorCode> {
    CURRENT.try_with(RequestLog::error_code).ok().flatten()
}

/// The id of the request under way.
fn request_id() -> Option<String> {
    CURRENT.try_with(|log| log.request_id.to_string()).ok()
}

/// Counts one SQL statement of the request under way.
pub fn count_statement() {
    note(|facts| facts.queries += 1);
}

/// Counts statements that were run for the request under way together with others'.
pub fn count_statements(statements: u32) {
    note(|facts| facts.queries += statements);
}

/// Runs work that belongs to several requests; gives how many statements it took.
pub async fn counting<F: Future>(work: F) -> (F::Output, u32) {
    let log = RequestLog::new("");
    let output = log.clone().scope(work).await;
    (output, log.facts().queries)
}

/// Spawns work that belongs to the request under way, so that its statements are counted there.
pub fn spawn_in_request<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    match CURRENT.try_with(Clone::clone) {
        Ok(log) => tokio::spawn(log.scope(future)),
        Err(_) => tokio::spawn(future),
    }
}

/// Counts one answered request.
pub fn count_request(method: &'static str, route: &str, status: u16, duration: Duration) {
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels[..2]).record(duration.as_secs_f64());
}

/// Counts one order taken in, or answered again.
pub fn count_order(replayed: bool) {
    let outcome = if replayed { "replayed" } else { "created" };
    metrics::counter!("sales_orders_total", "outcome" => outcome).increment(1);
}

/// Counts a signature of the published form that came again with another order, later than is usual.
pub fn count_signature_reuse() {
    metrics::counter!("signature_reuses_total").increment(1);
}

/// Notes how many orders wait to be stored.
pub fn note_waiting(orders: usize) {
    metrics::gauge!("sales_orders_waiting").set(f64::from(u32::try_from(orders).unwrap_or(u32::MAX)));
}

/// Notes the size of SQLite's write-ahead log.
pub fn note_database_log(bytes: u64) {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
    metrics::gauge!("sqlite_wal_bytes").set(bytes as f64);
}

/// Counts a transaction that stores so many orders.
pub fn count_batch(orders: usize) {
    metrics::counter!("sales_order_batches_total").increment(1);
    metrics::counter!("sales_orders_in_batches_total").increment(orders as u64);
}

/// The metrics in the Prometheus text format.
pub fn render_metrics() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// Folds what the metrics gathered, every few seconds: it would pile up while nobody asks for them.
pub async fn keep_up_metrics() {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        if let Some(metrics) = METRICS.get() {
            metrics.run_upkeep();
        }
    }
}

/// The metrics crate knows one recorder a process.
static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs what one process has once: the log, the metrics and the panic hook.
pub fn install(filter: &str, json: bool) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    if json {
        subscriber.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    } else {
        subscriber.with_target(false).init();
    }
    // Half a millisecond to ten seconds: the range in which an answer can still be given.
    let buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let recorder = PrometheusBuilder::new().set_buckets(&buckets)?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    let _ = METRICS.set(handle);
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str();
        tracing::error!(target: "panic", request_id = request_id(), place, said, "a task panicked");
    }));
    Ok(())
}

/// An error and what caused it, each said once: many errors repeat their cause.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
