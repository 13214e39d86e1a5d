//! `config`.

use anyhow::Result;
use serde_json::json;

use super::{Common, output};
use crate::app;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Say whether the service would start with this configuration
    Check,
    /// Show every value and where it came from; secrets are not shown
    Show,
}

pub fn run(common: &Common, command: &Command) -> Result<()> {
    let loaded = common.load(None)?;
    match command {
        Command::Check => {
            loaded.config.check_exposure()?;
            app::check_addresses(&loaded.config)?;
            if common.json { output::json(&json!({"valid": true})) } else { output::text("the configuration is valid") }
        }
        Command::Show if common.json => output::json(&loaded.to_json()),
        Command::Show => output::text(loaded.to_table().trim_end()),
    }
}
