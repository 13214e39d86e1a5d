//! Orders with one reference that come at the same time.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use migrations::ONLINE_INDEXES;
use sales_order_api::store::OrderToInsert;
use sea_orm::ConnectionTrait as _;
use serde_json::json;

use super::{referenced, refusing};
use crate::support::{Answer, TestApp, insert, on_postgres, order, to_insert, told, until};

const ORDERS: &str = "/api/v1/sales-orders";

/// Fails unless one order was made and every other request was refused by its number.
fn one_won(answers: &[Answer]) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(won.len(), 1, "{:?}", won.iter().map(|answer| &answer.text).collect::<Vec<_>>());
    let number = &won[0].json()["data"]["order_number"];
    for answer in lost {
        assert_eq!(answer.expect_problem(409, "DUPLICATE_PARTNER_REFERENCE")["order_number"], *number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixty_four_orders_with_one_reference_at_once_one_is_stored() {
    let app = TestApp::new().await;
    let partner = refusing(&app).await;
    for round in 0..4 {
        let reference = format!("PO-{round}");
        let requests: Vec<_> = (0..64)
            .map(|n| {
                let (signed, key) = (partner.sign(), format!("{round}-{n}"));
                let headers = [&signed.headers()[..], &[("idempotency-key", &*key)]].concat();
                TestApp::post_request(ORDERS, &headers, referenced(&reference).to_string())
            })
            .collect();
        one_won(&app.send_at_once(requests).await);
    }
    assert_eq!(app.database.whole_orders(2).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixty_four_orders_with_one_reference_at_two_instances_one_is_stored() {
    only_on!(Postgres); // Two services on one file share its lock.
    let app = TestApp::new().await;
    let partner = refusing(&app).await;
    let other = TestApp::router_on(&app.database.connect().await, &app.clock, |_| {});
    for round in 0..4 {
        let reference = format!("PO-{round}");
        let answers = (0..64).map(|n| {
            let router = if n % 2 == 0 { app.router.clone() } else { other.clone() };
            let (signed, key) = (partner.sign(), format!("{round}-{n}"));
            let headers = [&signed.headers()[..], &[("idempotency-key", &*key)]].concat();
            let request = TestApp::post_request(ORDERS, &headers, referenced(&reference).to_string());
            tokio::spawn(async move { Answer::read(tower::ServiceExt::oneshot(router, request).await.unwrap()).await })
        });
        let answers: Vec<_> = join_all(answers.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect();
        one_won(&answers);
    }
    assert_eq!(app.database.whole_orders(2).await, 4);
}

fn new(now: DateTime<Utc>, key: &str, reference: Option<&str>) -> OrderToInsert {
    let mut sent = order();
    sent["partner_reference"] = json!(reference);
    let new = to_insert(now, &format!("key:{key}"), &sent);
    OrderToInsert { reference_is_unique: reference.is_some(), ..new }
}

/// Waits until so many connections of the database wait for a lock.
async fn until_waiting(app: &TestApp, count: i64) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("somebody waits", async || app.database.db_number(waiting).await >= count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_refused_for_its_reference_leaves_its_neighbours_of_the_batch_alone() {
    let app = TestApp::new().await;
    app.partner().await;
    let now = app.clock.now();
    let first = told(&insert(&app.store, vec![new(now, "0", Some("A"))]).await.unwrap())[0].0;
    let batch = vec![
        new(now, "1", Some("A")),
        new(now, "2", None),
        new(now, "3", Some("B")),
        new(now, "4", Some("B")),
        new(now, "0", Some("A")),
        new(now, "5", None),
        // Its key is that of an order of the batch that has another reference.
        new(now, "3", Some("C")),
        new(now, "6", Some("C")),
    ];
    let outcomes = told(&insert(&app.store, batch).await.unwrap());
    let of_b = outcomes[2].0;
    assert_eq!(
        outcomes.iter().map(|(_, how)| *how).collect::<Vec<_>>(),
        ["refused for its reference", "new", "new", "refused for its reference", "again", "new", "again", "new"]
    );
    assert_eq!((outcomes[0].0, outcomes[3].0, outcomes[4].0, outcomes[6].0), (first, of_b, first, of_b));
    assert_eq!(app.database.whole_orders(2).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_references_of_two_instances_never_wait_for_each_other() {
    only_on!(Postgres); // SQLite has one writer.
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let now = app.clock.now();
    for key_use_is_due in [false, true] {
        let tag = u8::from(key_use_is_due);
        let new = |key: &str, reference: Option<&str>| {
            let reference = reference.map(|reference| format!("{tag}-{reference}"));
            let new = new(now, &format!("{tag}-{key}"), reference.as_deref());
            OrderToInsert { key_use_is_due, ..new }
        };
        // Holds the key 2 in a transaction that is not committed, so that whoever stores one with it waits.
        let held = app.database.db_connect().await;
        let columns = "request_digest, customer_code, site_code, sales_name, address, currency, status, version,
                       total_quantity, created_at, updated_at, search_text";
        let uncommitted = format!(
            "BEGIN; INSERT INTO sales_orders (client_id, idempotency_key, {columns})
                    SELECT client_id, 'key:{tag}-2', {columns} FROM sales_orders LIMIT 1"
        );
        held.execute_unprepared(&uncommitted).await.unwrap();
        // Stores the key 1 with the reference A, and stands at the key 2 …
        let one = insert(&app.store, vec![new("1", Some("A")), new("2", None), new("3", Some("B"))]);
        until_waiting(&app, 1).await;
        // … while another one comes that has the reference B before A.
        let two = insert(&app.store, vec![new("0", Some("B")), new("4", Some("A"))]);
        until_waiting(&app, 2).await;
        held.close().await.unwrap();
        let (one, two) = (told(&one.await.unwrap()), told(&two.await.unwrap()));
        assert!(one.iter().all(|(_, how)| *how == "new"), "{one:?}");
        assert_eq!(two, [(one[2].0, "refused for its reference"), (one[0].0, "refused for its reference")]);
    }
    assert_eq!(app.database.whole_orders(2).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_for_no_other_reference_of_its_client() {
    only_on!(Postgres); // SQLite has one writer.
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let now = app.clock.now();
    let held = app.database.db_connect().await;
    // As an order of another instance that is under way.
    let lock = "BEGIN; SELECT hold_references(ARRAY['versuni-client-001/A'])";
    held.execute_unprepared(lock).await.unwrap();
    let waits = insert(&app.store, vec![new(now, "1", Some("A"))]);
    until_waiting(&app, 1).await;
    let others = insert(&app.store, vec![new(now, "2", Some("B")), new(now, "3", None)]).await.unwrap();
    assert!(told(&others).iter().all(|(_, how)| *how == "new"));
    held.close().await.unwrap();
    assert_eq!(told(&waits.await.unwrap())[0].1, "new");
}

/// Whatever writes orders past the statement that stores them.
#[tokio::test]
async fn the_database_itself_refuses_a_second_order_that_holds_the_reference() {
    let app = TestApp::new().await;
    refusing(&app).await.create(&referenced("PO-1")).await.expect(201);
    app.store.build_indexes().await.unwrap();
    let columns =
        "client_id, partner_reference, reference_is_unique, request_digest, customer_code, site_code, sales_name,
                   address, currency, version, total_quantity, created_at, updated_at, search_text";
    let copy = |key: &str, status: &str| {
        format!(
            "INSERT INTO sales_orders (idempotency_key, status, {columns})
             SELECT '{key}', '{status}', {columns} FROM sales_orders WHERE id = 1"
        )
    };
    app.database.db_execute(&copy("cancelled", "CANCELLED")).await.unwrap();
    let refused = app.database.db_execute(&copy("second", "RECEIVED")).await.unwrap_err().to_string();
    let (_, index, _) = ONLINE_INDEXES[2];
    let named = if on_postgres().is_some() { index } else { "sales_orders.partner_reference" };
    assert!(refused.contains(named), "{refused}");
}
