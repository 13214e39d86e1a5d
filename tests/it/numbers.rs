//! Order numbers that tell no volume: what is given, that none is lost to a number that is taken, and that nothing takes the order
//! of numbers for the order of time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use chrono::TimeDelta;
use sales_order_api::domain::numbers::{NumberFormat, Numbers};
use sales_order_api::domain::reference_policy::ReferencePolicy;
use sales_order_api::domain::sample;
use sales_order_api::service::clients::ClientChange;
use serde_json::{Value, json};

use crate::support::{Database, Partner, Process, Remote, TestApp, order};

/// Random numbers, each of what `next` makes of how many were drawn before it.
fn drawn(next: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Numbers {
    let drawn = AtomicU64::new(0);
    Numbers::new(NumberFormat::Random, move || next(drawn.fetch_add(1, Ordering::Relaxed)))
}

/// Each is smaller than the one before it, as if time went back.
fn falling() -> Numbers {
    drawn(|drawn| 999_999_999_999 - drawn)
}

fn number_of(order: &Value) -> String {
    order["order_number"].as_str().unwrap().to_owned()
}

/// The partner sends an order at a moment of its own.
async fn send(app: &TestApp, partner: &Partner<'_>, order: &Value) -> String {
    app.clock.advance(Duration::from_secs(1));
    number_of(&partner.create(order).await.expect(201)["data"])
}

async fn send_many(app: &TestApp, partner: &Partner<'_>, count: usize) -> Vec<String> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        numbers.push(send(app, partner, &order()).await);
    }
    numbers
}

/// The same at another instance.
async fn send_to(instance: &Router, app: &TestApp, partner: &Partner<'_>) -> String {
    app.clock.advance(Duration::from_secs(1));
    let signed = partner.sign();
    let answer = TestApp::post_at(instance, "192.0.2.1", "/api/v1/sales-orders", &signed.headers(), &order()).await;
    number_of(&answer.expect(201)["data"])
}

#[tokio::test]
async fn a_random_number_is_the_day_and_twelve_digits_and_the_order_is_found_by_it() {
    let app = TestApp::numbering(Numbers::new(NumberFormat::Random, || 482_193_746_512)).await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let created = partner.create(&order()).await;
    let number = number_of(&created.expect(201)["data"]);
    assert_eq!(number, "SO-261123482193746512", "the test's clock shows 2026-11-23");
    let path = format!("/api/v1/sales-orders/{number}");
    assert_eq!(created.header("location"), Some(&*path));
    assert_eq!(partner.get(&path).await.expect(200)["data"], created.expect(201)["data"]);
    let again = partner.create(&order()).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(number_of(&again.expect(201)["data"]), number);
    for filter in
        [json!({"search": number}), json!({"search": "261123482193746512"}), json!({"orderNumber": {"eq": number}})]
    {
        let document = "query($w: SalesOrderFilter) { salesOrders(where: $w) { nodes { id orderNumber } } }";
        let found = dashboard.graphql(document, json!({"w": filter})).await.data()["salesOrders"]["nodes"].take();
        assert_eq!(found[0]["orderNumber"], number.as_str(), "{filter}");
        let document = "query($id: ID!) { node(id: $id) { ... on SalesOrder { orderNumber } } }";
        let node = dashboard.graphql(document, json!({"id": found[0]["id"]})).await.data();
        assert_eq!(node["node"]["orderNumber"], number.as_str());
    }
    let in_view = "SELECT order_number FROM sales_orders";
    assert_eq!(app.database.db_text(in_view).await, number, "the column is computed from the id");
    assert_eq!(app.database.whole_orders(2).await, 1);
}

#[tokio::test]
async fn a_number_that_is_taken_loses_no_order_and_doubles_none() {
    // Each number is drawn three times, so most are taken.
    let app = TestApp::numbering(drawn(|drawn| drawn / 3)).await;
    let partner = app.partner().await;
    let mut numbers = send_many(&app, &partner, 4).await;
    let mut many = Vec::new();
    for n in 0..20 {
        let mut row = order();
        row["idempotency_key"] = json!(format!("row-{n}"));
        many.push(row);
    }
    app.clock.advance(Duration::from_secs(1));
    let (path, body) = ("/api/v1/sales-orders/batch", json!({"orders": many}).to_string());
    let mut told = Vec::new();
    for _ in 0..2 {
        let signed = partner.sign_body(path, body.as_bytes());
        let answer = app.post_text(path, &signed.headers(), body.clone()).await.expect(207);
        let outcomes = answer["orders"].as_array().unwrap();
        assert!(outcomes.iter().all(|outcome| outcome["status"] == 201), "{outcomes:?}");
        told.push(outcomes.iter().map(|outcome| number_of(&outcome["data"])).collect::<Vec<_>>());
        app.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(told[0], told[1], "the same orders again");
    numbers.extend(told.remove(0));
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 24);
    assert_eq!(app.database.whole_orders(2).await, 24);

    let samples: Vec<_> =
        sample::orders(1, 30, 1, app.clock.now() + TimeDelta::days(1)).collect::<Result<_, _>>().unwrap();
    let clients = vec![partner.client_id.parse().unwrap()];
    app.store.insert_samples(clients.clone(), samples.clone()).await.unwrap();
    let error = app.store.insert_samples(clients, samples).await.unwrap_err();
    assert!(error.is_duplicate(), "{error}");
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 54);
    app.database.true_totals().await;
}

#[tokio::test]
async fn orders_that_come_at_once_get_numbers_of_their_own_though_most_are_taken() {
    let app = TestApp::numbering(drawn(|drawn| drawn / 2)).await;
    let partner = app.partner().await;
    let requests = (0..40).map(|n| {
        let signed = partner.sign();
        let (key, headers) = (format!("at-once-{n}"), signed.headers());
        let headers = [&headers[..], &[("idempotency-key", key.as_str())]].concat();
        TestApp::post_request("/api/v1/sales-orders", &headers, order().to_string())
    });
    let answers = app.send_at_once(requests.collect::<Vec<_>>()).await;
    let mut numbers: Vec<_> = answers.iter().map(|answer| number_of(&answer.expect(201)["data"])).collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 40);
    assert_eq!(app.database.whole_orders(2).await, 40);
}

#[tokio::test]
async fn running_numbers_go_on_where_they_were_after_random_ones() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    assert_eq!(send_many(&app, &partner, 2).await, ["SO-0000000001", "SO-0000000002"]);
    let random = app.database.connect_numbering(drawn(|drawn| drawn)).await;
    let instance = TestApp::router_on(&random, &app.clock, |_| {});
    for (n, running) in (0..3).zip(["SO-0000000003", "SO-0000000004", "SO-0000000005"]) {
        assert_eq!(send_to(&instance, &app, &partner).await, format!("SO-26112300000000000{n}"));
        assert_eq!(send(&app, &partner, &order()).await, running, "beside the other instance");
    }
    // What is left out after a restore stays left out.
    let adopted = random.adopt_restored(10).await.unwrap();
    assert_eq!(adopted.next_order.to_string(), "SO-0000000016");
    assert!(send_to(&instance, &app, &partner).await.starts_with("SO-261123"));
    random.close().await;
    assert_eq!(send(&app, &partner, &order()).await, "SO-0000000016");
    assert_eq!(app.database.whole_orders(2).await, 10);
}

#[tokio::test]
async fn lists_by_time_are_in_the_order_of_time_whatever_the_numbers() {
    let app = TestApp::numbering(falling()).await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let list = "/api/v1/sales-orders?limit=2";
    let begun = partner.get(list).await.expect(200);
    let numbers = send_many(&app, &partner, 7).await;
    assert!(numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");

    let page = "query($after: String) { salesOrders(first: 3, after: $after) {
        nodes { orderNumber } pageInfo { hasNextPage endCursor } } }";
    let (mut newest_first, mut after) = (Vec::new(), Value::Null);
    loop {
        let orders = partner.graphql(page, json!({"after": after})).await.data()["salesOrders"].take();
        newest_first.extend(orders["nodes"].as_array().unwrap().iter().map(|order| order["orderNumber"].clone()));
        after = orders["pageInfo"]["endCursor"].clone();
        if orders["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    newest_first.reverse();
    assert_eq!(newest_first, numbers);

    // By the last change: from the beginning, and from a cursor of before, also where one changes in between.
    for begin in [Value::Null, begun["next_cursor"].clone()] {
        let (mut read, mut cursor) = (Vec::new(), begin);
        loop {
            let next = cursor.as_str().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = partner.get(&format!("{list}{next}")).await.expect(200);
            read.extend(page["data"].as_array().unwrap().iter().map(number_of));
            cursor = page["next_cursor"].clone();
            if page["has_more"] == false {
                break;
            }
        }
        assert_eq!(read, numbers);
    }
    app.clock.advance(Duration::from_secs(1));
    let confirm = "mutation($i: UpdateSalesOrderStatusInput!) { updateSalesOrderStatus(input: $i) { version } }";
    operator.graphql(confirm, json!({"i": {"orderNumber": numbers[3], "status": "CONFIRMED"}})).await.data();
    let changed = partner
        .get(&format!("{list}&changed_after={}", app.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)))
        .await
        .expect(200);
    assert_eq!(changed["data"].as_array().unwrap().iter().map(number_of).collect::<Vec<_>>(), numbers[3..4]);
}

#[tokio::test]
async fn an_export_holds_every_order_once_in_the_order_of_time_whatever_the_numbers() {
    let app = TestApp::numbering(falling()).await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let mut numbers = send_many(&app, &partner, 130).await;
    let exported = async |query: &str| {
        let answer = dashboard.get(&format!("/api/v1/sales-orders.jsonl?{query}")).await;
        let orders: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        orders
    };
    let by_time = exported("cursors=true").await;
    assert_eq!(by_time.iter().map(number_of).collect::<Vec<_>>(), numbers);
    // Whoever goes on from the last one finds what is new.
    let new = send(&app, &partner, &order()).await;
    let after = by_time.last().unwrap()["cursor"].as_str().unwrap();
    assert_eq!(
        exported(&format!("after={after}")).await.iter().map(number_of).collect::<Vec<_>>(),
        std::slice::from_ref(&new)
    );
    numbers.push(new);
    numbers.sort();
    assert_eq!(exported("order_by=order_number_asc").await.iter().map(number_of).collect::<Vec<_>>(), numbers);
}

#[tokio::test]
async fn the_newest_order_with_a_reference_is_the_one_that_came_last_whatever_the_numbers() {
    let app = TestApp::numbering(falling()).await;
    let partner = app.partner().await;
    let change = ClientChange { reference_policy: Some(ReferencePolicy::Warn), ..ClientChange::default() };
    app.clients.update_client(&partner.client_id.parse().unwrap(), change).await.unwrap();
    let mut referenced = order();
    referenced["partner_reference"] = json!("PO-1");
    let mut numbers = Vec::new();
    for _ in 0..3 {
        numbers.push(send(&app, &partner, &referenced).await);
    }
    // And one that gives running numbers again: its order came last and has the least number.
    let running = app.database.connect().await;
    let instance = TestApp::router_on(&running, &app.clock, |_| {});
    app.clock.advance(Duration::from_secs(1));
    let signed = partner.sign();
    let sent = TestApp::post_at(&instance, "192.0.2.1", "/api/v1/sales-orders", &signed.headers(), &referenced).await;
    let warned = sent.expect(201);
    assert_eq!(number_of(&warned["warnings"][0]), numbers[2], "{warned}");
    numbers.push(number_of(&warned["data"]));
    assert_eq!(numbers[3], "SO-0000000001");

    let validated = partner.validate_with_key("not-used", &referenced).await.expect(200);
    assert_eq!(number_of(&validated["warnings"][0]), numbers[3], "{validated}");
    let found = partner.get("/api/v1/sales-orders/by-reference/PO-1").await.expect(200);
    numbers.reverse();
    assert_eq!(found["data"].as_array().unwrap().iter().map(number_of).collect::<Vec<_>>(), numbers);
    running.close().await;
}

#[tokio::test]
async fn texts_of_orders_with_random_numbers_are_folded_anew_in_few_batches() {
    let app = TestApp::numbering(drawn(|drawn| 1 + drawn * 1_000_000_000)).await;
    let partner = app.partner().await;
    send_many(&app, &partner, 5).await;
    let running = app.database.connect().await;
    let instance = TestApp::router_on(&running, &app.clock, |_| {});
    send_to(&instance, &app, &partner).await;
    let text = "'\u{1}c\u{2}s\u{3}große\u{4}p\u{5}\u{6}a'";
    // Also by an instance of another version, beside one that has folded all.
    for _ in 0..2 {
        app.database.db_execute(&format!("UPDATE sales_orders SET search_text = {text}")).await.unwrap();
        assert!(app.store.fold_search_texts().await.unwrap());
        let folded = "SELECT count(*) FROM sales_orders WHERE search_text LIKE '%grosse%'";
        assert_eq!(app.database.db_number(folded).await, 6);
    }
    running.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_chooses_the_form_of_the_numbers_for_each_instance() {
    let database = Database::new().await;
    let secret = Remote::register(&database, "partner").await;
    let random = Process::serve(database.folder.path(), &database.url, |command| {
        command.env("SALES_ORDER_ORDERS__NUMBER_FORMAT", "random");
    });
    let running = Process::serve(database.folder.path(), &database.url, |_| {});
    let at_random = Remote::log_in(&random.base, "partner", &secret).await;
    let at_running = at_random.at(&running.base);
    let create = async |partner: &Remote, key: &str| {
        let answer = partner.create(&partner.sign(), Some(key), &order()).await.unwrap();
        number_of(&answer.expect(201)["data"])
    };
    let drawn = [create(&at_random, "1").await, create(&at_random, "2").await];
    assert_eq!(create(&at_running, "3").await, "SO-0000000001");
    assert!(drawn.iter().all(|number| number.len() == "SO-".len() + 18), "{drawn:?}");
    assert_ne!(drawn[0], drawn[1]);
    // Each answers for the orders of the other.
    assert_eq!(create(&at_running, "1").await, drawn[0]);
    let path = format!("/api/v1/sales-orders/{}", drawn[1]);
    assert_eq!(number_of(&at_running.get(&path).await.expect(200)["data"]), drawn[1]);
    assert_eq!(database.whole_orders(2).await, 3);
    drop((random, running));
}
