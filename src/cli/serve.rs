//! `serve`.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use super::{Common, output, signals};
use crate::app::{self, AppState};
use crate::clock::Clock;
use crate::config::{Config, Http, LogFormat};
use crate::http::ServerOptions;
use crate::{http, telemetry};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

pub async fn run(common: &Common, args: Args) -> Result<()> {
    let config = common.load(args.listen)?.config;
    telemetry::install(&config.log.filter, config.log.format == LogFormat::Json, config.log.max_buffer_bytes)?;
    signals::ignore()?;
    // Before the database is waited for: as the first process of a container, it would not be ended by a signal that
    // nobody awaits.
    let mut stop = pin!(signals::stop_signal()?);
    let server = tokio::select! {
        server = Server::start(config) => server?,
        () = &mut stop => {
            info!("stopped before the database was there");
            return Ok(());
        }
    };
    let base = format!("http://{}", server.address);
    let metrics =
        server.metrics_address().map_or_else(String::new, |address| format!("\n  metrics  http://{address}/metrics"));
    info!(address = %server.address, "listening");
    let graphiql =
        if server.state.config().graphql.graphiql { format!("  GraphiQL {base}/graphiql\n") } else { String::new() };
    output::text_in_background(format!(
        "Sales Order API is listening on {base}\n  docs     {base}/docs\n{graphiql}  REST     {base}/api/v1\n  GraphQL  \
         {base}/graphql\n  schema   {base}/schema.graphql\n  OpenAPI  {base}/api/v1/openapi.json\n  health   \
         {base}/health/ready{metrics}"
    ))?;
    server.run(stop).await;
    Ok(())
}

/// A service that is bound and ready to accept.
pub struct Server {
    listener: TcpListener,
    /// For the metrics alone, where they have an address of their own.
    metrics: Option<TcpListener>,
    state: AppState,
    options: ServerOptions,
    hangups: Signal,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Of `http.shutdown_timeout`: the most that is left for closing the database once the requests are finished or given up.
const AT_END: Duration = Duration::from_secs(1);

/// The most that closing the database may take. A connection that leads nowhere would have it wait for all of the time.
const TO_CLOSE: Duration = Duration::from_secs(5);

impl Server {
    /// Opens the database and binds the port.
    pub async fn start(config: Config) -> Result<Self> {
        // First what a wrong configuration refuses, so that nothing is created for a service that will not run.
        config.check_exposure()?;
        let store = app::open_to_serve(&config).await?;
        let (listen, metrics) = (config.http.listen, config.metrics.listen);
        let options = ServerOptions::new(&config.http, most_connections(&config));
        let state = AppState::build(config, store, &Clock::system())?;
        let bind = async |address: SocketAddr, key: &str| {
            TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}{key}"))
        };
        let listener = bind(listen, "").await?;
        let metrics = match metrics {
            Some(address) => Some(bind(address, " (metrics.listen)").await?),
            None => None,
        };
        let address = listener.local_addr()?;
        Ok(Self { listener, metrics, state, options, hangups: signals::hangups()?, address })
    }

    /// Where the metrics are, if they have an address of their own.
    fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref()?.local_addr().ok()
    }

    /// Serves until `stop`. Then it is not ready any more but serves on for `http.drain_delay`, so that whoever watches it
    /// sends requests elsewhere; closes the port, finishes the requests under way and closes the database.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::spawn(telemetry::keep_up_metrics());
        let beside = self.state.clone();
        let beside = tokio::spawn(async move {
            let reload = signals::reload_on_hangup(beside.clone(), self.hangups);
            tokio::join!(beside.look_after(), reload)
        });
        let Http { drain_delay, shutdown_timeout, .. } = self.state.config().http;
        // A part of the time for what comes after the requests.
        let at_end = AT_END.min(shutdown_timeout.saturating_sub(drain_delay) / 4);
        let (leave, leaving) = oneshot::channel();
        let (close, closing) = oneshot::channel();
        let stopping = async {
            stop.await;
            let until = Instant::now() + shutdown_timeout;
            if !drain_delay.is_zero() {
                info!(
                    seconds = drain_delay.as_secs_f64(),
                    "told to stop: not ready, but serving on for http.drain_delay"
                );
                self.state.leave();
                let _ = leave.send(());
                sleep(drain_delay).await;
            }
            let _ = close.send(until - at_end);
            // They have no end of their own to wait for. Not earlier: who comes again comes to another instance now.
            self.state.stop_streams();
            until
        };
        // Until the last request is answered, so that a stop can be watched.
        let metrics = self.metrics.map(|listener| {
            if let Ok(address) = listener.local_addr() {
                info!(%address, "the metrics are served at an address of their own");
            }
            let options = self.options.for_metrics();
            tokio::spawn(http::serve(listener, http::metrics_router(), options, pending(), pending()))
        });
        let leaving = async { drop(leaving.await) };
        let closing = async { closing.await.unwrap_or_else(|_| Instant::now()) };
        let serving = http::serve(self.listener, http::router(self.state.clone()), self.options, leaving, closing);
        let (until, ()) = tokio::join!(stopping, serving);
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        beside.abort();
        if timeout_at(until - at_end, self.state.streams_ended()).await.is_err() {
            warn!("streams still open were given up");
        }
        if timeout_at(until.min(Instant::now() + TO_CLOSE), self.state.store().close()).await.is_err() {
            warn!("the database connections did not close in time");
        }
        info!("stopped");
    }
}

/// Files that the process has open besides its connections: those of the database and of the log, the listeners, and the
/// connections of the listener for the metrics.
fn other_files(config: &Config) -> u64 {
    // SQLite opens the database and its log for each connection.
    let metrics = if config.metrics.listen.is_some() { http::METRICS_CONNECTIONS as u64 } else { 0 };
    64 + 3 * u64::from(config.database.max_connections) + metrics
}

/// How many connections this process can have open. It first asks the system for as many files as it may have.
fn most_connections(config: &Config) -> usize {
    let files = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => files,
        Err(error) => {
            warn!(%error, "the limit of open files could not be raised");
            rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(1024, |(soft, _)| soft)
        }
    };
    let left = usize::try_from(files.saturating_sub(other_files(config))).unwrap_or(usize::MAX).max(16);
    if left < config.http.max_connections {
        warn!(
            open_files = files,
            connections = left,
            "fewer connections than http.max_connections: the limit of open files (RLIMIT_NOFILE) allows no more"
        );
    }
    left
}
