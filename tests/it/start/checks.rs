//! What the operator is told of a database that cannot keep orders, before any order comes.

use super::{address, list_clients, said, serve};
use crate::support::Database;

#[tokio::test]
async fn a_database_that_cannot_hold_every_letter_is_refused() {
    only_on!(Postgres);
    let database = Database::empty().await;
    let name = database.url.rsplit_once('/').unwrap().1;
    let latin = format!("{name}_latin");
    let create = format!("CREATE DATABASE {latin} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    database.db_execute(&create).await.unwrap();
    let url = database.url.replace(name, &latin);
    let said = list_clients(&database.folder, &url, "10m");
    assert!(said.contains("in LATIN1") && said.contains("ENCODING 'UTF8'"), "{said}");
    database.db_execute(&format!("DROP DATABASE {latin} WITH (FORCE)")).await.unwrap();
}

#[tokio::test]
async fn the_extension_for_searching_may_be_in_any_schema() {
    only_on!(Postgres);
    let database = Database::empty().await;
    let elsewhere = "CREATE SCHEMA \"Else where\"; CREATE EXTENSION pg_trgm SCHEMA \"Else where\"";
    database.db_execute(elsewhere).await.unwrap();
    let store = database.connect().await;
    store.migrate_up().await.unwrap();
    store.close().await;
    let index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_sales_orders_search_text'";
    assert!(database.db_text(index).await.contains("\"Else where\".gin_trgm_ops"));
}

#[tokio::test]
async fn a_missing_grant_is_named_before_the_service_listens() {
    only_on!(Postgres);
    let database = Database::new().await;
    let name = database.url.rsplit_once('/').unwrap().1.to_owned();
    let role = format!("{name}_app");
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'right'; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
         REVOKE INSERT ON sales_order_lines FROM {role}; REVOKE DELETE ON client_addresses FROM {role}"
    );
    database.db_execute(&grants).await.unwrap();
    let url = address(&role, "right", &name);
    let refused = said(&mut serve(&database.folder, &url, "0"));
    assert!(refused.contains("lacks DELETE ON client_addresses, INSERT ON sales_order_lines;"), "{refused}");
    assert!(refused.contains(&format!("GRANT DELETE ON client_addresses TO {role}")), "{refused}");
    database.db_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}
