//! Many orders at a service of its own: how few transactions they take, and what is left of them when it is killed.

use serde_json::{Value, json};

use super::{BATCH, numbers, outcomes, rows};
use crate::support::{Answer, Database, Process, Remote, order, until};

async fn send(partner: &Remote, orders: &Value) -> reqwest::Result<Answer> {
    let signed = partner.sign_body(BATCH, orders.to_string().as_bytes());
    partner.post(BATCH, &signed.headers(), orders).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_orders_take_no_more_statements_than_a_few_alone() {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    // The first notes that the key is in use.
    for key in ["first", "second"] {
        partner.create(&partner.sign(), Some(key), &order()).await.unwrap().expect(201);
    }
    let told = outcomes(&send(&partner, &rows(100)).await.unwrap());
    assert_eq!(numbers(&told).len(), 100);
    let log = service.stop();
    let statements = |operation: &str| {
        let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let line = lines.rfind(|line| line["graphql.operation.name"] == operation).unwrap();
        line["db.queries"].as_u64().unwrap()
    };
    let (of_one, of_hundred) = (statements("createSalesOrder"), statements("createSalesOrders"));
    assert!(of_hundred <= 8 * of_one, "{of_hundred} statements, and {of_one} of an order alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_killed_in_the_middle_keeps_what_is_stored_and_the_same_request_makes_the_rest() {
    let database = Database::new().await;
    let serve = || Process::serve(database.folder.path(), &database.url, |_| {});
    let secret = Remote::register(&database, "partner").await;
    let service = serve();
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let sent = rows(100);
    let sending = tokio::spawn({
        let (partner, sent) = (partner.clone(), sent.clone());
        async move { send(&partner, &sent).await.ok().map(|answer| outcomes(&answer)) }
    });
    until("the first orders are stored", async || database.db_number("SELECT count(*) FROM sales_orders").await > 0)
        .await;
    service.kill();
    let answered = sending.await.unwrap();

    let service = serve();
    let partner = partner.at(&service.base);
    let stored = database.whole_orders(2).await;
    let told = outcomes(&send(&partner, &sent).await.unwrap());
    let again = told.iter().filter(|outcome| outcome["replayed"] == json!(true)).count();
    assert_eq!(i64::try_from(again).unwrap(), stored, "what was stored is given again");
    if let Some(answered) = answered {
        assert_eq!(numbers(&answered), numbers(&told));
    }
    let third = outcomes(&send(&partner, &sent).await.unwrap());
    assert_eq!(numbers(&third), numbers(&told));
    assert_eq!(database.whole_orders(2).await, 100, "each exactly once");
}
