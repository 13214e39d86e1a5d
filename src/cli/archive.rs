//! `archive`.

mod folder;
mod removing;
mod verifying;
mod writing;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Result, bail};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Value, json};

use self::folder::Folder;
use self::writing::Writer;
use super::Common;
use super::output::{self, instant, or_never};
use crate::app;
use crate::clock::Clock;
use crate::domain::archive::{Archive, Kept, Left};
use crate::domain::order::OrderNumber;
use crate::service::Archiving;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Move orders that are delivered or cancelled out of the database into files, each with a manifest that proves that it is complete
    Orders(Orders),
    /// Check offline that archives are complete and unchanged and that their partners' signatures hold; exit code 1 when one is not
    Verify {
        /// An archive (.jsonl) or its manifest, each beside the other
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// List the archives that the database knows of, with the SHA-256 of each
    List,
}

#[derive(Debug, clap::Args)]
pub struct Orders {
    /// Orders that were last changed before this time: RFC 3339, or a day, which begins at 00:00 UTC
    #[arg(long, value_name = "DATE", value_parser = day_or_time)]
    before: DateTime<Utc>,
    /// The folder for the files, readable by its owner only; the same one again after a run that was ended early
    #[arg(long, value_name = "DIRECTORY", required_unless_present = "dry_run")]
    to: Option<PathBuf>,
    /// Tell only how many orders there are and which span they have
    #[arg(long)]
    dry_run: bool,
    /// The most orders of one file
    #[arg(long = "orders-per-file", value_name = "NUMBER", default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    most_per_file: u32,
}

fn day_or_time(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let time = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    day()
        .or_else(time)
        .ok_or_else(|| "must be a day such as 2026-01-01 or a time such as 2026-01-01T00:00:00+07:00".to_owned())
}

pub async fn run(common: &Common, command: Command) -> Result<()> {
    match command {
        Command::Orders(args) => orders(common, args).await,
        Command::Verify { files } => verifying::run(common, &files),
        Command::List => {
            let store = app::open(&common.load(None)?.config).await?;
            list(common, &Archiving::new(store, Clock::system()).archives().await?)
        }
    }
}

/// What was done, or would be.
#[derive(Debug, Default)]
struct Done {
    files: Vec<String>,
    first: Option<OrderNumber>,
    last: Option<OrderNumber>,
    created: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Of a dry run what would be removed.
    left: Left,
}

async fn orders(common: &Common, args: Orders) -> Result<()> {
    let config = common.load(None)?.config;
    let (store, clock) = (app::open(&config).await?, Clock::system());
    if args.before > clock.now() {
        bail!("--before {} is still to come; an order must have rested before it is archived", instant(args.before));
    }
    let archiving = Archiving::new(store.clone(), clock.clone());
    let mut done = Done::default();
    if let Some(to) = args.to.as_deref().filter(|_| !args.dry_run) {
        let _turn = archiving.begin().await?;
        let folder = Folder::open(to)?;
        for name in removing::unfinished(&archiving, &folder).await? {
            let left = removing::remove(&archiving, &folder, &name).await?;
            tell(common, &folder, &name, &left)?;
            done.files.push(name);
            done.left.add(left);
        }
        let api = app::offline_api(&config, &store, &clock)?;
        let mut writer = Writer::new(&archiving, &api, &config, &clock, (args.before, args.most_per_file));
        while let Some(name) = writer.write_next(&folder, &mut done).await? {
            let left = removing::remove(&archiving, &folder, &name).await?;
            tell(common, &folder, &name, &left)?;
            done.files.push(name);
            done.left.add(left);
        }
    } else {
        writing::count(&archiving, args.before, &mut done).await?;
    }
    let behind = if done.left.kept.contains_key(&Kept::Unread) {
        archiving.passed().await?.slowest().map(str::to_owned)
    } else {
        None
    };
    report(common, &args, &done, behind.as_deref())
}

fn tell(common: &Common, folder: &Folder, name: &str, left: &Left) -> Result<()> {
    if common.json {
        return Ok(());
    }
    output::text(&format!("{}: {} orders left the database", folder.path(name).display(), left.removed))
}

fn report(common: &Common, args: &Orders, done: &Done, behind: Option<&str>) -> Result<()> {
    let Done { files, first, last, created, left } = done;
    if common.json {
        let number = |number: &Option<OrderNumber>| number.map(|it| it.to_string());
        return output::json(&json!({
            "dry_run": args.dry_run,
            "before": instant(args.before),
            "orders": left.removed,
            "first_order_number": number(first),
            "last_order_number": number(last),
            "created_from": created.map(|(from, _)| instant(from)),
            "created_to": created.map(|(_, to)| instant(to)),
            "files": files,
            "kept": kept(&left.kept),
            "slowest_reader": behind,
        }));
    }
    let span = match (first, last, created) {
        (Some(first), Some(last), Some((from, to))) => {
            format!(", {first} to {last}, received from {} to {}", instant(*from), instant(*to))
        }
        _ => String::new(),
    };
    let what = if args.dry_run { "orders to be archived" } else { "orders archived" };
    let mut text = format!("{what}: {}{span}", left.removed);
    for (why, count) in &left.kept {
        let who = behind
            .filter(|_| *why == Kept::Unread)
            .map_or_else(String::new, |who| format!("; {who} is the furthest behind"));
        let _ = write!(text, "\norders that stay: {count}, for {}{who}", why.reason());
    }
    output::text(&text)
}

fn kept(kept: &BTreeMap<Kept, u64>) -> Value {
    kept.iter().map(|(why, count)| (why.as_str().to_owned(), json!(count))).collect::<serde_json::Map<_, _>>().into()
}

fn list(common: &Common, archives: &[Archive]) -> Result<()> {
    if common.json {
        let row = |it: &Archive| {
            json!({
                "file": it.name,
                "file_sha256": hex::encode(it.sha256),
                "orders": it.orders,
                "first_order_number": it.first.to_string(),
                "last_order_number": it.last.to_string(),
                "written_at": instant(it.created_at),
                "removed_at": it.finished_at.map(instant),
            })
        };
        return output::json(&archives.iter().map(row).collect());
    }
    let row = |it: &Archive| {
        [
            it.name.clone(),
            it.orders.to_string(),
            it.first.to_string(),
            it.last.to_string(),
            instant(it.created_at),
            or_never(it.finished_at),
            hex::encode(it.sha256),
        ]
    };
    let headings = ["FILE", "ORDERS", "FIRST", "LAST", "WRITTEN", "REMOVED", "SHA-256"];
    output::table(headings, &archives.iter().map(row).collect::<Vec<_>>())
}
