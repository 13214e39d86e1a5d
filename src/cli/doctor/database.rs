//! The database: whether it is there, what it is, and whether orders can be stored in it.

use anyhow::Result;

use super::{Args, Found, Report, files};
use crate::app::{self, Inspection, Store};
use crate::cli::output;
use crate::clock::Clock;
use crate::config::Config;
use crate::service::ClockSkew;

/// What is looked at in a database that can be reached.
const INSIDE: [&str; 9] = [
    "durability",
    "migrations",
    "rights",
    "database_writable",
    "clock",
    "connections",
    "disk",
    "database_file",
    "integrity",
];

/// The log of SQLite is emptied beyond 64 MiB by a running service: four times as much, and something keeps it from that.
const LARGE_LOG: u64 = 256 << 20;

/// Gives the database where it has every migration.
pub(super) async fn look(report: &mut Report, config: &Config, args: &Args) -> Option<Store> {
    let is_sqlite = config.database.is_sqlite();
    // Fewer connections than serving takes, and an answer within the limit of a check.
    let mut few = config.clone();
    few.database.max_connections = 2;
    few.database.acquire_timeout = few.database.acquire_timeout.min(args.timeout / 2);
    match app::is_database_there(&few) {
        Ok(true) => {}
        Ok(false) => {
            let remedy = "`serve` and `migrate up` make it; where it should be there, look at database.url";
            report.note("database", Found::warning("there is no file yet", remedy));
            report.skip(&INSIDE, "there is no database yet");
            return None;
        }
        Err(error) => {
            report.note("database", Found::error(output::sentence(&error), "correct database.url"));
            report.skip(&INSIDE, "database.url names no file");
            return None;
        }
    }
    let mut opened = None;
    let connect = async {
        let store = app::connect(&few).await?;
        let inspection = store.inspect().await?;
        let found = format!("{}, {} MiB", inspection.version, inspection.bytes >> 20);
        opened = Some((store, inspection));
        Ok(Found::ok(found))
    };
    report.look("database", "start the database, or correct database.url", Box::pin(connect)).await;
    let Some((store, inspection)) = opened else {
        report.skip(&INSIDE, "the database cannot be reached");
        return None;
    };
    let examine = async {
        let well = if is_sqlite { "every commit is synced" } else { "UTF8, pg_trgm, and commits that are kept" };
        Ok(Found::wrong(&app::examine(&few).await?, "change it on the server of the database", well))
    };
    report.look("durability", "change it on the server of the database", examine).await;
    let is_migrated = report.look("migrations", MIGRATE, migrations(&store, config)).await;
    if is_migrated {
        let rights = async {
            store.check_grants(config.oidc.is_on()).await?;
            Ok(Found::ok(if is_sqlite { "SQLite has none" } else { "all that serving needs" }))
        };
        report.look("rights", "run what `sales-order-api migrate grants` prints", rights).await;
        report
            .look("database_writable", "make room, and look at the log of the database", writable(&store, &inspection))
            .await;
    } else {
        report.skip(&["rights", "database_writable"], "migrations are missing");
    }
    report.look("clock", "synchronise the clocks of both machines (NTP)", clock(&store, config)).await;
    report.note("connections", connections(&inspection, config, args));
    of_sqlite(report, &store, args).await;
    is_migrated.then_some(store)
}

const MIGRATE: &str = "run `sales-order-api migrate up`";

async fn migrations(store: &Store, config: &Config) -> Result<Found> {
    let all = store.migrations().await?;
    let pending = all.iter().filter(|migration| !migration.applied).count();
    if pending == all.len() {
        return Ok(Found::error("the database has no tables of this service", MIGRATE));
    }
    let unknown = store.list_unknown_migrations().await?;
    if let Some(newest) = unknown.last() {
        let found = format!("the database has migrations that this version does not know, up to {newest}");
        return Ok(Found::warning(found, "update this instance; going back takes `migrate down` by the newer version"));
    }
    if pending > 0 {
        let found = format!("pending: {pending}");
        let will = "`serve` applies them at its start; to do it before, run `sales-order-api migrate up`";
        return Ok(Found::error(found, if config.database.migrate_on_start { will } else { MIGRATE }));
    }
    if store.is_unfinished().await? {
        let remedy = "when no instance of the version before is left, run `sales-order-api migrate finish`";
        return Ok(Found::warning("orders are stored as instances of the version before need it", remedy));
    }
    Ok(Found::ok(format!("applied: {}", all.len())))
}

async fn writable(store: &Store, inspection: &Inspection) -> Result<Found> {
    if let Some(why) = inspection.takes_no_changes {
        let remedy = "lead database.url to the primary (target_session_attrs=read-write), or let the database take changes \
                      (ALTER DATABASE … RESET default_transaction_read_only)";
        return Ok(Found::error(format!("it takes no changes: {why}"), remedy));
    }
    store.rehearse_writing().await?;
    Ok(Found::ok("an order could be stored"))
}

async fn clock(store: &Store, config: &Config) -> Result<Found> {
    if config.database.is_sqlite() {
        return Ok(Found::ok("the database has this machine's"));
    }
    let skew = ClockSkew::new(store, &Clock::system(), config.database.max_clock_skew);
    skew.compare().await?;
    skew.ensure_right()?;
    Ok(Found::ok(format!("{:+.3} s from this machine's", skew.seconds())))
}

/// Each instance has one more, on which it is told of events.
fn connections(inspection: &Inspection, config: &Config, args: &Args) -> Found {
    let Some(server) = inspection.connections else { return Found::ok("SQLite counts none") };
    let (instances, each) = (u64::from(args.instances), u64::from(config.database.max_connections) + 1);
    let (needed, free) = (instances * each, server.most.saturating_sub(server.reserved));
    let found = format!(
        "{needed} for {instances} instance(s) of {each}; the server takes {} and keeps {} for superusers; used now: {}",
        server.most, server.reserved, server.used
    );
    let remedy = "raise max_connections of the server, or lower database.max_connections of the instances";
    if needed > free {
        Found::error(found, remedy)
    } else if server.used * 10 >= free * 9 {
        Found::warning(found, remedy)
    } else {
        Found::ok(found)
    }
}

async fn of_sqlite(report: &mut Report, store: &Store, args: &Args) {
    let Some((file, log)) = store.sqlite_file().map(|(file, log)| (file.to_owned(), log)) else {
        report.skip(&["disk", "database_file", "integrity"], "on the machine of the database server");
        return;
    };
    report.note("disk", files::free_space(&file));
    report.note(
        "database_file",
        match log {
            LARGE_LOG.. => Found::warning(
                format!("its log has {} MiB: somebody reads for long, or a service was killed", log >> 20),
                "end what reads the file for long; a running service empties the log within seconds then",
            ),
            _ => files::database_file(&file),
        },
    );
    if !args.deep {
        report.note("integrity", Found::skipped("only with --deep"));
        return;
    }
    let found = match store.list_damages().await {
        Ok(damages) if damages.is_empty() => Found::ok("every page is well"),
        Ok(damages) => Found::error(damages.join("; "), "stop the service, keep the files, and restore a backup"),
        Err(error) => {
            Found::error(output::sentence(&error.into()), "stop the service, keep the files, and restore a backup")
        }
    };
    report.note("integrity", found);
}
