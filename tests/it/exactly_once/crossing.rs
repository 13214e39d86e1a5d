//! Two instances whose orders cross: each has a text that the other one has too.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sales_order_api::auth::signature::SignatureForm;
use sales_order_api::store::OrderToInsert;
use sea_orm::ConnectionTrait as _;

use crate::support::{TestApp, in_time, insert, on_postgres, order, to_insert, told, until};

fn new(now: DateTime<Utc>, key: &str, text: Option<u8>) -> OrderToInsert {
    let mut new = to_insert(now, key, &order());
    new.signed_text_digest = text.map(|text| [text; 32]);
    if text.is_some() {
        new.receipt.signature_form = SignatureForm::BodyBound;
    }
    new
}

/// Waits until so many connections of the database wait for a lock.
async fn until_waiting(app: &TestApp, count: i64) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("somebody waits", async || app.database.db_number(waiting).await >= count).await;
}

/// Holds an order with this key that is not committed, so that whoever stores one with it waits.
async fn hold_key(app: &TestApp, key: &str) -> sea_orm::DatabaseConnection {
    let columns = "request_digest, customer_code, site_code, sales_name, address, currency, status, version,
                   total_quantity, created_at, updated_at, search_text";
    let other = app.database.db_connect().await;
    let insert = format!(
        "BEGIN; INSERT INTO sales_orders (client_id, idempotency_key, {columns})
                SELECT client_id, '{key}', {columns} FROM sales_orders LIMIT 1"
    );
    other.execute_unprepared(&insert).await.unwrap();
    other
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_texts_of_two_instances_never_wait_for_each_other() {
    only_on!(Postgres); // SQLite has one writer.
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let now = app.clock.now();
    for key_use_is_due in [false, true] {
        let tag = u8::from(key_use_is_due) * 10;
        let new = |key: &str, text: u8| {
            let new = new(now, &format!("key:{tag}-{key}"), (text > 0).then_some(tag + text));
            OrderToInsert { key_use_is_due, ..new }
        };
        let held = hold_key(&app, &format!("key:{tag}-2")).await;
        // Stores the key 1 with the text 1, and stands at the key 2 …
        let one = insert(&app.store, vec![new("1", 1), new("2", 0), new("3", 2)]);
        until_waiting(&app, 1).await;
        // … while another one comes that has the text 2 before the text 1.
        let two = insert(&app.store, vec![new("0", 2), new("4", 1)]);
        until_waiting(&app, 2).await;
        held.close().await.unwrap();
        let (one, two) = (one.await.unwrap(), two.await.unwrap());
        let (one, two) = (told(&one), told(&two));
        assert!(one.iter().all(|(_, how)| *how == "new"), "{one:?}");
        assert_eq!(two, [(one[2].0, "by its text"), (one[0].0, "by its text")]);
    }
    assert_eq!(app.database.whole_orders(2).await, 7);
    let doubled = "SELECT count(*) - count(DISTINCT order_id) FROM sales_order_signed_texts";
    assert_eq!(app.database.db_number(doubled).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_for_no_other_text_of_its_client_and_for_whoever_holds_all_of_them() {
    only_on!(Postgres); // SQLite has one writer.
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let now = app.clock.now();
    let held = hold_key(&app, "key:1").await;
    let one = insert(&app.store, vec![new(now, "key:1", Some(1))]);
    until_waiting(&app, 1).await;
    let two = in_time("an order", insert(&app.store, vec![new(now, "key:2", Some(2))])).await.unwrap();
    assert_eq!(told(&two)[0].1, "new");
    // One that has the text of an order under way waits for it.
    let three = insert(&app.store, vec![new(now, "key:3", Some(1))]);
    until_waiting(&app, 2).await;
    // An instance of the version before holds all texts of a client.
    let former = app.database.db_connect().await;
    let lock_all = "BEGIN; SELECT pg_advisory_xact_lock(x'74657874'::int, hashtext('versuni-client-001'))";
    let former = tokio::spawn(async move {
        former.execute_unprepared(lock_all).await.unwrap();
        former
    });
    until_waiting(&app, 3).await;
    held.close().await.unwrap();
    let made = told(&one.await.unwrap())[0].0;
    assert_eq!(told(&three.await.unwrap()), [(made, "by its text")]);
    let former = former.await.unwrap();
    let four = insert(&app.store, vec![new(now, "key:4", Some(4))]);
    until_waiting(&app, 1).await;
    former.close().await.unwrap();
    assert_eq!(told(&four.await.unwrap())[0].1, "new");
    assert_eq!(app.database.whole_orders(2).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_and_the_same_text_under_another_key_make_no_other_order_whichever_comes_first() {
    let app = TestApp::new().await;
    app.partner().await;
    let now = app.clock.now();
    let first = told(&insert(&app.store, vec![new(now, "key:1", Some(1))]).await.unwrap())[0].0;
    for text in 2..30 {
        let retry = insert(&app.store, vec![new(now, "key:1", Some(text))]);
        let stolen = insert(&app.store, vec![new(now, &format!("key:{text}"), Some(text))]);
        assert_eq!(told(&retry.await.unwrap()), [(first, "again")]);
        // When the text was there first it has made an order, which the retry could not know; its text is that one's.
        let (number, how) = told(&stolen.await.unwrap())[0];
        let of_text = format!("SELECT order_id FROM sales_order_signed_texts WHERE signed_text_digest = {}", {
            let hex = hex::encode([text; 32]);
            if on_postgres().is_some() { format!("'\\x{hex}'") } else { format!("x'{hex}'") }
        });
        assert_eq!(app.database.db_number(&of_text).await, number, "{how}");
        assert_eq!(how == "new", number != first, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_another_instance_is_storing_is_waited_for_and_its_retry_names_its_text() {
    only_on!(Postgres); // SQLite has one writer.
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let now = app.clock.now();
    let held = hold_key(&app, "key:1").await;
    let retry = insert(&app.store, vec![new(now, "key:1", Some(1))]);
    until_waiting(&app, 1).await;
    held.execute_unprepared("COMMIT").await.unwrap();
    held.close().await.unwrap();
    let (number, how) = told(&retry.await.unwrap())[0];
    assert_eq!(how, "again");
    assert_eq!(told(&insert(&app.store, vec![new(now, "key:2", Some(1))]).await.unwrap()), [(number, "by its text")]);
}

#[tokio::test]
async fn an_order_whose_number_is_taken_is_an_error_that_says_so() {
    only_on!(Postgres); // There the next number is looked up.
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let behind = "SELECT setval(pg_get_serial_sequence('sales_orders', 'id'), 1, false)";
    app.database.db_execute(behind).await.unwrap();
    let error = app.store.insert_orders(Arc::from([new(app.clock.now(), "key:1", None)])).await.unwrap_err();
    let message = format!("{error:?}");
    assert!(message.contains("sales_orders_pkey"), "{message}");
}
