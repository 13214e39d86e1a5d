//! Requests to receivers of every kind, on real sockets.

mod answers;
mod certificates;
mod names;
mod proxies;
mod questions;
mod settings;
mod targets;

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::resolver::{Lookup, NameFault};
use super::{Outcome, Outgoing, OutgoingSettings, TargetRules, TargetUrl};
use crate::domain::webhook::AttemptOutcome;

/// What every test waits at most, far beyond what any needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a test waits for where it is the end of the time that is tested.
const SHORT: Duration = Duration::from_millis(400);

trait Stream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

/// A connection that a receiver accepted.
struct Connection {
    stream: Pin<Box<dyn Stream>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Connection {
    /// The next request with its body, kept for the test. `None` at the end of the connection.
    async fn request(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            let mut buffer = [0; 4_096];
            match self.stream.read(&mut buffer).await.unwrap_or(0) {
                0 => return None,
                read => bytes.extend_from_slice(&buffer[..read]),
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body =
            vec![0; (end + length.map_or(0, |text| text.parse::<usize>().unwrap())).saturating_sub(bytes.len())];
        self.stream.read_exact(&mut body).await.ok()?;
        bytes.extend_from_slice(&body);
        let request = String::from_utf8(bytes).unwrap();
        self.requests.lock().unwrap().push(request.clone());
        Some(request)
    }

    async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok() && self.stream.flush().await.is_ok()
    }
}

/// A server on a port of this machine. It counts who came.
struct Receiver {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn new<F>(talk: impl Fn(Connection) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::listening(TcpListener::bind("127.0.0.1:0").await.unwrap(), None, talk)
    }

    fn listening<F>(
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        talk: impl Fn(Connection) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let receiver =
            Self { address: listener.local_addr().unwrap(), connections: Arc::default(), requests: Arc::default() };
        let (connections, requests) = (Arc::clone(&receiver.connections), Arc::clone(&receiver.requests));
        let talk = Arc::new(talk);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let (talk, tls, requests) = (Arc::clone(&talk), tls.clone(), Arc::clone(&requests));
                tokio::spawn(async move {
                    let stream: Pin<Box<dyn Stream>> = match tls {
                        None => Box::pin(stream),
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => Box::pin(stream),
                            Err(_) => return,
                        },
                    };
                    talk(Connection { stream, requests }).await;
                });
            }
        });
        receiver
    }

    /// Gives every request this answer.
    async fn answering(answer: impl Into<Arc<str>>) -> Self {
        Self::new(answer_each(answer.into())).await
    }

    /// Accepts connections and says nothing on them.
    async fn silent() -> Self {
        Self::new(|connection| async move {
            let _kept = connection;
            std::future::pending::<()>().await;
        })
        .await
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer_each(answer: Arc<str>) -> impl Fn(Connection) -> BoxFuture<'static, ()> + Send + Sync {
    move |mut connection| {
        let answer = Arc::clone(&answer);
        async move { while connection.request().await.is_some() && connection.write(answer.as_bytes()).await {} }
            .boxed()
    }
}

/// An answer with a body, such as `200 OK`.
fn answer(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

fn ok() -> String {
    answer("200 OK", &[], "")
}

/// Rules of an operator whose partners are on this machine.
fn local() -> TargetRules {
    let allowed_networks = ["127.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap()).to_vec();
    TargetRules { allow_http: true, allowed_networks }
}

fn settings(rules: TargetRules) -> OutgoingSettings {
    OutgoingSettings {
        rules,
        proxy: None,
        extra_roots: String::new(),
        connect_timeout: PATIENCE,
        timeout: PATIENCE,
        user_agent: "sales-order-api/test".to_owned(),
    }
}

fn sender() -> Outgoing {
    Outgoing::new(&settings(local())).unwrap()
}

/// Sends one request to a URL that was a target once.
async fn post(outgoing: &Outgoing, url: &str) -> Outcome {
    let everywhere = ["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap()).to_vec();
    let target = TargetUrl::parse(url, &TargetRules { allow_http: true, allowed_networks: everywhere }).unwrap();
    let headers = [("content-type", "application/json"), ("webhook-id", "msg_1")];
    let outcome = outgoing.post(&target, &headers, b"{\"a\":1}".to_vec());
    tokio::time::timeout(2 * PATIENCE, outcome).await.unwrap()
}

async fn class(outgoing: &Outgoing, url: &str) -> AttemptOutcome {
    post(outgoing, url).await.class
}

/// Says of every name what is here, answer by answer; the last one stays.
fn names(answers: &[Result<&[&str], NameFault>]) -> Lookup {
    let read = |addresses: &&[&str]| addresses.iter().map(|address| address.parse::<IpAddr>().unwrap()).collect();
    let answers: Vec<Result<Vec<IpAddr>, _>> =
        answers.iter().map(|answer| answer.as_ref().map(read).map_err(|f| *f)).collect();
    let asked = AtomicUsize::new(0);
    Arc::new(move |_| {
        let at = asked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        std::future::ready(answers[at].clone()).boxed()
    })
}
