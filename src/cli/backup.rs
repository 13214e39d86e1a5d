//! `backup`.

mod target;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::json;

use super::disk::{ALMOST_NONE, free_beside};
use super::{Common, output};
use crate::app::{self, Copied};
use target::Target;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 there is a backup; 1 there is none, and what FILE held is as it was; 3 there is a backup, true to \
                        a database that contradicts itself, and what does is named. On PostgreSQL use pg_dump."
)]
pub struct Args {
    /// The backup, readable by its owner only; until it is whole it is named .FILE.partial
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Replace FILE where it is there
    #[arg(long)]
    force: bool,
}

/// There is a backup, and something is wrong in the database.
const CONTRADICTS_ITSELF: u8 = 3;

pub async fn run(common: &Common, args: Args) -> Result<ExitCode> {
    let original = app::original(&common.load(None)?.config).await?;
    let target = Target::open(&args.to, args.force, &original.files())?;
    let free = free_beside(target.partial()).context("cannot read how much room there is")?;
    ensure_room(original.bytes().await?, free).with_context(|| format!("cannot write {}", target.path().display()))?;
    app::copy(&original, target.partial()).await?;
    let bytes = target.sync()?;
    let copied = app::read_copy(&original, target.partial()).await?;
    let file = target.finish()?;

    let Copied { orders, last_position, pending_migrations, contradictions } = copied;
    let (file, position) = (file.display().to_string(), last_position.get());
    if common.json {
        output::json(&json!({
            "file": file,
            "bytes": bytes,
            "orders": orders,
            "last_position": position,
            "pending_migrations": pending_migrations,
            "contradictions": contradictions,
        }))?;
    } else {
        output::text(&format!(
            "backup: {file}\nbytes: {bytes}\norders: {orders}\nlast feed position: {position}\n\
             pending migrations: {pending_migrations}"
        ))?;
    }
    if contradictions.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    output::error(&anyhow!("the database contradicts itself, and so does its backup: {}", contradictions.join("; ")));
    Ok(ExitCode::from(CONTRADICTS_ITSELF))
}

/// Refuses to fill a disk, which may be the one that orders are stored on.
fn ensure_room(bytes: u64, free: u64) -> Result<()> {
    let needed = bytes.saturating_add(ALMOST_NONE);
    if needed <= free {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    bail!(
        "too little room: the copy takes up to {} MiB, {} MiB must stay free, and {} MiB are",
        mib(bytes),
        mib(ALMOST_NONE),
        free >> 20
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_would_fill_the_disk_is_refused_with_the_figures() {
        const GIB: u64 = 1 << 30;
        ensure_room(GIB, GIB + ALMOST_NONE).unwrap();
        let refused = ensure_room(GIB, GIB + ALMOST_NONE - 1).unwrap_err().to_string();
        assert_eq!(refused, "too little room: the copy takes up to 1024 MiB, 100 MiB must stay free, and 1123 MiB are");
    }
}
