//! `webhook`.

mod keys;
mod show;

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::key::parse_instant;
use super::output::instant;
use super::{Common, output};
use crate::app;
use crate::clock::Clock;
use crate::domain::client::ClientId;
use crate::domain::event::EventName;
use crate::domain::fields::Naming;
use crate::domain::order::OrderNumber;
use crate::domain::own_name::OwnName;
use crate::domain::webhook::{
    AttemptOutcome, EndpointSettings, OnExhausted, PayloadForm, SignatureScheme, WebhookEndpoint,
};
use crate::domain::webhook_input::{self, AttemptsInput, ReplayInput};
use crate::error::AppError;
use crate::service::Webhooks;
use crate::service::webhooks::Trial;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the endpoints of a client, or of all
    List {
        /// Only this client; all when absent
        #[arg(long, value_name = "ID")]
        client_id: Option<ClientId>,
    },
    /// Show an endpoint: its settings, its state, its secrets and what it did not take
    Show(Endpoint),
    /// Make an endpoint and print its secret, which cannot be shown again, or give it other settings
    Save(Save),
    /// Delete an endpoint, with its secrets and with what it did not take
    Delete(Endpoint),
    /// Send a challenge to an endpoint; it is active when its answer holds the challenge
    Verify(Endpoint),
    /// Send a test to an endpoint, whatever its state
    Test(Endpoint),
    /// Give an endpoint a new secret and print it; both sign for the overlap
    Rotate {
        #[command(flatten)]
        endpoint: Endpoint,
        /// How long the old secret still signs
        #[arg(long, value_name = "HOURS", default_value_t = webhook_input::OVERLAP,
              value_parser = clap::value_parser!(i32).range(overlap_hours()))]
        overlap_hours: i32,
    },
    /// Send nothing to an endpoint until it is resumed
    Pause(Endpoint),
    /// Send to an endpoint again that is paused or disabled, or that rests; it goes on where it was
    Resume(Endpoint),
    /// Show the attempts at an endpoint, the newest first
    Attempts(Attempts),
    /// Send events to an endpoint again, behind everything else and with the ids that they had before
    Replay(Replay),
    /// Manage the keys with which the service signs webhooks
    #[command(subcommand)]
    Keys(keys::Command),
}

#[derive(Debug, clap::Args)]
pub struct Endpoint {
    /// The client whose endpoint it is
    client: ClientId,
    /// The endpoint's name among those of the client, such as erp
    name: OwnName,
}

#[derive(Debug, clap::Args)]
pub struct Save {
    #[command(flatten)]
    endpoint: Endpoint,
    /// Where webhooks are sent: an https URL
    #[arg(long)]
    url: String,
    /// A kind of event that is sent (repeatable); every kind when absent
    #[arg(long = "kind", value_name = "KIND", num_args = 1..)]
    kinds: Vec<EventName>,
    /// THIN: what happened to which order; FULL: the whole event and the order
    #[arg(long, value_name = "FORM", default_value_t = PayloadForm::Thin)]
    payload: PayloadForm,
    /// V1: HMAC with the endpoint's secret; V1A: Ed25519 and SNAP: RSA, both with the service's key (repeatable)
    #[arg(long = "signature", value_name = "SCHEME", num_args = 1.., default_value = "V1")]
    signatures: Vec<SignatureScheme>,
    /// After an event's last attempt. CONTINUE: the order's next event is sent; HOLD: it waits until the event is replayed
    #[arg(long, value_name = "RULE", default_value_t = OnExhausted::Continue)]
    on_exhausted: OnExhausted,
    /// How many events are sent side by side, 1 to 32, never two of one order
    #[arg(long, value_name = "NUMBER", default_value_t = webhook_input::IN_FLIGHT,
          value_parser = clap::value_parser!(u16).range(1..=webhook_input::MAX_IN_FLIGHT.into()))]
    max_in_flight: u16,
    /// The cursor of the feed after which a new endpoint begins; with what happens next when absent
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct Attempts {
    #[command(flatten)]
    endpoint: Endpoint,
    /// Only those that the endpoint did not take
    #[arg(long, conflicts_with = "outcomes")]
    failed: bool,
    /// Only those with this outcome, such as TIMEOUT (repeatable)
    #[arg(long = "outcome", value_name = "OUTCOME", num_args = 1..)]
    outcomes: Vec<AttemptOutcome>,
    /// Only those of this order
    #[arg(long, value_name = "NUMBER")]
    order: Option<OrderNumber>,
    /// How many attempts, 1 to 200
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    /// Where the page before this one ended
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct Replay {
    #[command(flatten)]
    endpoint: Endpoint,
    /// The event with this cursor
    #[arg(long, value_name = "CURSOR", group = "which")]
    event: Option<String>,
    /// Every event of this order
    #[arg(long, value_name = "NUMBER", group = "which")]
    order: Option<OrderNumber>,
    /// Every event from this time on: unix seconds or ISO 8601 with an offset
    #[arg(long, value_name = "TIME", group = "which", value_parser = parse_instant)]
    since: Option<DateTime<Utc>>,
    /// With --since: every event before this time
    #[arg(long, value_name = "TIME", requires = "since", conflicts_with_all = ["event", "order", "after"], value_parser = parse_instant)]
    until: Option<DateTime<Utc>>,
    /// Every event after the one with this cursor
    #[arg(long, value_name = "CURSOR", group = "which")]
    after: Option<String>,
    /// With --after: every event up to the one with this cursor
    #[arg(long, value_name = "CURSOR", requires = "after", conflicts_with_all = ["event", "order", "since"])]
    up_to: Option<String>,
}

fn overlap_hours() -> std::ops::RangeInclusive<i64> {
    let hours = webhook_input::OVERLAP_HOURS;
    i64::from(*hours.start())..=i64::from(*hours.end())
}

pub async fn run(common: &Common, command: Command) -> Result<()> {
    carry_out(common, command).await.map_err(in_options)
}

/// Names options where the service names fields.
fn in_options(error: anyhow::Error) -> anyhow::Error {
    let faults = error.downcast_ref::<AppError>().map(|error| error.errors.as_slice()).unwrap_or_default();
    let option = |pointer: &str| pointer.trim_start_matches('/').replace('_', "-");
    let faults: Vec<_> = faults.iter().map(|fault| format!("--{} {}", option(&fault.pointer), fault.message)).collect();
    if faults.is_empty() { error } else { anyhow!(faults.join("; ")) }
}

async fn carry_out(common: &Common, command: Command) -> Result<()> {
    let desk = match &command {
        Command::List { client_id } => Desk::open(common, client_id.as_ref()).await?,
        Command::Keys(_) => Desk::open(common, None).await?,
        Command::Show(endpoint)
        | Command::Save(Save { endpoint, .. })
        | Command::Delete(endpoint)
        | Command::Verify(endpoint)
        | Command::Test(endpoint)
        | Command::Rotate { endpoint, .. }
        | Command::Pause(endpoint)
        | Command::Resume(endpoint)
        | Command::Attempts(Attempts { endpoint, .. })
        | Command::Replay(Replay { endpoint, .. }) => Desk::open(common, Some(&endpoint.client)).await?,
    };
    let webhooks = &desk.webhooks;
    match command {
        Command::List { client_id } => desk.list(client_id.as_ref()).await,
        Command::Show(Endpoint { client, name }) => desk.show(&webhooks.endpoint(&client, &name).await?).await,
        Command::Save(args) => desk.save(args).await,
        Command::Delete(endpoint) => {
            webhooks.delete_endpoint(&endpoint.client, &endpoint.name).await?;
            desk.done(&endpoint, "deleted")
        }
        Command::Verify(Endpoint { client, name }) => desk.tell(webhooks.verify(&client, &name).await?).await,
        Command::Test(Endpoint { client, name }) => desk.tell(webhooks.test(&client, &name).await?).await,
        Command::Rotate { endpoint, overlap_hours } => desk.rotate(&endpoint, overlap_hours).await,
        Command::Pause(endpoint) => {
            let paused = webhooks.pause(&endpoint.client, &endpoint.name).await?;
            desk.changed(&endpoint, "paused", &paused).await
        }
        Command::Resume(endpoint) => {
            let resumed = webhooks.resume(&endpoint.client, &endpoint.name).await?;
            desk.changed(&endpoint, "active", &resumed).await
        }
        Command::Attempts(args) => desk.attempts(args).await,
        Command::Replay(args) => desk.replay(args).await,
        Command::Keys(command) => keys::run(common, webhooks, command).await,
    }
}

/// Webhooks of the configured database, and how to print.
struct Desk<'c> {
    common: &'c Common,
    webhooks: Webhooks,
}

impl<'c> Desk<'c> {
    /// Refuses a client that there is not.
    async fn open(common: &'c Common, client: Option<&ClientId>) -> Result<Self> {
        let config = common.load(None)?.config;
        let (store, clock) = (app::open(&config).await?, Clock::system());
        if let Some(client) = client {
            app::clients(&store, &clock).show_client(client).await?;
        }
        Ok(Self { common, webhooks: app::webhooks(&config, &store, &clock)? })
    }

    fn done(&self, Endpoint { client, name }: &Endpoint, what: &str) -> Result<()> {
        if self.common.json {
            return output::json(&json!({"client_id": client.as_str(), "name": name.as_str(), "result": what}));
        }
        output::text(&format!("{client} {name}: {what}"))
    }

    async fn save(&self, args: Save) -> Result<()> {
        let Save { endpoint, url, kinds, payload, signatures, on_exhausted, max_in_flight, after } = args;
        let (kinds, signatures) = (once(kinds), once(signatures));
        let settings = EndpointSettings { url, kinds, payload, signatures, on_exhausted, max_in_flight };
        let after = self.webhooks.position("after", after.as_deref()).await?;
        let saved = self.webhooks.save_endpoint(&endpoint.client, &endpoint.name, settings, after).await?;
        if self.common.json {
            let mut value = show::endpoint_json(&self.webhooks, &saved.endpoint).await?;
            if let Some(secret) = &saved.secret {
                value["secret"] = secret.expose_secret().into();
            }
            return output::json(&value);
        }
        let Endpoint { client, name } = &endpoint;
        let Some(secret) = saved.secret else { return self.done(&endpoint, "saved") };
        output::remark(&format!(
            "Made {name} of {client}. Nothing is sent to it before `webhook verify {client} {name}`. Its secret is shown this once:"
        ));
        output::text(secret.expose_secret())
    }

    async fn rotate(&self, Endpoint { client, name }: &Endpoint, hours: i32) -> Result<()> {
        let overlap = Duration::from_hours(hours.unsigned_abs().into());
        let (endpoint, secret) = self.webhooks.rotate_secret(client, name, overlap).await?;
        if self.common.json {
            let mut value = show::endpoint_json(&self.webhooks, &endpoint).await?;
            value["secret"] = secret.expose_secret().into();
            return output::json(&value);
        }
        let ends = self.webhooks.details(endpoint.id).await?.secrets.into_iter().find_map(|(_, until)| until);
        let old = ends.map_or_else(
            || "The old secret has ended".to_owned(),
            |at| format!("The old secret signs until {}", instant(at)),
        );
        output::remark(&format!("{old}. The new one is shown this once:"));
        output::text(secret.expose_secret())
    }

    async fn replay(&self, args: Replay) -> Result<()> {
        let Replay { endpoint, event, order, since, until, after, up_to } = args;
        let which = match (event, order, since, after) {
            (Some(event), ..) => ReplayInput::Event(event),
            (_, Some(order), ..) => ReplayInput::Order(order),
            (_, _, Some(since), _) if until.is_some_and(|until| until <= since) => {
                bail!("--until must be later than --since")
            }
            (_, _, Some(since), _) => ReplayInput::Since(since, until),
            (.., after) => ReplayInput::After(after.unwrap_or_default(), up_to),
        };
        self.webhooks.replay(&endpoint.client, &endpoint.name, which, Naming::SnakeCase).await?;
        self.done(&endpoint, "the events are sent again")
    }

    async fn attempts(&self, args: Attempts) -> Result<()> {
        let Attempts { endpoint, failed, outcomes, order, limit, cursor } = args;
        let not_taken = || AttemptOutcome::ALL.iter().copied().filter(|outcome| !outcome.is_delivered()).collect();
        let outcomes = if failed { not_taken() } else { outcomes };
        let which = AttemptsInput { outcomes, order, limit: limit.into() };
        let page = self.webhooks.attempts(&endpoint.client, &endpoint.name, which, cursor.as_deref()).await?;
        show::attempts(self.common, &self.webhooks, &page).await
    }

    /// Prints what became of a test or of a verification, and fails where the endpoint did not take it.
    async fn tell(&self, trial: Trial) -> Result<()> {
        show::trial(self.common, &self.webhooks, &trial).await?;
        match trial.attempt.outcome {
            AttemptOutcome::Delivered => Ok(()),
            AttemptOutcome::NotVerified => bail!(
                "the endpoint's answer did not hold the challenge; it must answer with data.challenge of the body"
            ),
            outcome => bail!("the endpoint did not take it: {outcome}"),
        }
    }

    async fn list(&self, client: Option<&ClientId>) -> Result<()> {
        show::list(self.common, &self.webhooks, &self.webhooks.endpoints(client).await?).await
    }

    async fn show(&self, endpoint: &WebhookEndpoint) -> Result<()> {
        show::one(self.common, &self.webhooks, endpoint).await
    }

    async fn changed(&self, named: &Endpoint, what: &str, endpoint: &WebhookEndpoint) -> Result<()> {
        if self.common.json {
            return output::json(&show::endpoint_json(&self.webhooks, endpoint).await?);
        }
        self.done(named, what)
    }
}

/// A list without what it says again.
fn once<T: PartialEq>(list: Vec<T>) -> Vec<T> {
    list.into_iter().fold(Vec::new(), |mut all, one| {
        if !all.contains(&one) {
            all.push(one);
        }
        all
    })
}
