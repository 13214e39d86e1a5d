//! The service is killed at the worst moment, started again, and nobody lost anything.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::support::{Database, Process, Remote, Signed, command, in_time, on_postgres, until};

const STREAMS: usize = 16;

/// An order that its key can be told from.
fn order_of(key: &str) -> Value {
    let line = |n: u32| json!({"product_code": format!("P-{n}"), "quantity": n, "unit_price": "0.1"});
    json!({"customer_code": key, "site_code": "S", "sales_name": "N", "address": "A",
           "products": [line(1), line(2), line(3)]})
}

/// What one stream of orders knows at its end.
struct Burst {
    /// Key and number of each order that was answered.
    answered: Vec<(String, String)>,
    /// The key of the one that was not.
    unanswered: String,
}

/// Sends one order after another until no answer comes.
async fn burst(partner: Remote, signed: Signed, name: String, tell: UnboundedSender<()>) -> Burst {
    let mut answered = Vec::new();
    loop {
        let key = format!("{name}-{}", answered.len());
        let Ok(answer) = partner.create(&signed, Some(&key), &order_of(&key)).await else {
            return Burst { answered, unanswered: key };
        };
        let number = answer.expect(201)["data"]["order_number"].as_str().unwrap().to_owned();
        answered.push((key, number));
        // Nobody listens any more once the service is killed.
        let _ = tell.send(());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_answered_201_outlives_a_kill_and_the_unanswered_ones_can_be_sent_again() {
    let database = Database::new().await;
    let serve = || Process::serve(database.folder.path(), &database.url, |_| {});
    let secret = Remote::register(&database, "partner").await;
    let mut service = serve();
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let mut taken = 0;
    for round in 0..3 {
        let partner = partner.at(&service.base);
        let signed = partner.sign();
        let (tell, mut told) = unbounded_channel();
        let bursts: Vec<_> = (0..STREAMS)
            .map(|n| tokio::spawn(burst(partner.clone(), signed.clone(), format!("{round}-{n}"), tell.clone())))
            .collect();
        drop(tell);
        for _ in 0..3 * STREAMS {
            in_time("an answered order", told.recv()).await.unwrap();
        }
        service.kill();

        service = serve();
        let partner = partner.at(&service.base);
        let there = database.whole_orders(3).await;
        let (mut answered, mut unanswered) = (Vec::new(), Vec::new());
        for burst in bursts {
            let burst = burst.await.unwrap();
            answered.extend(burst.answered);
            unanswered.push(burst.unanswered);
        }
        taken += answered.len();
        assert!(usize::try_from(there).unwrap() >= taken, "{there} orders of {taken} that were answered");
        for (key, number) in &answered {
            let order = partner.get(&format!("/api/v1/sales-orders/{number}")).await.expect(200);
            assert_eq!(order["data"]["customer_code"], key.as_str());
            assert_eq!(order["data"]["products"].as_array().unwrap().len(), 3);
            let again = partner.create(&signed, Some(key), &order_of(key)).await.unwrap();
            assert_eq!(again.header("idempotent-replayed"), Some("true"));
            assert_eq!(again.expect(201)["data"], order["data"]);
        }
        for key in &unanswered {
            partner.create(&signed, Some(key), &order_of(key)).await.unwrap().expect(201);
        }
        taken += unanswered.len();
        assert_eq!(database.whole_orders(3).await, i64::try_from(taken).unwrap(), "each exactly once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_killed_while_it_sets_up_its_database_comes_up_the_next_time() {
    let database = Database::empty().await;
    for attempt in 0..6 {
        let mut child = command(database.folder.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--database-url", &database.url])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // At once, and as soon as it is seen at the database: the set-up is short and starts just then.
        if attempt % 2 == 1 {
            until_it_reached(&database).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    partner.create(&partner.sign(), None, &order_of("first")).await.unwrap().expect(201);
    partner.get("/health/ready").await.expect(200);
    assert_eq!(database.whole_orders(3).await, 1);
}

/// Waits until the service opened the database.
async fn until_it_reached(database: &Database) {
    until("the service at its database", async || {
        if on_postgres().is_none() {
            return database.folder.path().join("orders.db").exists();
        }
        let sessions = "SELECT count(*) FROM pg_stat_activity
                        WHERE datname = current_database() AND application_name = 'sales-order-api'";
        database.db_number(sessions).await > 0
    })
    .await;
}
