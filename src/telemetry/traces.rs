//! Traces: where the time of a request went, sent to a collector by OTLP.
//!
//! Off unless `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` says where to; the other variables of the
//! OpenTelemetry specification count too (sampler, batches, resource). Names follow its semantic conventions for HTTP and databases.
//! A span is made of what was noted when its request ends. What the collector does not take in time is dropped.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter as Exporter};
use tracing::{info, warn};

use super::RequestFields;
use crate::error::ErrorCode;

static TRACES: OnceLock<(SdkTracerProvider, SdkTracer)> = OnceLock::new();

/// The most parts of one span. A subscription reads the database as long as it lasts.
const MOST_PARTS: usize = 100;

/// The longest text of a statement.
const LONGEST_STATEMENT: usize = 1024;

/// The most bytes of texts in its parts.
const MOST_TEXT: usize = 16 * 1024;

/// The longest `tracestate` that is passed on (W3C Trace Context).
const LONGEST_STATE: usize = 512;

/// How long the last spans may take when the process ends.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Sends traces from here on, if the variables of the OpenTelemetry specification say where to; whether they do.
pub fn install_traces(variables: &BTreeMap<String, String>) -> bool {
    if !is_wanted(variables) {
        return false;
    }
    let exporter = match SpanExporter::builder().with_http().build() {
        Ok(exporter) => Noted { exporter, is_away: AtomicBool::new(false) },
        Err(error) => {
            let error = error.to_string();
            // It may quote an address with a password in it.
            let error = if error.contains('@') { "the address of the collector cannot be used" } else { &*error };
            warn!(error, "nothing is traced: the settings of OpenTelemetry (OTEL_…) cannot be used");
            return false;
        }
    };
    let mut resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let names_service = |value: &String| value.contains("service.name=");
    let variable = |name: &str| variables.get(name);
    if variable("OTEL_SERVICE_NAME").is_none() && !variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(names_service) {
        resource = resource.with_service_name(env!("CARGO_PKG_NAME"));
    }
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
    let tracer = provider.tracer(env!("CARGO_PKG_NAME"));
    TRACES.set((provider, tracer)).is_ok()
}

fn is_wanted(variables: &BTreeMap<String, String>) -> bool {
    let is_given = |name: &&str| variables.get(*name).is_some_and(|value| !value.trim().is_empty());
    let says =
        |name: &str, text: &str| variables.get(name).is_some_and(|value| value.trim().eq_ignore_ascii_case(text));
    let is_disabled = says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none");
    !is_disabled && ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"].iter().any(is_given)
}

/// Sends the last spans, but does not wait for long. To be called before the process ends.
pub async fn flush_traces() {
    if let Some((provider, _)) = TRACES.get() {
        let _ = tokio::task::spawn_blocking(|| provider.shutdown_with_timeout(LAST_SPANS)).await;
    }
}

/// Says once that the collector is away, and once that it is back.
#[derive(Debug)]
struct Noted {
    exporter: SpanExporter,
    is_away: AtomicBool,
}

impl Exporter for Noted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let outcome = self.exporter.export(batch).await;
        let was_away = self.is_away.swap(outcome.is_err(), Ordering::Relaxed);
        match &outcome {
            Err(error) if !was_away => warn!(%error, "the collector took no traces"),
            Ok(()) if was_away => info!("the collector takes traces again"),
            _ => {}
        }
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// A span under way, with what is known of its parts.
#[derive(Debug)]
pub struct Trace {
    span: Span,
    parts: Vec<Part>,
    /// Bytes of the texts of its parts.
    text: usize,
}

#[derive(Debug)]
struct Part {
    name: Cow<'static, str>,
    kind: SpanKind,
    began: SystemTime,
    ended: SystemTime,
    attributes: Vec<KeyValue>,
    link: Option<SpanContext>,
}

impl Trace {
    /// A request, which belongs to a span elsewhere where `header` gives `traceparent`. None where it is not recorded.
    pub(super) fn of_request(header: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let (_, tracer) = TRACES.get()?;
        let sent = ["traceparent", "tracestate"].map(|name| Some((name.to_owned(), header(name)?)));
        let sent: HashMap<_, _> =
            sent.into_iter().flatten().filter(|(_, value)| value.len() <= LONGEST_STATE).collect();
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &sent);
        Self::begin(tracer, SpanBuilder::from_name("request").with_kind(SpanKind::Server), &parent)
    }

    /// Work for several spans. It belongs to the first of them; it has links to the others, and they to it.
    pub(super) fn of_work(name: &'static str, size: usize, spans: &[SpanContext]) -> Option<Self> {
        let (_, tracer) = TRACES.get()?;
        let (first, others) = spans.split_first()?;
        let links = others.iter().map(|span| Link::new(span.clone(), Vec::new(), 0)).collect();
        let size = KeyValue::new("db.operation.batch.size", i64::try_from(size).unwrap_or(i64::MAX));
        let builder = SpanBuilder::from_name(name).with_links(links).with_attributes([size]);
        Self::begin(tracer, builder, &Context::new().with_remote_span_context(first.clone()))
    }

    fn begin(tracer: &SdkTracer, builder: SpanBuilder, parent: &Context) -> Option<Self> {
        let span = tracer.build_with_context(builder, parent);
        span.is_recording().then(|| Self { span, parts: Vec::new(), text: 0 })
    }

    /// What other spans name this one by.
    pub(super) fn context(&self) -> &SpanContext {
        self.span.span_context()
    }

    /// Notes a part of it that is over now.
    pub(super) fn note_part(&mut self, name: &'static str, began: SystemTime, link: Option<SpanContext>) {
        let (kind, ended, attributes) = (SpanKind::Internal, SystemTime::now(), Vec::new());
        self.push(Part { name: name.into(), kind, began, ended, attributes, link });
    }

    /// Notes a statement that is over now.
    pub(super) fn note_statement(&mut self, system: &'static str, sql: &str, took: Duration) {
        let ended = SystemTime::now();
        let operation = sql.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let text = sql.chars().take(LONGEST_STATEMENT).collect::<String>();
        self.text += text.len();
        let name = table_of(sql).map_or_else(|| operation.clone(), |table| format!("{operation} {table}"));
        let attributes = vec![
            KeyValue::new("db.system.name", system),
            KeyValue::new("db.operation.name", operation),
            KeyValue::new("db.query.text", text),
        ];
        let began = ended.checked_sub(took).unwrap_or(ended);
        self.push(Part { name: name.into(), kind: SpanKind::Client, began, ended, attributes, link: None });
    }

    fn push(&mut self, part: Part) {
        if self.parts.len() < MOST_PARTS && self.text <= MOST_TEXT {
            self.parts.push(part);
        }
    }

    /// Ends the span of a request.
    pub(super) fn end_request(mut self, facts: &RequestFields, request_id: &str, (method, route, status): Answer<'_>) {
        self.span.update_name(format!("{method} {route}"));
        let texts = [
            ("http.request.method", Some(method)),
            ("http.route", Some(route)),
            ("request.id", Some(request_id)),
            ("enduser.id", facts.principal.as_deref()),
            ("graphql.operation.type", facts.operation_type),
            ("graphql.operation.name", facts.operation_name.as_deref()),
            ("error.type", facts.error_code.map(ErrorCode::as_str)),
            ("error.hint", facts.hint),
        ];
        let texts = texts.into_iter().filter_map(|(name, text)| Some(KeyValue::new(name, text?.to_owned())));
        self.span.set_attributes(texts.chain([KeyValue::new("http.response.status_code", i64::from(status))]));
        self.end(status >= 500);
    }

    /// Ends the span.
    pub(super) fn end(mut self, is_failed: bool) {
        if is_failed {
            self.span.set_status(Status::error(""));
        }
        if let Some((_, tracer)) = TRACES.get() {
            let parent = Context::new().with_remote_span_context(self.span.span_context().clone());
            // First, so that a full queue takes it rather than its parts.
            self.span.end();
            for Part { name, kind, began, ended, attributes, link } in self.parts {
                let links = link.into_iter().map(|span| Link::new(span, Vec::new(), 0)).collect();
                let builder = SpanBuilder::from_name(name).with_kind(kind).with_start_time(began);
                let builder = builder.with_attributes(attributes).with_links(links);
                tracer.build_with_context(builder, &parent).end_with_timestamp(ended);
            }
        }
    }
}

/// Method, route and status of an answer.
pub(super) type Answer<'a> = (&'a str, &'a str, u16);

/// The table that a statement begins with.
fn table_of(sql: &str) -> Option<&str> {
    let mut words = sql.split_whitespace();
    words.find(|word| ["FROM", "INTO", "UPDATE"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword)))?;
    let name = words.next()?.trim_matches(['"', '`', ',', ';']);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_sent_where_the_environment_says_and_nowhere_else() {
        let is_wanted = |pairs: &[(&str, &str)]| {
            super::is_wanted(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        assert!(is_wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")]));
        assert!(is_wanted(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318/v1/traces")]));
        assert!(!is_wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]));
        assert!(!is_wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"), ("OTEL_SDK_DISABLED", "True")]));
        assert!(!is_wanted(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"),
            ("OTEL_TRACES_EXPORTER", "none")
        ]));
        assert!(!is_wanted(&[("OTEL_SERVICE_NAME", "orders")]));
    }

    #[test]
    fn a_statement_is_named_by_its_first_word_and_its_table() {
        for (sql, table) in [
            ("SELECT \"a\" FROM \"sales_orders\" WHERE 1 = 1", Some("sales_orders")),
            ("INSERT INTO sales_order_batches (batch) VALUES ($1)", Some("sales_order_batches")),
            ("update clients SET a = 1", Some("clients")),
            ("SELECT a FROM (SELECT 1)", None),
            ("SELECT begin_to_append()", None),
            ("", None),
        ] {
            assert_eq!(table_of(sql), table, "{sql}");
        }
    }
}
