//! The order of the feed: whoever follows it misses nothing and reads nothing twice, however many instances append at once.

mod model;

use sales_order_api::domain::event::Position;
use sales_order_api::domain::order_filter::OrderFilter;
use sales_order_api::domain::permission::Scope;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use serde_json::{Value, json};

use crate::subscriptions::FOLLOW;
use crate::support::{Socket, TestApp, in_time, order, until};
use crate::totals::take_back;

/// A sequence gives out positions before the commits that make them visible, so a reader that trusts what it has seen
/// must never be overtaken by an earlier position.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_never_hide_an_event_from_a_reader() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let store = app.database.connect().await;
    let reading = tokio::spawn(async move {
        let (mut seen, mut after) = (Vec::new(), Position::START);
        while seen.len() < 200 {
            let range = (after, Position::END);
            for event in store.list_events(&Scope::All, &OrderFilter::default(), range, 7).await.unwrap() {
                after = event.position;
                seen.push(event.position);
            }
        }
        seen
    });
    let signed = partner.sign();
    let requests = (0..200).map(|n| {
        let key = n.to_string();
        let headers = [&signed.headers()[..], &[("idempotency-key", key.as_str())]].concat();
        TestApp::post_request("/api/v1/sales-orders", &headers, order().to_string())
    });
    for answer in app.send_at_once(requests.collect::<Vec<_>>()).await {
        answer.expect(201);
    }
    let seen = in_time("every event at the reader", reading).await.unwrap();
    assert!(seen.is_sorted() && seen.len() == 200);
}

/// An instance that has drawn the position 2 and stands before its commit.
async fn stand_before_the_commit(app: &TestApp) -> DatabaseConnection {
    let appending = app.database.db_connect().await;
    let begin = "BEGIN; SELECT begin_to_append(); SELECT nextval('sales_order_events_position_seq');
        SET LOCAL idle_in_transaction_session_timeout = 0";
    appending.execute_unprepared(begin).await.unwrap();
    appending
}

/// What it goes on with.
const APPENDED: &str = "INSERT INTO sales_order_events (position, order_id, sequence, kind, actor, payload, created_at)
    SELECT 2, id, 2, 'ACKNOWLEDGED', client_id, '{\"system\":\"erp\",\"externalNumber\":\"4\"}', 1 FROM sales_orders
    ORDER BY id LIMIT 1; COMMIT";

/// On PostgreSQL; on SQLite there is one writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_waits_for_nobody_who_appends_and_readers_stop_before_what_may_still_come() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let first = partner.create_with_key("1", &order()).await.expect(201)["data"]["order_number"].clone();
    let read = async || {
        let page =
            dashboard.graphql("{ salesOrderEvents(first: 9) { edges { node { orderNumber } } } }", json!({})).await;
        let edges = page.data()["salesOrderEvents"]["edges"].as_array().unwrap().clone();
        edges.into_iter().map(|edge| edge["node"]["orderNumber"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(read().await, std::slice::from_ref(&first));
    let appending = stand_before_the_commit(&app).await;
    let second = in_time("an order", partner.create_with_key("2", &order())).await.expect(201);
    let second = second["data"]["order_number"].clone();
    assert_eq!(read().await, std::slice::from_ref(&first), "position 3 is there, and 2 may still come");
    let mut socket = Socket::log_in(&app.listen().await, &dashboard.token).await;
    socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
    assert_eq!(socket.next_data("1").await["salesOrderEvents"]["orderNumber"], first);
    appending.execute_unprepared(APPENDED).await.unwrap();
    for number in [&first, &second] {
        assert_eq!(socket.next_data("1").await["salesOrderEvents"]["orderNumber"], *number);
    }
    assert_eq!(read().await, [first.clone(), first, second]);
    appending.close().await.unwrap();
}

/// The dashboard has the cursor from the history of an order, which is shown at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_on_after_the_cursor_of_an_event_in_an_orders_history_misses_nothing() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    let first = partner.create_with_key("1", &order()).await.expect(201)["data"]["order_number"].clone();
    let cursor_of = async |number: &Value| {
        let query = "query($number: String!) { salesOrder(orderNumber: $number) { events { cursor } } }";
        let history = dashboard.graphql(query, json!({"number": number})).await.data();
        history["salesOrder"]["events"][0]["cursor"].clone()
    };
    let settled = cursor_of(&first).await;
    let appending = stand_before_the_commit(&app).await;
    let second = partner.create_with_key("2", &order()).await.expect(201)["data"]["order_number"].clone();
    let early = cursor_of(&second).await;
    assert_eq!((&early, &cursor_of(&first).await), (&settled, &settled), "the one before may still come");
    appending.execute_unprepared(APPENDED).await.unwrap();
    appending.close().await.unwrap();
    let after =
        "query($after: String) { salesOrderEvents(first: 9, after: $after) { edges { cursor node { sequence } } } }";
    let page = dashboard.graphql(after, json!({"after": early})).await.data()["salesOrderEvents"]["edges"].take();
    assert_eq!((&page[0]["node"]["sequence"], &page[1]["node"]["sequence"]), (&json!(2), &json!(1)), "{page}");
    let late = cursor_of(&second).await;
    assert_eq!(late, page[1]["cursor"]);
    let page = dashboard.graphql(after, json!({"after": late})).await.data()["salesOrderEvents"]["edges"].take();
    assert_eq!(page, json!([]));
}

/// What has a position is in the way of all readers, and other rows of an order need time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_gets_its_position_in_the_feed_last() {
    only_on!(Postgres);
    Box::pin(position_comes_last(SignaturePolicy::Documented)).await;
    // Its signed text is held and named, too.
    Box::pin(position_comes_last(SignaturePolicy::BodyBound)).await;
}

async fn position_comes_last(form: SignaturePolicy) {
    let app = TestApp::new().await;
    let partner = app.partner_named("partner", form).await;
    let alone = app.database.db_connect().await;
    // As whoever adopts a restored database does.
    alone.execute_unprepared("BEGIN; SELECT pg_advisory_xact_lock(x'73616c65732d6576'::bigint)").await.unwrap();
    let order = order();
    let signed = match form {
        SignaturePolicy::BodyBound => partner.sign_body("/api/v1/sales-orders", order.to_string().as_bytes()),
        _ => partner.sign(),
    };
    let mut create = std::pin::pin!(partner.send_order(&signed, &order));
    let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database
        WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted";
    let waiting = until("it waits", async || app.database.db_number(waiting).await > 0);
    tokio::select! {
        _ = &mut create => panic!("an order was answered while nobody might append"),
        () = waiting => {}
    }
    let positions = "SELECT count(*) FROM sales_order_events_position_seq WHERE is_called";
    assert_eq!(app.database.db_number(positions).await, 0);
    // Files grow with the rows that nobody else can see yet.
    for (table, is_written) in [
        ("orders", true),
        ("order_lines", true),
        ("order_receipts", true),
        ("order_signed_texts", form == SignaturePolicy::BodyBound),
        ("order_events", false),
    ] {
        let size = app.database.db_number(&format!("SELECT pg_relation_size('sales_{table}')")).await;
        assert_eq!(size > 0, is_written, "{table}");
    }
    alone.close().await.unwrap();
    create.await.expect(201);
    assert_eq!(app.database.whole_orders(2).await, 1);
}

/// An instance of the version before, which reads the feed to its last event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_an_operator_finishes_the_migration_orders_are_stored_as_the_version_before_needs_it() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create_with_key("1", &order()).await.expect(201);
    assert!(!app.store.is_unfinished().await.unwrap(), "a new database has no such instance");
    take_back(&app.database, "store_orders_side_by_side").await;
    app.store.migrate_up().await.unwrap();
    assert!(app.store.is_unfinished().await.unwrap());

    // Such an instance appends, in its own way.
    let former = app.database.db_connect().await;
    let append = "BEGIN; SELECT pg_advisory_xact_lock(x'73616c65732d6576'::bigint);
        INSERT INTO sales_order_events (order_id, sequence, kind, actor, payload, created_at)
            SELECT id, 2, 'ACKNOWLEDGED', client_id, '{\"system\":\"erp\",\"externalNumber\":\"4\"}', 1 FROM sales_orders";
    former.execute_unprepared(append).await.unwrap();
    let order = order();
    let mut create = std::pin::pin!(partner.create_with_key("2", &order));
    let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database
        WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted";
    tokio::select! {
        _ = &mut create => panic!("an order overtook an instance of the version before"),
        () = until("it waits", async || app.database.db_number(waiting).await > 0) => {}
    }
    assert_eq!(app.store.find_last_position().await.unwrap().get(), 1);
    former.execute_unprepared("COMMIT").await.unwrap();
    create.await.expect(201);
    assert_eq!(app.store.find_last_position().await.unwrap().get(), 3);

    // It finishes when nobody appends in that way, and orders wait for nobody from then on.
    former.execute_unprepared("BEGIN; SELECT pg_advisory_xact_lock(x'73616c65732d6576'::bigint)").await.unwrap();
    let mut finish = std::pin::pin!(app.store.finish_migrations());
    tokio::select! {
        _ = &mut finish => panic!("it finished beside an instance of the version before"),
        () = until("it waits", async || app.database.db_number(waiting).await > 0) => {}
    }
    former.execute_unprepared("COMMIT; BEGIN; SELECT 1").await.unwrap();
    assert!(finish.await.unwrap());
    assert!(!app.store.finish_migrations().await.unwrap(), "once");
    assert!(!app.store.is_unfinished().await.unwrap());
    former.execute_unprepared("SELECT begin_to_append()").await.unwrap();
    in_time("an order", partner.create_with_key("3", &order)).await.expect(201);
    former.execute_unprepared("COMMIT").await.unwrap();
    former.close().await.unwrap();
    app.database.true_totals().await;
}

/// Whoever stops between an event's position and its commit is in the way of every reader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_stands_still_after_it_appended_loses_its_connection_and_the_feed_goes_on() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let stopped = app.database.db_connect().await;
    let append = "BEGIN; SELECT begin_to_append(); SELECT nextval('sales_order_events_position_seq')";
    stopped.execute_unprepared(append).await.unwrap();
    in_time("an order", partner.create(&order())).await.expect(201);
    until("its event", async || app.store.find_last_position().await.unwrap().get() == 2).await;
    // Rolled back, or its position would still be waited for.
    stopped.close().await.unwrap();
}
