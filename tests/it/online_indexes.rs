//! Indexes of large tables are built while the service runs.

use migrations::ONLINE_INDEXES;
use sea_orm::ConnectionTrait as _;

use crate::support::{TestApp, order, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_is_built_while_orders_are_taken_and_again_where_a_build_was_broken_off() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let indexes = |which: &str| {
        let names = ONLINE_INDEXES.map(|(_, name, _)| format!("'{name}'")).join(", ");
        format!("SELECT count(*) FROM pg_index WHERE {which} AND indexrelid::regclass::text IN ({names})")
    };
    let (of_any_state, usable) = (indexes("true"), indexes("indisvalid"));
    assert_eq!(app.database.db_number(&of_any_state).await, 0);
    // Whoever reads an older state is waited for.
    let reader = app.database.db_connect().await;
    reader
        .execute_unprepared("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM sales_orders")
        .await
        .unwrap();
    let store = app.store.clone();
    let building = tokio::spawn(async move { store.build_indexes().await });
    until("the build begins", async || app.database.db_number(&of_any_state).await > 0).await;
    partner.create_with_key("meanwhile", &order()).await.expect(201);
    // Another instance that starts meanwhile leaves it alone.
    app.store.build_indexes().await.unwrap();
    assert_eq!(app.database.db_number(&usable).await, 0);
    reader.execute_unprepared("COMMIT").await.unwrap();
    building.await.unwrap().unwrap();
    let all = i64::try_from(ONLINE_INDEXES.len()).unwrap();
    assert_eq!(app.database.db_number(&usable).await, all);

    let broken = of_any_state.replace("SELECT count(*) FROM pg_index", "UPDATE pg_index SET indisvalid = false");
    app.database.db_execute(&broken).await.unwrap();
    app.store.build_indexes().await.unwrap();
    assert_eq!(app.database.db_number(&usable).await, all);
}
