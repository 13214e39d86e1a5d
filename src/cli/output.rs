//! Printing: data to stdout, failures to stderr.

use std::io::{self, Write as _};

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::error::AppError;
use crate::telemetry::{causes, print_to_log};

/// Prints a text and a line break.
pub fn text(text: &str) -> Result<()> {
    line(&mut io::stdout().lock(), text)
}

/// Prints a text and a line break from a thread of its own: a reader that stalls keeps nothing else waiting. Unlike with
/// [`text`], that the reader is gone is told.
pub async fn text_aside(said: String) -> io::Result<()> {
    let (tell, told) = oneshot::channel();
    let print = move || drop(tell.send(write(&mut io::stdout().lock(), &said)));
    std::thread::Builder::new().name("stdout".to_owned()).spawn(print)?;
    told.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
}

/// The same without waiting for it: what a service says must neither keep it waiting nor end it where nobody reads.
pub fn text_in_background(said: String) {
    tokio::spawn(async {
        if let Err(error) = text_aside(said).await {
            tracing::warn!(%error, "stdout could not be written");
        }
    });
}

/// Prints data as JSON.
pub fn json(value: &Value) -> Result<()> {
    text(&serde_json::to_string_pretty(value)?)
}

/// Prints rows under their headings, each column as wide as its longest cell.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> Result<()> {
    let mut widths = headings.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: [&str; N]| {
        let padded: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text(padded.join("  ").trim_end())
    };
    print(headings)?;
    rows.iter().try_for_each(|row| print(row.each_ref().map(String::as_str)))
}

/// What went wrong, in one sentence.
pub fn sentence(error: &anyhow::Error) -> String {
    // What a client may not read is just what an operator needs.
    let cause = error.downcast_ref::<AppError>().and_then(|error| error.source.as_deref());
    let text = cause.map_or_else(|| causes(error.as_ref()), |cause| causes(cause));
    // On one line, whatever a database or a parser made of it.
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Says on stderr what went wrong, in one sentence.
pub fn error(error: &anyhow::Error) {
    let sentence = format!("error: {}", sentence(error));
    // A service has a log there, whose reader may have stalled. With stderr gone there is nobody left to tell.
    if !print_to_log(&sentence) {
        let _ = writeln!(io::stderr().lock(), "{sentence}");
    }
}

/// Prints a remark that is no data.
pub fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A reader that has read enough (`| head`) is no failure.
fn line(out: &mut impl io::Write, text: &str) -> Result<()> {
    match write(out, text) {
        Err(error) if !is_read_enough(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

fn write(out: &mut impl io::Write, text: &str) -> io::Result<()> {
    writeln!(out, "{text}")?;
    out.flush()
}

/// Whether the reader is gone.
pub fn is_read_enough(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// An instant as every command prints it.
pub fn instant(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// An instant that may never come, or never came.
pub fn or_never(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "never".to_owned(), instant)
}
