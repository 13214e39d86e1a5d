//! A partner's program reads over REST what happens to its orders.

mod consumers;
mod following;
mod instances;
mod plans;
mod retention;

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::{Answer, Partner, TestApp, order};

pub const FEED: &str = "/api/v1/events";

/// A page: its events, and how the feed goes on.
pub struct Page {
    pub events: Vec<Value>,
    pub cursor: String,
    pub has_more: bool,
}

impl Page {
    pub fn of(answer: &Answer) -> Self {
        let mut body = answer.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let Value::Array(events) = body["data"].take() else { panic!("{body}") };
        let cursor = body["next_cursor"].as_str().unwrap().to_owned();
        Self { events, cursor, has_more: body["has_more"].as_bool().unwrap() }
    }
}

/// Reads on from a cursor until there is no more; gives what came and the last cursor.
pub async fn rest(reader: &Partner<'_>, query: &str, cursor: Option<&str>) -> (Vec<Value>, String) {
    let from = |cursor: Option<&str>| {
        let after = cursor.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
        format!("{FEED}?{query}{after}")
    };
    let mut page = Page::of(&reader.get(&from(cursor)).await);
    let mut events = std::mem::take(&mut page.events);
    while page.has_more {
        page = Page::of(&reader.get(&from(Some(&page.cursor))).await);
        events.append(&mut page.events);
    }
    (events, page.cursor)
}

/// Sends an order under this reference; gives its number.
pub async fn take(partner: &Partner<'_>, reference: &str) -> String {
    let mut sent = order();
    sent["partner_reference"] = json!(reference);
    let taken = partner.create_with_key(reference, &sent).await.expect(201);
    taken["data"]["order_number"].as_str().unwrap().to_owned()
}

/// Runs a mutation with one input.
async fn change(operator: &Partner<'_>, mutation: &str, input: Value) {
    let name = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let document = format!("mutation($i: {name}!) {{ {mutation}(input: $i) {{ orderNumber }} }}");
    operator.graphql(&document, json!({"i": input})).await.data();
}

async fn move_order(operator: &Partner<'_>, number: &str, status: &str) {
    change(operator, "updateSalesOrderStatus", json!({"orderNumber": number, "status": status})).await;
}

pub fn told(events: &[Value], member: &str) -> Vec<String> {
    events.iter().map(|event| event[member].as_str().unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn a_partner_reads_the_life_of_its_orders_from_its_cursor_on() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let (none, begin) = rest(&partner, "", None).await;
    assert!(none.is_empty());
    let [one, two] = [take(&partner, "PO-1").await, take(&partner, "PO-2").await];
    let line = json!({"lineNo": 1, "confirmedQuantity": 1});
    change(&operator, "confirmSalesOrderLines", json!({"orderNumber": one, "lines": [line]})).await;
    change(&operator, "acknowledgeSalesOrder", json!({"orderNumber": two, "system": "erp"})).await;
    let (events, cursor) = rest(&partner, "", Some(&begin)).await;
    let kinds = ["CREATED", "CREATED", "LINES_CONFIRMED", "STATUS_CHANGED", "ACKNOWLEDGED"];
    assert_eq!(told(&events, "kind"), kinds);
    assert_eq!(told(&events, "partner_reference"), ["PO-1", "PO-2", "PO-1", "PO-1", "PO-2"]);
    assert_eq!(told(&events, "order_number"), [&one, &two, &one, &one, &two].map(String::clone));
    assert_eq!(events.iter().map(|event| event["sequence"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 1, 2, 3, 2]);
    assert_eq!(events[2]["lines"][0]["answer"]["confirmed_quantity"], 1);
    assert_eq!((&events[3]["status"], &events[3]["previous_status"]), (&json!("CONFIRMED"), &json!("RECEIVED")));
    // Who did it is not the partner's business.
    assert_eq!((&events[2]["actor"], &events[4]["system"]), (&Value::Null, &Value::Null));
    assert!(events.iter().all(|event| event.get("order").is_none()));
    // The cursor of an event leads behind it, and the last one behind all.
    let (behind, _) = rest(&partner, "", events[3]["cursor"].as_str()).await;
    assert_eq!(behind, events[4..]);
    assert_eq!(rest(&partner, "", Some(&cursor)).await, (Vec::new(), cursor));
    // Over GraphQL it is the same feed.
    let document = "query($i: SalesOrderEventFeedInput!) {
        salesOrderEventFeed(input: $i) { nodes { cursor kind partnerReference salesOrder { orderNumber } } nextCursor hasMore } }";
    let page = partner.graphql(document, json!({"i": {"after": begin, "limit": 2}})).await.data();
    let page = &page["salesOrderEventFeed"];
    assert_eq!(page["nodes"][1]["cursor"], events[1]["cursor"]);
    assert_eq!(page["nodes"][1]["salesOrder"]["orderNumber"], two);
    assert_eq!((&page["nextCursor"], &page["hasMore"]), (&events[1]["cursor"], &json!(true)));
}

#[tokio::test]
async fn the_pages_hold_each_event_once_however_long_they_are_and_with_their_orders_where_asked() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    for n in 0..7 {
        let number = take(&partner, &format!("PO-{n}")).await;
        move_order(&operator, &number, "CONFIRMED").await;
    }
    let (all, _) = rest(&partner, "", None).await;
    assert_eq!(all.len(), 14);
    for limit in [1, 2, 13, 14, 15, 1000] {
        let first = Page::of(&partner.get(&format!("{FEED}?limit={limit}")).await);
        assert_eq!((first.events.len(), first.has_more), (limit.min(14), limit < 14), "{limit}");
        assert_eq!(rest(&partner, &format!("limit={limit}"), None).await.0, all, "{limit}");
    }
    let (with_orders, _) = rest(&partner, "orders=true&limit=3", None).await;
    let numbers: Vec<_> = with_orders.iter().map(|event| &event["order"]["order_number"]).collect();
    assert_eq!(numbers, all.iter().map(|event| &event["order_number"]).collect::<Vec<_>>());
    let read = partner.get(&format!("/api/v1/sales-orders/{}", numbers[0].as_str().unwrap())).await.expect(200);
    assert_eq!(with_orders[0]["order"], read["data"], "as it is now");
}

#[tokio::test]
async fn orders_of_many_lines_make_the_pages_short_and_nothing_is_left_out() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut sent = order();
    let line = sent["products"][0].clone();
    sent["products"] = json!(vec![line; 450]);
    for n in 0..6 {
        partner.create_with_key(&format!("PO-{n}"), &sent).await.expect(201);
    }
    let first = Page::of(&partner.get(&format!("{FEED}?orders=true")).await);
    assert_eq!((first.events.len(), first.has_more), (4, true));
    let (all, _) = rest(&partner, "orders=true", None).await;
    assert_eq!(all.iter().map(|event| event["order"]["products"].as_array().unwrap().len()).sum::<usize>(), 2_700);
}

#[tokio::test]
async fn a_partner_reads_its_own_events_and_a_dashboard_reads_everybodys() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let other = app.partner_named("other", sales_order_api::domain::signature_policy::SignaturePolicy::default()).await;
    let dashboard = app.dashboard().await;
    take(&partner, "PO-1").await;
    take(&other, "X-1").await;
    take(&partner, "PO-2").await;
    for (reader, references) in
        [(&partner, &["PO-1", "PO-2"][..]), (&other, &["X-1"]), (&dashboard, &["PO-1", "X-1", "PO-2"])]
    {
        let (events, cursor) = rest(reader, "", None).await;
        assert_eq!(told(&events, "partner_reference"), references);
        // Behind what others did there is nothing to be read anew.
        assert_eq!(rest(reader, "", Some(&cursor)).await.0, [] as [Value; 0]);
    }
    let (events, _) = rest(&dashboard, "", None).await;
    assert_eq!(told(&events, "actor"), ["versuni-client-001", "other", "versuni-client-001"]);
    app.get(&format!("{FEED}?limit=0")).await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn whatever_happens_to_an_order_is_an_event_that_its_partner_reads() {
    let app = TestApp::new().await;
    let (partner, operator) = (app.partner().await, app.operator().await);
    let number = take(&partner, "PO-1").await;
    let ask = async |what: &str, body: Value| {
        let (path, body) = (format!("/api/v1/sales-orders/{number}/{what}"), body.to_string());
        app.post_text(&path, &partner.sign_body(&path, body.as_bytes()).headers(), body).await
    };
    ask("change", json!({"expected_version": 1, "address": "Jl. Thamrin 1"})).await.expect(200);
    let lines = [1, 2].map(|line_no| json!({"lineNo": line_no, "confirmedQuantity": 1}));
    change(&operator, "confirmSalesOrderLines", json!({"orderNumber": number, "lines": lines})).await;
    let cancelled = json!({"reason": "OTHER", "lines": [{"line_no": 2, "cancelled_quantity": 1}]});
    let pending = ask("cancellation", cancelled).await.expect(202);
    let request = pending["request"]["request_number"].clone();
    let answer = json!({"orderNumber": number, "requestNumber": request, "decision": "ACCEPT"});
    change(&operator, "answerSalesOrderRequest", answer).await;
    let left = json!({"orderNumber": number, "shipmentNumber": "S-1", "lines": [{"lineNo": 1, "quantity": 1}]});
    change(&operator, "recordShipment", left).await;
    change(&operator, "recordDelivery", json!({"orderNumber": number, "shipmentNumber": "S-1"})).await;
    change(&operator, "acknowledgeSalesOrder", json!({"orderNumber": number, "system": "erp"})).await;
    let (events, _) = rest(&partner, "", None).await;
    let of_kind = |kind: &str| events.iter().filter(|event| event["kind"] == kind).collect::<Vec<_>>();
    for kind in [
        "CREATED",
        "ORDER_CHANGED",
        "LINES_CONFIRMED",
        "STATUS_CHANGED",
        "REQUEST_RECEIVED",
        "REQUEST_ANSWERED",
        "SHIPMENT_RECORDED",
        "SHIPMENT_DELIVERED",
        "ACKNOWLEDGED",
    ] {
        assert!(!of_kind(kind).is_empty(), "{kind}: {events:?}");
    }
    assert_eq!(of_kind("ORDER_CHANGED")[0]["changes"][0]["after"], "Jl. Thamrin 1");
    assert_eq!(of_kind("REQUEST_RECEIVED")[0]["request"]["state"], "PENDING");
    assert!(of_kind("REQUEST_ANSWERED").iter().all(|event| event["request"]["state"] == "ACCEPTED"));
    assert_eq!(of_kind("SHIPMENT_RECORDED")[0]["shipment"]["shipment_number"], "S-1");
    assert_ne!(of_kind("SHIPMENT_DELIVERED")[0]["shipment"]["delivered_at"], Value::Null);
    let sequence: Vec<_> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, (1..=u64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
}

/// More of them than one page looks through.
#[tokio::test]
async fn a_partner_finds_its_event_behind_any_number_of_others() {
    const OTHERS: i64 = 120_000;
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let other = app.partner_named("other", sales_order_api::domain::signature_policy::SignaturePolicy::default()).await;
    take(&partner, "PO-1").await;
    take(&other, "X-1").await;
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= ";
    let copies = format!(
        "{numbers}{OTHERS}) INSERT INTO sales_order_events (order_id, sequence, kind, actor, payload, created_at)
         SELECT e.order_id, n.i, e.kind, e.actor, e.payload, e.created_at FROM n CROSS JOIN sales_order_events AS e
         WHERE e.order_id = 2"
    );
    app.database.db_execute(&copies).await.unwrap();
    take(&partner, "PO-2").await;
    let first = Page::of(&partner.get(FEED).await);
    assert_eq!((told(&first.events, "partner_reference"), first.has_more), (vec!["PO-1".to_owned()], true));
    let (events, _) = rest(&partner, "", None).await;
    assert_eq!(told(&events, "partner_reference"), ["PO-1", "PO-2"]);
}

#[tokio::test]
async fn every_fault_of_a_request_for_events_is_named_at_once() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let faults = async |query: &str, accept: &str| {
        let request = axum::http::Request::get(format!("{FEED}?{query}"))
            .header("authorization", partner.authorization())
            .header("accept", accept);
        let answer = app.send(request.body(axum::body::Body::empty()).unwrap()).await;
        let problem = answer.expect_problem(400, "VALIDATION_FAILED");
        let fault = |fault: &Value| {
            let [pointer, code] = ["pointer", "code"].map(|member| fault[member].as_str().unwrap().to_owned());
            (pointer, code)
        };
        problem["errors"].as_array().unwrap().iter().map(fault).collect::<HashMap<_, _>>()
    };
    let expected = |expected: &[(&str, &str)]| {
        expected.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect::<HashMap<_, _>>()
    };
    for accept in ["application/json", "text/event-stream"] {
        let all = faults("limit=1001&wait=31&orders=yes&sort=asc", accept).await;
        let known = [("/limit", "range"), ("/wait", "range"), ("/orders", "value"), ("/sort", "unknown")];
        assert_eq!(all, expected(&known), "{accept}");
        assert_eq!(faults("after=none&wait=x", accept).await, expected(&[("/after", "cursor"), ("/wait", "type")]));
        let twice = faults("wait=1&wait=2&limit=3&limit=4", accept).await;
        assert_eq!(twice, expected(&[("/wait", "conflict"), ("/limit", "conflict")]), "{accept}");
    }
}
