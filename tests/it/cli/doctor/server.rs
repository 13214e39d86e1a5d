//! What `doctor` finds at a server of PostgreSQL.

use super::{Desk, Examined, examine_with, installation};

/// With a user of its own, which may do this besides what owners of the tables may.
async fn examine_as(desk: &Desk, attributes: &str) -> Examined {
    let (server, name) = desk.database.url.rsplit_once('@').unwrap().1.rsplit_once('/').unwrap();
    let role = format!("{name}_doctor");
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'right' {attributes}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"
    );
    desk.execute(&grants).await;
    let url = format!("postgres://{role}:right@{server}/{name}");
    let examined = examine_with(desk, &["--database-url", &url], |_| {});
    desk.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    examined
}

#[tokio::test]
async fn more_connections_than_the_server_has_are_named() {
    only_on!(Postgres);
    let desk = installation().await;
    let greedy = examine_with(&desk, &[], |command| {
        command.env("SALES_ORDER_DATABASE__MAX_CONNECTIONS", "100000");
    });
    greedy.finds("connections", "error", "needed: 100001 (1 × 100001 of an instance)", "database.max_connections");
    let many = examine_with(&desk, &["--instances", "10000"], |_| {});
    many.finds("connections", "error", "(10000 × ", "database.max_connections");
}

#[tokio::test]
async fn a_right_that_was_taken_away_is_named() {
    only_on!(Postgres);
    let desk = installation().await;
    let name = desk.database.url.rsplit_once('/').unwrap().1.to_owned();
    let role = format!("{name}_doctor");
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'right'; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}; REVOKE INSERT ON sales_order_events FROM {role}"
    );
    desk.execute(&grants).await;
    let server = desk.database.url.rsplit_once('@').unwrap().1;
    let url = format!("postgres://{role}:right@{server}");
    let examined = examine_with(&desk, &["--database-url", &url], |_| {});
    examined.finds("rights", "error", "lacks INSERT ON sales_order_events", "migrate grants");
    desk.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test]
async fn a_user_or_a_database_that_may_have_fewer_connections_is_named() {
    only_on!(Postgres);
    let desk = installation().await;
    let few = examine_as(&desk, "CONNECTION LIMIT 9").await;
    few.finds("connections", "error", "the user of the database may have 9", "ALTER ROLE");
    let name = desk.database.url.rsplit_once('/').unwrap().1;
    desk.execute(&format!("ALTER DATABASE \"{name}\" CONNECTION LIMIT 8")).await;
    let few = examine_as(&desk, "").await;
    few.finds("connections", "error", "the database may have 8", "ALTER DATABASE");
    desk.execute(&format!("ALTER DATABASE \"{name}\" CONNECTION LIMIT -1")).await;
}

#[tokio::test]
async fn an_address_for_listening_that_leads_nowhere_or_elsewhere_is_named() {
    only_on!(Postgres);
    let desk = installation().await;
    let other = installation().await;
    let listen = |url: &str| {
        examine_with(&desk, &[], |command| {
            command.env("SALES_ORDER_DATABASE__LISTEN_URL", url);
        })
    };
    assert_eq!(listen(&desk.database.url).said("listening").0, "ok");
    let elsewhere = listen(&other.database.url);
    elsewhere.finds("listening", "error", "leads to another database", "the same database");
    let nowhere = listen("postgres://nobody@127.0.0.1:1/none");
    nowhere.finds("listening", "error", "127.0.0.1:1", "database.listen_url");
}

#[tokio::test]
async fn an_index_that_is_missing_or_was_left_unusable_is_named() {
    only_on!(Postgres);
    let desk = installation().await;
    desk.execute("DROP INDEX ix_sales_orders_requested_delivery_date").await;
    desk.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_sales_orders_created_at'::regclass")
        .await;
    let examined = examine_with(&desk, &[], |_| {});
    examined.finds("indexes", "warning", "ix_sales_orders_created_at is missing or cannot be used", "REINDEX");
    examined.finds("indexes", "warning", "ix_sales_orders_requested_delivery_date", "migrate up");
}
