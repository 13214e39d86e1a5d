//! `webhook keys`.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::output::{instant, or_never};
use crate::cli::{Common, output};
use crate::service::Webhooks;
use crate::service::webhooks::{KeyKind, SigningKey};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the keys that sign now; /.well-known/jwks.json has their public halves
    List,
    /// Make a new key of a kind; the present one signs for the overlap
    Rotate {
        /// ed25519: for V1A; rsa: for SNAP
        kind: KeyKind,
        /// How long the old key still signs, such as 7d, or 0s when it was stolen
        #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = humantime::parse_duration)]
        overlap: Duration,
    },
}

pub async fn run(common: &Common, webhooks: &Webhooks, command: Command) -> Result<()> {
    match command {
        Command::List => {
            let keys = webhooks.signing_keys().await?;
            if common.json {
                return output::json(&keys.iter().map(as_json).collect());
            }
            let row = |key: &SigningKey| {
                let [made, ends] = [instant(key.created_at), or_never(key.expires_at)];
                [key.id().to_owned(), key.kind.as_str().to_owned(), made, ends]
            };
            output::table(["KEY", "KIND", "MADE", "ENDS"], &keys.iter().map(row).collect::<Vec<_>>())
        }
        Command::Rotate { kind, overlap } => {
            let key = webhooks.rotate_key(kind, overlap).await?;
            if common.json {
                return output::json(&key);
            }
            output::text(key["kid"].as_str().unwrap_or_default())
        }
    }
}

fn as_json(key: &SigningKey) -> Value {
    json!({
        "kind": key.kind.as_str(),
        "created_at": instant(key.created_at),
        "expires_at": key.expires_at.map(instant),
        "public_key": key.public_key,
    })
}
