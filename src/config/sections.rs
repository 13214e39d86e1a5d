//! The sections of the configuration, as the rest of the service reads them.
//!
//! What belongs here: one struct for each section, one field for each key, of the type its user wants.
//! What does not: defaults and what a key means to an operator; `config/default.toml` is the only home of both.
//! To add a key: add it to `config/default.toml` and a field of the same name here; a test holds the two together.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::public_url::{PublicUrl, public_url};
use super::values::{address, duration, networks, optional_address};
use crate::domain::numbers::NumberFormat;

/// `[http]`: the listener and what it accepts.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The address to listen on.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Where callers reach the service.
    #[serde(deserialize_with = "public_url")]
    pub public_url: PublicUrl,
    /// The longest a request may take.
    #[serde(deserialize_with = "duration")]
    pub request_timeout: Duration,
    /// The time limit of a readiness check.
    #[serde(deserialize_with = "duration")]
    pub ready_timeout: Duration,
    /// The largest request body.
    pub max_body_bytes: usize,
    /// Memory for the bodies under way.
    pub max_body_memory_bytes: usize,
    /// How long everything is served after the signal to stop.
    #[serde(deserialize_with = "duration")]
    pub drain_delay: Duration,
    /// The longest from the signal to stop to the end.
    #[serde(deserialize_with = "duration")]
    pub shutdown_timeout: Duration,
    /// The proxies whose `X-Forwarded-For` is trusted.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Whether callers come by TLS.
    pub behind_tls: bool,
    /// Whose pages may call the service from a browser.
    pub cors_origins: Vec<String>,
    /// How many proxies stand between callers and the service; 0 where their addresses tell.
    pub trusted_hops: usize,
    /// The longest that the head of a request may take.
    #[serde(deserialize_with = "duration")]
    pub header_timeout: Duration,
    /// The longest that a connection may wait for its next request.
    #[serde(deserialize_with = "duration")]
    pub idle_timeout: Duration,
    /// The longest that the other end may accept nothing of an answer.
    #[serde(deserialize_with = "duration")]
    pub write_timeout: Duration,
    /// The same for what a subscription sends.
    #[serde(deserialize_with = "duration")]
    pub subscription_write_timeout: Duration,
    /// The longest that a WebSocket without a valid token may have no operation.
    #[serde(deserialize_with = "duration")]
    pub anonymous_socket_timeout: Duration,
    /// Connections in all.
    pub max_connections: usize,
    /// Connections from one address.
    pub max_connections_per_address: usize,
    /// WebSockets from one address.
    pub max_sockets_per_address: usize,
    /// WebSockets of one client.
    pub max_sockets_per_client: usize,
    /// Subscriptions of one client.
    pub max_subscriptions_per_client: usize,
}

/// `[request_log]`: what partners and operators may read of requests afterwards.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RequestLogConfig {
    /// How long entries are kept; zero where there are none.
    #[serde(deserialize_with = "duration")]
    pub retention: Duration,
}

/// `[events]`: how long what happened to orders can be read.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EventsConfig {
    /// How long events are kept at least; zero where they are kept for ever.
    #[serde(deserialize_with = "duration")]
    pub retention: Duration,
}

/// `[metrics]`: where the metrics are.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Where to listen for them alone; the service's own address where this is empty.
    #[serde(deserialize_with = "optional_address")]
    pub listen: Option<SocketAddr>,
}

/// `[database]`: where the data is and how many connections go there.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite:` or `postgres:` URL; a secret, for it may hold a password.
    #[serde(skip_serializing)]
    pub url: SecretString,
    /// How long serving waits for a database that is not there yet.
    #[serde(deserialize_with = "duration")]
    pub start_timeout: Duration,
    /// A replica for pages and reports; a secret like `url`. Empty: there is none.
    #[serde(skip_serializing)]
    pub read_url: SecretString,
    /// How long a read waits at most for the replica to have what was committed before it.
    #[serde(deserialize_with = "duration")]
    pub max_replica_lag: Duration,
    /// Where to listen for new events, past a pooler; a secret like `url`. Empty: at `url`.
    #[serde(skip_serializing)]
    pub listen_url: SecretString,
    /// Whether serving begins with applying pending migrations.
    pub migrate_on_start: bool,
    /// How far this instance's clock may be from the database's; zero: however far.
    #[serde(deserialize_with = "duration")]
    pub max_clock_skew: Duration,
    /// The most connections of the pool.
    pub max_connections: u32,
    /// The most reports at once.
    pub max_reports: u32,
    /// The most of them of one client.
    pub max_reports_per_client: usize,
    /// The time limit of a read.
    #[serde(deserialize_with = "duration")]
    pub statement_timeout: Duration,
    /// How long a connection that nobody uses stays open.
    #[serde(deserialize_with = "duration")]
    pub idle_timeout: Duration,
    /// How long to wait for a connection and, with SQLite, for its write lock.
    #[serde(deserialize_with = "duration")]
    pub acquire_timeout: Duration,
}

impl DatabaseConfig {
    /// Whether the data is in a file of this machine.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.url.expose_secret().starts_with("sqlite:")
    }
}

/// `[auth]`: tokens, signatures and secrets.
///
/// The JWT secrets are not fields to read: [`super::Config::jwt_secrets`] hands them out after it made sure that they
/// are good enough for the address listened on.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The configured secret, from `jwt_secret_file` too once loaded; empty when there is none.
    #[serde(skip_serializing)]
    pub(super) jwt_secret: SecretString,
    pub(super) jwt_secret_file: PathBuf,
    /// The former secrets, from `jwt_previous_secrets_file` too once loaded.
    #[serde(skip_serializing)]
    pub(super) jwt_previous_secrets: Vec<SecretString>,
    pub(super) jwt_previous_secrets_file: PathBuf,
    /// Where a secret is generated when none is configured.
    pub generated_jwt_secret_file: PathBuf,
    /// `iss` of tokens.
    pub jwt_issuer: String,
    /// `aud` of tokens.
    pub jwt_audience: String,
    /// From issue to expiry of a token.
    #[serde(deserialize_with = "duration")]
    pub token_lifetime: Duration,
    /// From expiry of a token to the last moment it can be refreshed.
    #[serde(deserialize_with = "duration")]
    pub refresh_window: Duration,
    /// From login to the last moment its session can be refreshed.
    #[serde(deserialize_with = "duration")]
    pub session_lifetime: Duration,
    /// How far `X-TIMESTAMP` may be off, either way.
    #[serde(deserialize_with = "duration")]
    pub timestamp_tolerance: Duration,
    /// How long a client is remembered before it is read again.
    #[serde(deserialize_with = "duration")]
    pub client_cache_ttl: Duration,
    /// How many client secrets are hashed at the same time.
    pub password_hash_concurrency: usize,
}

/// `[orders]`: what an order gets when it does not say.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// Three capital letters.
    pub default_currency: String,
    /// The form of new orders' numbers.
    pub number_format: NumberFormat,
    /// How many may wait to be stored.
    pub max_waiting: usize,
}

/// `[graphql]`: what developers are offered, and how much one request may ask for.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GraphqlLimits {
    /// Whether introspection is answered.
    pub introspection: bool,
    /// Whether GraphiQL is offered.
    pub graphiql: bool,
    /// Levels of nesting.
    pub max_depth: usize,
    /// Points of cost.
    pub max_complexity: usize,
    /// Aliases in a document.
    pub max_aliases: usize,
    /// Directives in a document.
    pub max_directives: usize,
    /// Mutations in a request.
    pub max_mutations: usize,
    /// Logins in a request.
    pub max_logins: usize,
    /// Queries of one client at once.
    pub max_queries_per_client: usize,
    /// Root fields of a query, merged.
    pub max_root_fields: usize,
    /// Database statements of a request.
    pub max_statements: usize,
    /// Bytes of an answer.
    pub max_answer_bytes: usize,
}

/// `[rate_limit]`: how often somebody may try.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Whether there is a limit at all.
    pub enabled: bool,
    /// Logins a minute for each client id.
    pub login_attempts_per_minute: NonZeroU32,
    /// Logins that may come at once.
    pub login_burst: NonZeroU32,
    /// The longest pause after failed logins.
    #[serde(deserialize_with = "duration")]
    pub login_longest_pause: Duration,
    /// Attempts a minute for each address.
    pub address_attempts_per_minute: NonZeroU32,
    /// Attempts from one address that may come at once.
    pub address_burst: NonZeroU32,
    /// Requests a minute for each client.
    pub requests_per_minute: NonZeroU32,
    /// Requests a minute without a valid token, for each address.
    pub anonymous_requests_per_minute: NonZeroU32,
    /// Requests without a valid token that may come from one address at once.
    pub anonymous_burst: NonZeroU32,
}

/// `[log]`: what is logged and how it looks.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The format of a line.
    pub format: LogFormat,
    /// Which lines there are, in the syntax of `tracing_subscriber::EnvFilter`.
    pub filter: String,
    /// The bytes of log lines that may wait to be written.
    pub max_buffer_bytes: usize,
}

/// The format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Coloured text for people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// `[webhooks]`: requests to addresses that partners chose.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Whether they may go without TLS.
    pub allow_http: bool,
    /// Networks that they may reach though these are not the internet.
    #[serde(deserialize_with = "networks")]
    pub allowed_networks: Vec<IpNet>,
    /// The keys with which secrets of webhooks are kept, from `secret_keys_file` too once loaded; the first one seals.
    #[serde(skip_serializing)]
    pub(super) secret_keys: Vec<SecretString>,
    pub(super) secret_keys_file: PathBuf,
    /// Where a generated key is kept.
    pub generated_secret_key_file: PathBuf,
    /// The most that are sent side by side.
    pub max_in_flight: usize,
    /// After how long an endpoint is another instance's whose instance said nothing.
    #[serde(deserialize_with = "duration")]
    pub lease: Duration,
    /// How long the log of attempts is kept.
    #[serde(deserialize_with = "duration")]
    pub log_retention: Duration,
    /// The HTTP proxy that they go through; a secret, for its URL may hold a password. Empty: through none.
    #[serde(skip_serializing)]
    pub(super) proxy: SecretString,
    /// Certificates that are trusted beside the system's; an empty path where there are none.
    pub extra_roots_file: PathBuf,
    /// The longest that it may take to reach a receiver.
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// The longest that a whole exchange may take.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
}

impl Webhooks {
    /// The URL of the proxy, if there is one.
    #[must_use]
    pub fn proxy(&self) -> Option<&SecretString> {
        (!self.proxy.expose_secret().is_empty()).then_some(&self.proxy)
    }
}
