//! `serve`.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::{Common, output};
use crate::app::{self, AppState};
use crate::clock::Clock;
use crate::config::{Config, LogFormat};
use crate::{http, telemetry};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

pub async fn run(common: &Common, args: Args) -> Result<()> {
    let config = common.load(args.listen)?.config;
    telemetry::install(&config.log.filter, config.log.format == LogFormat::Json)?;
    let server = Server::start(config).await?;
    let base = format!("http://{}", server.address);
    // Before it says that it listens: whoever reads that may tell it to stop.
    let stop = stop_signal()?;
    let graphiql =
        if server.state.config().graphql.graphiql { format!("  GraphiQL {base}/graphiql\n") } else { String::new() };
    output::text(&format!(
        "Sales Order API is listening on {base}\n  docs     {base}/docs\n{graphiql}  REST     {base}/api/v1\n  GraphQL  \
         {base}/graphql\n  schema   {base}/schema.graphql\n  OpenAPI  {base}/api/v1/openapi.json\n  health   \
         {base}/health/ready"
    ))?;
    server.run(stop).await;
    Ok(())
}

/// A service that is bound and ready to accept.
pub struct Server {
    listener: TcpListener,
    state: AppState,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Opens the database and binds the port.
    pub async fn start(config: Config) -> Result<Self> {
        // First what a wrong configuration refuses, so that nothing is created for a service that will not run.
        config.check_exposure()?;
        let store = app::open(&config).await?;
        let listen = config.http.listen;
        let state = AppState::build(config, store, &Clock::system())?;
        let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, state, address })
    }

    /// Serves until `stop`, then finishes the requests under way and closes the database.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let drain = self.state.config().http.shutdown_timeout;
        tokio::spawn(telemetry::keep_up_metrics());
        let beside = self.state.clone();
        let beside = tokio::spawn(async move { beside.look_after().await });
        let state = self.state.clone();
        let stop = async move {
            stop.await;
            // Streams have no end of their own to wait for.
            state.stop_streams();
        };
        http::serve(self.listener, http::router(self.state.clone()), stop, drain).await;
        beside.abort();
        if tokio::time::timeout(Duration::from_secs(2), self.state.streams_ended()).await.is_err() {
            warn!("streams still open were given up");
        }
        if tokio::time::timeout(Duration::from_secs(5), self.state.store().close()).await.is_err() {
            warn!("the database connections did not close in time");
        }
        info!("stopped");
    }
}

/// Resolves on the first SIGTERM or SIGINT; a second one ends the process at once.
pub fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            warn!("told to stop again: stopping at once");
            std::process::exit(130);
        });
    })
}
