//! Fields of one response key are one field (GraphQL §6.3.2): they run once, cost once, and must agree.

use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};

use crate::support::{PARTNER_KEY, Partner, TestApp, order};

async fn manager(app: &TestApp) -> Partner<'_> {
    let scopes = [Permission::ClientsManage, Permission::ClientsRead];
    let secret = app.client("operators-tool", &scopes, SignaturePolicy::Documented, Vec::new()).await;
    Partner::log_in(app, "operators-tool", secret, &PARTNER_KEY).await
}

#[tokio::test]
async fn a_secret_that_is_rotated_twice_under_one_name_is_rotated_once() {
    let app = TestApp::new().await;
    app.partner().await;
    let manager = manager(&app).await;
    let rotate = "rotateClientSecret(input: {clientId: \"versuni-client-001\"})";
    for mutation in [
        format!("mutation {{ {rotate} {{ clientSecret }} {rotate} {{ client {{ clientId }} }} }}"),
        format!(
            "mutation {{ ...F ... on Mutation {{ ...F }} }} fragment F on Mutation {{ {rotate} {{ clientSecret }} }}"
        ),
    ] {
        let log = "{ clientAuditLog(clientId: \"versuni-client-001\", first: 100) { nodes { action } } }";
        let count = async || {
            let entries = manager.graphql(log, json!({})).await.data()["clientAuditLog"]["nodes"].take();
            entries.as_array().unwrap().len()
        };
        let before = count().await;
        let answer = manager.graphql(&mutation, json!({})).await.data();
        assert!(answer["rotateClientSecret"]["clientSecret"].is_string(), "{answer}");
        assert_eq!(count().await, before + 1, "{mutation}");
    }
}

#[tokio::test]
async fn a_field_that_is_named_three_hundred_times_runs_and_costs_once() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    let summary = "salesOrderSummary(first: 0, where: {search: \"a\"}) { totals { customers } }";
    let once = dashboard.graphql(&format!("{{ {summary} }}"), json!({})).await.expect(200);
    let often = dashboard.graphql(&format!("{{ {} }}", summary.repeat(300)), json!({})).await.expect(200);
    assert_eq!(often, once);
    assert!(once["extensions"]["cost"]["complexity"].as_u64().unwrap() >= 1000, "{once}");
    // Under names of their own they are many, each at its price.
    let many = |count: usize| (0..count).map(|number| format!("s{number}: {summary} ")).collect::<String>();
    dashboard.graphql(&format!("{{ {} }}", many(10)), json!({})).await.data();
    dashboard.graphql(&format!("{{ {} }}", many(20)), json!({})).await.expect_error("LIMIT_EXCEEDED");
}

#[tokio::test]
async fn parts_of_a_page_that_fragments_ask_for_are_one_page() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let document = "query($with: Boolean!, $without: Boolean = false) {
        salesOrders(first: 5) { ...Head ...Head nodes { products { quantity } } }
        ... on Query { salesOrders(first: 5) { nodes { ...Row version @include(if: $without) } } } }
        fragment Head on SalesOrderConnection { pageInfo { hasNextPage } }
        fragment Row on SalesOrder { orderNumber ...Lines @skip(if: $with) id: customerCode @include(if: $with) }
        fragment Lines on SalesOrder { products { productCode quantity } }";
    let page = |node: Value| json!({"salesOrders": {"pageInfo": {"hasNextPage": false}, "nodes": [node]}});
    let with = partner.graphql(document, json!({"with": true})).await.data();
    let node =
        json!({"products": [{"quantity": 2}, {"quantity": 1}], "orderNumber": "SO-0000000001", "id": "CUST-001"});
    assert_eq!(with.to_string(), page(node).to_string());
    let without = partner.graphql(document, json!({"with": false})).await.data();
    let lines = json!([{"quantity": 2, "productCode": "HD9650"}, {"quantity": 1, "productCode": "HR2223"}]);
    let node = json!({"products": lines, "orderNumber": "SO-0000000001"});
    assert_eq!(without.to_string(), page(node).to_string());
}

#[tokio::test]
async fn an_interface_is_answered_by_what_its_object_is_asked_for() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let ids = partner.graphql("{ salesOrders { nodes { id events { id } } } }", json!({})).await.data();
    let order = &ids["salesOrders"]["nodes"][0];
    let document =
        "query($order: ID!, $event: ID!) { order: node(id: $order) { ...N } event: node(id: $event) { ...N } }
        fragment N on Node { ... on SalesOrder { version } kind: __typename ...E id ... on Node { id } }
        fragment E on SalesOrderEvent { sequence kind: __typename orderNumber }";
    let variables = json!({"order": order["id"], "event": order["events"][0]["id"]});
    let answer = partner.graphql(document, variables).await.data();
    let expected = json!({
        "order": {"version": 1, "kind": "SalesOrder", "id": order["id"]},
        "event": {"kind": "SalesOrderEvent", "sequence": 1, "orderNumber": "SO-0000000001", "id": order["events"][0]["id"]},
    });
    assert_eq!(answer.to_string(), expected.to_string());
}

#[tokio::test]
async fn two_fields_of_one_name_that_differ_are_refused_however_they_are_hidden() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let two = ["a: salesOrder(orderNumber: \"SO-1\") { version }", "a: salesOrder(orderNumber: \"SO-2\") { version }"];
    for document in [
        format!("{{ {} {} }}", two[0], two[1]),
        format!("{{ {} ... on Query {{ {} }} }}", two[0], two[1]),
        format!("{{ {} ...F }} fragment F on Query {{ {} }}", two[0], two[1]),
        "{ viewer { n: name } ... on Query { viewer { n: clientId } } }".to_owned(),
        "{ viewer { ...A } ...B } fragment A on Client { n: name } fragment B on Query { viewer { n: status } }"
            .to_owned(),
    ] {
        let refused = partner.graphql(&document, json!({})).await;
        refused.expect_error("GRAPHQL_VALIDATION_FAILED");
        assert!(refused.json().get("data").is_none(), "{document}: {}", refused.text);
    }
}

#[tokio::test]
async fn an_object_of_which_nothing_is_left_is_empty_and_a_subscription_has_one_root_field() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let query =
        "query($no: Boolean!) { viewer { name @include(if: $no) } salesOrders @include(if: $no) { totalCount } }";
    assert_eq!(partner.graphql(query, json!({"no": false})).await.data(), json!({"viewer": {}}));
    let of_other = "query($no: Boolean!) { viewer @include(if: $no) { name } }";
    assert_eq!(partner.graphql(of_other, json!({"no": false})).await.data(), json!({}));
    for subscription in [
        "subscription { ...F a: salesOrderEvents { kind } } fragment F on Subscription { salesOrderEvents { kind } }",
        "subscription { ...F } fragment F on Subscription { __typename }",
        "subscription { salesOrderEvents { kind } __typename }",
    ] {
        let answer = app.subscribe(Some(partner.authorization()), subscription, json!({})).await;
        assert!(answer.text.contains("GRAPHQL_VALIDATION_FAILED"), "{subscription}: {}", answer.text);
        assert!(!answer.text.contains("data\":{"), "{subscription}: {}", answer.text);
    }
}

#[tokio::test]
async fn objects_of_two_types_with_the_same_members_each_have_those_of_their_own_fragment_in_its_order() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let ids = "{ salesOrder(orderNumber: \"SO-0000000001\") { id events { id } } }";
    let ids = partner.graphql(ids, json!({})).await.data()["salesOrder"].take();
    let node = "query($id: ID!) { node(id: $id) {
        ... on SalesOrder { at: createdAt number: orderNumber }
        ... on SalesOrderEvent { number: orderNumber at: createdAt } } }";
    let (at, number) = ("\"at\":\"2026-11-23T13:37:16.123456Z\"", "\"number\":\"SO-0000000001\"");
    for (id, members) in [(&ids["id"], [at, number]), (&ids["events"][0]["id"], [number, at])] {
        let answer = partner.graphql(node, json!({"id": id})).await;
        assert_eq!(answer.data()["node"].as_object().unwrap().len(), 2);
        let expected = format!("{{\"node\":{{{}}}}}", members.join(","));
        assert!(answer.text.contains(&expected), "{}: {expected}", answer.text);
    }
    // Of a type that nothing is selected of.
    let of_other = "query($id: ID!) { node(id: $id) { ... on SalesOrder { id } } }";
    assert_eq!(partner.graphql(of_other, json!({"id": ids["events"][0]["id"]})).await.data(), json!({"node": {}}));
}
