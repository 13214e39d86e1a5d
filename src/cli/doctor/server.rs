//! What only a database server has: limits of connections, notices of events, and indexes that are built while orders are taken.

use std::time::Duration;

use anyhow::Result;

use super::{Args, Found, Report};
use crate::app::{Inspection, Store, Telling};
use crate::config::Config;

/// How long a notice may take.
const NOTICE: Duration = Duration::from_secs(2);

pub(super) async fn look(
    report: &mut Report,
    store: &Store,
    inspection: &Inspection,
    (config, args): (&Config, &Args),
) {
    report.note("connections", connections(inspection, config, args));
    let remedy = "let database.listen_url, or database.url where that is empty, lead to the server of the database";
    report.look("listening", remedy, Box::pin(listening(store, config))).await;
    report.look("indexes", "look at the log of the database", Box::pin(indexes(store))).await;
}

/// Each instance has one more, on which it is told of events.
fn connections(inspection: &Inspection, config: &Config, args: &Args) -> Found {
    let Some(server) = inspection.connections else { return Found::ok("SQLite counts none") };
    let (instances, each) = (u64::from(args.instances), u64::from(config.database.max_connections) + 1);
    let (needed, free) = (instances * each, server.most.saturating_sub(server.reserved));
    let needs = format!("needed: {needed} ({instances} × {each} of an instance)");
    for (limit, whose, remedy) in [
        (server.of_user, "the user of the database", "ALTER ROLE … CONNECTION LIMIT"),
        (server.of_database, "the database", "ALTER DATABASE … CONNECTION LIMIT"),
    ] {
        if let Some(limit) = limit.filter(|limit| *limit < needed) {
            let remedy = format!("raise it ({remedy}), or lower database.max_connections of the instances");
            return Found::error(format!("{needs}; {whose} may have {limit}"), remedy);
        }
    }
    let found = format!(
        "{needs}; the server takes {} and keeps {} for superusers; used now: {}",
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

async fn listening(store: &Store, config: &Config) -> Result<Found> {
    Ok(match store.rehearse_telling(NOTICE).await? {
        Telling::Works => Found::ok("instances are told of events"),
        Telling::Nobody if config.database.is_sqlite() => Found::ok("SQLite tells nobody: events are looked for"),
        Telling::Nobody => Found::warning(
            "nobody is told of events through a pooler in transaction mode: they are looked for at intervals",
            "set database.listen_url to the server's own address",
        ),
        Telling::Elsewhere => Found::error(
            "what is told at database.url does not arrive at database.listen_url: it leads to another database or server",
            "let both lead to the same database of the same server",
        ),
    })
}

async fn indexes(store: &Store) -> Result<Found> {
    let unusable = store.list_unusable_indexes().await?;
    let remedy = "run `sales-order-api migrate up` as their owner, with the server's own address; what is left then, \
                  REINDEX INDEX CONCURRENTLY builds anew";
    let wrong: Vec<_> = unusable.iter().map(|name| format!("{name} is missing or cannot be used")).collect();
    Ok(Found::wrong(&wrong, remedy, "all can be used"))
}
