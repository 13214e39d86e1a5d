//! Nobody answers at `database.listen_url`, by which the service is told of events.

use sales_order_api::domain::permission::Permission;
use serde_json::json;

use super::follow;
use crate::subscriptions::FOLLOW;
use crate::support::{Database, Process, Remote, Socket, order, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_told_of_no_events_looks_for_them_takes_orders_and_says_why() {
    only_on!(Postgres);
    let database = Database::new().await;
    let (place, name) = database.url.rsplit_once('/').unwrap();
    let (_, server) = place.rsplit_once('@').unwrap();
    let role = format!("{name}_role");
    database.db_execute(&format!("CREATE ROLE {role} NOLOGIN PASSWORD 'hunter2'")).await.unwrap();
    // Nobody is at the first, and the second does not let the role in.
    let listen_url = format!("postgres://{role}:hunter2@127.0.0.1:1,{server}/{name}");
    let secret = Remote::register(&database, "partner").await;
    let reader = Remote::register_with(&database, "reader", vec![Permission::OrdersRead]).await;
    let serve = || {
        Process::serve(database.folder.path(), &database.url, |command| {
            command.env("SALES_ORDER_DATABASE__LISTEN_URL", &listen_url);
        })
    };
    // An instance knows of its own orders, so they are taken by another one.
    let (service, other) = (serve(), serve());
    let partner = Remote::log_in(&other.base, "partner", &secret).await;
    let reader = Remote::log_in(&service.base, "reader", &reader).await;
    let from_start = async || {
        let mut socket = Socket::log_in(&service.base, &reader.token).await;
        socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
        socket
    };
    let create = async |key: &str| {
        let made = partner.create(&partner.sign(), Some(key), &order()).await.unwrap().expect(201);
        made["data"]["order_number"].as_str().unwrap().to_owned()
    };
    let silent = "the database tells of no events at the moment; they are looked for from time to time";
    // The database is listened to for as long as somebody follows.
    let following = follow(&service.base, &reader.token, from_start().await, 3);
    let ordering = async {
        until("the cause is told", async || service.log().contains(silent)).await;
        let mut taken = vec![create("one").await, create("another").await];
        assert_eq!(follow(&service.base, &reader.token, from_start().await, 2).await, taken);
        for instance in [&service, &other] {
            let watcher = Remote::at_door(&instance.base, "watcher");
            until("the service is ready", async || watcher.get("/health/ready").await.status == 200).await;
        }
        // The role may come in now.
        database.db_execute(&format!("ALTER ROLE {role} LOGIN")).await.unwrap();
        until("the end is told", async || service.log().contains("the database tells of events again")).await;
        taken.push(create("third").await);
        taken
    };
    let (told, taken) = tokio::join!(following, ordering);
    assert_eq!(told, taken, "the follower was told of each order once, in their order");
    let log = service.stop();
    let cause = format!(
        "none of the hosts can be used (connection refused at 127.0.0.1:1 (nobody listens there); the server at \
         {server} says \\\"role \\\"{role}\\\" is not permitted to log in\\\")"
    );
    assert!(log.contains(&cause) && !log.contains("hunter2"), "{log}");
    // However often it is tried.
    assert_eq!(log.matches(silent).count(), 1, "{log}");
    other.stop();
    database.db_execute(&format!("DROP ROLE {role}")).await.unwrap();
}
