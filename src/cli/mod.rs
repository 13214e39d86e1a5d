//! The command line: one file for each command.
//!
//! What belongs here: arguments, and what is printed. What does not: anything another way in needs too.
//! To add a command: a file with `Args` and `run`, a variant of [`Command`], a test in `tests/it/cli/`.

mod archive;
mod backup;
mod client;
mod config;
mod demo;
mod disk;
mod doctor;
mod export;
mod generate;
mod health;
mod key;
mod migrate;
mod output;
mod personal_data;
mod private_file;
mod receipt;
mod requests;
mod restore;
mod serve;
mod sign;
mod signals;
mod supervisor;
mod totals;
mod verify;
mod webhook;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::app;
use crate::clock::Clock;
use crate::config::{self as settings, Loaded, Overrides};
use crate::domain::order_life;
use crate::service::Clients;
use crate::{graphql, rest, telemetry};

/// A partner-facing sales order service: signed REST over one GraphQL schema, on SQLite or PostgreSQL.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// A configuration file; later ones win (repeatable)
    #[arg(long, global = true, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve REST and GraphQL
    Serve(serve::Args),
    /// The five-minute tour: a partner, a signed order and a dashboard, on fresh data in data/demo
    Demo(demo::Args),
    /// Bring the database schema up to date, look at it, or take changes back
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// Copy a SQLite database while the service runs, and look whether the copy is whole
    Backup(backup::Args),
    /// Take over a database that lost its last changes: after a restore, or when a standby was promoted
    #[command(subcommand)]
    Restore(restore::Command),
    /// Hold the totals kept for summaries against the orders, or put them right
    #[command(subcommand)]
    Totals(totals::Command),
    /// Manage clients: partners, dashboards, operators' tools
    #[command(subcommand)]
    Client(client::Command),
    /// Manage endpoints of webhooks, and the keys that sign webhooks
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Read the log of requests: what was asked, what was answered, and why it failed
    #[command(subcommand)]
    Requests(requests::Command),
    /// Prove again who sent an order
    #[command(subcommand)]
    Receipt(receipt::Command),
    /// Export or erase what is personal in orders
    #[command(subcommand)]
    PersonalData(personal_data::Command),
    /// Move old orders out of the database into files that prove that they are complete
    #[command(subcommand)]
    Archive(archive::Command),
    /// Write orders to a file: CSV for people, JSON Lines for programs
    Export(export::Args),
    /// Make sample orders, to try out dashboards and to measure
    Generate(generate::Args),
    /// Sign a request offline and print its headers
    Sign(sign::Args),
    /// Check a signature offline and explain what is wrong with it
    Verify(verify::Args),
    /// Print the GraphQL schema
    Schema,
    /// Print the OpenAPI description
    Openapi,
    /// Print the picture of an order's life (SVG)
    OrderLife,
    /// Check the configuration, or show every value and where it came from
    #[command(subcommand)]
    Config(config::Command),
    /// Look at everything that an operator would look at, and say what is wrong and what to do
    Doctor(doctor::Args),
    /// Ask a running service whether it is ready
    Health(health::Args),
}

impl Cli {
    /// Runs the command. A failure is one sentence on stderr and exit code 1; clap answers wrong usage with 2.
    pub async fn run(self) -> ExitCode {
        let Self { common, command } = self;
        let outcome = match command {
            Command::Serve(args) => Box::pin(serve::run(&common, args)).await,
            Command::Demo(args) => Box::pin(demo::run(&common, args)).await,
            Command::Migrate(command) => migrate::run(&common, command).await,
            Command::Backup(args) => return ended(Box::pin(backup::run(&common, args)).await),
            Command::Restore(command) => restore::run(&common, command).await,
            Command::Totals(command) => totals::run(&common, command).await,
            Command::Client(command) => client::run(&common, command).await,
            Command::Webhook(command) => Box::pin(webhook::run(&common, command)).await,
            Command::Requests(command) => Box::pin(requests::run(&common, command)).await,
            Command::Receipt(command) => receipt::run(&common, command).await,
            Command::PersonalData(command) => Box::pin(personal_data::run(&common, command)).await,
            Command::Archive(command) => Box::pin(archive::run(&common, command)).await,
            Command::Export(args) => export::run(&common, args).await,
            Command::Generate(args) => generate::run(&common, args).await,
            Command::Sign(args) => sign::run(&common, &args),
            Command::Verify(args) => verify::run(&common, &args),
            Command::Schema => output::text(graphql::sdl().trim_end()),
            Command::Openapi => openapi(),
            Command::OrderLife => output::text(order_life::PICTURE.trim_end()),
            Command::Config(command) => config::run(&common, &command),
            Command::Doctor(args) => {
                let outcome = Box::pin(doctor::run(&common, args)).await;
                return ended(outcome);
            }
            Command::Health(args) => health::run(&common, args).await,
        };
        ended(outcome.map(|()| ExitCode::SUCCESS))
    }
}

/// How the process ends.
fn ended(outcome: Result<ExitCode>) -> ExitCode {
    let code = outcome.unwrap_or_else(|error| {
        output::error(&error);
        ExitCode::FAILURE
    });
    telemetry::flush_log();
    code
}

/// The description of the REST API under the default configuration.
fn openapi() -> Result<()> {
    let defaults = settings::load_from(&[], [], &Overrides::default())?.config;
    output::text(&serde_json::to_string_pretty(&rest::openapi::document(&defaults)?)?)
}

impl Common {
    fn load(&self, listen: Option<String>) -> Result<Loaded> {
        let overrides = Overrides { listen, database_url: self.database_url.clone() };
        Ok(settings::load(&self.config, &overrides)?)
    }

    /// Client management on the configured database, which is brought up to date as `serve` does.
    async fn open_clients(&self) -> Result<Clients> {
        let store = app::open(&self.load(None)?.config).await?;
        Ok(app::clients(&store, &Clock::system()))
    }
}
