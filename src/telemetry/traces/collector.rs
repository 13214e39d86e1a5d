//! Where traces are sent, and how its being away is told.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter as Exporter};
use tracing::{info, warn};

static TRACES: OnceLock<(SdkTracerProvider, SdkTracer)> = OnceLock::new();

/// How long the last spans may take when the process ends.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// What makes spans, where they are sent.
pub(super) fn tracer() -> Option<&'static SdkTracer> {
    TRACES.get().map(|(_, tracer)| tracer)
}

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

#[cfg(test)]
mod tests {
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
}
