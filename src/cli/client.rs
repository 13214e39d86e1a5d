//! `client`.

mod audit;
mod show;

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::output::instant;
use super::{Common, key, output};
use crate::domain::client::ClientId;
use crate::domain::expectation_policy::ExpectationPolicy;
use crate::domain::permission::Permission;
use crate::domain::reference_policy::ReferencePolicy;
use crate::domain::signature_policy::SignaturePolicy;
use crate::service::clients::{ChosenSecret, ClientChange, ClientToCreate, MIN_SECRET};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create a client and print its secret, which cannot be shown again
    Create(Create),
    /// List every client
    List,
    /// Show one client with its secrets and keys
    Show(Id),
    /// Change a client's name, scopes or policies
    Update(Update),
    /// Refuse a client from now on
    Disable(Id),
    /// Take a disabled client back
    Enable(Id),
    /// End every session of a client: its tokens count no more
    RevokeSessions(Id),
    /// List the sessions of a person's browsers
    Sessions(Id),
    /// End one session of a person's browser: it gives no token any more, and its last one ends within 10 minutes
    EndSession {
        #[command(flatten)]
        id: Id,
        /// The session, as `client sessions` names it
        #[arg(long, value_name = "NAME")]
        session: String,
    },
    /// Give a client a new secret and print it; the old one works for the grace period
    RotateSecret {
        #[command(flatten)]
        id: Id,
        /// How long the old secret still works, such as 24h or 0s
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = humantime::parse_duration)]
        grace: Duration,
    },
    /// End every secret of a client but the newest now
    EndOldSecrets(Id),
    /// Show what was done to clients, the newest first: who, when, what, from which host
    Audit(audit::Args),
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
    /// What it may do: orders:create, orders:read, orders:manage, orders:erase, clients:read, clients:manage
    #[arg(long = "scope", value_name = "SCOPE", required = true, num_args = 1..)]
    scopes: Vec<Permission>,
    /// A public key file (x.509 SubjectPublicKeyInfo, PEM)
    #[arg(long = "public-key", value_name = "FILE", num_args = 1..)]
    public_keys: Vec<PathBuf>,
    /// documented: every form of signature is accepted; body_bound: the two that sign the body; body_and_key_bound: the one
    /// that signs the Idempotency-Key too
    #[arg(long, value_name = "POLICY", default_value = "documented")]
    signature_policy: SignaturePolicy,
    /// Of an order whose partner reference another order has that is not cancelled: accept stores it, warn stores it with a
    /// warning, refuse refuses it
    #[arg(long, value_name = "POLICY", default_value = "accept")]
    reference_policy: ReferencePolicy,
    /// Of an order that does not come to the amounts that its sender expects: warn stores it with a warning, refuse refuses it
    #[arg(long, value_name = "POLICY", default_value = "warn")]
    expectation_policy: ExpectationPolicy,
    /// Read the secret from standard input instead of making one
    #[arg(long)]
    secret_stdin: bool,
    /// For development only: take a secret that can be guessed, of less than 16 bytes
    #[arg(long, requires = "secret_stdin")]
    allow_weak_secret: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    #[command(flatten)]
    id: Id,
    /// Its name for people
    #[arg(long, group = "change")]
    name: Option<String>,
    /// The client's scopes, all of them
    #[arg(long = "scope", value_name = "SCOPE", num_args = 1.., group = "change")]
    scopes: Option<Vec<Permission>>,
    /// documented: every form of signature is accepted; body_bound: the two that sign the body; body_and_key_bound: the one
    /// that signs the Idempotency-Key too
    #[arg(long, value_name = "POLICY", group = "change")]
    signature_policy: Option<SignaturePolicy>,
    /// Of an order whose partner reference another order has that is not cancelled: accept stores it, warn stores it with a
    /// warning, refuse refuses it
    #[arg(long, value_name = "POLICY", group = "change")]
    reference_policy: Option<ReferencePolicy>,
    /// Of an order that does not come to the amounts that its sender expects: warn stores it with a warning, refuse refuses it
    #[arg(long, value_name = "POLICY", group = "change")]
    expectation_policy: Option<ExpectationPolicy>,
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
            let clients = common.open_clients().await?;
            show::list(common, &clients.list_clients().await?, clients.now())
        }
        Command::Show(id) => {
            let clients = common.open_clients().await?;
            show::one(common, &clients.show_client(&id.client_id).await?, clients.now())
        }
        Command::Update(Update { id, name, scopes, signature_policy, reference_policy, expectation_policy }) => {
            let change =
                ClientChange { name, permissions: scopes, signature_policy, reference_policy, expectation_policy };
            common.open_clients().await?.update_client(&id.client_id, change).await?;
            done("updated", &id.client_id)
        }
        Command::EndOldSecrets(id) => {
            let ended = common.open_clients().await?.end_old_secrets(&id.client_id).await?;
            done(if ended == 0 { "there was no old secret" } else { "old secrets ended" }, &id.client_id)
        }
        Command::Audit(args) => audit::run(common, args).await,
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
        Command::Sessions(id) => {
            show::sessions(common, &common.open_clients().await?.list_sessions(&id.client_id).await?)
        }
        Command::EndSession { id, session } => {
            common.open_clients().await?.end_session(&id.client_id, &session).await?;
            done("session ended", &id.client_id)
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
    let secret = if args.secret_stdin {
        Some(ChosenSecret { text: read_secret()?, may_be_weak: args.allow_weak_secret })
    } else {
        None
    };
    let is_weak = secret.as_ref().is_some_and(|secret| secret.text.expose_secret().len() < MIN_SECRET);
    let client_id = args.id.client_id;
    let new = ClientToCreate {
        client_id: client_id.clone(),
        name: args.name,
        permissions: args.scopes,
        signature_policy: args.signature_policy,
        reference_policy: args.reference_policy,
        expectation_policy: args.expectation_policy,
        public_keys,
        secret,
    };
    let secret = common.open_clients().await?.create_client(new).await?;
    if is_weak {
        let rotate = "before anybody else can reach the service, give it another one (client rotate-secret --grace 0s)";
        output::remark(&format!("Warning: the secret of {client_id} has less than {MIN_SECRET} bytes; {rotate}"));
    }
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
