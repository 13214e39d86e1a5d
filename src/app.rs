//! The composition root: builds everything once, from the configuration down.

use std::sync::Arc;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use tracing::info;

use crate::auth::token::TokenKeys;
use crate::clock::{Clock, random_bytes};
use crate::config::Config;
use crate::graphql::{Api, Limits};
use crate::service::directory::ClientDirectory;
use crate::service::login_limit::LoginLimit;
use crate::service::sessions::SessionRules;
use crate::service::{Clients, Doctor, Events, Lifecycle, OrderIntake, Orders, Services, Sessions};
use crate::store::{DatabaseOptions, Store};
use crate::telemetry;

/// What every request handler shares. Cloning is cheap.
#[derive(Clone)]
pub struct AppState(Arc<App>);

struct App {
    config: Config,
    store: Store,
    api: Api,
    /// Held by every stream that goes on until somebody ends it; becomes true when the service stops.
    stopping: watch::Sender<bool>,
}

impl AppState {
    /// Builds the service on an open store.
    pub fn build(config: Config, store: Store, clock: &Clock) -> anyhow::Result<Self> {
        let secrets = config.jwt_secrets()?;
        let signing_first = [vec![secrets.signing], secrets.previous].concat();
        let api = api(&config, &store, clock, &signing_first);
        Ok(Self(Arc::new(App { config, store, api, stopping: watch::Sender::new(false) })))
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The schema.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.0.api
    }

    /// The database, for health checks and for stopping.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}

impl AppState {
    /// Tells every stream to end.
    pub fn stop_streams(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Resolves when the service stops. While somebody holds it, [`AppState::streams_ended`] waits.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopping = self.0.stopping.subscribe();
        async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// Resolves when no stream is left.
    pub async fn streams_ended(&self) {
        self.0.stopping.closed().await;
    }
}

fn api(config: &Config, store: &Store, clock: &Clock, jwt_secrets: &[SecretString]) -> Api {
    let keys = TokenKeys::new(jwt_secrets, &config.auth.jwt_issuer, &config.auth.jwt_audience);
    let rules = SessionRules {
        token_lifetime: config.auth.token_lifetime,
        refresh_window: config.auth.refresh_window,
        session_lifetime: config.auth.session_lifetime,
        timestamp_tolerance: config.auth.timestamp_tolerance,
    };
    let limit = if config.rate_limit.enabled {
        LoginLimit::new(config.rate_limit.login_attempts_per_minute, config.rate_limit.login_burst)
    } else {
        LoginLimit::off()
    };
    let directory = ClientDirectory::new(store.clone(), config.auth.client_cache_ttl);
    let hashing = config.auth.password_hash_concurrency;
    let sessions = Sessions::new(store.clone(), clock.clone(), directory.clone(), keys, rules, limit, hashing);
    let sessions = Arc::new(sessions);
    let services = Services {
        doctor: Doctor::new(Arc::clone(&sessions), clock.clone()),
        sessions,
        intake: OrderIntake::new(store.clone(), clock.clone(), directory, config.orders.default_currency.clone()),
        orders: Orders::new(store.clone()),
        events: Events::new(store.clone()),
        lifecycle: Lifecycle::new(store.clone(), clock.clone()),
    };
    let limits = Limits {
        introspection: config.graphql.introspection,
        depth: config.graphql.max_depth,
        complexity: config.graphql.max_complexity,
        aliases: config.graphql.max_aliases,
        directives: config.graphql.max_directives,
        mutations: config.graphql.max_mutations,
        logins: config.graphql.max_logins,
    };
    Api::new(Arc::new(services), limits)
}

/// The schema for the operator at the command line, who needs no token: the secret that would sign one is thrown away.
#[must_use]
pub fn offline_api(config: &Config, store: &Store, clock: &Clock) -> Api {
    api(config, store, clock, &[hex::encode(random_bytes::<32>()).into()])
}

/// Connects to the configured database.
pub async fn connect(config: &Config) -> anyhow::Result<Store> {
    let options = DatabaseOptions {
        url: config.database.url.expose_secret().to_owned(),
        max_connections: config.database.max_connections,
        acquire_timeout: config.database.acquire_timeout,
        on_statement: telemetry::count_statement,
    };
    Store::connect(&options).await.context("cannot open the database (database.url)")
}

/// Connects to the configured database and brings its schema up to date, or says that this is left to the operator.
pub async fn open(config: &Config) -> anyhow::Result<Store> {
    let store = connect(config).await?;
    if config.database.migrate_on_start {
        for name in store.migrate_up().await.context("cannot bring the database schema up to date")? {
            info!(name, "migration applied");
        }
    } else if store.migrations().await?.iter().any(|migration| !migration.applied) {
        anyhow::bail!(
            "the database lacks migrations and database.migrate_on_start is false; run `sales-order-api migrate up`"
        );
    }
    Ok(store)
}

/// Client management on an open store, as the command line uses it.
#[must_use]
pub fn clients(store: &Store, clock: &Clock) -> Clients {
    Clients::new(store.clone(), clock.clone())
}
