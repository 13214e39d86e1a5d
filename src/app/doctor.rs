//! Parts of the service that `doctor` looks at one by one.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use secrecy::ExposeSecret as _;

use crate::auth::vault::Vault;
use crate::config::Config;
use crate::outgoing::{Outgoing, OutgoingSettings, Question};
use crate::store::{self, Findings};

/// The longest answer of a provider that is read.
const LONGEST_ANSWER: usize = 512 * 1024;

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

/// The keys that open secrets of webhooks.
pub fn vault(config: &Config) -> Result<Vault> {
    Ok(Vault::new(&config.webhook_keys_there()?)?)
}

/// Asks the provider of identities what it says of itself; fails where people could not sign in with that.
pub async fn ask_provider(config: &Config) -> Result<()> {
    let oidc = &config.oidc;
    let outgoing = Outgoing::new(&OutgoingSettings::to_provider(&config.webhooks, oidc)?)?;
    let url = format!("{}/.well-known/openid-configuration", oidc.issuer.trim_end_matches('/'));
    let question = Question { is_post: false, url: &url, headers: &[], body: Vec::new(), longest: LONGEST_ANSWER };
    let reply = outgoing.ask(question).await.with_context(|| format!("{url} gives no answer"))?;
    if reply.status != 200 {
        bail!("{url} answers with the status {}", reply.status);
    }
    let said: serde_json::Value = serde_json::from_slice(&reply.body).with_context(|| format!("{url} is no JSON"))?;
    let issuer = said.get("issuer").and_then(serde_json::Value::as_str).unwrap_or_default();
    // To the letter, as sign-ins compare it.
    if issuer != oidc.issuer {
        bail!("{url} names the issuer {issuer:?} and not {:?}", oidc.issuer);
    }
    Ok(())
}
