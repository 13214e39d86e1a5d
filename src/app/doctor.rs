//! Parts of the service that `doctor` looks at one by one.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use secrecy::ExposeSecret as _;

use crate::auth::vault::Vault;
use crate::config::Config;
use crate::domain::instance::Configuration;
use crate::outgoing::{Outgoing, OutgoingSettings};
use crate::service::instances::{self, JWT_SECRET, SeenInstance};
use crate::service::people::discover;
use crate::store::{self, Findings, Store};

/// Looks at the server of the configured database: fails where it cannot keep orders, and gives what may lose some.
pub async fn examine(config: &Config) -> Result<Vec<String>> {
    let database = &config.database;
    let Findings { warnings, .. } = store::examine(database.url.expose_secret(), database.acquire_timeout).await?;
    Ok(warnings)
}

/// The file of the configured database, if it is of SQLite.
pub fn database_file(config: &Config) -> Result<Option<PathBuf>> {
    let url = config.database.url.expose_secret();
    Ok(config.database.is_sqlite().then(|| store::sqlite_path(url)).transpose()?)
}

/// What instances must have like this command, as far as it can be read without making anything.
pub fn own_configuration(config: &Config) -> Result<Configuration> {
    let mut own = super::configuration(config, &vault(config)?);
    if let Some(secrets) = config.jwt_secrets_there()? {
        let names = super::token_keys(config, &secrets.signing_first()).kids().map(str::to_owned).collect();
        own.keys.insert(JWT_SECRET.to_owned(), names);
    }
    Ok(own)
}

/// The instances of this database.
pub async fn instances(store: &Store) -> Result<Vec<SeenInstance>> {
    Ok(instances::list(store).await?)
}

/// The keys that open secrets of webhooks.
pub fn vault(config: &Config) -> Result<Vault> {
    Ok(Vault::new(&config.webhook_keys_there()?)?)
}

/// Asks the provider of identities what it says of itself; fails where people could not sign in with that.
pub async fn ask_provider(config: &Config) -> Result<()> {
    let outgoing = Outgoing::new(&OutgoingSettings::to_provider(&config.webhooks, &config.oidc)?)?;
    let said = discover(outgoing, config.oidc.issuer.clone()).await;
    said.map(drop).map_err(|cause| anyhow!("{} says nothing of itself that can be read: {cause}", config.oidc.issuer))
}
