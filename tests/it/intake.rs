//! Orders that arrive together are stored together, and that is all that anybody can tell of it.

use std::time::Duration;

use sales_order_api::domain::signature_policy::SignaturePolicy;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::support::{Database, Partner, Process, Remote, Signed, TestApp, found, on_postgres, order, until};

/// A figure of the running service.
async fn metric(partner: &Remote, name: &str) -> u32 {
    let metrics = partner.get("/metrics").await.text;
    metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map_or(0, |text| text.parse().unwrap())
}

/// Goes on when so many orders in all are in a transaction or wait for one.
async fn until_taken_in(partner: &Remote, orders: u32) {
    until("the orders are taken in", async || {
        metric(partner, "sales_orders_in_batches_total").await + metric(partner, "sales_orders_waiting").await >= orders
    })
    .await;
}

fn requests(partner: &Partner<'_>, name: &str, count: usize) -> Vec<axum::http::Request<axum::body::Body>> {
    let signed = partner.sign();
    let request = |n| {
        let key = format!("{name}-{n}");
        let headers = [&signed.headers()[..], &[("idempotency-key", key.as_str())]].concat();
        TestApp::post_request("/api/v1/sales-orders", &headers, order().to_string())
    };
    (0..count).map(request).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_be_stored_takes_none_of_its_neighbours_with_it() {
    let app = TestApp::with(|config| config.auth.client_cache_ttl = Duration::from_secs(5)).await;
    let honest = app.partner().await;
    let gone = app.partner_named("gone", SignaturePolicy::Documented).await;
    gone.graphql("{ viewer { clientId } }", Value::Null).await.data();
    // From where it logged in is noted beside the answer.
    let known = "SELECT count(*) FROM client_addresses WHERE client_id = 'gone'";
    until("its address", async || app.database.db_number(known).await > 0).await;
    // Remembered for five seconds, and not in the database any more.
    for table in ["client_addresses", "client_secrets", "client_public_keys", "clients"] {
        let delete = format!("DELETE FROM {table} WHERE client_id = 'gone'");
        app.database.db_execute(&delete).await.unwrap();
    }
    let mut all = requests(&honest, "honest", 40);
    for (place, request) in requests(&gone, "gone", 8).into_iter().enumerate() {
        all.insert(place * 5, request);
    }
    let answers = app.send_at_once(all).await;
    for (place, answer) in answers.iter().enumerate() {
        // Each was put before the honest ones that follow.
        if place % 5 == 0 && place < 40 {
            answer.expect_problem(500, "INTERNAL_ERROR");
        } else {
            answer.expect(201);
        }
    }
    assert_eq!(app.database.whole_orders(2).await, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_too_many_orders_wait_the_next_one_is_told_to_come_back_and_nothing_is_lost() {
    let app = TestApp::with(|config| config.orders.max_waiting = 4).await;
    let partner = app.partner().await;
    let held = app.database.hold_orders().await;
    let answers = tokio::spawn({
        let (router, requests) = (app.router.clone(), requests(&partner, "many", 100));
        async move {
            let sent = requests.into_iter().map(|request| {
                let router = router.clone();
                tokio::spawn(async move {
                    crate::support::Answer::read(tower::ServiceExt::oneshot(router, request).await.unwrap()).await
                })
            });
            let sent: Vec<_> = sent.collect();
            futures_util::future::join_all(sent).await.into_iter().map(Result::unwrap).collect::<Vec<_>>()
        }
    });
    // A refusal needs no database, so it comes while everybody else waits.
    let refused = found("a refusal", async || {
        let signed = partner.sign();
        let headers = [&signed.headers()[..], &[("idempotency-key", "one-more")]].concat();
        let one_more = app.post_text("/api/v1/sales-orders", &headers, order().to_string());
        tokio::time::timeout(Duration::from_millis(200), one_more).await.ok()
    })
    .await;
    refused.expect_problem(503, "OVERLOADED");
    assert_eq!(refused.header("retry-after"), Some("1"));
    held.close().await.unwrap();
    let answers = answers.await.unwrap();
    let taken = answers.iter().filter(|answer| answer.status == 201).count();
    assert!(taken >= 4, "{taken}");
    assert!(answers.iter().all(|answer| [201, 503].contains(&answer.status.as_u16())));
    // Whoever was refused sends the same again.
    for request in requests(&partner, "many", 100) {
        app.send_at_once([request]).await[0].expect(201);
    }
    let one_more = i64::from(
        app.database.db_number("SELECT count(*) FROM sales_orders WHERE idempotency_key = 'key:one-more'").await > 0,
    );
    assert_eq!(app.database.whole_orders(2).await, 100 + one_more);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_in_flight_when_the_service_is_killed_are_unanswered_and_whole_and_there_once_after_a_retry() {
    let database = Database::new().await;
    let folder = database.folder.path();
    let service = Process::serve(folder, &database.url, |_| {});
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    partner.create(&partner.sign(), Some("before"), &order()).await.unwrap().expect(201);

    let held = database.hold_orders().await;
    let signed = partner.sign();
    let send = |partner: Remote, signed: Signed, n: usize| async move {
        let mut order = order();
        order["customer_code"] = json!(format!("C-{n}"));
        partner.create(&signed, Some(&n.to_string()), &order).await
    };
    let in_flight: Vec<_> = (0..30).map(|n| tokio::spawn(send(partner.clone(), signed.clone(), n))).collect();
    // One before, and the 30.
    until_taken_in(&partner, 31).await;
    service.kill();
    for sent in in_flight {
        assert!(sent.await.unwrap().is_err(), "an answer before the commit");
    }
    held.close().await.unwrap();
    // SQLite's writer died with the service. PostgreSQL finishes a statement whether or not its sender is there.
    let stored = database.whole_orders(2).await;
    let most = if on_postgres().is_some() { 31 } else { 1 };
    assert!((1..=most).contains(&stored), "{stored} orders");

    let service = Process::serve(folder, &database.url, |_| {});
    let partner = partner.at(&service.base);
    let again: Vec<_> = (0..30).map(|n| tokio::spawn(send(partner.clone(), signed.clone(), n))).collect();
    for sent in again {
        sent.await.unwrap().unwrap().expect(201);
    }
    assert_eq!(database.whole_orders(2).await, 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_arrive_together_share_transactions_and_each_has_its_own_number() {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let held = database.hold_orders().await;
    let signed = partner.sign();
    let sent: Vec<_> = (0..40)
        .map(|n| {
            let (partner, signed) = (partner.clone(), signed.clone());
            tokio::spawn(
                async move { partner.create(&signed, Some(&n.to_string()), &order()).await.unwrap().expect(201) },
            )
        })
        .collect();
    until_taken_in(&partner, 40).await;
    held.close().await.unwrap();
    let mut numbers = Vec::new();
    for sent in sent {
        numbers.push(sent.await.unwrap()["data"]["order_number"].as_str().unwrap().to_owned());
    }
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 40);
    assert_eq!(database.whole_orders(2).await, 40);
    assert_eq!(metric(&partner, "sales_orders_in_batches_total").await, 40);
    let batches = metric(&partner, "sales_order_batches_total").await;
    // Those that came first were on their way, one transaction more each tenth of a second, as long as there are connections; the
    // others wait together, up to 32. How many come in that time is the machine's affair.
    assert!(batches < 20, "40 orders took {batches} transactions");
    assert_eq!(metric(&partner, "sales_orders_waiting").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_overtakes_one_that_waits_for_another_instance() {
    only_on!(Postgres); // SQLite has one writer.
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let signed = partner.sign();
    partner.create(&signed, Some("before"), &order()).await.unwrap().expect(201);
    let columns = "request_digest, customer_code, site_code, sales_name, address, currency, status, version,
                   total_quantity, created_at, updated_at, search_text";
    let other = database.db_connect().await;
    let insert = format!(
        "BEGIN; INSERT INTO sales_orders (client_id, idempotency_key, {columns})
                SELECT client_id, 'key:contested', {columns} FROM sales_orders"
    );
    other.execute_unprepared(&insert).await.unwrap();

    let send = |key: &'static str| {
        let (partner, signed) = (partner.clone(), signed.clone());
        tokio::spawn(async move { partner.create(&signed, Some(key), &order()).await.unwrap().expect(201) })
    };
    let contested = send("contested");
    until("the contested order is at the database", async || {
        metric(&partner, "sales_orders_in_batches_total").await >= 2
    })
    .await;
    send("another").await.unwrap();
    assert!(!contested.is_finished(), "nobody overtook it");
    other.close().await.unwrap();
    contested.await.unwrap();
    assert_eq!(database.whole_orders(2).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_gets_a_number_that_is_free_when_the_sequence_was_lost() {
    only_on!(Sqlite); // SQLite keeps the last number in a table that an operator can edit.
    let app = TestApp::new().await;
    let partner = app.partner().await;
    app.send_at_once(requests(&partner, "before", 3)).await.iter().for_each(|answer| drop(answer.expect(201)));
    app.database.db_execute("DELETE FROM sqlite_sequence WHERE name = 'sales_orders'").await.unwrap();
    app.send_at_once(requests(&partner, "after", 3)).await.iter().for_each(|answer| drop(answer.expect(201)));
    assert_eq!(app.database.whole_orders(2).await, 6);
}
