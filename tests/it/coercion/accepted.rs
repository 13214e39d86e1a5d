//! What fits, however it is sent: single values for lists, defaults, variables that are left out or null.

use serde_json::{Value, json};

use crate::support::{TestApp, Wire, order};

#[tokio::test]
async fn a_single_value_stands_for_a_list_of_one_in_variables_and_in_the_document() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    partner.create(&order()).await.expect(201);
    let id = "{ salesOrder(orderNumber: \"SO-0000000001\") { id } }";
    let id = dashboard.graphql(id, json!({})).await.data()["salesOrder"]["id"].take();
    let found = json!({"nodes": [{"id": id}]});
    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    assert_eq!(dashboard.graphql(nodes, json!({"ids": id})).await.data(), found);
    assert_eq!(dashboard.graphql(&format!("{{ nodes(ids: {id}) {{ id }} }}"), json!({})).await.data(), found);
    assert_eq!(dashboard.graphql(&nodes.replace("!)", &format!("! = {id})")), json!({})).await.data(), found);
    let one = json!({"salesOrders": {"totalCount": 1}});
    for (query, variables) in [
        (
            "query($d: SalesOrderFilter) { salesOrders(where: $d) { totalCount } }",
            json!({"d": {"status": {"in": "RECEIVED"}, "siteCode": {"in": "SITE-001"}}}),
        ),
        ("query($d: [String!]) { salesOrders(where: {siteCode: {in: $d}}) { totalCount } }", json!({"d": "SITE-001"})),
        ("{ salesOrders(where: {status: {in: RECEIVED}, siteCode: {in: \"SITE-001\"}}) { totalCount } }", json!({})),
    ] {
        assert_eq!(dashboard.graphql(query, variables).await.data(), one, "{query}");
    }
    let by_day =
        dashboard.graphql("{ salesOrderSummary(groupBy: STATUS) { groups { keys { value } } } }", json!({})).await;
    assert_eq!(by_day.data()["salesOrderSummary"]["groups"][0]["keys"][0]["value"], "RECEIVED");

    // Lines of an order too; over REST `products` is a list, as published.
    let mut body = Wire::GraphQl.order("CUST-002");
    let lines = &mut body["variables"]["input"]["products"];
    *lines = lines[0].take();
    let created = app.post_text("/graphql", &partner.sign().headers(), body.to_string()).await;
    Wire::GraphQl.expect_created(&created);
    let mut body = Wire::Rest.order("CUST-003");
    body["products"] = body["products"][0].take();
    partner.create(&body).await.expect_problem(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_variable_that_is_left_out_leaves_the_argument_its_default() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    let query =
        "query($first: Int, $zone: TimeZone, $by: [SummaryDimension!], $sort: SalesOrderSort, $where: SalesOrderFilter,
                       $after: String, $eq: String, $with: Boolean = true) {
        salesOrderSummary(first: $first, timeZone: $zone, groupBy: $by, where: $where) { truncated }
        salesOrders(first: $first, orderBy: $sort, where: {customerCode: {eq: $eq}}) { totalCount(max: $first) }
        salesOrderEvents(first: $first, after: $after) { edges { cursor } }
        viewer @include(if: $with) { clientId } }";
    let expected = json!({
        "salesOrderSummary": {"truncated": false}, "salesOrders": {"totalCount": 0},
        "salesOrderEvents": {"edges": []}, "viewer": {"clientId": "dashboard-001"}});
    for variables in
        [json!({}), json!(null), json!({"first": 5, "unknown": {"a": 1}}), json!({"where": null, "eq": null})]
    {
        assert_eq!(dashboard.graphql(query, variables.clone()).await.data(), expected, "{variables}");
        // The second time it is known.
        assert_eq!(dashboard.graphql(query, variables.clone()).await.data(), expected, "{variables}");
    }
    // Null is no default, and fits no argument that may not be null.
    for variables in [json!({"first": null}), json!({"zone": null}), json!({"by": null}), json!({"sort": null})] {
        let refused = dashboard.graphql(query, variables.clone()).await;
        let error = refused.expect_error("VALIDATION_FAILED");
        assert_eq!(refused.json().get("data"), None, "{}", refused.text);
        assert!(error["message"].as_str().unwrap().contains("must not be null"), "{error}");
    }
}

#[tokio::test]
async fn a_default_counts_only_where_nothing_is_given_and_may_be_of_any_input_type() {
    let app = TestApp::new().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    partner.create(&order()).await.expect(201);
    let query =
        "query($w: SalesOrderFilter = {status: {in: CANCELLED}}, $n: Int! = 1, $s: SalesOrderSort = CREATED_AT_ASC) {
        salesOrders(where: $w, first: $n, orderBy: $s) { totalCount nodes { orderNumber } } }";
    let count =
        async |variables: Value| dashboard.graphql(query, variables).await.data()["salesOrders"]["totalCount"].take();
    assert_eq!(count(json!({})).await, 0);
    assert_eq!(count(json!({"w": {}})).await, 1);
    assert_eq!(count(json!({"w": null})).await, 1);
    assert_eq!(count(json!({"w": {"status": {"eq": "RECEIVED"}}, "n": 2, "s": "ORDER_NUMBER_DESC"})).await, 1);
    let refused = dashboard.graphql(query, json!({"n": null})).await;
    refused.expect_error("VALIDATION_FAILED");
    assert_eq!(refused.json().get("data"), None);
}

/// Some languages have no other numbers.
#[tokio::test]
async fn a_whole_number_that_is_sent_with_a_fraction_of_zero_is_one() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    let query = "query($n: Int!, $m: Int) { salesOrders(first: $n) { totalCount(max: $m) } }";
    for number in ["2", "2.0", "2e0", "0.2E1"] {
        let body = format!("{{\"query\": \"{query}\", \"variables\": {{\"n\": {number}, \"m\": {number}}}}}");
        let answer = app.post_text("/graphql", &[("authorization", &dashboard.authorization())], body).await;
        assert_eq!(answer.data(), json!({"salesOrders": {"totalCount": 0}}), "{number}");
    }
}
