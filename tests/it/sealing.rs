//! Cursors and ids are opaque: they lead back to where they are from, and tell nobody how much there is.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use crate::support::{Database, PARTNER_KEY, Partner, TestApp, order};

const NODE: &str = "query($id: ID!) { node(id: $id) { __typename ... on SalesOrder { orderNumber }
    ... on SalesOrderEvent { orderNumber } } }";

/// Every cursor and id a partner gets.
const EVERYTHING: &str = "{
    created: salesOrders(orderBy: CREATED_AT_ASC) { edges { cursor node { id events { id cursor } } } pageInfo { startCursor endCursor } }
    updated: salesOrders(orderBy: UPDATED_AT_ASC) { edges { cursor } }
    numbered: salesOrders(orderBy: ORDER_NUMBER_ASC) { edges { cursor } nodes { id ... on SalesOrder { id } } }
    salesOrderEvents { edges { cursor node { id cursor salesOrder { id } } } pageInfo { endCursor } }
    salesOrder(orderNumber: \"SO-0000000001\") { id events { id cursor } } }";

/// An operator's tool that reads the log of what was done to clients.
async fn auditor(app: &TestApp) -> Partner<'_> {
    let secret = app.client("auditor", &[Permission::ClientsRead], SignaturePolicy::default(), Vec::new()).await;
    Partner::log_in(app, "auditor", secret, &PARTNER_KEY).await
}

fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.values().for_each(|member| texts(member, found)),
        _ => {}
    }
}

/// The positions that events have in the database.
async fn positions(app: &TestApp) -> Vec<i64> {
    let count = app.database.db_number("SELECT count(*) FROM sales_order_events").await;
    let mut found = Vec::new();
    for n in 0..count {
        let nth = format!("SELECT position FROM sales_order_events ORDER BY position LIMIT 1 OFFSET {n}");
        found.push(app.database.db_number(&nth).await);
    }
    found
}

fn old(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

#[tokio::test]
async fn no_running_number_can_be_read_from_a_cursor_or_an_id() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for n in 0..3 {
        partner.create_with_key(&n.to_string(), &order()).await.expect(201);
    }
    let mut found = BTreeSet::new();
    texts(&partner.graphql(EVERYTHING, json!({})).await.data(), &mut found);
    let log = "{ clientAuditLog { edges { cursor } pageInfo { endCursor } } }";
    texts(&auditor(&app).await.graphql(log, json!({})).await.data(), &mut found);
    assert!(found.len() > 15, "{found:?}");
    let tails: BTreeSet<_> = found.iter().map(|text| &text[text.len() - 8..]).collect();
    let heads: BTreeSet<_> = found.iter().map(|text| &text[..8]).collect();
    // What is next to each other looks no more alike than what is not.
    assert_eq!((tails.len(), heads.len()), (found.len(), found.len()), "{found:?}");
    let micros = app.clock.now().timestamp_micros();
    for text in &found {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_else(|_| panic!("{text} is no base64url"));
        assert!([24, 32].contains(&bytes.len()), "the length of {text} tells something");
        let shown: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        assert!(!shown.contains(&micros.to_string()) && !shown.contains("SalesOrder"), "{text}: {shown}");
        for number in [micros, 1, 2, 3] {
            for plain in [number.to_be_bytes(), number.to_le_bytes()] {
                assert!(!bytes.windows(8).any(|window| window == plain), "{number} stands in {text}");
            }
        }
    }
}

#[tokio::test]
async fn cursors_and_ids_are_the_same_on_every_instance_and_outlive_a_rotation_of_the_tokens_secret() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let before = partner.graphql(EVERYTHING, json!({})).await.text;
    let rotated = [("SALES_ORDER_AUTH__JWT_SECRET", "quite another secret of more than 32 bytes")];
    // Another connection, as after a restart.
    let store = app.database.connect().await;
    let other = TestApp::router_in(&store, &app.clock, &rotated, |_| {});
    let body =
        json!({"client_id": partner.client_id, "client_secret": secrecy::ExposeSecret::expose_secret(&partner.secret)});
    let session = TestApp::post_at(&other, "127.0.0.1", "/api/v1/auth/login", &[], &body).await.expect(200);
    let authorization = format!("Bearer {}", session["token"].as_str().unwrap());
    let headers = [("authorization", authorization.as_str())];
    let ask = async |body: Value| TestApp::post_at(&other, "127.0.0.1", "/graphql", &headers, &body).await;
    assert_eq!(ask(json!({"query": EVERYTHING})).await.text, before);
    let before: Value = serde_json::from_str(&before).unwrap();
    let (id, cursor) = (&before["data"]["salesOrder"]["id"], &before["data"]["salesOrder"]["events"][0]["cursor"]);
    let found = ask(json!({"query": NODE, "variables": {"id": id}})).await.data();
    assert_eq!(found["node"]["orderNumber"], "SO-0000000001");
    let events = format!("{{ salesOrderEvents(after: {cursor}) {{ nodes {{ id }} }} }}");
    assert_eq!(ask(json!({"query": events})).await.data()["salesOrderEvents"]["nodes"], json!([]));
}

#[tokio::test]
async fn instances_that_start_at_once_on_an_empty_database_share_one_key() {
    let database = Database::empty().await;
    let stores = join_all((0..3).map(|_| database.connect())).await;
    for migrated in join_all(stores.iter().map(sales_order_api::store::Store::migrate_up)).await {
        migrated.unwrap();
    }
    assert_eq!(database.db_number("SELECT count(*) FROM sealing_keys").await, 1);
    // And nobody adds another.
    let another = "INSERT INTO sealing_keys SELECT 2, key, created_at FROM sealing_keys";
    database.db_execute(another).await.unwrap_err();
}

#[tokio::test]
async fn cursors_and_ids_given_out_before_they_were_sealed_lead_where_they_did() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for n in 0..3 {
        app.clock.advance(std::time::Duration::from_secs(1));
        partner.create_with_key(&n.to_string(), &order()).await.expect(201);
    }
    let positions = positions(&app).await;
    // Given out while the service did not seal yet.
    app.database.db_execute(&format!("UPDATE sealing_keys SET created_at = {}", i64::MAX / 2)).await.unwrap();
    let created = app.database.db_number("SELECT created_at FROM sales_orders WHERE id = 1").await;
    for (sort, cursor) in [
        ("CREATED_AT_ASC", format!("c{created}.1")),
        ("UPDATED_AT_ASC", format!("u{created}.1")),
        ("ORDER_NUMBER_ASC", "n0.1".to_owned()),
    ] {
        let page =
            format!("{{ salesOrders(orderBy: {sort}, after: \"{}\") {{ nodes {{ orderNumber }} }} }}", old(&cursor));
        let found = partner.graphql(&page, json!({})).await.data()["salesOrders"]["nodes"].take();
        assert_eq!(found, json!([{"orderNumber": "SO-0000000002"}, {"orderNumber": "SO-0000000003"}]), "{sort}");
    }
    let after = old(&format!("e{}", positions[1]));
    let events = format!("{{ salesOrderEvents(after: \"{after}\") {{ nodes {{ orderNumber }} }} }}");
    let found = partner.graphql(&events, json!({})).await.data()["salesOrderEvents"]["nodes"].take();
    assert_eq!(found, json!([{"orderNumber": "SO-0000000003"}]));
    for (id, kind) in
        [("SalesOrder:2".to_owned(), "SalesOrder"), (format!("SalesOrderEvent:{}", positions[1]), "SalesOrderEvent")]
    {
        let found = partner.graphql(NODE, json!({"id": old(&id)})).await.data()["node"].take();
        assert_eq!(found, json!({"__typename": kind, "orderNumber": "SO-0000000002"}), "{id}");
    }
    let auditor = auditor(&app).await;
    let newest = app.database.db_number("SELECT max(id) FROM client_audit_log").await;
    let log = format!("{{ clientAuditLog(after: \"{}\") {{ nodes {{ clientId }} }} }}", old(&format!("a{newest}")));
    let found = auditor.graphql(&log, json!({})).await.data()["clientAuditLog"]["nodes"].take();
    assert_eq!(found, json!([{"clientId": "versuni-client-001"}]));
}

/// Anybody can write the form from before: by trying, a partner would find the positions of its events in the feed of all.
#[tokio::test]
async fn the_form_from_before_counts_only_for_what_may_have_been_given_out_in_it() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    // Before the key was made, and two days after.
    partner.create_with_key("before", &order()).await.expect(201);
    let made = app.clock.now().timestamp_micros();
    app.database.db_execute(&format!("UPDATE sealing_keys SET created_at = {made}")).await.unwrap();
    app.clock.advance(std::time::Duration::from_hours(11));
    // While instances of both kinds run.
    partner.create_with_key("meanwhile", &order()).await.expect(201);
    app.clock.advance(std::time::Duration::from_hours(36));
    let partner = partner.log_in_again().await;
    partner.create_with_key("since", &order()).await.expect(201);
    let positions = positions(&app).await;
    for (position, counts) in
        [(0, true), (positions[0], true), (positions[1], true), (positions[2], false), (9_999, false)]
    {
        let events =
            format!("{{ salesOrderEvents(after: \"{}\") {{ nodes {{ id }} }} }}", old(&format!("e{position}")));
        let answer = partner.graphql(&events, json!({})).await;
        if counts {
            answer.data();
        } else {
            let refused = answer.expect_error("VALIDATION_FAILED");
            assert_eq!(refused["extensions"]["errors"][0]["code"], "cursor", "{position}");
        }
        let id = old(&format!("SalesOrderEvent:{position}"));
        let found = partner.graphql(NODE, json!({"id": id})).await.data()["node"].take();
        assert_eq!(found.is_object(), counts && position > 0, "{position}: {found}");
    }
    // Those that were sealed go on counting.
    let all = "{ salesOrderEvents { nodes { id cursor } } }";
    let all = partner.graphql(all, json!({})).await.data()["salesOrderEvents"]["nodes"].take();
    let after = format!("{{ salesOrderEvents(after: {}) {{ nodes {{ id }} }} }}", all[1]["cursor"]);
    assert_eq!(partner.graphql(&after, json!({})).await.data()["salesOrderEvents"]["nodes"][0]["id"], all[2]["id"]);
    assert!(partner.graphql(NODE, json!({"id": all[2]["id"]})).await.data()["node"].is_object());
    // So do the subscription's.
    let follow =
        format!("subscription {{ salesOrderEvents(after: \"{}\") {{ id }} }}", old(&format!("e{}", positions[2])));
    let refused = app.subscribe(Some(partner.authorization()), &follow, json!({})).await;
    assert!(refused.text.contains("VALIDATION_FAILED"), "{}", refused.text);
}

#[tokio::test]
async fn a_cursor_of_one_list_is_none_of_another_and_a_forged_one_none_at_all() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let found = partner.graphql(EVERYTHING, json!({})).await.data();
    let created = found["created"]["edges"][0]["cursor"].as_str().unwrap();
    let updated = found["updated"]["edges"][0]["cursor"].as_str().unwrap();
    let numbered = found["numbered"]["edges"][0]["cursor"].as_str().unwrap();
    let event = found["salesOrderEvents"]["edges"][0]["cursor"].as_str().unwrap();
    let event_id = found["salesOrderEvents"]["edges"][0]["node"]["id"].as_str().unwrap();
    let order_id = found["salesOrder"]["id"].as_str().unwrap();
    let log = "{ clientAuditLog { edges { cursor } } }";
    let auditor = auditor(&app).await;
    let audit = auditor.graphql(log, json!({})).await.data()["clientAuditLog"]["edges"][0]["cursor"].take();
    let audit = audit.as_str().unwrap();
    let forged = format!("{}{}", &created[..created.len() - 4], &updated[updated.len() - 4..]);
    let all = [created, updated, numbered, event, event_id, order_id, audit, &forged, "", "nonsense"];
    let lists = [
        ("salesOrders(orderBy: CREATED_AT_DESC, after: CURSOR) { nodes { id } }", created),
        ("salesOrders(orderBy: UPDATED_AT_ASC, before: CURSOR) { nodes { id } }", updated),
        ("salesOrders(orderBy: ORDER_NUMBER_ASC, after: CURSOR) { nodes { id } }", numbered),
        ("salesOrderEvents(after: CURSOR) { nodes { id } }", event),
        ("clientAuditLog(after: CURSOR) { nodes { action } }", audit),
    ];
    for (list, own) in lists {
        let reader = if list.starts_with("client") { &auditor } else { &partner };
        for cursor in all {
            let document = format!("{{ {} }}", list.replace("CURSOR", &json!(cursor).to_string()));
            let answer = reader.graphql(&document, json!({})).await;
            if cursor == own {
                answer.data();
                continue;
            }
            let refused = answer.expect_error("VALIDATION_FAILED");
            assert_eq!(refused["extensions"]["errors"][0]["code"], "cursor", "{list} with {cursor}");
        }
    }
    for (id, is_one) in all.map(|id| (id, id == event_id || id == order_id)) {
        let found = partner.graphql(NODE, json!({"id": id})).await.data()["node"].take();
        assert_eq!(found.is_object(), is_one, "{id}");
    }
}

#[tokio::test]
async fn without_the_key_orders_are_taken_and_read_and_only_cursors_and_ids_fail() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    app.database.db_execute("DELETE FROM sealing_keys").await.unwrap();
    partner.create(&order()).await.expect(201);
    partner.get("/api/v1/sales-orders/SO-0000000001").await.expect(200);
    let read = |selection: &str| format!("{{ salesOrder(orderNumber: \"SO-0000000001\") {{ {selection} }} }}");
    partner.graphql(&read("orderNumber events { kind }"), json!({})).await.data();
    for selection in ["id", "events { cursor }", "events { id }"] {
        let refused = partner.graphql(&read(selection), json!({})).await;
        refused.expect_error("INTERNAL_ERROR");
        assert!(!refused.text.contains("sealing"), "{}", refused.text);
    }
    partner.graphql("{ salesOrders { nodes { orderNumber } } }", json!({})).await.expect_error("INTERNAL_ERROR");
}
