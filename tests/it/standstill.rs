//! Whoever stands still in the middle of a change, an instance that was stopped or an operator's command, holds nobody up for
//! long.

use sales_order_api::domain::permission::Permission;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use serde_json::{Value, json};

use crate::support::{Answer, Database, Process, Remote, TestApp, in_time, order, until};

/// Waits until somebody waits for the table, on PostgreSQL.
async fn until_awaited(database: &Database, table: &str) {
    let waiting = format!(
        "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database
         WHERE datname = current_database() AND relation = '{table}'::regclass AND NOT granted"
    );
    until("somebody waits", async || database.db_number(&waiting).await > 0).await;
}

/// Who holds the table against changes, on PostgreSQL.
async fn hold(database: &Database, table: &str) -> DatabaseConnection {
    let holder = database.db_connect().await;
    holder.execute_unprepared(&format!("BEGIN; LOCK TABLE {table} IN SHARE MODE")).await.unwrap();
    holder
}

async fn let_go(holder: DatabaseConnection) {
    holder.execute_unprepared("COMMIT").await.unwrap();
    holder.close().await.unwrap();
}

async fn ask(client: &Remote, query: &Value) -> reqwest::Result<Answer> {
    client.post("/graphql", &[("authorization", &format!("Bearer {}", client.token))], query).await
}

/// Two instances, with a client of theirs that has these permissions.
async fn two(database: &Database, permissions: Vec<Permission>) -> ([Process; 2], [Remote; 2]) {
    let secret = Remote::register_with(database, "client", permissions).await;
    let instances = [(); 2].map(|()| {
        Process::serve(database.folder.path(), &database.url, |command| {
            command.env("SALES_ORDER_AUTH__JWT_SECRET", "one secret of more than 32 bytes for all instances");
            // Half of it is how long a transaction may stand still.
            command.env("SALES_ORDER_DATABASE__ACQUIRE_TIMEOUT", "20s");
        })
    });
    let at_one = Remote::log_in(&instances[0].base, "client", &secret).await;
    let at_two = at_one.at(&instances[1].base);
    (instances, [at_one, at_two])
}

/// SQLite has one writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_waits_for_nobody_who_has_its_key() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let other = app.database.db_connect().await;
    other.execute_unprepared("BEGIN; UPDATE client_public_keys SET last_used_at = 1").await.unwrap();
    in_time("an order", partner.create(&order())).await.expect(201);
    assert_eq!(app.database.db_number("SELECT count(*) FROM client_public_keys WHERE last_used_at IS NULL").await, 1);
    other.execute_unprepared("COMMIT").await.unwrap();
    other.close().await.unwrap();
}

/// It is stopped when its transaction has noted the use of the key and waits to write the order; by the time it could go on with
/// the commit, nobody does.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_stopped_in_the_middle_of_an_order_holds_up_neither_orders_nor_the_feed_and_its_order_can_be_sent_again()
 {
    only_on!(Postgres);
    let database = Database::new().await;
    let ([one, _two], [at_one, at_two]) = two(&database, vec![Permission::OrdersCreate]).await;
    let store = database.connect().await;

    let holder = hold(&database, "sales_order_events").await;
    let signed = at_one.sign();
    let unanswered = {
        let (at_one, signed) = (at_one.clone(), signed.clone());
        tokio::spawn(async move { at_one.create(&signed, Some("stopped"), &order()).await })
    };
    until_awaited(&database, "sales_order_events").await;
    one.signal("STOP");
    let_go(holder).await;

    in_time("an order", at_two.create(&at_two.sign(), Some("other"), &order())).await.unwrap().expect(201);
    until("its event", async || store.find_last_position().await.unwrap().get() >= 1).await;
    assert_eq!(database.whole_orders(2).await, 1, "what was not committed is gone");

    one.signal("CONT");
    let answer = in_time("an answer", unanswered).await.unwrap().unwrap();
    assert!(answer.status == 201 || answer.status == 503, "{answer:?}");
    at_two.create(&signed, Some("stopped"), &order()).await.unwrap().expect(201);
    assert_eq!(database.whole_orders(2).await, 2);
    store.close().await;
}

/// It is stopped when it has the order's row and waits to write it, so that nothing tells of an event yet.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_stopped_in_the_middle_of_a_change_of_an_order_lets_others_change_it() {
    only_on!(Postgres);
    let database = Database::new().await;
    let permissions = vec![Permission::OrdersCreate, Permission::OrdersRead, Permission::OrdersManage];
    let ([one, _two], [at_one, at_two]) = two(&database, permissions).await;
    let created = at_one.create(&at_one.sign(), None, &order()).await.unwrap().expect(201);
    let number = created["data"]["order_number"].clone();
    let confirm = json!({"query": "mutation($n: String!) {
        updateSalesOrderStatus(input: {orderNumber: $n, status: CONFIRMED}) { status version } }", "variables": {"n": number}});

    let holder = hold(&database, "sales_orders").await;
    let unanswered = {
        let (at_one, confirm) = (at_one.clone(), confirm.clone());
        tokio::spawn(async move { ask(&at_one, &confirm).await })
    };
    until_awaited(&database, "sales_orders").await;
    one.signal("STOP");
    let_go(holder).await;

    let confirmed = in_time("a change", ask(&at_two, &confirm)).await.unwrap().expect(200);
    assert_eq!(confirmed["data"]["updateSalesOrderStatus"], json!({"status": "CONFIRMED", "version": 2}));
    one.signal("CONT");
    in_time("an answer", unanswered).await.unwrap().unwrap();
    assert_eq!(database.db_number("SELECT count(*) FROM sales_order_events").await, 2, "created, and confirmed once");
}
