//! Many dashboards follow the same: events that are gathered, and made once for all of them.

use std::task::{Context, Waker};

use futures_util::StreamExt as _;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use super::{Body, take};
use crate::support::{Database, Partner, Process, Remote, Socket, TestApp, Told, in_time, order};

const FOLLOW: &str = "subscription follow($after: String, $where: SalesOrderFilter) {
    salesOrderEventBatches(after: $after, where: $where) {
        nodes { cursor kind salesOrder { customerCode } } nextCursor hasMore } }";

/// The next batch, and the customers of its events.
async fn next(socket: &mut Socket) -> (Value, Vec<String>) {
    let mut data = socket.next_data("1").await;
    let batch = data["salesOrderEventBatches"].take();
    let nodes = batch["nodes"].as_array().unwrap();
    let customers = nodes.iter().map(|event| event["salesOrder"]["customerCode"].as_str().unwrap().to_owned());
    let customers: Vec<_> = customers.collect();
    assert!(!customers.is_empty(), "nothing that is empty is sent: {batch}");
    (batch, customers)
}

/// The customers of so many events, however they are gathered.
async fn customers(socket: &mut Socket, number: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < number {
        all.extend(next(socket).await.1);
    }
    all
}

fn names(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|n| format!("C-{n}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dashboard_gets_each_event_once_and_goes_on_after_the_last_batch_that_it_got() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
    take(&partner, "C-0").await;
    let (first, told) = next(&mut socket).await;
    assert_eq!((told, &first["hasMore"]), (names(0..1), &json!(false)));
    for name in names(1..6) {
        take(&partner, &name).await;
    }
    assert_eq!(customers(&mut socket, 5).await, names(1..6));

    let mut again = Socket::log_in(&base, &dashboard.token).await;
    again.subscribe("1", FOLLOW, json!({"after": first["nextCursor"]})).await;
    assert_eq!(customers(&mut again, 5).await, names(1..6));
    // The cursor of an event is as good.
    let mut by_event = Socket::log_in(&base, &dashboard.token).await;
    by_event.subscribe("1", FOLLOW, json!({"after": first["nodes"][0]["cursor"]})).await;
    assert_eq!(customers(&mut by_event, 5).await, names(1..6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_events_than_a_batch_has_come_in_several_and_none_is_left_out() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    for name in names(0..205) {
        take(&partner, &name).await;
    }
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
    let (batch, told) = next(&mut socket).await;
    assert_eq!((told, &batch["hasMore"]), (names(0..200), &json!(true)));
    let (batch, told) = next(&mut socket).await;
    assert_eq!((told, &batch["hasMore"]), (names(200..205), &json!(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_of_a_feed_where_nothing_happens_is_answered_at_once() {
    let app = TestApp::new().await;
    let authorization = app.dashboard().await.authorization();
    let headers = [("accept", "text/event-stream"), ("authorization", authorization.as_str())];
    let body = json!({"query": FOLLOW}).to_string();
    let request = TestApp::post_request("/graphql", &headers, Body::from(body));
    let response = in_time("the head", tower::ServiceExt::oneshot(app.router.clone(), request)).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_costs_more_than_a_request_may_ends_the_subscription_and_smaller_ones_tell_all_of_it() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let mut long = order();
    let line = long["products"][0].clone();
    long["products"] = json!(vec![line; 100]);
    for name in names(0..30) {
        long["customer_code"] = json!(name);
        partner.create_with_key(&name, &long).await.expect(201);
    }
    let lines = "customerCode products { lineNo productCode productName quantity unit unitPrice note }";
    let query = FOLLOW.replace("customerCode", lines);
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    socket.subscribe("1", &query, json!({"after": "ZTA"})).await;
    let Told::Message(told) = socket.next().await else { panic!("closed") };
    assert_eq!((&told["type"], &told["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("LIMIT_EXCEEDED")));
    let fewer = query.replace("after: $after,", "after: $after, first: 5,");
    socket.subscribe("1", &fewer, json!({"after": "ZTA"})).await;
    assert_eq!(customers(&mut socket, 30).await, names(0..30));
    for (first, is_right) in [(0, false), (1, true), (200, true), (201, false), (-1, false)] {
        let query = format!("subscription {{ salesOrderEventBatches(after: \"ZTA\", first: {first}) {{ hasMore }} }}");
        let mut socket = Socket::log_in(&base, &dashboard.token).await;
        socket.subscribe("1", &query, json!({})).await;
        let Told::Message(told) = socket.next().await else { panic!("closed") };
        assert_eq!(told["type"], if is_right { "next" } else { "error" }, "{first}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_of_one_document_get_what_each_of_them_may_read_and_asked_for() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let other = app.partner_named("other", SignaturePolicy::default()).await;
    let manager = [Permission::OrdersRead, Permission::OrdersManage];
    let secret = app.client("erp", &manager, SignaturePolicy::Documented, Vec::new()).await;
    let manager = Partner::log_in(&app, "erp", secret, &crate::support::PARTNER_KEY).await;
    let mut sockets = Vec::new();
    for viewer in [&partner, &other, &dashboard, &manager] {
        let mut socket = Socket::log_in(&base, &viewer.token).await;
        socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
        sockets.push(socket);
    }
    let mut filtered = Socket::log_in(&base, &dashboard.token).await;
    let filter = json!({"after": "ZTA", "where": {"customerCode": {"contains": "3"}}});
    filtered.subscribe("1", FOLLOW, filter).await;
    for (n, name) in names(0..6).iter().enumerate() {
        take(if n % 3 == 0 { &other } else { &partner }, name).await;
    }
    let [own, others, all, also_all] = &mut sockets[..] else { unreachable!() };
    assert_eq!(customers(own, 4).await, ["C-1", "C-2", "C-4", "C-5"]);
    assert_eq!(customers(others, 2).await, ["C-0", "C-3"]);
    assert_eq!(customers(all, 6).await, names(0..6));
    assert_eq!(customers(also_all, 6).await, names(0..6));
    assert_eq!(customers(&mut filtered, 1).await, ["C-3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dashboard_that_reads_nothing_keeps_no_other_from_its_batches() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    take(&partner, "C-0").await;
    let authorization = dashboard.authorization();
    let headers = [("accept", "text/event-stream"), ("authorization", authorization.as_str())];
    // Each with a document of its own, so that whoever stops reading is the first to ask for it.
    for polls in 0..12 {
        let query = FOLLOW.replace("follow", &format!("follow{polls}"));
        let body = json!({"query": query, "variables": {"after": "ZTA"}}).to_string();
        let request = TestApp::post_request("/graphql", &headers, Body::from(body));
        let response = tower::ServiceExt::oneshot(app.router.clone(), request).await.unwrap();
        let mut unread = response.into_body().into_data_stream();
        for _ in 0..polls {
            let _ = unread.poll_next_unpin(&mut Context::from_waker(Waker::noop()));
            // The service has time to go on where it waited for the database.
            dashboard.graphql("{ viewer { clientId } }", json!({})).await.data();
        }
        let mut socket = Socket::log_in(&base, &dashboard.token).await;
        socket.subscribe("1", &query, json!({"after": "ZTA"})).await;
        assert_eq!(in_time("the batch", customers(&mut socket, 1)).await, names(0..1), "after {polls} polls");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_to_many_dashboards_is_read_for_one_of_them() {
    const VIEWERS: u64 = 10;
    let database = Database::new().await;
    let process = Process::serve(database.folder.path(), &database.url, |command| {
        command.env("SALES_ORDER_AUTH__CLIENT_CACHE_TTL", "5s");
    });
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&process.base, "partner", &secret).await;
    let secret = Remote::register_with(&database, "board", vec![Permission::OrdersRead]).await;
    let board = Remote::log_in(&process.base, "board", &secret).await;
    let query = FOLLOW.replace("customerCode", "customerCode products { productCode } acknowledgements { system }");
    let mut sockets = Vec::new();
    for _ in 0..VIEWERS {
        let mut socket = Socket::log_in(&process.base, &board.token).await;
        socket.subscribe("1", &query, json!({"after": "ZTA"})).await;
        sockets.push(socket);
    }
    partner.create(&partner.sign(), Some("0"), &order()).await.unwrap().expect(201);
    for mut socket in sockets {
        assert_eq!(customers(&mut socket, 1).await.len(), 1);
    }
    let log = process.stop();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let queries: Vec<_> = lines
        .filter(|line| line["graphql.operation.name"] == "follow")
        .map(|line| line["db.queries"].as_u64().unwrap())
        .collect();
    // To begin takes each of them a few; the events, their orders, products and acknowledgements are read once.
    let most = *queries.iter().max().unwrap();
    assert_eq!(queries.len() as u64, VIEWERS);
    assert!(queries.iter().sum::<u64>() <= VIEWERS * (most - 2), "{queries:?}");
}
