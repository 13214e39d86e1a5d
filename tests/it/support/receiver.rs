use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::task::AbortHandle;

use super::found;

/// What a receiver of webhooks got.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: HashMap<String, String>,
    pub text: String,
    pub body: Value,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The order that it is about.
    pub fn order(&self) -> &str {
        self.body["data"]["order_number"].as_str().unwrap_or_default()
    }

    /// Of which event of the order it tells.
    pub fn sequence(&self) -> i64 {
        self.body["data"]["sequence"].as_i64().unwrap_or_default()
    }
}

/// How a receiver answers.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn saying(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self.with("content-type", "text/plain")
    }
}

type Rule = Box<dyn FnMut(&Received) -> Reply + Send>;

/// A partner's receiver of webhooks on a port of its own. It answers challenges by itself, everything else by its rule: 200 until it
/// gets another one.
pub struct Receiver {
    pub base: String,
    inner: Arc<Mutex<Inner>>,
    serving: AbortHandle,
}

struct Inner {
    received: Vec<Received>,
    rule: Rule,
}

impl Receiver {
    pub async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Mutex::new(Inner { received: Vec::new(), rule: Box::new(|_| Reply::status(200)) }));
        let router = Router::new().fallback(take).with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        Self { base, inner, serving }
    }

    /// Answers by this rule from now on.
    pub fn answer(&self, rule: impl FnMut(&Received) -> Reply + Send + 'static) {
        self.inner.lock().unwrap().rule = Box::new(rule);
    }

    /// Everything it got, challenges included.
    pub fn all(&self) -> Vec<Received> {
        self.inner.lock().unwrap().received.clone()
    }

    /// What it got of events of orders.
    pub fn events(&self) -> Vec<Received> {
        self.all().into_iter().filter(|received| !received.order().is_empty()).collect()
    }

    /// Waits until it got so many events.
    pub async fn events_after(&self, number: usize) -> Vec<Received> {
        let what = format!("{number} webhooks");
        found(&what, async || Some(self.events()).filter(|events| events.len() >= number)).await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(inner): State<Arc<Mutex<Inner>>>, headers: HeaderMap, body: Bytes) -> Response {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let received = Received { headers, body: serde_json::from_str(&text).unwrap_or_default(), text };
    let mut inner = inner.lock().unwrap();
    inner.received.push(received.clone());
    let reply = match received.body["data"]["challenge"].as_str() {
        Some(challenge) => Reply::status(200).saying(challenge),
        None => (inner.rule)(&received),
    };
    drop(inner);
    let mut response = (StatusCode::from_u16(reply.status).unwrap(), reply.body).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
    }
    response
}
