//! The configuration: default < file < environment < flag.
//!
//! What belongs here: reading settings, refusing bad ones by name, and telling where each came from. The only reader of
//! the environment and of secret files.
//! What does not: what a setting means to an operator and its default; `config/default.toml` is the only home of both.
//! To add a setting: see `sections.rs`; a range or a relation goes into `check.rs`.

mod check;
mod error;
mod examined;
mod keys;
mod layers;
mod oidc;
mod public_url;
mod secrets;
mod sections;
mod shared;
mod show;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use error::ConfigError;
pub use oidc::Oidc;
pub use public_url::PublicUrl;
pub use secrets::{JwtSecrets, load_or_generate_secret};
pub use sections::{
    Auth, DatabaseConfig, EventsConfig, GraphqlLimits, Http, Log, LogFormat, Metrics, Orders, RateLimit,
    RequestLogConfig, Webhooks,
};

/// The settings in force. Neither its `Debug` nor what it serializes to has a secret.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The listener and what it accepts.
    pub http: Http,
    /// The database.
    pub database: DatabaseConfig,
    /// Tokens, signatures and secrets.
    pub auth: Auth,
    /// Defaults of orders.
    pub orders: Orders,
    /// Limits of one GraphQL request.
    pub graphql: GraphqlLimits,
    /// Rate limits.
    pub rate_limit: RateLimit,
    /// Level and format of the log.
    pub log: Log,
    /// Events.
    pub events: EventsConfig,
    /// The log of requests.
    pub request_log: RequestLogConfig,
    /// The address of the metrics.
    pub metrics: Metrics,
    /// Where webhooks may go, and by which way.
    pub webhooks: Webhooks,
    /// How people sign in.
    pub oidc: Oidc,
}

/// Settings given as flags, which win over every other source. Its `Debug` shows no password.
#[derive(Clone, Default)]
pub struct Overrides {
    /// `--listen`, for `http.listen`.
    pub listen: Option<String>,
    /// `--database-url`, for `database.url`.
    pub database_url: Option<String>,
}

/// A configuration and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings in force.
    pub config: Config,
    entries: Vec<Entry>,
}

/// One setting, as `config show` tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// `section.key`.
    pub name: String,
    /// The value as it was written; of a secret only whether it is set.
    pub value: serde_json::Value,
    /// `default`, `file PATH`, `environment variable NAME` or `flag --NAME`.
    pub source: String,
}

impl Loaded {
    /// Every key in the order of `config/default.toml`, secrets redacted.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.clone()
    }
}

/// The configuration of this process: the defaults, the files in their order, the environment, the flags.
pub fn load(files: &[PathBuf], overrides: &Overrides) -> Result<Loaded, ConfigError> {
    load_from(files, layers::our_variables(std::env::vars_os())?, overrides)
}

/// What the environment holds for clients of PostgreSQL: `PGHOST`, `PGSSLMODE` and their like.
#[must_use]
pub fn postgres_variables() -> BTreeMap<String, OsString> {
    foreign_variables("PG").collect()
}

/// What the environment holds for OpenTelemetry: `OTEL_EXPORTER_OTLP_ENDPOINT` and its like.
#[must_use]
pub fn telemetry_variables() -> BTreeMap<String, String> {
    foreign_variables("OTEL_").filter_map(|(name, value)| Some((name, value.into_string().ok()?))).collect()
}

fn foreign_variables(prefix: &str) -> impl Iterator<Item = (String, OsString)> {
    let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
    std::env::vars_os().filter_map(named).filter(move |(name, _)| name.starts_with(prefix))
}

/// The configuration that `load` would give in this environment; variables without our prefix are passed over.
pub fn load_from(
    files: &[PathBuf],
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &Overrides,
) -> Result<Loaded, ConfigError> {
    let keys = keys::all();
    let figment = layers::stack(&keys, files, environment, overrides)?;
    let mut config: Config = figment.extract().map_err(|error| ConfigError::from_figment(&figment, &error))?;
    check::check(&config, &figment)?;
    secrets::resolve(&mut config.auth, &figment)?;
    secrets::resolve_webhooks(&mut config.webhooks, &figment)?;
    secrets::resolve_oidc(&mut config.oidc, &figment)?;
    Ok(Loaded { config, entries: show::entries(&figment, &keys) })
}
