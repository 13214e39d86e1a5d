//! Who sees what of an order: a partner what happened to it and when, those who read every order all of it.

mod tools;

use axum::body::Body;
use futures_util::StreamExt as _;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use sales_order_api::service::clients::ClientChange;
use serde_json::{Value, json};

use crate::support::{Answer, PARTNER_KEY, Partner, Socket, TestApp, Told, in_time, order};

/// What only those may see who read every order.
const INTERNAL: [&str; 5] = ["fraud check by Rina", "erp-001", "wms-001", "sap-internal", "4500001234"];
const FOR_THE_PARTNER: &str = "Shipped from Surabaya";
const NUMBER: &str = "SO-0000000001";

const EVENT: &str = "__typename id cursor sequence kind actor createdAt orderNumber status previousStatus version note
                     partnerNote system externalNumber";
const ACKNOWLEDGEMENTS: &str = "acknowledgements { system externalNumber actor createdAt }";

const UPDATE: &str =
    "mutation($input: UpdateSalesOrderStatusInput!) { updateSalesOrderStatus(input: $input) { FIELDS } }";
const ACKNOWLEDGE: &str =
    "mutation($input: AcknowledgeSalesOrderInput!) { acknowledgeSalesOrder(input: $input) { FIELDS } }";

async fn log_in<'a>(app: &'a TestApp, client_id: &str, permissions: &[Permission]) -> Partner<'a> {
    // Only who sends orders signs.
    let sends = permissions.contains(&Permission::OrdersCreate);
    let keys = sends.then(|| PARTNER_KEY.public_key().to_pem()).into_iter().collect();
    let secret = app.client(client_id, permissions, SignaturePolicy::Documented, keys).await;
    Partner::log_in(app, client_id, secret, &PARTNER_KEY).await
}

async fn move_to(tool: &Partner<'_>, status: &str, fields: &str) -> Answer {
    let input = json!({"orderNumber": NUMBER, "status": status, "note": INTERNAL[0], "partnerNote": FOR_THE_PARTNER});
    tool.graphql(&UPDATE.replace("FIELDS", fields), json!({"input": input})).await
}

async fn acknowledge(tool: &Partner<'_>, system: &str, external_number: &str, fields: &str) -> Answer {
    let input = json!({"orderNumber": NUMBER, "system": system, "externalNumber": external_number});
    tool.graphql(&ACKNOWLEDGE.replace("FIELDS", fields), json!({"input": input})).await
}

/// An order of a partner that two tools of ours have worked on.
async fn worked_on(app: &TestApp) -> Partner<'_> {
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let (erp, wms) = (app.operator().await, log_in(app, "wms-001", &[Permission::OrdersManage]).await);
    move_to(&erp, "CONFIRMED", "version").await.data();
    acknowledge(&wms, INTERNAL[3], INTERNAL[4], "version").await.data();
    partner
}

/// Every way to an order's events and acknowledgements.
fn ways(order_id: &str, event_ids: &[String]) -> Vec<String> {
    let within = format!("events {{ {EVENT} }} {ACKNOWLEDGEMENTS}");
    let order = format!("salesOrder {{ {within} events {{ salesOrder {{ {within} }} }} }}");
    let mut ways = vec![
        format!("{{ salesOrder(orderNumber: \"{NUMBER}\") {{ {within} events {{ {order} }} }} }}"),
        format!("{{ salesOrders(first: 3) {{ nodes {{ {within} }} edges {{ node {{ {within} }} }} }} }}"),
        format!("{{ salesOrders(first: 3) {{ nodes {{ ...F }} }} }} fragment F on SalesOrder {{ {within} }}"),
        format!(
            "{{ salesOrderEvents(first: 5) {{ nodes {{ {EVENT} {order} }} edges {{ node {{ {EVENT} {order} }} }} }} }}"
        ),
        format!("{{ node(id: \"{order_id}\") {{ ... on SalesOrder {{ {within} }} }} }}"),
    ];
    let event = |id: &String| format!("{{ node(id: \"{id}\") {{ ... on SalesOrderEvent {{ {EVENT} {order} }} }} }}");
    ways.extend(event_ids.iter().map(event));
    ways
}

#[tokio::test]
async fn a_partner_sees_what_happened_and_when_but_not_who_among_us_did_it_and_what_they_noted() {
    let app = TestApp::new().await;
    let partner = worked_on(&app).await;
    let dashboard = app.dashboard().await;
    let ids = format!("{{ salesOrder(orderNumber: \"{NUMBER}\") {{ id events {{ id }} }} }}");
    let ids = partner.graphql(&ids, json!({})).await.data()["salesOrder"].take();
    let events: Vec<_> =
        ids["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    let mut seen_by_dashboard = String::new();
    for way in ways(ids["id"].as_str().unwrap(), &events) {
        let (theirs, ours) = (partner.graphql(&way, json!({})).await, dashboard.graphql(&way, json!({})).await);
        let (theirs, ours) = (theirs.data().to_string(), ours.data().to_string());
        for internal in INTERNAL {
            assert!(!theirs.contains(internal), "{internal} by {way}: {theirs}");
        }
        assert_eq!(theirs.contains(FOR_THE_PARTNER), ours.contains(FOR_THE_PARTNER), "{way}");
        seen_by_dashboard.push_str(&ours);
    }
    for told in INTERNAL.iter().chain([&FOR_THE_PARTNER]) {
        assert!(seen_by_dashboard.contains(told), "{told} is shown nowhere, so that it is hidden proves nothing");
    }
}

#[tokio::test]
async fn each_field_of_an_event_and_of_an_acknowledgement_is_shown_to_whom_its_description_says() {
    let app = TestApp::new().await;
    let partner = worked_on(&app).await;
    let fields = EVENT.replace("__typename id cursor ", "");
    let document =
        format!("{{ salesOrder(orderNumber: \"{NUMBER}\") {{ events {{ {fields} }} {ACKNOWLEDGEMENTS} }} }}");
    let at = "2026-11-23T13:37:16.123456Z";
    let event = |kind: &str, sequence: i32, shown: Value| {
        let mut event = json!({
            "sequence": sequence, "kind": kind, "actor": null, "createdAt": at, "orderNumber": NUMBER, "status": null,
            "previousStatus": null, "version": null, "note": null, "partnerNote": null, "system": null,
            "externalNumber": null,
        });
        event.as_object_mut().unwrap().extend(shown.as_object().unwrap().clone());
        event
    };
    let created = event("CREATED", 1, json!({"actor": "versuni-client-001", "status": "RECEIVED", "version": 1}));
    let moved =
        json!({"status": "CONFIRMED", "previousStatus": "RECEIVED", "version": 2, "partnerNote": FOR_THE_PARTNER});
    let mut moved_by = moved.clone();
    moved_by["actor"] = json!("erp-001");
    moved_by["note"] = json!(INTERNAL[0]);
    let by = json!({"actor": "wms-001", "system": INTERNAL[3], "externalNumber": INTERNAL[4]});
    let mut acknowledged = by.clone();
    acknowledged["createdAt"] = json!(at);
    for (who, expected) in [
        (
            partner,
            json!({
                "events": [created, event("STATUS_CHANGED", 2, moved), event("ACKNOWLEDGED", 3, json!({}))],
                "acknowledgements": [{"system": null, "externalNumber": null, "actor": null, "createdAt": at}],
            }),
        ),
        (
            app.dashboard().await,
            json!({
                "events": [created, event("STATUS_CHANGED", 2, moved_by), event("ACKNOWLEDGED", 3, by)],
                "acknowledgements": [acknowledged],
            }),
        ),
    ] {
        assert_eq!(who.graphql(&document, json!({})).await.data()["salesOrder"], expected, "{}", who.client_id);
    }
}

const FOLLOW: &str = "subscription($after: String) { salesOrderEvents(after: $after) {
    kind actor note partnerNote system externalNumber salesOrder { events { actor note system externalNumber }
    acknowledgements { system externalNumber actor } } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_that_follows_its_orders_is_told_no_more_over_either_wire() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let partner = worked_on(&app).await;
    let mut socket = Socket::log_in(&base, &partner.token).await;
    socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
    let body = json!({"query": FOLLOW, "variables": {"after": "ZTA"}}).to_string();
    let authorization = partner.authorization();
    let headers = [("accept", "text/event-stream"), ("authorization", authorization.as_str())];
    let request = TestApp::post_request("/graphql", &headers, Body::from(body));
    let response = tower::ServiceExt::oneshot(app.router.clone(), request).await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let mut chunks = response.into_body().into_data_stream();
    for kind in ["CREATED", "STATUS_CHANGED", "ACKNOWLEDGED"] {
        let by_socket = socket.next_data("1").await;
        let chunk =
            String::from_utf8(in_time("the next event", chunks.next()).await.unwrap().unwrap().to_vec()).unwrap();
        let by_sse: Value = serde_json::from_str(chunk.strip_prefix("event: next\ndata: ").unwrap().trim()).unwrap();
        assert_eq!(by_socket, by_sse["data"]);
        assert_eq!(by_socket["salesOrderEvents"]["kind"], kind);
        for internal in INTERNAL {
            assert!(!by_socket.to_string().contains(internal), "{internal}: {by_socket}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_loses_the_scope_is_shown_no_more_than_others_from_then_on() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let both = log_in(&app, "both", &[Permission::OrdersCreate, Permission::OrdersRead]).await;
    both.create(&order()).await.expect(201);
    let erp = app.operator().await;
    let mut socket = Socket::log_in(&base, &both.token).await;
    socket.subscribe("1", FOLLOW, json!({"after": "ZTA"})).await;
    move_to(&erp, "CONFIRMED", "version").await.data();
    socket.next_data("1").await;
    assert_eq!(socket.next_data("1").await["salesOrderEvents"]["note"], INTERNAL[0]);
    let less = ClientChange { permissions: Some(vec![Permission::OrdersCreate]), ..ClientChange::default() };
    app.clients.update_client(&"both".parse().unwrap(), less).await.unwrap();
    move_to(&erp, "SHIPPED", "version").await.data();
    let told = socket.next_data("1").await;
    assert_eq!(told["salesOrderEvents"]["partnerNote"], FOR_THE_PARTNER);
    for internal in INTERNAL {
        assert!(!told.to_string().contains(internal), "{internal}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_loses_the_scope_is_shown_no_receipt_from_then_on() {
    const RECEIPTS: &str =
        "subscription { salesOrderEvents(after: \"ZTA\") { salesOrder { receipt { signatureForm } } } }";
    let app = TestApp::new().await;
    let base = app.listen().await;
    let both = log_in(&app, "both", &[Permission::OrdersCreate, Permission::OrdersRead]).await;
    both.create(&order()).await.expect(201);
    let erp = app.operator().await;
    let mut socket = Socket::log_in(&base, &both.token).await;
    socket.subscribe("1", RECEIPTS, json!({})).await;
    let told = socket.next_data("1").await;
    assert_eq!(told["salesOrderEvents"]["salesOrder"]["receipt"]["signatureForm"], "documented");
    let less = ClientChange { permissions: Some(vec![Permission::OrdersCreate]), ..ClientChange::default() };
    app.clients.update_client(&"both".parse().unwrap(), less).await.unwrap();
    move_to(&erp, "CONFIRMED", "version").await.data();
    let Told::Message(told) = socket.next().await else { panic!("the connection ended") };
    assert_eq!(told["payload"]["data"]["salesOrderEvents"]["salesOrder"], json!({"receipt": null}), "{told}");
    assert_eq!(told["payload"]["errors"][0]["extensions"]["code"], "INSUFFICIENT_SCOPE", "{told}");
}

/// Whoever may ask which orders a system does not have learns which it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_cannot_ask_which_systems_have_its_orders() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let partner = worked_on(&app).await;
    let dashboard = app.dashboard().await;
    for selection in [
        "salesOrders(where: WHERE) { nodes { orderNumber } }",
        "salesOrders(where: WHERE, first: 0) { totalCount }",
        "salesOrderSummary(where: WHERE) { totals { orders } }",
        "salesOrderEvents(where: WHERE) { nodes { kind } }",
    ] {
        let document = format!("{{ {} }}", selection.replace("WHERE", "{notAcknowledgedBy: \"sap-internal\"}"));
        dashboard.graphql(&document, json!({})).await.data();
        let refused = partner.graphql(&document, json!({})).await.expect_error("INSUFFICIENT_SCOPE");
        assert_eq!(refused["extensions"]["scope"], "orders:read");
        assert!(refused["message"].as_str().unwrap().contains("notAcknowledgedBy"), "{refused}");
    }
    let follow = "subscription { salesOrderEvents(after: \"ZTA\", where: {notAcknowledgedBy: \"sap\"}) { kind } }";
    let stream = app.subscribe(Some(partner.authorization()), follow, json!({})).await;
    assert!(stream.text.contains("INSUFFICIENT_SCOPE"), "{}", stream.text);
    let mut socket = Socket::log_in(&base, &partner.token).await;
    socket.subscribe("1", follow, json!({})).await;
    let Told::Message(told) = socket.next().await else { panic!("closed without a word") };
    assert!(told.to_string().contains("INSUFFICIENT_SCOPE"), "{told}");
}

/// Notes of versions that knew one kind only were written for us.
#[tokio::test]
async fn a_note_from_before_there_were_two_kinds_stays_ours() {
    let app = TestApp::new().await;
    let partner = worked_on(&app).await;
    let payload =
        format!("{{\"from\":\"RECEIVED\",\"status\":\"CONFIRMED\",\"version\":2,\"note\":\"{}\"}}", INTERNAL[0]);
    let old = format!("UPDATE sales_order_events SET payload = '{payload}' WHERE kind = 'STATUS_CHANGED'");
    app.database.db_execute(&old).await.unwrap();
    let document = format!("{{ salesOrder(orderNumber: \"{NUMBER}\") {{ events {{ note partnerNote }} }} }}");
    for (who, note) in [(partner, Value::Null), (app.dashboard().await, json!(INTERNAL[0]))] {
        let event = who.graphql(&document, json!({})).await.data()["salesOrder"]["events"][1].take();
        assert_eq!(event, json!({"note": note, "partnerNote": null}));
    }
}
