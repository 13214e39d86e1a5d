//! An instance that stands still for longer than its lease, and goes on as if nothing had happened.

use super::stage::{EVENTS_EACH, Stage, serve};
use crate::support::{Database, on_postgres, until};

/// On PostgreSQL another instance takes over; on SQLite nobody does, and the lease is over when it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_stopped_for_longer_than_its_lease_neither_loses_nor_takes_back_anything() {
    const ORDERS: usize = 60;
    let database = Database::new().await;
    let stopped = serve(&database);
    let mut stage = Stage::with(database, &stopped).await;
    let other = on_postgres().map(|_| serve(&stage.database));
    // Whoever asks the one that is stopped waits until it goes on.
    stage.are_at(&[other.as_ref().unwrap_or(&stopped)]);
    let writing = stage.begin(ORDERS);
    stage.until_arrived(ORDERS * EVENTS_EACH / 4).await;
    stopped.signal("STOP");
    if other.is_some() {
        until("the other one takes over", async || stage.generation().await > 1).await;
        stage.until_arrived(ORDERS * EVENTS_EACH / 2).await;
    } else {
        let over = "SELECT lease_until < CAST(unixepoch('now', 'subsec') * 1000000 AS integer) FROM webhook_endpoints";
        until("its lease is over", async || stage.database.db_number(over).await == 1).await;
    }
    stopped.signal("CONT");
    writing.done().await;
    stage.until_arrived(ORDERS * EVENTS_EACH).await;
    stage.ensure_all_arrived(ORDERS).await;
}
