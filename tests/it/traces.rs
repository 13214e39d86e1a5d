//! An operator sees in a trace where the time of a request went.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use reqwest::Method;
use sales_order_api::domain::permission::Permission;
use serde_json::json;

use crate::support::{Answer, Database, Process, Receiver, Remote, Reply, found, order};

/// A collector that takes traces by OTLP.
struct Collector {
    base: String,
    taken: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    async fn new() -> Self {
        let taken = Arc::<Mutex<Vec<_>>>::default();
        let take = async |State(taken): State<Arc<Mutex<Vec<_>>>>, body: Bytes| {
            taken.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
        };
        let router = Router::new().route("/v1/traces", axum::routing::post(take)).with_state(Arc::clone(&taken));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, taken }
    }

    fn spans(&self) -> Vec<Span> {
        let taken = self.taken.lock().unwrap();
        let scopes = taken.iter().flat_map(|sent| &sent.resource_spans).flat_map(|of| &of.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    fn resource(&self) -> Resource {
        self.taken.lock().unwrap()[0].resource_spans[0].resource.clone().unwrap()
    }

    /// The span of a request, and those that belong to it.
    async fn trace_of(&self, name: &str) -> (Span, Vec<Span>) {
        found(name, async || {
            let spans = self.spans();
            let root = spans.iter().find(|span| span.name == name)?.clone();
            let belongs = |span: &&Span| span.trace_id == root.trace_id && span.span_id != root.span_id;
            Some((root.clone(), spans.iter().filter(belongs).cloned().collect()))
        })
        .await
    }
}

fn attribute(attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue], name: &str) -> String {
    let value = attributes.iter().find(|attribute| attribute.key == name).and_then(|found| found.value.clone()?.value);
    match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}

fn serve(database: &Database, endpoint: &str, change: impl FnOnce(&mut Command)) -> Process {
    Process::serve(database.folder.path(), &database.url, |command| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_BSP_SCHEDULE_DELAY", "20");
        change(command);
    })
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn create(service: &Process, secret: &secrecy::SecretString) -> Answer {
    let partner = Remote::log_in(&service.base, "partner", secret).await;
    let signed = partner.sign();
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let headers = [&signed.headers()[..], &[("traceparent", parent.as_str())]].concat();
    partner.post("/api/v1/sales-orders", &headers, &order()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_follows_an_order_from_the_proxy_to_its_commit() {
    let database = Database::new().await;
    let (collector, secret) = (Collector::new().await, Remote::register(&database, "partner").await);
    let service = serve(&database, &collector.base, |command| {
        command.env("SALES_ORDER_HTTP__TRUSTED_PROXIES", "[\"127.0.0.0/8\"]");
    });
    create(&service, &secret).await.expect(201);
    let (request, parts) = collector.trace_of("POST /api/v1/sales-orders").await;
    assert_eq!(
        (hex::encode(&request.trace_id), hex::encode(&request.parent_span_id)),
        (TRACE.to_owned(), "b7ad6b7169203331".to_owned())
    );
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/api/v1/sales-orders"),
        ("http.response.status_code", "201"),
        ("enduser.id", "partner"),
    ] {
        assert_eq!(attribute(&request.attributes, name), value);
    }
    assert_eq!(attribute(&collector.resource().attributes, "service.name"), "sales-order-api");
    let part = |name: &str| parts.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {parts:?}"));
    for name in ["verify the signature", "wait for the commit", "store orders"] {
        let part = part(name);
        assert_eq!(part.parent_span_id, request.span_id, "{name}");
        assert!(
            part.start_time_unix_nano >= request.start_time_unix_nano
                && part.end_time_unix_nano <= request.end_time_unix_nano,
            "{name}"
        );
    }
    let stored = part("store orders");
    assert_eq!(part("wait for the commit").links[0].span_id, stored.span_id);
    assert_eq!(attribute(&stored.attributes, "db.operation.batch.size"), "1");
    let statement = parts.iter().find(|span| span.parent_span_id == stored.span_id).unwrap();
    let system = if database.url.starts_with("postgres") { "postgresql" } else { "sqlite" };
    assert_eq!(attribute(&statement.attributes, "db.system.name"), system);
    // What is sent to a collector holds no value of an order, no secret and no signature.
    let all = format!("{:?}", collector.spans());
    for text in ["Sudirman", "John Doe", "CUST-001", "Bearer"] {
        assert!(!all.contains(text), "{text}: {all}");
    }
    let log = service.stop();
    assert!(log.contains(&format!("\"trace_id\":\"{TRACE}\"")), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_one_transaction_are_linked_with_it() {
    let database = Database::new().await;
    let (collector, secret) = (Collector::new().await, Remote::register(&database, "partner").await);
    let service = serve(&database, &collector.base, |_| {});
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let keys = AtomicU32::new(0);
    let together = async || {
        let orders = (0..6).map(|_| {
            let (partner, key) = (partner.clone(), keys.fetch_add(1, Ordering::Relaxed).to_string());
            async move { partner.create(&partner.sign(), Some(&key), &order()).await.unwrap().expect(201) }
        });
        futures_util::future::join_all(orders).await
    };
    let linked = found("a transaction of several orders", async || {
        together().await;
        let spans = collector.spans();
        let stored = spans.iter().find(|span| span.name == "store orders" && !span.links.is_empty())?.clone();
        let waited = spans.iter().filter(|span| span.name == "wait for the commit");
        let of_it = waited.filter(|span| span.links[0].span_id == stored.span_id).count();
        (of_it == stored.links.len() + 1).then_some(stored)
    })
    .await;
    assert_eq!(attribute(&linked.attributes, "db.operation.batch.size"), (linked.links.len() + 1).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_how_long_a_receiver_took_and_why_it_took_no_webhook() {
    let database = Database::new().await;
    let (collector, receiver) = (Collector::new().await, Receiver::new().await);
    receiver.answer(|_| Reply::status(503));
    let partner = Remote::register(&database, "partner").await;
    let secret = Remote::register_with(&database, "staff", vec![Permission::ClientsManage]).await;
    let service = serve(&database, &collector.base, |command| {
        command
            .env("SALES_ORDER_WEBHOOKS__SECRET_KEYS", "[\"one key of more than 32 bytes for all instances\"]")
            .env("SALES_ORDER_WEBHOOKS__ALLOW_HTTP", "true")
            .env("SALES_ORDER_WEBHOOKS__ALLOWED_NETWORKS", "[\"127.0.0.0/8\"]");
    });
    let operator = Remote::log_in(&service.base, "staff", &secret).await;
    let url = format!("{}/hooks?token=of-the-receiver", receiver.base);
    let save = "mutation Save($url: String!) {
        saveWebhookEndpoint(name: \"erp\", clientId: \"partner\", input: {url: $url}) { endpoint { state } } }";
    let verify = "mutation Verify {
        verifyWebhookEndpoint(name: \"erp\", clientId: \"partner\") { endpoint { state } } }";
    for document in [json!({"query": save, "variables": {"url": url}}), json!({"query": verify})] {
        let answer = operator.request(Method::POST, "/graphql", Some(&document)).await.unwrap().expect(200);
        assert!(answer["errors"].is_null(), "{answer}");
    }
    // The request that asked for it is known by a link alone: its trace is nothing for the receiver.
    let operation = |span: &Span| {
        let named = span.attributes.iter().any(|found| found.key == "graphql.operation.name");
        named.then(|| attribute(&span.attributes, "graphql.operation.name"))
    };
    let spans = async |is_it: &dyn Fn(&Span) -> bool| {
        found("the span", async || collector.spans().into_iter().find(|span| is_it(span))).await
    };
    let request = spans(&|span| operation(span).as_deref() == Some("Verify")).await;
    let asked = spans(&|span| span.name == "POST").await;
    assert_eq!((&asked.links[0].span_id, asked.parent_span_id.len()), (&request.span_id, 0));
    assert_ne!(asked.trace_id, request.trace_id);
    assert_eq!(attribute(&asked.attributes, "http.response.status_code"), "200");

    // Of an event; the receiver can go on with its trace.
    create(&service, &partner).await.expect(201);
    let sent = spans(&|span| span.name == "POST" && span.span_id != asked.span_id).await;
    assert_eq!((sent.kind(), sent.links.len()), (SpanKind::Client, 0));
    let webhook = &receiver.events()[0];
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.response.status_code", "503"),
        ("error.type", "REFUSED"),
        ("server.address", "127.0.0.1"),
        ("server.port", receiver.base.rsplit_once(':').unwrap().1),
        ("webhook.id", webhook.header("webhook-id")),
        ("webhook.attempt", "1"),
    ] {
        assert_eq!(attribute(&sent.attributes, name), value);
    }
    let traceparent = format!("00-{}-{}-01", hex::encode(&sent.trace_id), hex::encode(&sent.span_id));
    assert_eq!(webhook.header("traceparent"), traceparent);
    assert!(!format!("{:?}", collector.spans()).contains("of-the-receiver"), "a path or a query may hold a secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_no_proxy_of_ours_cannot_choose_its_trace() {
    let database = Database::new().await;
    let (collector, secret) = (Collector::new().await, Remote::register(&database, "partner").await);
    let service = serve(&database, &collector.base, |_| {});
    create(&service, &secret).await.expect(201);
    let (request, _) = collector.trace_of("POST /api/v1/sales-orders").await;
    assert_ne!(hex::encode(&request.trace_id), TRACE);
    assert!(request.parent_span_id.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_does_not_answer_hinders_no_order_and_no_stop() {
    let database = Database::new().await;
    let secret = Remote::register(&database, "partner").await;
    // It takes connections and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let service = serve(&database, &format!("http://{}", listener.local_addr().unwrap()), |_| {});
    create(&service, &secret).await.expect(201);
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_is_told_of_once_and_settings_that_cannot_be_used_keep_nobody_from_serving() {
    let database = Database::new().await;
    let secret = Remote::register(&database, "partner").await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let service = serve(&database, &format!("http://{nobody}"), |_| {});
    create(&service, &secret).await.expect(201);
    create(&service, &secret).await.expect(201);
    let log = service.stop();
    assert_eq!(log.matches("the collector took no traces").count(), 1, "{log}");

    let service = serve(&database, "no address", |_| {});
    create(&service, &secret).await.expect(201);
    let log = service.stop();
    assert!(log.contains("nothing is traced"), "{log}");
}
