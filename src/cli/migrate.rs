//! `migrate`.

use anyhow::{Result, anyhow};
use serde_json::json;

use super::{Common, output};
use crate::app::{self, RoleName, Roles, Uses};
use crate::config::Config;

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
    /// Print the SQL that makes roles with no more rights than they need (PostgreSQL); run it again after each `migrate up`
    Grants(Grants),
}

#[derive(Debug, clap::Args)]
pub struct Grants {
    /// The role that serves
    #[arg(long, value_name = "NAME", default_value = "sales_order_runtime")]
    runtime_role: RoleName,
    /// The role that owns the tables and applies migrations
    #[arg(long, value_name = "NAME", default_value = "sales_order_migration")]
    migration_role: RoleName,
    /// The role that reads orders, lines, events, shipments and totals
    #[arg(long, value_name = "NAME", default_value = "sales_order_reporting")]
    reporting_role: RoleName,
    /// Where the tables are
    #[arg(long, value_name = "NAME", default_value = "public")]
    schema: RoleName,
    /// Let the runtime role manage clients too, over GraphQL and at the command line
    #[arg(long)]
    manage_clients: bool,
}

pub async fn run(common: &Common, command: Command) -> Result<()> {
    let config = common.load(None)?.config;
    if let Command::Grants(args) = command {
        return print_grants(common, &config, args);
    }
    let store = app::connect(&config).await?;
    match command {
        Command::Grants(_) => Ok(()),
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

/// Needs no database: there may be none yet.
fn print_grants(common: &Common, config: &Config, args: Grants) -> Result<()> {
    if config.database.is_sqlite() {
        anyhow::bail!(
            "database.url is of SQLite, which knows no roles: who may read and write the file decides; for PostgreSQL name the \
             database, such as --database-url postgres://HOST/DATABASE"
        );
    }
    let Grants { runtime_role, migration_role, reporting_role, schema, manage_clients } = args;
    let roles = Roles {
        runtime: runtime_role,
        migration: migration_role,
        reporting: reporting_role,
        schema,
        uses: Uses { managing: manage_clients, ..app::uses(config) },
    };
    roles.ensure_different().map_err(|problem| anyhow!(problem))?;
    let sql = roles.statements();
    if common.json { output::json(&json!({"sql": sql})) } else { output::text(&sql) }
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
