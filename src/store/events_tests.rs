//! Which way SQLite takes through events.

use std::sync::{Arc, Mutex};

use sea_orm::TransactionTrait as _;

use super::*;
use crate::store::options::DatabaseOptions;

/// How SQLite goes about each statement that `work` runs to read.
async fn plans(work: impl AsyncFnOnce(&Store)) -> Vec<String> {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::connect(&DatabaseOptions::in_test(&folder.path().join("orders.db"))).await.unwrap();
    store.migrate_up().await.unwrap();
    let noted = Arc::clone(&seen);
    store.read.set_metric_callback(move |info| noted.lock().unwrap().push(info.statement.sql.clone()));
    work(&store).await;
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let mut plans = Vec::new();
    // The horizon is one row.
    for sql in seen.into_iter().filter(|sql| !sql.contains("event_horizon")) {
        let plan = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {sql}"));
        let steps = store.core.begin().await.unwrap().query_all_raw(plan).await.unwrap();
        let steps = steps.iter().map(|step| step.try_get::<String>("", "detail").unwrap());
        plans.push(steps.collect::<Vec<_>>().join("; "));
    }
    store.close().await;
    plans
}

/// SQLite knows no figures of a table that nobody analysed, and would take every order of the client first.
#[tokio::test]
async fn a_page_of_the_feed_looks_at_its_own_events_only() {
    let plans = plans(async |store| {
        let client: ClientId = "versuni-client-001".parse().unwrap();
        let scope = Scope::Client(client);
        let (range, filter) = ((Position::new(10), Position::new(20)), OrderFilter::default());
        store.list_events(&scope, &filter, range, 5).await.unwrap();
        store.list_events_at(&scope, &[Position::new(11)]).await.unwrap();
        store.list_webhook_events(&scope, (&[], None), range, 5).await.unwrap();
        store.list_clients_of_events(range).await.unwrap();
        store.list_orders_changed_in(&scope, &filter, range, Position::new(30), 5).await.unwrap();
    });
    let plans = plans.await;
    assert_eq!(plans.len(), 5, "{plans:#?}");
    for plan in plans {
        begins(&plan, "SEARCH sales_order_events USING INTEGER PRIMARY KEY");
    }
}

#[tokio::test]
async fn the_events_of_one_order_are_found_by_it_however_long_the_feed_is() {
    let plans = plans(async |store| {
        let scope = Scope::Client("versuni-client-001".parse().unwrap());
        let meant = (&[][..], Some(OrderNumber::from_id(1)));
        store.list_webhook_events(&scope, meant, (Position::START, Position::END), 5).await.unwrap();
    });
    let plans = plans.await;
    assert_eq!(plans.len(), 1, "{plans:#?}");
    begins(
        &plans[0],
        "SEARCH sales_order_events USING COVERING INDEX ux_sales_order_events_order_id_sequence (order_id=?)",
    );
}

/// Fails unless events are looked up first, in this way, and then the order of each.
fn begins(plan: &str, events: &str) {
    let steps: Vec<_> = plan.split("; ").collect();
    assert!(steps[0].starts_with(events), "{plan}");
    assert!(steps[1].starts_with("SEARCH sales_orders USING INTEGER PRIMARY KEY (rowid=?)"), "{plan}");
}
