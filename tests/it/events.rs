//! What happened to orders is written down once and read by all who may.

use std::time::Duration;

use futures_util::future::join_all;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use crate::support::{Partner, TestApp, order};

const EVENTS: &str = "query($after: String, $first: Int!, $where: SalesOrderFilter) {
    salesOrderEvents(after: $after, first: $first, where: $where) {
        nodes { id cursor sequence kind actor createdAt orderNumber status previousStatus version note system externalNumber
                salesOrder { orderNumber status } }
        pageInfo { hasNextPage endCursor } } }";

const ACKNOWLEDGE: &str = "mutation($input: AcknowledgeSalesOrderInput!) {
    acknowledgeSalesOrder(input: $input) { version acknowledgements { system externalNumber actor createdAt } } }";

async fn events(client: &Partner<'_>, after: &Value, first: i32, filter: Value) -> Value {
    let variables = json!({"after": after, "first": first, "where": filter});
    client.graphql(EVENTS, variables).await.data()["salesOrderEvents"].take()
}

async fn move_to(operator: &Partner<'_>, number: &str, status: &str, note: Option<&str>) {
    let document =
        "mutation($input: UpdateSalesOrderStatusInput!) { updateSalesOrderStatus(input: $input) { version } }";
    let input = json!({"orderNumber": number, "status": status, "note": note});
    operator.graphql(document, json!({"input": input})).await.data();
}

#[tokio::test]
async fn an_orders_history_tells_who_did_what_and_when() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let operator = app.operator().await;
    app.clock.advance(Duration::from_mins(1));
    move_to(&operator, "SO-0000000001", "CONFIRMED", Some("stock is there")).await;
    let acknowledgement = json!({"orderNumber": "SO-0000000001", "system": "sap", "externalNumber": "4500001234"});
    operator.graphql(ACKNOWLEDGE, json!({"input": acknowledgement})).await.data();
    let document = "{ salesOrder(orderNumber: \"SO-0000000001\") { events {
        sequence kind actor status previousStatus version note system externalNumber createdAt } } }";
    let history = app.dashboard().await.graphql(document, json!({})).await.data()["salesOrder"]["events"].take();
    assert_eq!(
        history,
        json!([
            {"sequence": 1, "kind": "CREATED", "actor": "versuni-client-001", "status": "RECEIVED", "previousStatus": null,
             "version": 1, "note": null, "system": null, "externalNumber": null, "createdAt": "2026-11-23T13:37:16.123456Z"},
            {"sequence": 2, "kind": "STATUS_CHANGED", "actor": "erp-001", "status": "CONFIRMED", "previousStatus": "RECEIVED",
             "version": 2, "note": "stock is there", "system": null, "externalNumber": null, "createdAt": "2026-11-23T13:38:16.123456Z"},
            {"sequence": 3, "kind": "ACKNOWLEDGED", "actor": "erp-001", "status": null, "previousStatus": null,
             "version": null, "note": null, "system": "sap", "externalNumber": "4500001234", "createdAt": "2026-11-23T13:38:16.123456Z"},
        ])
    );
}

#[tokio::test]
async fn the_feed_is_paged_without_a_gap_and_filtered_like_the_list() {
    let app = TestApp::new().await;
    let (partner, other) = (app.partner().await, app.partner_named("other", SignaturePolicy::default()).await);
    let (operator, dashboard) = (app.operator().await, app.dashboard().await);
    for n in 0..6 {
        let sender = if n % 2 == 0 { &partner } else { &other };
        sender.create_with_key(&n.to_string(), &order()).await.expect(201);
        move_to(&operator, &format!("SO-{:010}", n + 1), "CONFIRMED", None).await;
    }
    let all = events(&dashboard, &Value::Null, 100, json!(null)).await["nodes"].take();
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 12);
    let (mut walked, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = events(&dashboard, &after, 5, json!(null)).await;
        walked.extend(page["nodes"].as_array().unwrap().clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(&walked, all);
    assert_eq!(events(&dashboard, &all[11]["cursor"], 5, json!(null)).await["nodes"], json!([]));
    let own = events(&other, &Value::Null, 100, json!(null)).await["nodes"].take();
    let own: Vec<_> = own.as_array().unwrap().iter().map(|event| event["orderNumber"].as_str().unwrap()).collect();
    assert_eq!(
        own,
        ["SO-0000000002", "SO-0000000002", "SO-0000000004", "SO-0000000004", "SO-0000000006", "SO-0000000006"]
    );
    let filtered = events(&dashboard, &all[3]["cursor"], 1, json!({"clientId": {"eq": "other"}})).await;
    assert_eq!(filtered["nodes"][0]["orderNumber"], "SO-0000000004");
    assert_eq!(filtered["pageInfo"]["hasNextPage"], true);
    for (variables, pointer) in [(json!({"after": "x", "first": 1}), "/after"), (json!({"first": 101}), "/first")] {
        let refused = dashboard.graphql(EVENTS, variables).await.expect_error("VALIDATION_FAILED");
        assert_eq!(refused["extensions"]["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn a_receiving_system_acknowledges_an_order_once_and_finds_those_it_has_not() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    partner.create_with_key("second", &order()).await.expect(201);
    let operator = app.operator().await;
    let input = json!({"input": {"orderNumber": "SO-0000000001", "system": "sap", "externalNumber": "45"}});
    let first = operator.graphql(ACKNOWLEDGE, input.clone()).await.data();
    assert_eq!(first["acknowledgeSalesOrder"]["version"], 1, "an acknowledgement is no change of the order");
    assert_eq!(operator.graphql(ACKNOWLEDGE, input.clone()).await.data(), first);
    assert_eq!(app.database.db_number("SELECT count(*) FROM sales_order_events").await, 3);
    let mut other = input.clone();
    other["input"]["externalNumber"] = json!("46");
    let refused = operator.graphql(ACKNOWLEDGE, other).await.expect_error("CONFLICT");
    assert_eq!(refused["extensions"]["externalNumber"], "45");
    let unknown = json!({"input": {"orderNumber": "SO-0000000009", "system": "sap"}});
    operator.graphql(ACKNOWLEDGE, unknown).await.expect_error("NOT_FOUND");
    let faulty = json!({"input": {"orderNumber": "", "system": " ", "externalNumber": "x".repeat(65)}});
    let refused = operator.graphql(ACKNOWLEDGE, faulty).await.expect_error("VALIDATION_FAILED");
    assert_eq!(refused["extensions"]["errors"].as_array().unwrap().len(), 3);
    let dashboard = app.dashboard().await;
    let waiting =
        "query($system: String!) { salesOrders(where: {notAcknowledgedBy: $system}) { nodes { orderNumber } } }";
    for (system, count) in [("sap", 1), ("wms", 2)] {
        let found = dashboard.graphql(waiting, json!({"system": system})).await.data()["salesOrders"]["nodes"].take();
        assert_eq!(found.as_array().unwrap().len(), count, "{system}");
    }
}

#[tokio::test]
async fn an_id_leads_back_to_what_it_names_and_only_for_those_who_may_see_it() {
    let app = TestApp::new().await;
    let (partner, other) = (app.partner().await, app.partner_named("other", SignaturePolicy::default()).await);
    partner.create(&order()).await.expect(201);
    let document = "{ salesOrder(orderNumber: \"SO-0000000001\") { id events { id } } }";
    let found = partner.graphql(document, json!({})).await.data()["salesOrder"].take();
    let node = "query($id: ID!) { node(id: $id) { __typename id } }";
    for (id, kind) in [(&found["id"], "SalesOrder"), (&found["events"][0]["id"], "SalesOrderEvent")] {
        let named = partner.graphql(node, json!({"id": id})).await.data();
        assert_eq!(named["node"], json!({"__typename": kind, "id": id}));
        assert_eq!(other.graphql(node, json!({"id": id})).await.data()["node"], Value::Null);
    }
    for id in ["", "none", "SalesOrder:1", "U2FsZXNPcmRlcjotMQ", "U2FsZXNPcmRlcjo5"] {
        assert_eq!(partner.graphql(node, json!({"id": id})).await.data()["node"], Value::Null, "{id}");
    }
}

#[tokio::test]
async fn a_dashboard_reads_many_things_by_their_ids_in_one_go() {
    let app = TestApp::new().await;
    let (partner, other) = (app.partner().await, app.partner_named("other", SignaturePolicy::default()).await);
    for (key, sender) in [("1", &partner), ("2", &partner), ("3", &other)] {
        sender.create_with_key(key, &order()).await.expect(201);
    }
    let dashboard = app.dashboard().await;
    let all = "{ salesOrders(orderBy: ORDER_NUMBER_ASC) { nodes { id events { id } } } }";
    let found = dashboard.graphql(all, json!({})).await.data()["salesOrders"]["nodes"].take();
    let (first, second, others) = (&found[0]["id"], &found[1]["id"], &found[2]["id"]);
    let event = &found[0]["events"][0]["id"];
    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on SalesOrder { orderNumber products { lineNo } } } }";
    let ids = json!([second, event, "none", others, first, second]);
    let named = async |reader: &Partner<'_>| {
        let named = reader.graphql(nodes, json!({"ids": ids})).await.data()["nodes"].take();
        let named = named.as_array().unwrap().iter().map(|node| node["id"].clone());
        named.collect::<Vec<_>>()
    };
    let nothing = &Value::Null;
    let expected = |ids: [&Value; 6]| ids.map(Value::clone).to_vec();
    assert_eq!(named(&dashboard).await, expected([second, event, nothing, others, first, second]));
    assert_eq!(named(&partner).await, expected([second, event, nothing, nothing, first, second]));
    assert_eq!(named(&other).await, expected([nothing, nothing, nothing, others, nothing, nothing]));
    assert_eq!(dashboard.graphql(nodes, json!({"ids": []})).await.data()["nodes"], json!([]));
    let many = |count: usize| json!({"ids": vec![first; count]});
    let listed = dashboard.graphql(nodes, many(100)).await.data()["nodes"].take();
    assert!(listed.as_array().unwrap().iter().all(|node| node["products"].as_array().unwrap().len() == 2), "{listed}");
    let refused = dashboard.graphql(nodes, many(101)).await.expect_error("VALIDATION_FAILED");
    assert_eq!(refused["extensions"]["errors"][0]["pointer"], "/ids", "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_changed_by_many_at_once_has_a_history_without_a_gap() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let operator = app.operator().await;
    let acknowledgements = (0..20).map(|n| {
        let input = json!({"orderNumber": "SO-0000000001", "system": format!("system-{n}")});
        operator.graphql(ACKNOWLEDGE, json!({"input": input}))
    });
    for answer in join_all(acknowledgements).await {
        answer.data();
    }
    let history = "{ salesOrder(orderNumber: \"SO-0000000001\") { events { sequence } } }";
    let history = operator.signed_graphql(history, json!({})).await;
    // An operator's tool without orders:read sees no order of others.
    assert_eq!(history.data()["salesOrder"], Value::Null);
    let gaps = "SELECT count(*) FROM sales_order_events WHERE sequence BETWEEN 1 AND 21";
    assert_eq!(app.database.db_number(gaps).await, 21);
}
