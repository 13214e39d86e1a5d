//! Traces: where the time of a request went, sent to a collector by OTLP.
//!
//! Off unless `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` says where to; the other variables of the
//! OpenTelemetry specification count too (sampler, batches, resource). Names follow its semantic conventions for HTTP and databases.
//! A span is made of what was noted when its request ends. What the collector does not take in time is dropped.

mod collector;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, Span};

use super::RequestFields;
use crate::error::ErrorCode;
use collector::tracer;
pub use collector::{flush_traces, install_traces};

/// The most parts of one span. A subscription reads the database as long as it lasts.
const MOST_PARTS: usize = 100;

/// The longest text of a statement.
const LONGEST_STATEMENT: usize = 1024;

/// The most bytes of texts in its parts.
const MOST_TEXT: usize = 16 * 1024;

/// The longest `tracestate` that is passed on (W3C Trace Context).
const LONGEST_STATE: usize = 512;

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
        let tracer = tracer()?;
        let sent = ["traceparent", "tracestate"].map(|name| Some((name.to_owned(), header(name)?)));
        let sent: HashMap<_, _> =
            sent.into_iter().flatten().filter(|(_, value)| value.len() <= LONGEST_STATE).collect();
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &sent);
        Self::begin(tracer, SpanBuilder::from_name("request").with_kind(SpanKind::Server), &parent)
    }

    /// Work for several spans. It belongs to the first of them; it has links to the others, and they to it.
    pub(super) fn of_work(name: &'static str, size: usize, spans: &[SpanContext]) -> Option<Self> {
        let tracer = tracer()?;
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

    /// A webhook that is sent there as this attempt at it: a trace of its own, which the receiver learns, with a link to the request that
    /// asked for it. None where it is not recorded.
    #[must_use]
    pub fn of_webhook(id: &str, attempt: u32, (host, port): (&str, u16)) -> Option<Self> {
        let tracer = tracer()?;
        let links = super::span().into_iter().map(|span| Link::new(span, Vec::new(), 0)).collect();
        let attributes = [
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("server.address", host.to_owned()),
            KeyValue::new("server.port", i64::from(port)),
            KeyValue::new("webhook.id", id.to_owned()),
            KeyValue::new("webhook.attempt", i64::from(attempt)),
        ];
        let builder = SpanBuilder::from_name("POST").with_kind(SpanKind::Client);
        Self::begin(tracer, builder.with_links(links).with_attributes(attributes), &Context::new())
    }

    /// The header field `traceparent` of a request that belongs to it (W3C Trace Context).
    #[must_use]
    pub fn traceparent(&self) -> String {
        let context = self.context();
        format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8())
    }

    /// Ends the span of a webhook with the status of the answer, or why it was not taken.
    pub fn end_webhook(mut self, status: Option<u16>, failure: Option<&'static str>) {
        let status = status.map(|status| KeyValue::new("http.response.status_code", i64::from(status)));
        let error = failure.map(|failure| KeyValue::new("error.type", failure));
        self.span.set_attributes(status.into_iter().chain(error));
        self.end(failure.is_some());
    }

    /// Ends the span.
    pub(super) fn end(mut self, is_failed: bool) {
        if is_failed {
            self.span.set_status(Status::error(""));
        }
        if let Some(tracer) = tracer() {
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
