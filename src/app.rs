//! The composition root: builds everything once, from the configuration down.

mod backup;
mod beside;
mod command_line;
mod database;
mod doctor;
mod people;
mod stopping;
mod webhooks;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use secrecy::SecretString;
use tokio::sync::{Notify, Semaphore};
use tracing::warn;

pub use self::backup::{copy, original, read_copy};
pub use self::command_line::{clients, offline_api, operator, webhooks};
pub use self::database::{check_addresses, connect, look_at_replica, open, open_to_read, open_to_serve, uses};
pub use self::doctor::{ask_provider, database_file, examine, instances, own_configuration, vault};
use self::stopping::Stop;
pub use self::stopping::Stopping;
use crate::auth::token::TokenKeys;
use crate::auth::vault::Vault;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::instance::Configuration;
use crate::error::AppError;
use crate::graphql::{Api, Limits};
use crate::outgoing::{Outgoing, OutgoingSettings};
use crate::service::bodies::{Bodies, Holder};
use crate::service::buckets::Rate;
use crate::service::directory::ClientDirectory;
use crate::service::instances::WEBHOOK_KEYS;
use crate::service::intake::IntakeRules;
use crate::service::rate_limit::{RateLimit, RateLimitRules, network};
use crate::service::sessions::SessionRules;
use crate::service::slots::{Slot, Slots};
use crate::service::turns::{Turn, TurnRules, Turns};
use crate::service::webhooks::{WebhookParts, WebhookRules, Webhooks};
use crate::service::{
    ClockSkew, Erasure, Events, Instances, Lifecycle, Occupancy, OrderIntake, Orders, Patience, RequestLog, SavedViews,
    Sealing, Services, Sessions, SignatureChecker,
};
use crate::store::StoreError;
pub use crate::store::{
    Copied, Inspection, Numbering, Original, ReplicaSeen, RoleName, Roles, SqliteState, Store, Telling, Uses,
    look_at_sqlite,
};

/// What every request handler shares. Cloning is cheap.
#[derive(Clone)]
pub struct AppState(Arc<App>);

struct App {
    config: Config,
    store: Store,
    services: Arc<Services>,
    api: Api,
    is_leaving: AtomicBool,
    /// Told when the service stops, to whatever goes on until somebody ends it.
    stop: Stop,
    /// Told when the files of the JWT secrets are to be read at once.
    rereading: Notify,
}

impl AppState {
    /// Builds the service on an open store.
    pub fn build(config: Config, store: Store, clock: &Clock) -> anyhow::Result<Self> {
        let keys = (config.jwt_secrets()?.signing_first(), webhook_keys(&config));
        let services = services(&config, &store, clock, keys)?;
        let api = Api::new(Arc::clone(&services), limits(&config))?;
        let (is_leaving, stop) = (AtomicBool::new(false), Stop::new());
        let app = App { config, store, services, api, is_leaving, stop, rereading: Notify::new() };
        Ok(Self(Arc::new(app)))
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

    /// Sessions, for the budget of requests without a valid token.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.0.services.sessions
    }

    /// How much each address and client may hold at once.
    #[must_use]
    pub fn occupancy(&self) -> &Occupancy {
        &self.0.services.occupancy
    }

    /// One of the large bodies that this address may send at once without a valid token.
    #[must_use]
    pub fn large_body(&self, address: IpAddr) -> Option<LargeBody> {
        self.occupancy().anonymous_bodies.take(&network(address))
    }

    /// Whether an order could be taken now, and would be stamped with the right time.
    pub async fn ensure_takes_orders(&self) -> Result<(), AppError> {
        let Services { intake, clock_skew, .. } = &*self.0.services;
        tokio::try_join!(intake.ensure_takes_orders(), clock_skew.compare())?;
        clock_skew.ensure_right()
    }

    /// The log of requests.
    #[must_use]
    pub fn request_log(&self) -> &RequestLog {
        &self.0.services.request_log
    }

    /// Memory for bodies under way.
    #[must_use]
    pub fn bodies(&self) -> &Bodies {
        &self.0.services.bodies
    }

    /// Whose body comes from this address with this token, as far as memory can tell.
    #[must_use]
    pub fn body_holder(&self, address: IpAddr, token: Option<&str>) -> BodyHolder {
        let client = token.and_then(|token| self.sessions().client_of_valid(token));
        client.map_or_else(|| BodyHolder::Address(network(address)), BodyHolder::Client)
    }

    /// What is answered when the database says nothing in time.
    #[must_use]
    pub fn no_answer() -> AppError {
        StoreError::no_answer().into()
    }

    /// The database, for health checks and for stopping.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }
}

impl AppState {
    /// Has the files of the JWT secrets read at once instead of within two seconds.
    pub fn read_jwt_secrets_again(&self) {
        self.0.rereading.notify_one();
    }

    /// From here on whoever asks is told to send its requests elsewhere; those that come are answered all the same.
    pub fn leave(&self) {
        self.0.is_leaving.store(true, Ordering::Release);
    }

    /// Whether the service will stop soon.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.0.is_leaving.load(Ordering::Acquire)
    }

    /// Tells every stream to end.
    pub fn stop_streams(&self) {
        self.0.stop.tell();
    }

    /// Resolves when the service stops. While somebody keeps it, [`AppState::streams_ended`] waits.
    #[must_use]
    pub fn stopping(&self) -> Stopping {
        self.0.stop.listen()
    }

    /// Resolves when no stream is left.
    pub async fn streams_ended(&self) {
        self.0.stop.ended().await;
    }
}

/// A large body of an address without a valid token, for as long as this is kept.
pub type LargeBody = Slot<IpAddr>;
/// Memory for a body, for as long as this is kept.
pub type BodyMemory = Turn;
/// The sender of a body, for the limits.
pub type BodyHolder = Holder;

/// How many large bodies one address may send at once without a valid token.
const LARGE_BODIES: usize = 16;

fn token_keys(config: &Config, jwt_secrets: &[SecretString]) -> TokenKeys {
    TokenKeys::new(jwt_secrets, &config.auth.jwt_issuer, &config.auth.jwt_audience)
}

fn services(
    config: &Config,
    store: &Store,
    clock: &Clock,
    (jwt_secrets, webhook_keys): (Vec<SecretString>, Vec<SecretString>),
) -> anyhow::Result<Arc<Services>> {
    let keys = token_keys(config, &jwt_secrets);
    let rules = SessionRules {
        token_lifetime: config.auth.token_lifetime,
        refresh_window: config.auth.refresh_window,
        session_lifetime: config.auth.session_lifetime,
        timestamp_tolerance: config.auth.timestamp_tolerance,
    };
    let hashing = config.auth.password_hash_concurrency;
    let settings = &config.rate_limit;
    let rate_limit = if settings.enabled {
        let rate = |per_minute, burst| Rate { per_minute, burst };
        let rules = RateLimitRules {
            login: rate(settings.login_attempts_per_minute, settings.login_burst),
            address: rate(settings.address_attempts_per_minute, settings.address_burst),
            anonymous: rate(settings.anonymous_requests_per_minute, settings.anonymous_burst),
            longest_pause: settings.login_longest_pause,
            requests: settings.requests_per_minute,
            checks_at_once: hashing,
        };
        RateLimit::new(&rules, clock)
    } else {
        RateLimit::off()
    };
    let directory = ClientDirectory::new(store.clone(), config.auth.client_cache_ttl);
    let clock_skew = Arc::new(ClockSkew::new(store, clock, config.database.max_clock_skew));
    let sessions =
        Sessions::new(store.clone(), Arc::clone(&clock_skew), directory.clone(), keys, rules, rate_limit, hashing);
    let sessions = Arc::new(sessions);
    let queries = TurnRules {
        what: "queries",
        of_each: config.graphql.max_queries_per_client,
        of_all: Semaphore::MAX_PERMITS,
        patience: config.database.acquire_timeout,
    };
    let reports = Turns::new(TurnRules {
        what: "summaries, counts and searches",
        of_each: config.database.max_reports_per_client,
        of_all: store.reports_at_once(),
        patience: config.database.acquire_timeout,
    });
    let intake_rules = IntakeRules {
        default_currency: config.orders.default_currency.clone(),
        max_waiting: config.orders.max_waiting,
        timestamp_tolerance: config.auth.timestamp_tolerance,
    };
    let sealing = Arc::new(Sealing::new(store.clone()));
    let events = Events::new(store.clone(), clock.clone(), reports.clone(), config.http.max_subscriptions_per_client);
    let vault = Vault::new(&webhook_keys)?;
    let instances = Instances::new(store.clone(), Arc::clone(&sessions), configuration(config, &vault));
    let settings = &config.webhooks;
    let webhooks = Webhooks::new(WebhookParts {
        store: store.clone(),
        clock: clock.clone(),
        directory: directory.clone(),
        events: events.clone(),
        sealing: Arc::clone(&sealing),
        outgoing: Outgoing::new(&OutgoingSettings::read(settings)?)?,
        vault,
        rules: WebhookRules {
            in_flight: settings.max_in_flight,
            lease: settings.lease,
            log_retention: settings.log_retention,
        },
        actor: command_line::operator(),
    });
    Ok(Arc::new(Services {
        clients: clients(store, clock),
        clock_skew,
        signature_checker: SignatureChecker::new(Arc::clone(&sessions), clock.clone()),
        people: people::people(config, store, clock, &sessions)?,
        sessions,
        intake: OrderIntake::new(store, clock.clone(), directory.clone(), intake_rules),
        orders: Orders::new(store.clone(), reports),
        events,
        webhooks,
        lifecycle: Lifecycle::new(store.clone(), clock.clone(), directory),
        erasure: Erasure::new(store.clone(), clock.clone()),
        occupancy: Occupancy {
            anonymous_sockets: Slots::new(config.http.max_sockets_per_address),
            client_sockets: Slots::new(config.http.max_sockets_per_client),
            anonymous_bodies: Slots::new(LARGE_BODIES),
        },
        bodies: Bodies::new(config.http.max_body_memory_bytes, config.database.acquire_timeout),
        request_log: RequestLog::new(store.clone(), clock.clone(), Arc::clone(&sealing), config.request_log.retention),
        saved_views: SavedViews::new(store.clone(), clock.clone()),
        instances,
        sealing,
        queries: Turns::new(queries),
        anonymous_queries: Turns::new(queries),
        patience: Patience::of(store.clone()),
    }))
}

/// What other instances must have like this one, without the keys of tokens, which may change.
fn configuration(config: &Config, vault: &Vault) -> Configuration {
    let keys = vault.names().map(str::to_owned).collect();
    Configuration { settings: config.fingerprints(), keys: [(WEBHOOK_KEYS.to_owned(), keys)].into() }
}

/// Whoever has no use for webhooks need not have a folder where a key could be kept.
fn webhook_keys(config: &Config) -> Vec<SecretString> {
    config.webhook_keys().unwrap_or_else(|error| {
        warn!(%error, "webhooks are off: there is no key to keep their secrets with");
        Vec::new()
    })
}

fn limits(config: &Config) -> Limits {
    Limits {
        introspection: config.graphql.introspection,
        depth: config.graphql.max_depth,
        complexity: config.graphql.max_complexity,
        aliases: config.graphql.max_aliases,
        directives: config.graphql.max_directives,
        mutations: config.graphql.max_mutations,
        logins: config.graphql.max_logins,
        root_fields: config.graphql.max_root_fields,
        statements: config.graphql.max_statements,
        answer_bytes: config.graphql.max_answer_bytes,
    }
}
