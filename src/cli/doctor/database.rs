//! The database: whether it is there, what it is, and whether orders can be stored in it.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::time::timeout;

use super::{Args, Found, Report, files, server};
use crate::app::{self, Inspection, Numbering, ReplicaSeen, SqliteState, Store};
use crate::cli::output;
use crate::clock::Clock;
use crate::config::Config;
use crate::service::ClockSkew;
use crate::service::instances::SeenInstance;

/// What is looked at in a database that can be reached.
const INSIDE: [&str; 12] = [
    "durability",
    "migrations",
    "rights",
    "database_writable",
    "replica",
    "clock",
    "instances",
    "events",
    "connections",
    "listening",
    "indexes",
    "integrity",
];

/// Gives the database where it has every migration.
pub(super) async fn look(report: &mut Report, config: &Config, args: &Args) -> Option<Store> {
    let is_sqlite = config.database.is_sqlite();
    // Fewer connections than serving takes, and an answer within the limit of a check.
    let mut few = config.clone();
    few.database.max_connections = 2;
    few.database.acquire_timeout = few.database.acquire_timeout.min(args.timeout / 2);
    let mut remedy = "start the database, or correct database.url";
    match app::database_file(&few) {
        Ok(Some(path)) => {
            if !may_open(report, &path).await {
                report.skip(&INSIDE, "the file is not opened");
                return None;
            }
            remedy = OF_FILE;
        }
        Ok(None) => report.skip(&["disk", "database_file"], "on the machine of the database server"),
        Err(error) => {
            report.skip(&["disk", "database_file"], "database.url names no file");
            report.note("database", Found::error(output::sentence(&error), "correct database.url"));
            report.skip(&INSIDE, "database.url names no file");
            return None;
        }
    }
    let mut opened = None;
    let connect = async {
        let store = app::connect(&few).await?;
        // Open until the process ends: the last connection to a SQLite database that is closed moves its log into the file
        // (`of_a_healthy_installation_all_is_well_and_nothing_is_changed`, on a busy machine).
        std::mem::forget(store.clone());
        let inspection = store.inspect().await?;
        let found = format!("{}, {} MiB", inspection.version, inspection.bytes >> 20);
        opened = Some((store, inspection));
        Ok(Found::ok(found))
    };
    report.look("database", remedy, Box::pin(connect)).await;
    let Some((store, inspection)) = opened else {
        report.skip(&INSIDE, "the database cannot be reached");
        return None;
    };
    let examine = async {
        let well = if is_sqlite { "every commit is synced" } else { "UTF8, pg_trgm, and commits that are kept" };
        Ok(Found::wrong(&app::examine(&few).await?, "change it on the server of the database", well))
    };
    report.look("durability", "change it on the server of the database", examine).await;
    let mut is_known = false;
    let migrated = async {
        let found = migrations(&store, config).await?;
        is_known = true;
        Ok(found)
    };
    let is_migrated = report.look("migrations", "look at the log of the database", migrated).await;
    if is_migrated {
        let rights = async {
            store.check_grants(app::uses(config)).await?;
            Ok(Found::ok(if is_sqlite { "SQLite has none" } else { "all that serving needs" }))
        };
        report.look("rights", "run what `sales-order-api migrate grants` prints", rights).await;
        report
            .look("database_writable", "make room, and look at the log of the database", writable(&store, &inspection))
            .await;
        report.look("replica", OF_REPLICA, Box::pin(replica(&store, &few))).await;
        report.look("instances", "look at the log of the database", instances(&store, config)).await;
        report.look("events", "look at the log of the database", events(&store, config)).await;
    } else {
        let why = if is_known { "migrations are missing" } else { "the migrations cannot be read" };
        report.skip(&["rights", "database_writable", "replica", "instances", "events"], why);
    }
    report.look("clock", "synchronise the clocks of both machines (NTP)", clock(&store, config)).await;
    server::look(report, &store, &inspection, (config, args)).await;
    integrity(report, &store, args).await;
    is_migrated.then_some(store)
}

const OF_FILE: &str = "let the user of the service read and write the file and its folder, or correct database.url";

/// Looks at the file of a SQLite database and at the room for it. Whether it may be opened without changing anything: that would make
/// one that is missing, and a log for one that has none.
async fn may_open(report: &mut Report, path: &Path) -> bool {
    report.note("disk", files::free_space(path));
    report.note("database_file", files::database_file(path));
    let named = path.display();
    let found = match timeout(report.limit, app::look_at_sqlite(path)).await {
        Ok(Ok(SqliteState::Ours)) => return true,
        Ok(Ok(SqliteState::Missing)) => {
            let remedy = "`serve` and `migrate up` make it; where it should be there, look at database.url";
            Found::warning("there is no file yet", remedy)
        }
        Ok(Ok(SqliteState::Foreign(why))) => {
            let remedy = "correct database.url; if it is to become the database, run `sales-order-api migrate up`";
            Found::error(format!("{named} {why}"), remedy)
        }
        Ok(Ok(SqliteState::Rollback)) => {
            let remedy = "`serve` switches it to WAL at its start; run doctor again after that";
            Found::warning(
                format!("{named} has a rollback journal instead of WAL; to look further would switch it"),
                remedy,
            )
        }
        Ok(Err(error)) => Found::error(output::sentence(&error.into()), OF_FILE),
        Err(_) => Found::error(format!("{named} gives no answer"), "end what keeps the file locked"),
    };
    report.note("database", found);
    false
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
        let remedy = "point database.url to the primary (target_session_attrs=read-write), or let the database take changes \
                      (ALTER DATABASE … RESET default_transaction_read_only)";
        return Ok(Found::error(format!("it takes no changes: {why}"), remedy));
    }
    store.rehearse_writing().await?;
    let numberings = store.list_numberings().await?;
    let Some(fullest) = numberings.first() else {
        return Ok(Found::ok("the statement that stores orders is accepted"));
    };
    let told = numberings.iter().map(|Numbering { name, last, most }| format!("{name} is at {last} of {most}"));
    let found = format!("sequences that run out of numbers: {}", told.collect::<Vec<_>>().join(", "));
    let remedy = "raise it: ALTER SEQUENCE … NO MAXVALUE, and the type of its column where that ends first";
    Ok(if fullest.last >= fullest.most { Found::error(found, remedy) } else { Found::warning(found, remedy) })
}

const OF_REPLICA: &str =
    "start the standby, or correct database.read_url; until then everything is read from the primary";

async fn replica(store: &Store, config: &Config) -> Result<Found> {
    Ok(match app::look_at_replica(config, store).await? {
        None => Found::ok("database.read_url is empty: everything is read from the primary"),
        Some(ReplicaSeen { host, behind: 0 }) => Found::ok(format!("{host} has all that the primary has")),
        Some(ReplicaSeen { host, behind }) => Found::warning(
            format!("{host} lacks {behind} bytes of the primary's log after database.max_replica_lag"),
            "see that it replays (pg_is_wal_replay_paused) and keeps up; until then everything is read from the primary",
        ),
    })
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

/// Whether all that run are configured alike, and as this command is.
async fn instances(store: &Store, config: &Config) -> Result<Found> {
    let all = app::instances(store).await?;
    let running: Vec<_> = all.into_iter().filter(|seen| seen.instance.is_running()).collect();
    let here = app::own_configuration(config)?;
    let mut wrong = Vec::new();
    for SeenInstance { instance, differs_in } in &running {
        let from_here = here.differences(&instance.configuration);
        for (names, whom) in [(differs_in, "another one"), (&from_here, "the configuration of this command")] {
            if !names.is_empty() {
                let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                wrong.push(format!("{} differs from {whom} in {names}", instance.name));
            }
        }
    }
    let remedy = "give all instances, and this command, the same settings";
    Ok(Found::wrong(&wrong, remedy, format!("running: {}, configured alike", running.len())))
}

async fn events(store: &Store, config: &Config) -> Result<Found> {
    let retention = config.events.retention;
    if retention.is_zero() {
        return Ok(Found::ok("kept for ever"));
    }
    let before = Clock::system().now() - (retention + Duration::from_hours(24));
    Ok(match store.find_late_reader(before).await? {
        None => Found::ok("everybody has read what is old"),
        Some(reader) => Found::warning(
            format!("{} has not read old events, which are kept for it", reader.name),
            "have it read on, or delete it if it is not used any more",
        ),
    })
}

async fn integrity(report: &mut Report, store: &Store, args: &Args) {
    if !store.is_file() {
        report.skip(&["integrity"], "on the machine of the database server");
        return;
    }
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
