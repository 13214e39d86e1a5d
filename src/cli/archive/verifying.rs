//! `archive verify`: needs no database and no configuration.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::folder::{Lines, read_manifest};
use crate::cli::{Common, output};
use crate::domain::archive::{Contents, MOST_PROBLEMS, Manifest, Tally};
use crate::service::evidence::archived_problems;

/// What was found of a file.
pub struct Verified {
    /// The file.
    pub path: PathBuf,
    /// What its manifest says.
    pub manifest: Manifest,
    /// What is in it.
    pub contents: Contents,
    /// What is wrong with it: it is not complete, or changed.
    pub problems: Vec<String>,
    /// What is wrong with what partners signed.
    pub unproven: Vec<String>,
    /// How many signatures were verified.
    signatures: u64,
    /// How many orders nobody signed, as samples.
    unsigned: u64,
}

/// Reads a file and holds it against its manifest; with the partners' signatures, or without.
pub fn verify(file: &Path, with_signatures: bool) -> Result<Verified> {
    let manifest = read_manifest(file)?;
    let (mut tally, mut unproven) = (Tally::default(), Vec::new());
    let (mut signatures, mut unsigned) = (0, 0);
    for raw in Lines::of(file)? {
        let raw = raw.with_context(|| format!("cannot read {}", file.display()))?;
        let Some(line) = tally.add(&raw).filter(|_| with_signatures) else { continue };
        unsigned += u64::from(line.receipt.is_none());
        let signed = usize::from(line.receipt.is_some()) + line.request_receipts.len();
        let problems = archived_problems(&line, &manifest);
        signatures += signed as u64;
        unproven.extend(problems.into_iter().take(MOST_PROBLEMS.saturating_sub(unproven.len())));
    }
    let (contents, mut problems) = tally.finish();
    problems.extend(manifest.problems(&contents));
    Ok(Verified { path: file.to_owned(), manifest, contents, problems, unproven, signatures, unsigned })
}

pub fn run(common: &Common, files: &[PathBuf]) -> Result<()> {
    let mut verified = Vec::new();
    for file in files {
        verified.push(verify(&archive_of(file), true)?);
    }
    if common.json {
        output::json(&verified.iter().map(Verified::json).collect())?;
    } else {
        for found in &verified {
            output::text(&found.text())?;
        }
    }
    match verified.iter().filter(|found| !found.problems.is_empty() || !found.unproven.is_empty()).count() {
        0 => Ok(()),
        wrong => bail!("{wrong} of {} archives do not hold", files.len()),
    }
}

/// The archive that a manifest is of.
fn archive_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.strip_suffix(".manifest.json") {
        Some(stem) => path.with_file_name(format!("{stem}.jsonl")),
        None => path.to_owned(),
    }
}

impl Verified {
    fn text(&self) -> String {
        let Self { path, contents, problems, unproven, signatures, unsigned, .. } = self;
        let path = path.display();
        if !problems.is_empty() || !unproven.is_empty() {
            let lines = problems.iter().chain(unproven).map(|problem| format!("\n  {problem}"));
            let verdict = if problems.is_empty() {
                "complete and unchanged, but signatures do not hold"
            } else {
                "not complete, or changed"
            };
            return format!("{path}: {verdict}{}", lines.collect::<String>());
        }
        format!(
            "{path}: complete and unchanged\n  orders: {}, {} to {}\n  signatures verified: {signatures}; orders that nobody signed: \
             {unsigned}\n  sha-256 of the file: {}",
            contents.orders, contents.first_order_number, contents.last_order_number, contents.file_sha256
        )
    }

    fn json(&self) -> Value {
        let Self { path, manifest, contents, problems, unproven, signatures, unsigned } = self;
        json!({
            "file": path.display().to_string(),
            "complete": problems.is_empty(),
            "problems": problems,
            "signature_problems": unproven,
            "signatures": signatures,
            "unsigned_orders": unsigned,
            "orders": contents.orders,
            "first_order_number": contents.first_order_number,
            "last_order_number": contents.last_order_number,
            "file_sha256": contents.file_sha256,
            "service_version": manifest.service_version,
            "written_at": output::instant(manifest.written_at),
        })
    }
}
