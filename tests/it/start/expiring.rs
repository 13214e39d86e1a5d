//! Where events expire, the runtime role may remove them, and nowhere else.

use std::fs;

use chrono::{DateTime, Utc};
use sales_order_api::store::{Store, Uses};

use super::roles::Roles;
use crate::support::{Database, command, options};

#[tokio::test]
async fn the_runtime_role_may_remove_events_where_the_configuration_lets_them_expire() {
    only_on!(Postgres);
    let database = Database::new().await;
    let roles = Roles::of(&database);
    roles.make(&database, &[]).await;
    let store = Store::connect(&options(&roles.url(&roles.runtime))).await.unwrap();
    let uses = Uses { expiring: true, ..Uses::default() };
    let lacks = format!("{:?}", store.check_grants(uses).await.unwrap_err());
    assert!(lacks.contains("lacks DELETE ON sales_order_events, UPDATE ON event_horizon;"), "{lacks}");
    let expiring = database.folder.path().join("expiring.toml");
    fs::write(&expiring, "[events]\nretention = \"90d\"\n").unwrap();
    roles.make(&database, &["--config", expiring.to_str().unwrap()]).await;
    store.check_grants(uses).await.unwrap();
    let mut make = command(database.folder.path());
    make.args(["generate", "--orders", "100", "--days", "90", "--database-url", &database.url]).output().unwrap();
    assert!(store.expire_events(DateTime::<Utc>::MAX_UTC).await.unwrap().events > 0);
    store.close().await;
    roles.drop(&database).await;
}
