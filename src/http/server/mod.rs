//! Accepts connections, holds them to their limits, and lets the requests under way finish when it is told to stop.

mod answers;
mod connection;
mod connections;
mod gate;
mod http2;
mod preface;
mod refusal;
mod request_body;
mod routes;
mod socket;
mod stream;
mod transport;
mod unsent;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt as _;
use tracing::{debug, info, warn};

use connection::Timeouts;
pub use connections::Refused;
use connections::{Capacity, Connections, Counted, LEAVING, RESERVED};
use refusal::{LINGERING, Refusals};
pub use routes::Routes;
use socket::Socket;
use transport::Transport;

use super::address::Peer;
use super::framing;
use crate::config::{Http, PublicUrl};

/// What is read of a connection before somebody asks for it: the largest head, and a piece of a body. The buffer of a
/// connection takes up to twice as much, and stays while the connection does.
const BUFFER_BYTES: usize = 32 * 1024;

/// A request that came on a connection beyond this limit; in its extensions.
#[derive(Debug, Clone, Copy)]
pub struct BeyondLimit(pub Refused);

/// Connections that may be open beside those that count: to make room, for health checks, to be refused.
const BESIDE: usize = LEAVING + RESERVED + LINGERING;

/// Connections of the listener for the metrics alone.
pub const METRICS_CONNECTIONS: usize = 64;

/// The options of a server.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    timeouts: Timeouts,
    capacity: Capacity,
    /// Where errors are documented.
    public_url: PublicUrl,
}

impl ServerOptions {
    /// As configured, and with no more connections than this process can have open.
    #[must_use]
    pub fn new(http: &Http, most_connections: usize) -> Self {
        let connections = http.max_connections.min(most_connections - BESIDE.min(most_connections / 4));
        Self {
            timeouts: Timeouts { header: http.header_timeout, idle: http.idle_timeout, write: http.write_timeout },
            capacity: Capacity {
                connections,
                // However few there may be, no address holds more than half of them.
                per_address: http.max_connections_per_address.min(connections.div_ceil(2)),
                trusted_proxies: http.trusted_proxies.clone(),
            },
            public_url: http.public_url.clone(),
        }
    }

    /// The same for a listener that serves the metrics alone.
    #[must_use]
    pub fn for_metrics(&self) -> Self {
        let connections = METRICS_CONNECTIONS.min(self.capacity.connections);
        let capacity = Capacity { connections, per_address: connections.div_ceil(2), ..self.capacity.clone() };
        Self { capacity, timeouts: self.timeouts, public_url: self.public_url.clone() }
    }
}

/// The stage of the server's shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Not at all.
    Serving,
    /// Everything is taken, and each connection is closed after its next answer: who calls through a proxy that keeps
    /// connections open then comes on new ones, which the proxy opens elsewhere.
    Leaving,
    /// Nothing new is taken.
    Closing,
}

/// Serves. When `leaving` resolves, answers close their connections. When `closing` resolves, nothing more is accepted, and
/// the requests under way have until the instant it gives to finish.
///
/// Written on hyper rather than with `axum::serve`, which has no limits for connections.
pub async fn serve(
    listener: TcpListener,
    routes: impl Into<Routes>,
    options: ServerOptions,
    leaving: impl Future<Output = ()>,
    closing: impl Future<Output = Instant>,
) {
    let routes = routes.into();
    let connections = Connections::new(options.capacity, options.timeouts);
    let refusals = Refusals::new(options.public_url);
    // Each connection holds a receiver, so the sender knows when the last one is gone.
    let stage = watch::Sender::new(Stage::Serving);
    let take = |(stream, peer): (TcpStream, SocketAddr)| match connections.open(peer.ip()) {
        Ok(counted) => {
            tokio::spawn(run(stream, Peer(peer), counted, routes.clone(), stage.subscribe()));
        }
        Err(refused) => refusals.send(stream, refused),
    };
    let mut leaving = std::pin::pin!(leaving);
    let mut closing = std::pin::pin!(closing);
    let until = loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => take(accepted),
                Err(error) => pause_after(&error).await,
            },
            () = &mut leaving, if *stage.borrow() == Stage::Serving => drop(stage.send_replace(Stage::Leaving)),
            until = &mut closing => break until,
        }
    };
    for accepted in close(listener) {
        take(accepted);
    }
    info!("stopping: finishing the requests under way");
    stage.send_replace(Stage::Closing);
    if tokio::time::timeout_at(until, stage.closed()).await.is_err() {
        warn!("requests still under way were given up");
    }
}

/// Closes the port, and gives the connections that nobody accepted yet: the system would reset them, with the requests
/// that were sent on them already.
fn close(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut waiting = Vec::new();
    if let Ok(listener) = listener.into_std() {
        while let Ok((stream, peer)) = listener.accept() {
            waiting.push((stream, peer));
        }
    }
    let register = |(stream, peer): (std::net::TcpStream, SocketAddr)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    };
    waiting.into_iter().filter_map(register).collect()
}

/// Serves one connection to its end.
async fn run<S>(stream: S, peer: Peer, counted: Counted, routes: Routes, mut stage: watch::Receiver<Stage>)
where
    S: Transport + Send + 'static,
{
    let connection = Arc::clone(&counted.connection);
    let mut socket = Socket::new(stream, Arc::clone(&connection));
    let serving = async {
        if socket.speaks_http2().await {
            // Not kept in the task of those that speak HTTP/1.1.
            if let Err(error) = Box::pin(http2::serve(socket, peer, counted, routes)).await {
                debug!(%error, "a connection ended early");
            }
        } else if let Err(error) = serve_http1(socket, peer, &counted, &routes).await {
            debug!(%error, "a connection ended early");
        }
    };
    let mut serving = std::pin::pin!(serving);
    let mut known = Stage::Serving;
    loop {
        tokio::select! {
            // First what the answers have to know.
            biased;
            Ok(changed) = async { stage.wait_for(|stage| *stage > known).await.map(|stage| *stage) } => {
                known = changed;
                match changed {
                    Stage::Serving => {}
                    Stage::Leaving => connection.end_after_answer(),
                    Stage::Closing => connection.close(),
                }
            }
            () = serving.as_mut() => break,
        }
    }
}

async fn serve_http1<S>(socket: Socket<S>, peer: Peer, counted: &Counted, routes: &Routes) -> hyper::Result<()>
where
    S: Transport + Send + 'static,
{
    let connection = &counted.connection;
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        connection.begin_answer();
        note(&mut request, peer, connection.beyond);
        let wants_more = answers::wants_more(request.version(), request.headers());
        let (answering, connection) = (routes.now(), Arc::clone(connection));
        async move {
            let Ok(response) = answering.oneshot(request).await;
            Ok::<_, Infallible>(answers::prepare(response, &connection, wants_more))
        }
    });
    let mut http = http1::Builder::new();
    // The socket keeps the time limits, for hyper knows none but that of heads, which it applies between requests too.
    http.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(BUFFER_BYTES);
    http.serve_connection(TokioIo::new(socket), service).with_upgrades().await
}

/// Notes with a request what only its connection knows.
fn note(request: &mut hyper::Request<impl Sized>, peer: Peer, refused: Option<Refused>) {
    request.extensions_mut().insert(peer);
    framing::note(request);
    if let Some(refused) = refused {
        request.extensions_mut().insert(BeyondLimit(refused));
    }
}

/// A client that has disconnected already needs no pause; without file descriptors an immediate retry would only spin.
async fn pause_after(error: &io::Error) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::Instant;

    use super::*;

    const IDLE: Duration = Duration::from_secs(75);

    /// A connection served by a router that takes ten minutes to answer; gives its other end.
    fn connect(stage: &watch::Sender<Stage>) -> tokio::io::DuplexStream {
        let slow = get(async || {
            tokio::time::sleep(Duration::from_mins(10)).await;
            "late"
        });
        let timeouts = Timeouts { header: Duration::from_secs(30), idle: IDLE, write: Duration::from_secs(30) };
        let capacity = Capacity { connections: 2, per_address: 2, trusted_proxies: Vec::new() };
        let peer = Peer(([192, 0, 2, 1], 40_000).into());
        let counted = Connections::new(capacity, timeouts).open(peer.0.ip()).ok().unwrap();
        let (ours, theirs) = duplex(64 * 1024);
        tokio::spawn(run(ours, peer, counted, Router::new().route("/", slow).into(), stage.subscribe()));
        theirs
    }

    /// Sends a request and reads its answer; gives the head.
    async fn ask(client: &mut tokio::io::DuplexStream) -> String {
        client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\nlate") {
            answer.push(char::from(client.read_u8().await.unwrap()));
        }
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_has_its_whole_limit_after_an_answer_that_took_longer_and_then_the_connection_ends() {
        let stage = watch::Sender::new(Stage::Serving);
        let mut client = connect(&stage);
        for _ in 0..2 {
            let asked = Instant::now();
            let answer = ask(&mut client).await;
            assert!(answer.contains("keep-alive: timeout=75\r\n"), "{answer}");
            assert_eq!(asked.elapsed().as_secs(), 600);
            // The last moment that was announced is not too late for the next request.
            tokio::time::sleep(IDLE).await;
        }
        ask(&mut client).await;
        let answered = Instant::now();
        let ended = tokio::time::timeout(IDLE * 2, client.read(&mut [0; 1])).await;
        assert_eq!(ended.expect("the connection ends").unwrap(), 0);
        let lasted = answered.elapsed();
        assert!((IDLE..IDLE + Duration::from_secs(2)).contains(&lasted), "{lasted:?}");
    }
}
