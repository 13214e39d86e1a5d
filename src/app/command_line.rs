//! Parts of the service for whoever runs this process, who needs no token.

use secrecy::SecretString;

use super::{limits, services};
use crate::clock::{Clock, random_bytes};
use crate::config::Config;
use crate::domain::audit::{Actor, Via};
use crate::graphql::Api;
use crate::service::{Clients, Webhooks};
use crate::store::Store;

/// A secret that would sign tokens, were there any.
fn throwaway_secret() -> SecretString {
    hex::encode(random_bytes::<32>()).into()
}

/// The schema for the operator at the command line, who needs no token.
pub fn offline_api(config: &Config, store: &Store, clock: &Clock) -> anyhow::Result<Api> {
    let keys = (vec![throwaway_secret()], Vec::new());
    let services = services(config, store, clock, keys)?;
    Ok(Api::new(services, limits(config))?)
}

/// Client management on an open store, on behalf of whoever runs this process.
#[must_use]
pub fn clients(store: &Store, clock: &Clock) -> Clients {
    Clients::new(store.clone(), clock.clone(), operator())
}

/// Endpoints of webhooks on an open store, on behalf of whoever runs this process.
pub fn webhooks(config: &Config, store: &Store, clock: &Clock) -> anyhow::Result<Webhooks> {
    Ok(services(config, store, clock, (vec![throwaway_secret()], config.webhook_keys()?))?.webhooks.clone())
}

/// Whoever runs this process.
#[must_use]
pub fn operator() -> Actor {
    let unknown = |_| "unknown".to_owned();
    let (name, host) = (whoami::username().unwrap_or_else(unknown), whoami::hostname().unwrap_or_else(unknown));
    Actor { via: Via::Cli, name, host }
}
