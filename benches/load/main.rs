//! Load: clients that send as fast as they are answered, and look at every answer.
//!
//! `cargo run --release --example load -- SCENARIO --base http://127.0.0.1:8080 --client-id ID --client-secret SECRET`;
//! `make bench` does all of it.
//!
//! It talks to this machine alone, and on one thread, so that it takes as little as it can from what it measures.

mod client;
mod direct;
mod scenario;
mod session;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser as _;
use serde_json::json;
use tokio::task::LocalSet;

use client::Connection;
use direct::Direct;
use scenario::{BadSignatures, BadTokens, Orders, Pages, Scenario, customer};
use session::Session;

/// Sends requests for a while and says how fast they were answered.
#[derive(clap::Parser)]
struct Args {
    scenario: Kind,
    /// Base address of the service, on this machine; for `direct` and `plain` the URL of the database
    #[arg(long)]
    base: String,
    #[arg(long)]
    client_id: String,
    #[arg(long, default_value = "")]
    client_secret: String,
    /// The client's private key (PEM); pages need none
    #[arg(long)]
    private_key: Option<PathBuf>,
    #[arg(long, default_value_t = 32)]
    connections: u32,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Lines of each order
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=500))]
    lines: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// Signed orders, each taken
    Orders,
    /// Orders with a token that is not ours, each refused
    BadTokens,
    /// Orders with a wrong signature, each refused
    BadSignatures,
    /// The page of the 50 newest orders with their lines
    Pages,
    /// Orders stored in SQLite without a service, one a transaction, by the service's statement
    Direct,
    /// Orders stored in SQLite without a service, one a transaction, by a statement a table
    Plain,
}

/// What was measured.
#[derive(Default)]
struct Figures {
    /// Microseconds from sending a request to its whole answer.
    latencies: Vec<u32>,
    /// What went wrong, and how often.
    errors: BTreeMap<String, u32>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<bool> {
    let target = match args.scenario {
        kind @ (Kind::Direct | Kind::Plain) => {
            let plainly = matches!(kind, Kind::Plain);
            Target::Database(Box::new(Direct::open(&args.base, &args.client_id, args.lines, plainly).await?))
        }
        kind => {
            let session = Session::log_in(&args.base, &args.client_id, &args.client_secret).await?;
            let address = session.address;
            Target::Service(address, scenario(kind, session, &args)?)
        }
    };
    let target = Rc::new(target);
    let started = Instant::now();
    let end = started + Duration::from_secs(args.seconds);
    let local = LocalSet::new();
    let connections: Vec<_> =
        (0..args.connections).map(|connection| local.spawn_local(send(Rc::clone(&target), connection, end))).collect();
    let mut all = Figures::default();
    local
        .run_until(async {
            for connection in connections {
                let figures = connection.await?;
                all.latencies.extend(figures.latencies);
                for (what, count) in figures.errors {
                    *all.errors.entry(what).or_default() += count;
                }
            }
            Ok::<_, anyhow::Error>(())
        })
        .await?;
    all.print(started.elapsed(), args.json)
}

fn scenario(kind: Kind, session: Session, args: &Args) -> Result<Box<dyn Scenario>> {
    if let Kind::Pages = kind {
        return Ok(Box::new(Pages::new(&session)));
    }
    let path = args.private_key.as_ref().context("orders are signed: give --private-key")?;
    let pem = std::fs::read_to_string(path).context("cannot read the private key")?;
    let orders = Orders::new(session, &pem, args.lines)?;
    Ok(match kind {
        Kind::BadTokens => Box::new(BadTokens(orders)),
        Kind::BadSignatures => Box::new(BadSignatures(orders)),
        _ => Box::new(orders),
    })
}

/// What is measured.
enum Target {
    Service(SocketAddr, Box<dyn Scenario>),
    Database(Box<Direct>),
}

/// One connection: a request, its answer, the next request.
async fn send(target: Rc<Target>, number: u32, end: Instant) -> Figures {
    let mut figures = Figures::default();
    let mut connection = None;
    for request in 0_u32.. {
        if Instant::now() >= end {
            break;
        }
        let took = match &*target {
            Target::Service(address, scenario) => {
                exchange(*address, &**scenario, &mut connection, (number, request)).await
            }
            Target::Database(direct) => {
                let started = Instant::now();
                direct.store(&customer(number, request)).await.map(|()| started.elapsed())
            }
        };
        match took {
            Ok(took) => figures.latencies.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX)),
            Err(error) => {
                *figures.errors.entry(format!("{error:#}")).or_default() += 1;
                connection = None;
            }
        }
    }
    figures
}

/// Sends one request and takes its time, then looks whether the answer is right.
async fn exchange(
    address: SocketAddr,
    scenario: &dyn Scenario,
    connection: &mut Option<Connection>,
    (number, request): (u32, u32),
) -> Result<Duration> {
    let bytes = scenario.request(number, request)?;
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(Connection::open(address).await?),
    };
    let sent = Instant::now();
    let answer = connection.exchange(&bytes).await?;
    let took = sent.elapsed();
    scenario.check(&answer, number, request)?;
    Ok(took)
}

impl Figures {
    /// Prints what was measured; gives whether every answer was right.
    fn print(mut self, elapsed: Duration, as_json: bool) -> Result<bool> {
        self.latencies.sort_unstable();
        let answers = self.latencies.len();
        #[expect(clippy::cast_precision_loss, reason = "nobody sends 2⁵² requests")]
        let rate = answers as f64 / elapsed.as_secs_f64();
        let at = |percent: usize| {
            let place = (answers * percent / 100).min(answers.saturating_sub(1));
            f64::from(self.latencies.get(place).copied().unwrap_or_default()) / 1000.0
        };
        let (p50, p99, max) = (at(50), at(99), at(100));
        let errors: u32 = self.errors.values().sum();
        let mut out = io::stdout().lock();
        if as_json {
            let figures = json!({"answers": answers, "per_second": (rate * 10.0).round() / 10.0, "p50_ms": p50,
                                 "p99_ms": p99, "max_ms": max, "errors": errors, "errors_by_kind": self.errors});
            writeln!(out, "{figures}")?;
        } else {
            writeln!(out, "{answers} answers, {rate:.0} a second; p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms")?;
            writeln!(out, "{errors} errors")?;
            for (what, count) in &self.errors {
                writeln!(out, "  {count} × {what}")?;
            }
        }
        Ok(errors == 0 && answers > 0)
    }
}
