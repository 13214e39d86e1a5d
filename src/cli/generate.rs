//! `generate`: sample orders, to try out dashboards and to measure.

use std::io::IsTerminal as _;

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Common, output};
use crate::app;
use crate::clock::Clock;
use crate::domain::client::ClientId;
use crate::domain::expectation_policy::ExpectationPolicy;
use crate::domain::permission::Permission;
use crate::domain::reference_policy::ReferencePolicy;
use crate::domain::sample::{self, CLIENTS};
use crate::domain::signature_policy::SignaturePolicy;
use crate::error::{AppError, ErrorCode};
use crate::service::clients::ClientToCreate;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many orders
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    orders: u64,
    /// Over how many days up to now they were taken
    #[arg(long, value_name = "D", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// Another seed makes other orders; the same seed the same ones
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Also into a database that holds orders somebody sent
    #[arg(long)]
    force: bool,
}

/// How many orders one transaction stores, and how many are held in memory.
const BATCH: usize = 1000;

pub async fn run(common: &Common, args: Args) -> Result<()> {
    let store = app::open(&common.load(None)?.config).await?;
    if !args.force && store.has_real_orders().await? {
        bail!("this database holds orders that somebody sent; add --force to put sample orders among them");
    }
    let clock = Clock::system();
    let clients = sample_clients(&app::clients(&store, &clock)).await?;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(args.orders) } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} orders, {per_sec}, {eta} left")?);
    let mut samples = sample::orders(args.seed, args.orders, args.days, clock.now());
    loop {
        let batch = samples.by_ref().take(BATCH).collect::<Result<Vec<_>, _>>().map_err(AppError::invalid)?;
        if batch.is_empty() {
            break;
        }
        let stored = batch.len() as u64;
        match store.insert_samples(clients.clone(), batch).await {
            Ok(()) => bar.inc(stored),
            Err(error) if error.is_duplicate() => {
                bail!("the sample orders of seed {} are there already; give another --seed", args.seed)
            }
            Err(error) => return Err(error.into()),
        }
    }
    bar.finish_and_clear();
    store.analyze().await?;
    if common.json {
        let clients: Vec<_> = clients.iter().map(ClientId::as_str).collect();
        return output::json(&json!({"orders": args.orders, "seed": args.seed, "clients": clients}));
    }
    output::text(&format!("{} sample orders of seed {}", args.orders, args.seed))
}

/// The clients that sample orders come from. Nobody knows their secrets.
async fn sample_clients(clients: &crate::service::Clients) -> Result<Vec<ClientId>> {
    let mut ids = Vec::new();
    for n in 1..=CLIENTS {
        let client_id: ClientId = format!("sample-partner-{n}").parse()?;
        let new = ClientToCreate {
            client_id: client_id.clone(),
            name: format!("Sample partner {n}"),
            permissions: vec![Permission::OrdersCreate],
            signature_policy: SignaturePolicy::default(),
            reference_policy: ReferencePolicy::default(),
            expectation_policy: ExpectationPolicy::default(),
            public_keys: Vec::new(),
            secret: None,
        };
        match clients.show_client(&client_id).await {
            Ok(_) => {}
            Err(error) if error.code == ErrorCode::NotFound => drop(clients.create_client(new).await?),
            Err(error) => return Err(error.into()),
        }
        ids.push(client_id);
    }
    Ok(ids)
}
