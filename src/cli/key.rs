//! `client key`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::client::Id;
use super::output::{instant, or_never};
use super::{Common, output};
use crate::auth::{pem, public_key::PublicKey, registered_key::KeyStatus, timestamp};
use crate::clock::Clock;
use crate::domain::client::ClientId;
use crate::domain::client_input::KeyToAdd;
use crate::service::clients::StoredPublicKey;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Register a public key and print its fingerprint
    Add {
        #[command(flatten)]
        id: Id,
        /// The key (x.509 SubjectPublicKeyInfo, PEM)
        #[arg(long, value_name = "FILE")]
        public_key: PathBuf,
        /// From when it counts: unix seconds or ISO 8601 with an offset; at once when absent
        #[arg(long, value_name = "TIME", value_parser = parse_instant)]
        not_before: Option<DateTime<Utc>>,
        /// Time until which signatures are accepted; without end when absent
        #[arg(long, value_name = "TIME", value_parser = parse_instant)]
        expires_at: Option<DateTime<Utc>>,
    },
    /// List a client's keys
    List(Id),
    /// Revoke a key for good
    Revoke {
        #[command(flatten)]
        id: Id,
        /// As `client key list` shows it
        #[arg(long)]
        fingerprint: String,
    },
}

pub async fn run(common: &Common, command: Command) -> Result<()> {
    match command {
        Command::Add { id, public_key, not_before, expires_at } => {
            let key = KeyToAdd { public_key: read(&public_key)?.to_pem(), not_before, expires_at };
            let fingerprint = common.open_clients().await?.add_key(&id.client_id, key).await?;
            if common.json {
                return output::json(&json!({"client_id": id.client_id.as_str(), "fingerprint": fingerprint}));
            }
            output::text(&fingerprint)
        }
        Command::List(id) => {
            let keys = common.open_clients().await?.list_keys(&id.client_id).await?;
            if common.json { output::json(&keys.iter().map(as_json).collect()) } else { print(&keys) }
        }
        Command::Revoke { id, fingerprint } => {
            common.open_clients().await?.revoke_key(&id.client_id, &fingerprint).await?;
            if common.json {
                return output::json(&json!({"client_id": id.client_id.as_str(), "fingerprint": fingerprint}));
            }
            output::text(&format!("{}: revoked {fingerprint}", id.client_id))
        }
    }
}

/// A public key from its file, which every failure names: several files may be given at once.
pub fn read(file: &Path) -> Result<PublicKey> {
    let bytes = fs::read(file).with_context(|| format!("cannot read the key file {}", file.display()))?;
    // A binary file (DER) is no text, and the key's own reading says what to do about it.
    PublicKey::from_pem(&pem::text(&bytes)).with_context(|| format!("cannot use the key in {}", file.display()))
}

pub fn print(keys: &[StoredPublicKey]) -> Result<()> {
    let rows: Vec<_> = keys
        .iter()
        .map(|key| {
            let [expires, used] = [key.expires_at, key.last_used_at].map(or_never);
            [key.fingerprint.clone(), status(key), expires, used, key.holders()]
        })
        .collect();
    output::table(["KEY", "STATUS", "EXPIRES", "LAST USED", "SHARED WITH"], &rows)
}

pub fn as_json(key: &StoredPublicKey) -> Value {
    json!({
        "fingerprint": key.fingerprint,
        "status": status(key),
        "not_before": key.not_before.map(instant),
        "expires_at": key.expires_at.map(instant),
        "revoked_at": key.revoked_at.map(instant),
        "last_used_at": key.last_used_at.map(instant),
        "shared_with": key.shared_with.iter().map(ClientId::as_str).collect::<Vec<_>>(),
    })
}

pub fn status(key: &StoredPublicKey) -> String {
    // The fields alone decide; the key itself is not needed and need not be readable.
    let now = Clock::system().now();
    KeyStatus::at(now, key.not_before, key.expires_at, key.revoked_at).as_str().to_owned()
}

pub fn parse_instant(text: &str) -> Result<DateTime<Utc>, String> {
    timestamp::parse(text)
        .map_err(|_| "must be a time with its offset, such as 2026-12-31T23:59:59+07:00, or unix seconds".to_owned())
}
