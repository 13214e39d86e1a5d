//! `requests`.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::{Subcommand, ValueEnum};
use serde_json::Value;

use super::{Common, output};
use crate::app;
use crate::clock::Clock;
use crate::error::{AppError, ErrorCode};
use crate::graphql::{Api, Sender};
use crate::rest::request_log::{self, CLIENT_ID};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the last requests to REST and signed operations, the oldest of them first
    Tail(Tail),
    /// Print failed requests in groups of one cause
    Errors(Errors),
}

#[derive(Debug, clap::Args)]
pub struct Tail {
    /// Requests of this client only
    #[arg(value_name = "CLIENT_ID")]
    client: Option<String>,
    /// Which requests, such as status=409, outcome=FAILED, code=INVALID_SIGNATURE, hint=clock_skew, since=2026-11-28T14:00:00+07:00,
    /// order_number=SO-0000000042 or request_id=ID (repeatable; the names are the query parameters of GET /api/v1/requests)
    #[arg(long = "filter", value_name = "NAME=VALUE", value_parser = super::export::pair)]
    filters: Vec<(String, String)>,
    /// Number of requests, 1 to 200
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=200))]
    limit: u8,
    /// Go on printing requests as they are answered
    #[arg(long)]
    follow: bool,
    /// How they are printed; with --json it is jsonl
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// How requests are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each, with what was wrong of one that failed
    Text,
    /// A JSON object a line, with all that is known
    Jsonl,
    /// The same as rows (RFC 4180)
    Csv,
}

#[derive(Debug, clap::Args)]
pub struct Errors {
    /// Requests of this client only
    #[arg(value_name = "CLIENT_ID")]
    client: Option<String>,
    /// Answered at this time or later; within the last 24 hours when absent
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Answered before this time; up to now when absent
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

pub async fn run(common: &Common, command: Command) -> Result<()> {
    let config = common.load(None)?.config;
    let api = app::offline_api(&config, &app::open(&config).await?, &Clock::system())?;
    match command {
        Command::Tail(args) => tail(common, &api, args).await,
        Command::Errors(args) => errors(common, &api, args).await,
    }
}

fn named<'a>(
    client: Option<String>,
    further: impl IntoIterator<Item = (&'a str, Option<String>)>,
) -> impl Iterator<Item = (String, String)> {
    let pairs: Vec<_> = [(CLIENT_ID, client)].into_iter().chain(further).collect();
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))
}

async fn errors(common: &Common, api: &Api, Errors { client, since, until }: Errors) -> Result<()> {
    let pairs: Vec<_> = named(client, [("since", since), ("until", until)]).collect();
    let groups = request_log::errors(api, Sender::Operator, &pairs).await?;
    if common.json {
        return output::json(&groups);
    }
    let rows = groups.as_array().into_iter().flatten().map(|group| {
        let text = |name: &str| shown(&group[name]);
        [
            text("count"),
            text("clients"),
            text("status"),
            code(group),
            text("route"),
            text("last_at"),
            text("last_request_id"),
        ]
    });
    output::table(["REQUESTS", "CLIENTS", "STATUS", "CODE", "ROUTE", "LAST", "REQUEST ID"], &rows.collect::<Vec<_>>())
}

/// How often it is looked for further requests.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// For how long a request may be written after another one that was answered later.
const LATE: TimeDelta = TimeDelta::seconds(15);

/// What tells an entry from others: its time, its request, and its order where the request has many.
type Told = (String, String, String);

fn told_of(entry: &Value) -> Told {
    (shown(&entry["at"]), shown(&entry["request_id"]), shown(&entry["row"]))
}

async fn tail(common: &Common, api: &Api, args: Tail) -> Result<()> {
    let format = if common.json { Format::Jsonl } else { args.format };
    let mut filters: Vec<_> = args.filters.into_iter().chain(named(args.client, [])).collect();
    let limit = ("limit".to_owned(), args.limit.to_string());
    let page = request_log::page(api, Sender::Operator, &[&filters[..], &[limit]].concat()).await?;
    let mut told = HashSet::new();
    begin(format)?;
    print(format, page["data"].as_array().map_or(&[], Vec::as_slice), &mut told)?;
    if !args.follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let since = Clock::system().now() - LATE;
        let since =
            told.iter().filter_map(|(at, ..)| at.parse::<DateTime<Utc>>().ok()).fold(since, DateTime::max) - LATE;
        let since = since.to_rfc3339_opts(SecondsFormat::Micros, true);
        filters.retain(|(name, _)| name != "since");
        filters.push(("since".to_owned(), since.clone()));
        match new_entries(api, &filters, &told).await {
            Ok(entries) => print(format, &entries, &mut told)?,
            // The outage may pass.
            Err(error) if error.code == ErrorCode::DatabaseUnavailable => {}
            Err(error) => return Err(error.into()),
        }
        told.retain(|(at, ..)| *at >= since);
    }
}

/// Entries up to the last one that was told, the newest first.
async fn new_entries(api: &Api, filters: &[(String, String)], told: &HashSet<Told>) -> Result<Vec<Value>, AppError> {
    let (mut entries, mut cursor) = (Vec::new(), None);
    loop {
        let paging = [("limit", Some("200".to_owned())), ("cursor", cursor.take())];
        let pairs: Vec<_> = filters.iter().cloned().chain(named(None, paging)).collect();
        let mut page = request_log::page(api, Sender::Operator, &pairs).await?;
        let next = page["next_cursor"].take();
        let Value::Array(read) = page["data"].take() else { return Ok(entries) };
        let is_known = read.iter().any(|entry| told.contains(&told_of(entry)));
        entries.extend(read);
        match next {
            Value::String(next) if !is_known => cursor = Some(next),
            _ => return Ok(entries),
        }
    }
}

fn begin(format: Format) -> Result<()> {
    match format {
        Format::Text => {
            output::text(&line(["WHEN", "CLIENT", "STATUS", "MS", "REQUEST", "ORDER", "REQUEST ID"].map(str::to_owned)))
        }
        Format::Csv => rows([request_log::heading()]),
        Format::Jsonl => Ok(()),
    }
}

/// Prints what was not told yet, the oldest first.
fn print(format: Format, entries: &[Value], told: &mut HashSet<Told>) -> Result<()> {
    for entry in entries.iter().rev() {
        if !told.insert(told_of(entry)) {
            continue;
        }
        match format {
            Format::Text => in_words(entry)?,
            Format::Csv => rows([request_log::cells(entry)])?,
            Format::Jsonl => output::text(&entry.to_string())?,
        }
    }
    Ok(())
}

fn rows(rows: impl IntoIterator<Item = Vec<String>>) -> Result<()> {
    output::text(String::from_utf8_lossy(&request_log::csv(rows)?).trim_end())
}

fn in_words(entry: &Value) -> Result<()> {
    let text = |name: &str| shown(&entry[name]);
    let claimed = if entry["is_proven"] == false { "?" } else { "" };
    let millis = entry["duration_ms"].as_f64().map(|millis| format!("{millis:.1}")).unwrap_or_default();
    output::text(&line([
        text("at"),
        format!("{}{claimed}", text("client_id")),
        text("status"),
        millis,
        format!("{} {}", text("method"), text("route")),
        text("order_number"),
        text("request_id"),
    ]))?;
    if entry["code"].is_null() {
        return Ok(());
    }
    output::text(&format!("    {}: {}", code(entry), text("explanation")))?;
    for fault in entry["errors"].as_array().into_iter().flatten() {
        output::text(&format!("    {} {}", shown(&fault["pointer"]), shown(&fault["message"])))?;
    }
    Ok(())
}

/// A line whose columns stand below each other: what comes later is not known yet.
fn line([when, client, status, millis, request, order, id]: [String; 7]) -> String {
    format!("{when:27}  {client:20}  {status:6}  {millis:>8}  {request:44}  {order:14}  {id}").trim_end().to_owned()
}

/// The code of a failure, with the hint if there is one.
fn code(entry: &Value) -> String {
    match entry["hint"].as_str() {
        Some(hint) => format!("{} ({hint})", shown(&entry["code"])),
        None => shown(&entry["code"]),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
