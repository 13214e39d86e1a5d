//! Old events expire, and no reader of the feed misses one without being told.

use std::time::Duration;

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::store::ExpiredPart;
use serde_json::{Value, json};

use super::{FEED, Page, move_order, rest, take, told};
use crate::support::{Database, Partner, Process, Receiver, Remote, TestApp, order, until};
use crate::webhooks::{self, Sending, active, local, signed};

const DAY: Duration = Duration::from_hours(24);

/// Removes what is more than a day old.
async fn expire(app: &TestApp) -> ExpiredPart {
    app.store.expire_events(app.clock.now() - DAY).await.unwrap()
}

async fn save(partner: &Partner<'_>, name: &str, input: Value) {
    let document =
        "mutation($n: String!, $i: SaveEventConsumerInput!) { saveEventConsumer(name: $n, input: $i) { cursor } }";
    partner.graphql(document, json!({"n": name, "i": input})).await.data();
}

async fn history(reader: &Partner<'_>, number: &str) -> Value {
    let document = "query($n: String!) { salesOrder(orderNumber: $n) { events { sequence kind } } }";
    reader.graphql(document, json!({"n": number})).await.data()["salesOrder"]["events"].take()
}

/// The cursor behind each of two orders, which are confirmed afterwards.
async fn two_confirmed_orders(partner: &Partner<'_>, operator: &Partner<'_>) -> ([String; 2], Vec<String>) {
    let orders = [take(partner, "PO-1").await, take(partner, "PO-2").await];
    for number in &orders {
        move_order(operator, number, "CONFIRMED").await;
    }
    let (events, _) = rest(partner, "", None).await;
    assert_eq!(told(&events, "kind"), ["CREATED", "CREATED", "STATUS_CHANGED", "STATUS_CHANGED"]);
    (orders, told(&events, "cursor"))
}

#[tokio::test]
async fn an_event_is_kept_until_it_is_old_and_every_consumer_has_passed_it() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    save(&partner, "erp", json!({})).await;
    let (orders, cursors) = two_confirmed_orders(&partner, &operator).await;
    assert_eq!(expire(&app).await, ExpiredPart { events: 0, has_more: false, held_by: None }, "nothing is old");
    app.clock.advance(DAY + Duration::from_secs(1));
    let held = expire(&app).await;
    assert_eq!((held.events, held.held_by.unwrap().name), (0, format!("consumer erp of {}", partner.client_id)));
    let partner = partner.log_in_again().await;
    save(&partner, "erp", json!({"after": cursors[0]})).await;
    let part = expire(&app).await;
    assert_eq!((part.events, part.held_by.is_some()), (1, true));
    let page = Page::of(&partner.get(&format!("{FEED}?consumer=erp")).await);
    assert_eq!(
        told(&page.events, "kind"),
        ["CREATED", "STATUS_CHANGED", "STATUS_CHANGED"],
        "what it has not read is there"
    );
    save(&partner, "erp", json!({"after": page.cursor})).await;
    // Of each order the last one stays.
    assert_eq!(expire(&app).await, ExpiredPart { events: 1, has_more: false, held_by: None });
    assert_eq!(expire(&app).await.events, 0);
    let operator = operator.log_in_again().await;
    assert_eq!(history(&partner, &orders[0]).await, json!([{"sequence": 2, "kind": "STATUS_CHANGED"}]));
    move_order(&operator, &orders[0], "SHIPPED").await;
    let page = Page::of(&partner.get(&format!("{FEED}?consumer=erp")).await);
    assert_eq!(page.events[0]["sequence"], 3, "its history goes on");
    // What was the last one is removed once it is not.
    save(&partner, "erp", json!({"after": page.cursor})).await;
    app.clock.advance(DAY + Duration::from_secs(1));
    assert_eq!(expire(&app).await.events, 1);
    let partner = partner.log_in_again().await;
    assert_eq!(history(&partner, &orders[0]).await, json!([{"sequence": 3, "kind": "STATUS_CHANGED"}]));
}

#[tokio::test]
async fn a_reader_whose_events_are_gone_is_told_so_wherever_it_reads_on() {
    let app = TestApp::with(local).await;
    let (partner, operator, receiver) = (app.partner().await, app.operator().await, Receiver::new().await);
    let list = partner.get("/api/v1/sales-orders").await.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    let (_, cursors) = two_confirmed_orders(&partner, &operator).await;
    app.clock.advance(DAY + Duration::from_secs(1));
    assert_eq!(expire(&app).await.events, 2);
    let (partner, operator) = (partner.log_in_again().await, operator.log_in_again().await);
    let gone = &cursors[1];
    for path in [
        format!("{FEED}?after={gone}"),
        format!("{FEED}?after={gone}&wait=1"),
        format!("{FEED}?after={gone}&orders=true"),
        format!("/api/v1/sales-orders?cursor={list}"),
    ] {
        let problem = partner.get(&path).await.expect_problem(410, "CURSOR_EXPIRED");
        assert!(problem["detail"].as_str().unwrap().contains("begin without a cursor"), "{problem}");
    }
    let page = "query($a: String) { salesOrderEvents(after: $a) { edges { node { sequence } } } }";
    for reader in [&partner, &operator] {
        reader.graphql(page, json!({"a": gone})).await.expect_error("CURSOR_EXPIRED");
    }
    let follow = "subscription($a: String) { salesOrderEvents(after: $a) { sequence } }";
    let batches = "subscription($a: String) { salesOrderEventBatches(after: $a) { hasMore } }";
    for document in [follow, batches] {
        let told = app.subscribe(Some(partner.authorization()), document, json!({"a": gone})).await.text;
        assert!(told.contains("\"code\":\"CURSOR_EXPIRED\"") && told.contains("event: complete"), "{told}");
    }
    let input = json!({"url": format!("{}/hooks", receiver.base), "after": gone});
    signed(&partner, "PUT", "/late", Some(&input)).await.expect_problem(410, "CURSOR_EXPIRED");
    let consumer = "mutation($i: SaveEventConsumerInput!) { saveEventConsumer(name: \"late\", input: $i) { cursor } }";
    partner.graphql(consumer, json!({"i": {"after": gone}})).await.expect_error("CURSOR_EXPIRED");
    // Who begins anew, or is far enough, reads on.
    assert!(rest(&partner, "", None).await.0.is_empty());
    assert!(rest(&partner, "", Some(&cursors[3])).await.0.is_empty());
    partner.graphql(page, json!({"a": null})).await.data();
    save(&partner, "new", json!({})).await;
    let number = take(&partner, "PO-3").await;
    for query in [FEED.to_owned(), format!("{FEED}?consumer=new"), format!("{FEED}?after={}", cursors[3])] {
        assert_eq!(told(&Page::of(&partner.get(&query).await).events, "order_number"), [number.as_str()], "{query}");
    }
}

#[tokio::test]
async fn an_event_is_kept_until_it_was_sent_to_every_endpoint_and_a_replay_tells_of_what_is_gone() {
    let app = TestApp::with(local).await;
    let (partner, operator, receiver) = (app.partner().await, app.operator().await, Receiver::new().await);
    let other = app.partner_named("other", SignaturePolicy::default()).await;
    active(&partner, "erp", &receiver, json!({})).await;
    let (orders, cursors) = two_confirmed_orders(&partner, &operator).await;
    // Nothing of the endpoint's own comes after these for as long as it is looked at here.
    let last = take(&other, "PO-9").await;
    move_order(&operator, &last, "CONFIRMED").await;
    app.clock.advance(DAY + Duration::from_secs(1));
    let held = expire(&app).await;
    assert_eq!(
        (held.events, held.held_by.unwrap().name),
        (0, format!("webhook endpoint erp of {}", partner.client_id))
    );
    {
        let _sending = Sending::on(&app.state);
        receiver.events_after(4).await;
        // Past the events of others it goes too.
        until("it has passed everything", async || expire(&app).await.held_by.is_none()).await;
    }
    let partner = partner.log_in_again().await;
    for gone in [
        json!({"since": "2020-01-01T00:00:00Z"}),
        json!({"since": "2026-11-01T00:00:00Z"}),
        json!({"after": cursors[0]}),
        json!({"event": cursors[0]}),
    ] {
        signed(&partner, "POST", "/erp/replay", Some(&gone)).await.expect_problem(410, "CURSOR_EXPIRED");
    }
    let left = json!({"order_number": orders[0]});
    signed(&partner, "POST", "/erp/replay", Some(&left)).await.expect(202);
    assert!(webhooks::read(&partner, "erp").await["state"] == "ACTIVE");
}

#[tokio::test]
async fn an_event_that_is_retried_or_that_holds_its_order_up_is_kept() {
    let app = TestApp::with(local).await;
    let (partner, operator, receiver) = (app.partner().await, app.operator().await, Receiver::new().await);
    active(&partner, "erp", &receiver, json!({"on_exhausted": "HOLD"})).await;
    two_confirmed_orders(&partner, &operator).await;
    app.clock.advance(DAY + Duration::from_secs(1));
    app.database.db_execute("UPDATE webhook_endpoints SET position = 4").await.unwrap();
    let park = |state: &str| {
        format!(
            "INSERT INTO webhook_parked (endpoint_id, position, order_id, state, attempts, updated_at)
             SELECT id, 1, 1, '{state}', 9, 0 FROM webhook_endpoints"
        )
    };
    for state in ["RETRYING", "EXHAUSTED"] {
        app.database.db_execute(&park(state)).await.unwrap();
        let kept = expire(&app).await;
        assert_eq!((kept.events, kept.held_by.is_some()), (0, true), "{state}");
        app.database.db_execute("DELETE FROM webhook_parked").await.unwrap();
    }
    app.database.db_execute(&park("EXHAUSTED")).await.unwrap();
    app.database.db_execute("UPDATE webhook_endpoints SET on_exhausted = 'CONTINUE'").await.unwrap();
    assert_eq!(expire(&app).await.events, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_removes_old_events_by_itself_and_names_who_keeps_some() {
    let database = Database::new().await;
    let secret = Remote::register_with(&database, "tool", vec![Permission::OrdersRead, Permission::OrdersCreate]).await;
    let first = Process::serve(database.folder.path(), &database.url, |_| {});
    let tool = Remote::log_in(&first.base, "tool", &secret).await;
    for key in ["1", "2"] {
        tool.create(&tool.sign(), Some(key), &order()).await.unwrap().expect(201);
    }
    let save = json!({"query": "mutation { saveEventConsumer(name: \"forgotten\", input: {}) { name } }"});
    let bearer = format!("Bearer {}", tool.token);
    tool.post("/graphql", &[("authorization", &bearer)], &save).await.unwrap().expect(200);
    first.stop();
    let age = "UPDATE sales_order_events SET created_at = created_at - 7200000000";
    database.db_execute(age).await.unwrap();
    let again = "INSERT INTO sales_order_events (order_id, sequence, kind, actor, payload, created_at) \
                 SELECT order_id, 2, 'ACKNOWLEDGED', actor, '{\"system\": \"erp\"}', created_at FROM sales_order_events";
    database.db_execute(again).await.unwrap();
    let serve = || {
        Process::serve(database.folder.path(), &database.url, |command| {
            command.env("SALES_ORDER_EVENTS__RETENTION", "1h");
        })
    };
    let service = serve();
    until("the log names the consumer", async || service.log().contains("consumer forgotten of tool")).await;
    assert_eq!(database.db_number("SELECT count(*) FROM sales_order_events").await, 4);
    service.stop();
    database.db_execute("DELETE FROM event_consumers").await.unwrap();
    let service = serve();
    let left = async || database.db_number("SELECT count(*) FROM sales_order_events").await;
    until("the old ones are gone", async || left().await == 2).await;
    service.stop();
}
