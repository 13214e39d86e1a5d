//! `doctor`: looks at everything that an operator would look at, and says of each what is wrong and what to do.
//!
//! What belongs here: how findings are gathered and told. What is looked at: one file for each group.
//! A check changes nothing, has a time limit, and does not stop the other checks.

mod clients;
mod database;
mod files;
mod server;
mod settings;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Common, output};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong, or there are warnings only; 1 there are warnings and --strict is given; \
                        2 there are errors, or the usage is wrong."
)]
pub struct Args {
    /// Read every page of a SQLite database too, which takes long for a large one
    #[arg(long)]
    deep: bool,
    /// Exit with 1 where there are warnings
    #[arg(long)]
    strict: bool,
    /// How many instances share the database, for its connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    instances: u32,
    /// How long one check may take, such as 10s; --deep is not limited
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = limit)]
    timeout: Duration,
}

/// A time within which something can answer.
fn limit(text: &str) -> Result<Duration, String> {
    let limit = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if limit.is_zero() {
        Err("nothing answers within 0s; give a longer time, such as 10s".to_owned())
    } else {
        Ok(limit)
    }
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Ok,
    /// What it depends on failed already.
    Skipped,
    Warning,
    Error,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What one look gave.
struct Found {
    state: State,
    what: String,
    remedy: String,
}

impl Found {
    fn ok(what: impl Into<String>) -> Self {
        Self { state: State::Ok, what: what.into(), remedy: String::new() }
    }

    fn skipped(why: impl Into<String>) -> Self {
        Self { state: State::Skipped, what: why.into(), remedy: String::new() }
    }

    fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Warning, what: what.into(), remedy: remedy.into() }
    }

    fn error(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Error, what: what.into(), remedy: remedy.into() }
    }

    /// What was found wrong, if anything was; else that all is well.
    fn wrong(wrong: &[String], remedy: &str, well: impl Into<String>) -> Self {
        if wrong.is_empty() { Self::ok(well) } else { Self::warning(wrong.join("; "), remedy) }
    }
}

/// What was found so far.
struct Report {
    limit: Duration,
    findings: Vec<(&'static str, Found)>,
}

impl Report {
    fn note(&mut self, check: &'static str, found: Found) {
        self.findings.push((check, found));
    }

    /// Looks for no longer than a check may take. `remedy` is for a look that fails. Whether it is no error.
    async fn look(&mut self, check: &'static str, remedy: &str, look: impl Future<Output = Result<Found>>) -> bool {
        let found = match timeout(self.limit, look).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => Found::error(output::sentence(&error), remedy),
            Err(_) => Found::error(format!("no answer within {}", humantime::format_duration(self.limit)), remedy),
        };
        let is_no_error = found.state < State::Error;
        self.note(check, found);
        is_no_error
    }

    fn skip(&mut self, checks: &[&'static str], why: &str) {
        for check in checks {
            self.note(check, Found::skipped(why));
        }
    }

    fn worst(&self) -> State {
        self.findings.iter().map(|(_, found)| found.state).max().unwrap_or(State::Ok)
    }

    fn count(&self, state: State) -> usize {
        self.findings.iter().filter(|(_, found)| found.state == state).count()
    }

    fn to_json(&self) -> Value {
        let checks = self.findings.iter().map(|(check, Found { state, what, remedy })| {
            let remedy = (!remedy.is_empty()).then_some(remedy);
            json!({"check": check, "state": state.as_str(), "found": what, "remedy": remedy})
        });
        let (warnings, errors) = (self.count(State::Warning), self.count(State::Error));
        json!({"warnings": warnings, "errors": errors, "checks": checks.collect::<Vec<_>>()})
    }

    fn print(&self) -> Result<()> {
        let row = |(check, found): &(&'static str, Found)| {
            [found.state.as_str().to_owned(), (*check).to_owned(), found.what.clone()]
        };
        output::table(["STATE", "CHECK", "FOUND"], &self.findings.iter().map(row).collect::<Vec<_>>())?;
        let remedies = self.findings.iter().filter(|(_, found)| !found.remedy.is_empty());
        let remedies: Vec<_> = remedies.map(|(check, found)| [(*check).to_owned(), found.remedy.clone()]).collect();
        if !remedies.is_empty() {
            output::text("")?;
            output::table(["CHECK", "WHAT TO DO"], &remedies)?;
        }
        output::text(&match (self.count(State::Error), self.count(State::Warning)) {
            (0, 0) => "\nall is well".to_owned(),
            (errors, warnings) => format!("\nerrors: {errors}, warnings: {warnings}"),
        })
    }
}

pub async fn run(common: &Common, args: Args) -> Result<ExitCode> {
    let mut report = Report { limit: args.timeout, findings: Vec::new() };
    match common.load(None) {
        Ok(loaded) => {
            settings::look(&mut report, &loaded.config).await;
            files::look(&mut report, &loaded);
            let store = Box::pin(database::look(&mut report, &loaded.config, &args)).await;
            clients::look(&mut report, &loaded.config, store.as_ref()).await;
        }
        Err(error) => {
            let remedy = "correct it; nothing else can be looked at without a configuration";
            report.note("configuration", Found::error(output::sentence(&error), remedy));
        }
    }
    if common.json {
        output::json(&report.to_json())?;
    } else {
        report.print()?;
    }
    Ok(match report.worst() {
        State::Error => ExitCode::from(2),
        State::Warning if args.strict => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}
