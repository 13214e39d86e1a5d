//! `serve`.

use std::future::{Future, pending};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use super::supervisor::{Doing, Supervisor};
use super::{Common, output, signals};
use crate::app::{self, AppState};
use crate::clock::Clock;
use crate::config::{Config, Http, LogFormat, telemetry_variables};
use crate::http::{Routes, ServerOptions};
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
    if telemetry::install_traces(&telemetry_variables()) {
        info!("traces are sent to the collector that the environment names (OTEL_EXPORTER_OTLP_ENDPOINT)");
    }
    signals::ignore()?;
    // Before the database is waited for: as the first process of a container, it would not be ended by a signal that
    // nobody awaits.
    let mut stop = pin!(signals::stop_signal()?);
    let server = Server::bind(config).await?;
    info!(address = %server.address, "bound: until the database is there, requests are answered with 503");
    let Some((server, state)) = server.open(stop.as_mut()).await? else { return Ok(()) };
    info!(address = %server.address, "listening");
    output::text_in_background(server.greeting());
    server.run(state, stop).await;
    telemetry::flush_traces().await;
    Ok(())
}

/// A service that has its ports and answers on them.
pub struct Server {
    config: Config,
    routes: Routes,
    serving: JoinHandle<()>,
    leave: oneshot::Sender<()>,
    close: oneshot::Sender<Instant>,
    /// For the metrics alone, where they have an address of their own.
    metrics: Option<Metrics>,
    hangups: Signal,
    supervisor: Supervisor,
    /// Where it listens.
    pub address: SocketAddr,
}

/// The listener for the metrics alone.
struct Metrics {
    address: SocketAddr,
    routes: Routes,
    serving: JoinHandle<()>,
}

/// Of `http.shutdown_timeout`: the most that is left for closing the database once the requests are finished or given up.
const AT_END: Duration = Duration::from_secs(1);

/// The most that closing the database may take. A connection that leads nowhere would have it wait for all of the time.
const TO_CLOSE: Duration = Duration::from_secs(5);

/// The most that writing the last entries of the log of requests may take: so many as may wait take less.
const TO_WRITE: Duration = Duration::from_secs(2);

impl Server {
    /// Binds the ports. Until [`Server::open`] has succeeded, it is alive and not ready.
    pub async fn bind(config: Config) -> Result<Self> {
        // First what a wrong configuration refuses, so that nothing is created for a service that will not run.
        config.check_exposure()?;
        app::check_addresses(&config)?;
        let bind = async |address: SocketAddr, key: &str, setting: &str| {
            TcpListener::bind(address).await.map_err(|error| {
                let remedy = match error.kind() {
                    ErrorKind::AddrInUse => format!("; end what listens there, or name another address ({setting})"),
                    _ => String::new(),
                };
                anyhow!("cannot listen on {address}{key}: {error}{remedy}")
            })
        };
        let listener = bind(config.http.listen, "", "--listen").await?;
        let metrics = match config.metrics.listen {
            Some(address) => Some(bind(address, " (metrics.listen)", "metrics.listen").await?),
            None => None,
        };
        let address = listener.local_addr()?;
        let hangups = signals::hangups()?;
        let options = ServerOptions::new(&config.http, most_connections(&config));
        tokio::spawn(telemetry::keep_up_metrics());
        // Until the last request is answered, so that a stop can be watched.
        let metrics = match metrics {
            Some(listener) => {
                let address = listener.local_addr()?;
                info!(%address, "the metrics are served at an address of their own");
                let routes = Routes::from(http::metrics_router(None));
                let serving = http::serve(listener, routes.clone(), options.for_metrics(), pending(), pending());
                Some(Metrics { address, routes, serving: tokio::spawn(serving) })
            }
            None => None,
        };
        let routes = Routes::from(http::starting_router(&config));
        let (leave, leaving) = oneshot::channel();
        let (close, closing) = oneshot::channel();
        let leaving = async { drop(leaving.await) };
        let closing = async { closing.await.unwrap_or_else(|_| Instant::now()) };
        let serving = tokio::spawn(http::serve(listener, routes.clone(), options, leaving, closing));
        let supervisor = Supervisor::start()?;
        supervisor.tell(Doing::Waiting);
        Ok(Self { config, routes, serving, leave, close, metrics, hangups, supervisor, address })
    }

    /// Waits for the database, and has requests answered from then on. Where it never comes, or `stop` comes first, the port is
    /// closed: no request takes long to be told that there is none.
    pub async fn open(self, stop: impl Future<Output = ()>) -> Result<Option<(Self, AppState)>> {
        let opened = tokio::select! {
            opened = self.build() => opened.map(Some),
            () = stop => Ok(None),
        };
        match opened {
            Ok(Some(state)) => {
                if let Some(metrics) = &self.metrics {
                    metrics.routes.hand_over(http::metrics_router(Some(&state)));
                }
                self.routes.hand_over(http::router(state.clone()));
                Ok(Some((self, state)))
            }
            unopened => {
                let _ = self.close.send(Instant::now() + AT_END);
                let _ = self.serving.await;
                if unopened.is_ok() {
                    info!("stopped before the database was there");
                }
                unopened.map(|_| None)
            }
        }
    }

    async fn build(&self) -> Result<AppState> {
        let store = app::open_to_serve(&self.config).await?;
        AppState::build(self.config.clone(), store, &Clock::system())
    }

    /// What is where.
    fn greeting(&self) -> String {
        let base = format!("http://{}", self.address);
        let metrics = self.metrics.as_ref();
        let metrics =
            metrics.map_or_else(String::new, |metrics| format!("\n  metrics   http://{}/metrics", metrics.address));
        let graphiql =
            if self.config.graphql.graphiql { format!("  GraphiQL  {base}/graphiql\n") } else { String::new() };
        let public = self.config.http.public_url.told();
        let public = public.map_or_else(String::new, |url| format!("\n  callers   {url}"));
        format!(
            "Sales Order API is listening on {base}\n  docs      {base}/docs\n  dashboard {base}/dashboard\n{graphiql}  \
             REST      {base}/api/v1\n  GraphQL   {base}/graphql\n  schema    {base}/schema.graphql\n  \
             OpenAPI   {base}/api/v1/openapi.json\n  health    {base}/health/ready{metrics}{public}"
        )
    }

    /// Serves until `stop`. Then it is not ready any more but serves on for `http.drain_delay`, so that whoever watches it
    /// sends requests elsewhere; closes the port, finishes the requests under way and closes the database.
    pub async fn run(self, state: AppState, stop: impl Future<Output = ()>) {
        let Self { serving, leave, close, metrics, hangups, supervisor, address, .. } = self;
        supervisor.tell(Doing::Serving);
        let (beside, watched) = (state.clone(), supervisor.clone());
        let beside = tokio::spawn(async move {
            let reload = signals::reload_on_hangup(beside.clone(), hangups);
            tokio::join!(beside.run_background_tasks(address), reload, watched.keep_watchdog_calm())
        });
        let Http { drain_delay, shutdown_timeout, .. } = state.config().http;
        // A part of the time for what comes after the requests.
        let at_end = AT_END.min(shutdown_timeout.saturating_sub(drain_delay) / 4);
        stop.await;
        let until = Instant::now() + shutdown_timeout;
        supervisor.tell(Doing::Stopping);
        if !drain_delay.is_zero() {
            info!(seconds = drain_delay.as_secs_f64(), "told to stop: not ready, but serving on for http.drain_delay");
            state.leave();
            let _ = leave.send(());
            sleep(drain_delay).await;
        }
        let _ = close.send(until - at_end);
        // They have no end of their own to wait for. Not earlier: who comes again comes to another instance now.
        state.stop_streams();
        let _ = serving.await;
        if let Some(Metrics { serving, .. }) = metrics {
            serving.abort();
        }
        if timeout_at(until - at_end, state.streams_ended()).await.is_err() {
            warn!("streams still open were given up");
        }
        beside.abort();
        // What was answered last is what is asked for after a stop.
        let to_write = until.min(Instant::now() + TO_WRITE);
        if !matches!(timeout_at(to_write, state.request_log().flush()).await, Ok(Ok(()))) {
            warn!("the last entries of the log of requests were not written");
        }
        if timeout_at(until.min(Instant::now() + TO_CLOSE), state.store().close()).await.is_err() {
            warn!("the database connections did not close in time");
        }
        info!("stopped");
    }
}

/// Files that the process has open besides its connections: those of the database and of the log, the listeners, and the
/// connections of the listener for the metrics.
pub(super) fn other_files(config: &Config) -> u64 {
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
