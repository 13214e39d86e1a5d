//! `client`.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{Common, key, output};
use crate::domain::client::{Client, ClientId};
use crate::domain::permission::{self, Permission};
use crate::domain::signature_policy::SignaturePolicy;
use crate::service::clients::{ClientDetails, ClientToCreate};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create a client and print its secret, which cannot be shown again
    Create(Create),
    /// List every client
    List,
    /// Show one client with its secrets and keys
    Show(Id),
    /// Refuse a client from now on
    Disable(Id),
    /// Take a disabled client back
    Enable(Id),
    /// End every session of a client: its tokens count no more
    RevokeSessions(Id),
    /// Give a client a new secret and print it; the old one works for the grace period
    RotateSecret {
        #[command(flatten)]
        id: Id,
        /// How long the old secret still works, such as 24h or 0s
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = humantime::parse_duration)]
        grace: Duration,
    },
    /// Manage a client's public keys
    #[command(subcommand)]
    Key(key::Command),
}

#[derive(Debug, clap::Args)]
pub struct Id {
    /// The client
    #[arg(long, value_name = "ID")]
    pub client_id: ClientId,
}

#[derive(Debug, clap::Args)]
pub struct Create {
    #[command(flatten)]
    id: Id,
    /// Its name for people
    #[arg(long)]
    name: String,
    /// What it may do: orders:create, orders:read, orders:manage, clients:read, clients:manage
    #[arg(long = "scope", value_name = "SCOPE", required = true, num_args = 1..)]
    scopes: Vec<Permission>,
    /// A public key file (x.509 SubjectPublicKeyInfo, PEM)
    #[arg(long = "public-key", value_name = "FILE", num_args = 1..)]
    public_keys: Vec<PathBuf>,
    /// documented: both signature forms are accepted; body_bound: only the one that signs the body
    #[arg(long, value_name = "POLICY", default_value = "documented")]
    signature_policy: SignaturePolicy,
    /// Read the secret from standard input instead of making one
    #[arg(long)]
    secret_stdin: bool,
}

pub async fn run(common: &Common, command: Command) -> Result<()> {
    let done = |what: &str, id: &ClientId| {
        if common.json {
            output::json(&json!({"client_id": id.as_str(), "result": what}))
        } else {
            output::text(&format!("{id}: {what}"))
        }
    };
    match command {
        Command::Create(args) => create(common, args).await,
        Command::Key(command) => key::run(common, command).await,
        Command::List => {
            let clients = common.open_clients().await?.list_clients().await?;
            if common.json {
                return output::json(&clients.iter().map(client_json).collect());
            }
            let rows: Vec<_> = clients
                .iter()
                .map(|c| {
                    [c.client_id.to_string(), c.status().to_owned(), permission::join(&c.permissions), c.name.clone()]
                })
                .collect();
            output::table(["CLIENT", "STATUS", "SCOPES", "NAME"], &rows)
        }
        Command::Show(id) => show(common, &common.open_clients().await?.show_client(&id.client_id).await?),
        Command::Disable(id) => {
            common.open_clients().await?.disable_client(&id.client_id).await?;
            done("disabled", &id.client_id)
        }
        Command::Enable(id) => {
            common.open_clients().await?.enable_client(&id.client_id).await?;
            done("active", &id.client_id)
        }
        Command::RevokeSessions(id) => {
            common.open_clients().await?.revoke_sessions(&id.client_id).await?;
            done("sessions ended", &id.client_id)
        }
        Command::RotateSecret { id, grace } => {
            let rotated = common.open_clients().await?.rotate_secret(&id.client_id, grace).await?;
            let ends = instant(rotated.previous_expires_at);
            if common.json {
                return output::json(&json!({
                    "client_id": id.client_id.as_str(),
                    "client_secret": rotated.secret.expose_secret(),
                    "previous_expires_at": ends,
                }));
            }
            output::remark(&format!("The old secret works until {ends}. The new one is shown this once:"));
            output::text(rotated.secret.expose_secret())
        }
    }
}

async fn create(common: &Common, args: Create) -> Result<()> {
    let mut public_keys = Vec::with_capacity(args.public_keys.len());
    for file in &args.public_keys {
        public_keys.push(key::read(file)?.to_pem());
    }
    let secret = if args.secret_stdin { Some(read_secret()?) } else { None };
    let client_id = args.id.client_id;
    let new = ClientToCreate {
        client_id: client_id.clone(),
        name: args.name,
        permissions: args.scopes,
        signature_policy: args.signature_policy,
        public_keys,
        secret,
    };
    let secret = common.open_clients().await?.create_client(new).await?;
    if common.json {
        return output::json(&json!({"client_id": client_id.as_str(), "client_secret": secret.expose_secret()}));
    }
    output::remark(&format!("Created {client_id}. Its secret is shown this once:"));
    output::text(secret.expose_secret())
}

fn read_secret() -> Result<SecretString> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read the secret from standard input")?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

fn show(common: &Common, details: &ClientDetails) -> Result<()> {
    let ClientDetails { client, secrets, keys } = details;
    if common.json {
        let mut value = client_json(client);
        value["secrets"] = secrets
            .iter()
            .map(|s| {
                json!({
                    "created_at": instant(s.created_at),
                    "expires_at": s.expires_at.map(instant),
                    "last_used_at": s.last_used_at.map(instant),
                })
            })
            .collect();
        value["keys"] = keys.iter().map(key::as_json).collect();
        return output::json(&value);
    }
    output::text(&format!(
        "{}  {}\nname: {}\nscopes: {}\nsignature policy: {}\ncreated: {}\n",
        client.client_id,
        client.status(),
        client.name,
        permission::join(&client.permissions),
        client.signature_policy.as_str(),
        instant(client.created_at),
    ))?;
    let rows: Vec<_> =
        secrets.iter().map(|s| [instant(s.created_at), or_never(s.expires_at), or_never(s.last_used_at)]).collect();
    output::table(["SECRET MADE", "EXPIRES", "LAST USED"], &rows)?;
    output::text("")?;
    key::print(keys)
}

fn client_json(client: &Client) -> Value {
    json!({
        "client_id": client.client_id.as_str(),
        "name": client.name,
        "status": client.status(),
        "scopes": client.permissions.iter().map(|p| p.as_str()).collect::<Vec<_>>(),
        "signature_policy": client.signature_policy.as_str(),
        "created_at": instant(client.created_at),
        "disabled_at": client.disabled_at.map(instant),
    })
}

pub fn instant(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

pub fn or_never(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "never".to_owned(), instant)
}
