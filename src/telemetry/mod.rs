//! One structured line per request, which every layer may enrich from wherever it stands.
//!
//! What belongs here: the line's fields and how they reach it. What does not: tokens, secrets, signatures, addresses
//! and names; `tests/it/logs.rs` fails when one of them shows up.
//! To add a field: a member of [`RequestFields`], a line in [`RequestLine::write`], a row in `docs/operations.md`.

mod exchange;
mod log;
mod metrics;
mod outages;
mod traces;

use std::future::Future;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

pub use opentelemetry::trace::SpanContext;
use tokio::task::JoinHandle;
use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::error::{AppError, ErrorCode};
pub use exchange::{Exchange, NotedBody, NotedRow};
use log::LogWriter;
pub use metrics::{
    DroppedEntry, ReplicaRead, Wire, count_batch, count_connection_refused, count_dropped_entry, count_error,
    count_order, count_replica_read, count_request, count_signature_reuse, count_webhook_attempt,
    count_written_entries, install_metrics, keep_up_metrics, note_clock_skew, note_database_log,
    note_differing_instances, note_expired_events, note_last_look, note_oldest_batch, note_pool, note_replica_lag,
    note_waiting, note_webhook_endpoints, note_webhook_lag, note_webhook_parked, oldest_batch_seconds, render_metrics,
};
pub use traces::{Trace, flush_traces, install_traces};

/// What the layers noted about the request under way.
#[derive(Debug, Default)]
pub struct RequestFields {
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
    pub hint: Option<&'static str>,
    /// Whether an order was answered again instead of made.
    pub replayed: bool,
    /// What is left of the caller's quota. Not written: it goes into the answer's header fields.
    pub quota: Option<QuotaState>,
    /// Whether the body is still on its way. Not written: it tells whose fault it is when the time is up.
    pub receiving: bool,
    /// What the log of requests keeps beside. Not written.
    pub exchange: Exchange,
    /// Its span, where it is traced. Of it the line names the trace.
    pub trace: Option<Box<Trace>>,
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
pub struct RequestLine {
    request_id: Arc<str>,
    facts: Arc<Mutex<RequestFields>>,
}

tokio::task_local! {
    static CURRENT: RequestLine;
}

impl RequestLine {
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
        let mut facts = self.facts();
        let trace = facts.trace.take();
        info!(
            target: "http.request",
            request_id = &*self.request_id,
            trace_id = trace.as_ref().map(|trace| trace.context().trace_id().to_string()),
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
        if let Some(trace) = trace {
            trace.end_request(&facts, &self.request_id, (method, route, status));
        }
    }

    /// Begins its span, where requests are traced. `header` gives the header fields of a caller that is believed.
    pub fn trace(&self, header: impl Fn(&str) -> Option<String>) {
        self.facts().trace = Trace::of_request(header).map(Box::new);
    }

    /// Notes header fields of the request, each of which `sent` gives by its name.
    pub fn note_sent(&self, sent: impl Fn(&str) -> Option<String>) {
        let exchange = &mut self.facts().exchange;
        exchange.user_agent = sent("user-agent");
        exchange.idempotency_key = sent("idempotency-key");
        exchange.claimed_client = sent("x-client-id");
        exchange.is_signed = sent("x-signature").is_some();
        exchange.is_kept = true;
    }

    /// Everything that was noted, when nothing more will be.
    #[must_use]
    pub fn take(&self) -> RequestFields {
        std::mem::take(&mut self.facts())
    }

    /// The request's id.
    #[must_use]
    pub fn request_id(&self) -> Arc<str> {
        Arc::clone(&self.request_id)
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

    fn facts(&self) -> MutexGuard<'_, RequestFields> {
        // A panic while noting a fact loses nothing that matters more than the rest of the line.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes something about the request under way; outside a request it does nothing.
pub fn note(change: impl FnOnce(&mut RequestFields)) {
    let _ = CURRENT.try_with(|log| change(&mut log.facts()));
}

/// Notes a failure on the request's line, counts it, and logs what caused it, which only the log may show.
pub fn note_failure(wire: Wire, error: &AppError) {
    metrics::count_error(wire, error.code);
    note(|facts| {
        facts.error_code.get_or_insert(error.code);
        facts.hint = facts.hint.or(error.hint);
        facts.exchange.note_errors(&error.errors);
    });
    if let Some(source) = &error.source {
        let (request_id, code, cause) = (request_id(), error.code.as_str(), causes(source.as_ref()));
        if error.code == ErrorCode::DatabaseUnavailable && !outages::OUTAGE.is_news(&cause, Instant::now()) {
            tracing::debug!(target: "failure", request_id, code, cause, "request failed");
        } else {
            tracing::error!(target: "failure", request_id, code, cause, "request failed");
        }
    }
}

/// Whether the body of the request under way is to be noted.
#[must_use]
pub fn notes_body() -> bool {
    CURRENT.try_with(|log| log.facts().exchange.is_kept).unwrap_or(false)
}

/// The client of the request under way, once it is known.
#[must_use]
pub fn principal() -> Option<String> {
    CURRENT.try_with(|log| log.facts().principal.clone()).ok().flatten()
}

/// The code of the first failure of the request under way.
#[must_use]
pub fn error_code() -> Option<ErrorCode> {
    CURRENT.try_with(RequestLine::error_code).ok().flatten()
}

/// The id of the request under way.
#[must_use]
pub fn request_id() -> Option<String> {
    CURRENT.try_with(|log| log.request_id.to_string()).ok()
}

/// Counts one SQL statement of the request under way, which is over now.
pub fn count_statement(system: &'static str, sql: &str, took: Duration) {
    note(|facts| {
        facts.queries += 1;
        if let Some(trace) = &mut facts.trace {
            trace.note_statement(system, sql, took);
        }
    });
}

/// The span of the request under way, where it is traced.
#[must_use]
pub fn span() -> Option<SpanContext> {
    CURRENT.try_with(|log| log.facts().trace.as_ref().map(|trace| trace.context().clone())).ok().flatten()
}

/// The beginning of a part of the request under way; none where it is not traced.
#[must_use]
pub fn begin_part() -> Option<SystemTime> {
    CURRENT.try_with(|log| log.facts().trace.is_some().then(SystemTime::now)).ok().flatten()
}

/// The end of a part that began then, with the span of what was done for it together with others.
pub fn end_part(name: &'static str, began: Option<SystemTime>, link: Option<SpanContext>) {
    let Some(began) = began else { return };
    note(|facts| {
        if let Some(trace) = &mut facts.trace {
            trace.note_part(name, began, link);
        }
    });
}

/// Counts statements that were run for the request under way together with others'.
pub fn count_statements(statements: u32) {
    note(|facts| facts.queries += statements);
}

/// What work for several requests took.
#[derive(Debug, Default)]
pub struct Shared {
    /// How many statements.
    pub statements: u32,
    /// Its span, where one of the requests is traced.
    pub span: Option<SpanContext>,
}

/// Runs work on so many things that belongs to several requests, of which those that are traced have these spans; gives what it took.
pub async fn counting<T, E>(
    name: &'static str,
    size: usize,
    spans: &[SpanContext],
    work: impl Future<Output = Result<T, E>>,
) -> (Result<T, E>, Shared) {
    let log = RequestLine::new("");
    log.facts().trace = Trace::of_work(name, size, spans).map(Box::new);
    let output = log.clone().scope(work).await;
    let RequestFields { queries, trace, .. } = log.take();
    let span = trace.as_ref().map(|trace| trace.context().clone());
    if let Some(trace) = trace {
        trace.end(output.is_err());
    }
    (output, Shared { statements: queries, span })
}

/// Spawns work that belongs to the request under way, so that its statements are counted there.
pub fn spawn_in_request<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(in_request(future))
}

/// Work of a task of its own that belongs to the request under way.
pub fn in_request<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let log = CURRENT.try_with(Clone::clone).ok();
    async move {
        match log {
            Some(log) => log.scope(future).await,
            None => future.await,
        }
    }
}

/// The log of this process, once [`install`] was called.
static LOG: OnceLock<LogWriter> = OnceLock::new();

/// How long a process that ends waits for the last lines to be written.
const LAST_LINES: Duration = Duration::from_secs(2);

/// What libraries log unless the filter names them: h2 warns of each client that breaks its limits, as often as a stranger
/// likes.
const OF_LIBRARIES: &str = "h2=error";

/// Installs what one process has once: the log, the metrics and the panic hook. At most so many bytes of the log wait to
/// be written.
pub fn install(filter: &str, json: bool, max_buffer_bytes: usize) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{OF_LIBRARIES},{filter}"))?;
    let log = LogWriter::to_stderr(max_buffer_bytes)?;
    let _ = LOG.set(log.clone());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(log)
        .with_ansi(std::io::stderr().is_terminal())
        // It would print to stderr, and panic where that fails.
        .log_internal_errors(false);
    if json {
        subscriber.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    } else {
        subscriber.with_target(false).init();
    }
    install_metrics()?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str();
        tracing::error!(target: "panic", request_id = request_id(), place, said, "a task panicked");
    }));
    Ok(())
}

/// Puts a line among those of the log, without its format; false where this process has no log.
pub fn print_to_log(line: &str) -> bool {
    let log = LOG.get();
    log.inspect(|log| log.push(format!("{line}\n").as_bytes())).is_some()
}

/// Waits for the last lines to be written, but not for long. To be called before the process ends.
pub fn flush_log() {
    if let Some(log) = LOG.get() {
        log.flush(LAST_LINES);
    }
}

/// How many lines of the log were dropped.
fn dropped_lines() -> u64 {
    LOG.get().map_or(0, LogWriter::dropped)
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
