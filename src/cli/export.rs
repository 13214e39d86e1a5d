//! `export`.

use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use futures_util::stream::StreamExt as _;

use super::private_file::PrivateFile;
use super::{Common, output};
use crate::app;
use crate::clock::Clock;
use crate::graphql::Sender;
use crate::rest::export::{self, AFTER, CURSORS, FOR, Format, SEPARATOR, TIME_ZONE, TRAILER};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How the orders are written
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// Where to, readable by its owner only; to the standard output when absent
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Which orders, such as status=RECEIVED or created_at_gte=2026-11-01T00:00:00+07:00 (repeatable; the names are the
    /// query parameters of GET /api/v1/sales-orders.csv)
    #[arg(long = "filter", value_name = "NAME=VALUE", value_parser = pair)]
    filters: Vec<(String, String)>,
    /// Who reads the file: `spreadsheet` (CSV for Excel and LibreOffice) or `program` (every text to the letter). A CSV without
    /// it is guarded against formulas
    #[arg(long = "for", value_name = "READER")]
    audience: Option<String>,
    /// Between the cells of a CSV for a spreadsheet: `;` or `,` (also: semicolon, comma); `;` when absent
    #[arg(long, value_name = "CHARACTER", allow_hyphen_values = true)]
    separator: Option<String>,
    /// Time zone of the times for a spreadsheet, such as Asia/Jakarta, which it is when absent
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Write with each order its cursor, which `--after` takes
    #[arg(long)]
    cursors: bool,
    /// Only orders behind the one with this cursor, of an export with the same order_by: how one that broke off goes on
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    after: Option<String>,
    /// End the file with a line that counts what is above it, so that a file that has it is whole
    #[arg(long)]
    trailer: bool,
}

impl Args {
    /// The request in the words of the query parameters.
    fn pairs(&mut self) -> Vec<(String, String)> {
        let mut pairs = std::mem::take(&mut self.filters);
        let [cursors, trailer] = [self.cursors, self.trailer].map(|is_asked| is_asked.then(|| "true".to_owned()));
        for (name, value) in [
            (FOR, &self.audience),
            (SEPARATOR, &self.separator),
            (TIME_ZONE, &self.time_zone),
            (CURSORS, &cursors),
            (AFTER, &self.after),
            (TRAILER, &trailer),
        ] {
            pairs.extend(value.clone().map(|value| (name.to_owned(), value)));
        }
        pairs
    }
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Csv, Self::Jsonl]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Csv => ("csv", "One row for each line of an order (RFC 4180), for people and their spreadsheets"),
            Self::Jsonl => ("jsonl", "One order a line (JSON Lines), shaped as REST shows it, for programs"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must look like NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub async fn run(common: &Common, mut args: Args) -> Result<()> {
    let config = common.load(None)?.config;
    let api = app::offline_api(&config, &app::open_to_read(&config).await?, &Clock::system())?;
    let request = export::request(args.format, &args.pairs());
    let page_limit = config.http.request_timeout;
    let export = export::export(api, Sender::Operator, request, page_limit).await?;
    let mut chunks = std::pin::pin!(export.chunks);
    // Not before the export has begun: what is refused leaves the file as it was.
    let file = args.output.as_deref().map_or_else(|| Ok(PrivateFile::stdout()), PrivateFile::create)?;
    let name = args.output.unwrap_or_else(|| "the standard output".into());
    let cannot = || format!("cannot write {}", name.display());
    let mut file = BufWriter::new(file);
    while let Some(chunk) = chunks.next().await {
        match file.write_all(&chunk?) {
            // A reader that has read enough (`| head`) is no failure.
            Err(error) if output::is_read_enough(&error) => return Ok(()),
            written => written.with_context(cannot)?,
        }
    }
    match file.flush() {
        Err(error) if output::is_read_enough(&error) => return Ok(()),
        flushed => flushed.with_context(cannot)?,
    }
    file.into_inner().map_err(io::IntoInnerError::into_error).with_context(cannot)?.finish()
}
