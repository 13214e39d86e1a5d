//! `migrate`.

use anyhow::Result;
use serde_json::json;

use super::{Common, output};
use crate::app;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Apply every pending migration
    Up,
    /// End the time of two versions, once no instance of the version before runs: orders are stored faster from then on
    Finish,
    /// List the migrations and whether the database has them
    Status,
    /// Take back the last migrations; the data in their tables is lost
    Down {
        /// How many
        #[arg(long, default_value_t = 1)]
        steps: u32,
        /// Do it without asking again
        #[arg(long)]
        yes: bool,
    },
}

pub async fn run(common: &Common, command: Command) -> Result<()> {
    let store = app::connect(&common.load(None)?.config).await?;
    match command {
        Command::Up => {
            report(common, "applied", &store.migrate_up().await?)?;
            store.build_indexes().await?;
            // Where another instance is at it, that one goes on.
            store.fold_search_texts().await?;
            Ok(())
        }
        Command::Finish => {
            if store.migrations().await?.iter().any(|migration| !migration.applied) {
                anyhow::bail!("there are migrations to apply first: sales-order-api migrate up");
            }
            let done =
                if store.finish_migrations().await? { "orders are stored side by side" } else { "nothing to do" };
            if common.json { output::json(&json!({"finished": true})) } else { output::text(done) }
        }
        Command::Down { steps, yes: true } => report(common, "taken back", &store.migrate_down(steps).await?),
        Command::Down { steps, yes: false } => {
            anyhow::bail!(
                "this would take back {steps} migration(s) and lose the data in their tables; add --yes to do it"
            )
        }
        Command::Status => {
            let migrations = store.migrations().await?;
            if common.json {
                let rows = migrations.iter().map(|m| json!({"name": m.name, "applied": m.applied}));
                return output::json(&rows.collect());
            }
            let rows: Vec<_> = migrations
                .into_iter()
                .map(|m| [m.name, if m.applied { "applied" } else { "pending" }.to_owned()])
                .collect();
            output::table(["MIGRATION", "STATUS"], &rows)
        }
    }
}

fn report(common: &Common, what: &str, names: &[String]) -> Result<()> {
    if common.json {
        return output::json(&json!({what.replace(' ', "_"): names}));
    }
    if names.is_empty() {
        return output::text("nothing to do");
    }
    names.iter().try_for_each(|name| output::text(&format!("{what}: {name}")))
}
