//! Accepts connections, holds them to their limits, and lets the requests under way finish when it is told to stop.

mod answers;
mod connection;
mod connections;
mod refusal;
mod socket;
mod transport;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt as _;
use tracing::{debug, info, warn};

use connection::Timeouts;
pub use connection::WriteTimeout;
pub use connections::Refused;
use connections::{Capacity, Connections, Counted, LEAVING, RESERVED};
use refusal::{LINGERING, Refusals};
use socket::Socket;
use transport::Transport;

use super::address::Peer;
use crate::config::Http;

/// What is read of a connection before somebody asks for it: the largest head, and a piece of a body.
const BUFFER_BYTES: usize = 128 * 1024;

/// A request that came on a connection beyond this limit; in its extensions.
#[derive(Debug, Clone, Copy)]
pub struct BeyondLimit(pub Refused);

/// Connections that may be open beside those that count: to make room, for health checks, to be refused.
const BESIDE: usize = LEAVING + RESERVED + LINGERING;

/// Connections of the listener for the metrics alone.
pub const METRICS_CONNECTIONS: usize = 64;

/// How a server treats its connections.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    timeouts: Timeouts,
    capacity: Capacity,
    /// How long requests under way may go on after the signal to stop.
    drain: Duration,
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
            drain: http.shutdown_timeout,
        }
    }

    /// The same for a listener that serves the metrics alone.
    #[must_use]
    pub fn for_metrics(&self) -> Self {
        let connections = METRICS_CONNECTIONS.min(self.capacity.connections);
        let capacity = Capacity { connections, per_address: connections.div_ceil(2), ..self.capacity.clone() };
        Self { capacity, ..self.clone() }
    }
}

/// Serves until `stop` resolves, then accepts no more and gives the requests under way time to finish.
///
/// Written on hyper rather than with `axum::serve`, which has no limits for connections.
pub async fn serve(listener: TcpListener, router: Router, options: ServerOptions, stop: impl Future<Output = ()>) {
    let connections = Connections::new(options.capacity, options.timeouts);
    let refusals = Refusals::new();
    // Each connection holds a receiver, so the sender knows when the last one is gone.
    let stopping = watch::Sender::new(false);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        match connections.open(peer.ip()) {
            Ok(counted) => {
                tokio::spawn(run(stream, Peer(peer), counted, router.clone(), stopping.subscribe()));
            }
            Err(refused) => refusals.send(stream, refused),
        }
    }
    drop(listener);
    info!("stopping: finishing the requests under way");
    stopping.send_replace(true);
    if tokio::time::timeout(options.drain, stopping.closed()).await.is_err() {
        warn!(seconds = options.drain.as_secs_f64(), "requests still under way were given up");
    }
}

/// Serves one connection to its end.
async fn run<S>(stream: S, peer: Peer, counted: Counted, router: Router, mut stopping: watch::Receiver<bool>)
where
    S: Transport + Send + 'static,
{
    let connection = &counted.connection;
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        connection.begin_answer();
        request.extensions_mut().insert(peer);
        if let Some(refused) = connection.beyond {
            request.extensions_mut().insert(BeyondLimit(refused));
        }
        let wants_more = answers::wants_more(request.version(), request.headers());
        let (router, connection) = (router.clone(), Arc::clone(connection));
        async move {
            let Ok(response) = router.oneshot(request).await;
            Ok::<_, Infallible>(answers::prepare(response, &connection, wants_more))
        }
    });
    let mut http = http1::Builder::new();
    // The socket keeps the time limits, for hyper knows none but that of heads, which it applies between requests too.
    http.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(BUFFER_BYTES);
    let socket = Socket::new(stream, Arc::clone(connection));
    let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(socket), service).with_upgrades());
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = async { drop(stopping.wait_for(|stopping| *stopping).await) } => {
            connection.end_after_answer();
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended early");
    }
}

/// A caller that hung up again is nothing; out of file descriptors, trying again at once would only spin.
async fn pause_after(error: &io::Error) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::Instant;

    use super::*;

    const IDLE: Duration = Duration::from_secs(75);

    /// A connection served by a router that takes ten minutes to answer; gives its other end.
    fn connect(stopping: &watch::Sender<bool>) -> tokio::io::DuplexStream {
        let slow = get(async || {
            tokio::time::sleep(Duration::from_mins(10)).await;
            "late"
        });
        let timeouts = Timeouts { header: Duration::from_secs(30), idle: IDLE, write: Duration::from_secs(30) };
        let capacity = Capacity { connections: 2, per_address: 2, trusted_proxies: Vec::new() };
        let peer = Peer(([192, 0, 2, 1], 40_000).into());
        let counted = Connections::new(capacity, timeouts).open(peer.0.ip()).ok().unwrap();
        let (ours, theirs) = duplex(64 * 1024);
        tokio::spawn(run(ours, peer, counted, Router::new().route("/", slow), stopping.subscribe()));
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
        let stopping = watch::Sender::new(false);
        let mut client = connect(&stopping);
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
