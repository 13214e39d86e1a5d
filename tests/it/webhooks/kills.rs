//! Instances are killed in the middle of sending, and nobody is told too little, or of an order's later events first.

use super::stage::{EVENTS_EACH, Stage, serve};
use crate::support::{Database, on_postgres};

/// How many orders, and how many kills.
fn size() -> (usize, usize) {
    #[expect(clippy::disallowed_methods, reason = "a run by hand may be larger")]
    let asked = std::env::var("WEBHOOK_KILLS").unwrap_or_else(|_| "100 3".to_owned());
    let (orders, kills) = asked.split_once(' ').unwrap();
    (orders.parse().unwrap(), kills.parse().unwrap())
}

/// On SQLite there is one instance, which is started again.
#[tokio::test(flavor = "multi_thread")]
async fn instances_killed_in_the_middle_of_sending_lose_no_event_and_keep_the_order_of_each_order() {
    let database = Database::new().await;
    let (orders, kills) = size();
    let mut instances = vec![serve(&database)];
    let mut stage = Stage::with(database, &instances[0]).await;
    if on_postgres().is_some() {
        instances.push(serve(&stage.database));
    }
    stage.are_at(&instances.iter().collect::<Vec<_>>());
    let writing = stage.begin(orders);
    for kill in 1..=kills {
        stage.until_arrived(orders * EVENTS_EACH * kill / (kills + 1)).await;
        // The one that was started longest ago has the lease.
        instances.remove(0).kill();
        instances.push(serve(&stage.database));
        stage.are_at(&instances.iter().collect::<Vec<_>>());
    }
    writing.done().await;
    stage.until_arrived(orders * EVENTS_EACH).await;
    let repeats = stage.ensure_all_arrived(orders).await;
    let leases = stage.generation().await;
    assert!(leases > 1, "nobody took over");
    // Shown by `make webhook-kills`.
    eprintln!("{} webhooks, {kills} kills, {leases} leases: {repeats} came again", orders * EVENTS_EACH);
}
