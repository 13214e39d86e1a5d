//! Values that are sent are coerced before anything runs (GraphQL §6.1.2): what does not fit is a request error, on every wire
//! the same, and nothing is done.

mod accepted;
mod mutations;

use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Answer, Partner, Socket, TestApp, Told};

/// Sends a request that accepts this media type.
async fn ask(partner: &Partner<'_>, accept: &str, query: &str, variables: &Value) -> Answer {
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", accept)
        .header("authorization", partner.authorization());
    let body = json!({"query": query, "variables": variables}).to_string();
    partner.app.send(request.body(body.into()).unwrap()).await
}

/// Refused as a whole: without `data`, with the status that the media type allows.
async fn expect_request_error(partner: &Partner<'_>, query: &str, variables: &Value, code: &str) -> Value {
    for (accept, status) in [("application/json", 200), ("application/graphql-response+json", 400)] {
        let answer = ask(partner, accept, query, variables).await;
        assert_eq!(answer.status, status, "{query} with {variables} as {accept}: {}", answer.text);
        assert_eq!(answer.json().get("data"), None, "{query} with {variables}: {}", answer.text);
        answer.expect_error(code);
    }
    ask(partner, "application/json", query, variables).await.json()["errors"].take()
}

/// A document with a variable of each input type, and values that do not fit.
fn misfits() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        (
            "query($v: String!) { salesOrder(orderNumber: $v) { version } }",
            vec![json!(null), json!(1), json!(true), json!(["SO-1"]), json!({"a": 1})],
        ),
        (
            "query($v: Int) { salesOrders(first: $v) { totalCount } }",
            vec![json!("2"), json!(2.5), json!(true), json!([2]), json!(2_147_483_648_i64), json!({})],
        ),
        ("query($v: ID!) { node(id: $v) { id } }", vec![json!(null), json!(1.5), json!(true), json!(["a"]), json!({})]),
        (
            "query($v: [ID!]!) { nodes(ids: $v) { id } }",
            vec![json!(null), json!([null]), json!(["a", null]), json!([["a"]]), json!([{}]), json!({}), json!(false)],
        ),
        (
            "query($v: Boolean!) { viewer @include(if: $v) { name } }",
            vec![json!(null), json!("true"), json!(1), json!([true])],
        ),
        (
            "query($v: SalesOrderSort!) { salesOrders(orderBy: $v) { totalCount } }",
            vec![json!(null), json!("BY_COLOUR"), json!("created_at_asc"), json!(1), json!(["CREATED_AT_ASC"])],
        ),
        (
            "query($v: [SummaryDimension!]!) { salesOrderSummary(groupBy: $v) { truncated } }",
            vec![json!("COLOUR"), json!(["DAY", "COLOUR"]), json!([null]), json!([1])],
        ),
        (
            "query($v: TimeZone!) { salesOrderSummary(timeZone: $v) { truncated } }",
            vec![json!(null), json!("Mars/Olympus"), json!(""), json!(7), json!({"name": "Asia/Jakarta"})],
        ),
        (
            "query($v: SalesOrderFilter) { salesOrders(where: $v) { totalCount } }",
            vec![
                json!("x"),
                json!(1),
                json!([1]),
                json!({"colour": {"eq": "red"}}),
                json!({"customerCode": "C-1"}),
                json!({"customerCode": {"equals": "C-1"}}),
                json!({"customerCode": {"in": [null]}}),
                json!({"customerCode": {"in": ["a", 1]}}),
                json!({"customerCode": {"eq": ["a"]}}),
                json!({"status": {"eq": "LOST"}}),
                json!({"status": {"in": ["RECEIVED", 1]}}),
                json!({"createdAt": {"gte": 1}}),
                json!({"createdAt": {"gte": "yesterday"}}),
                json!({"createdAt": {"lt": {}}}),
                json!({"requestedDeliveryDate": {"gte": "2026-02-30"}}),
                json!({"requestedDeliveryDate": {"lt": 20_261_224}}),
                json!({"search": ["a"]}),
            ],
        ),
        (
            "query($v: DateTime) { salesOrders(where: {createdAt: {gte: $v}}) { totalCount } }",
            vec![json!("yesterday"), json!(1_795_441_036), json!(["2026-11-22T17:00:00Z"]), json!(true)],
        ),
        (
            "query($v: Date) { salesOrders(where: {requestedDeliveryDate: {lt: $v}}) { totalCount } }",
            vec![json!("24.12.2026"), json!("2026-02-30"), json!(20_261_224), json!({})],
        ),
        (
            "query($v: [String!]) { salesOrders(where: {siteCode: {in: $v}}) { totalCount } }",
            vec![json!([1]), json!(["a", null]), json!({"a": "b"}), json!(1)],
        ),
        (
            "query($v: TextFilter) { salesOrders(where: {siteCode: $v}) { totalCount } }",
            vec![json!("S"), json!({"like": "S"}), json!({"contains": 1})],
        ),
    ]
}

#[tokio::test]
async fn a_variable_that_does_not_fit_is_a_request_error_on_every_wire_whatever_its_type() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    let mut socket = Socket::log_in(&app.listen().await, &dashboard.token).await;
    for (query, values) in misfits() {
        for value in values {
            let variables = json!({"v": value});
            let errors = expect_request_error(&dashboard, query, &variables, "VALIDATION_FAILED").await;
            assert!(errors[0].get("path").is_none(), "{errors}");
            assert!(errors[0]["locations"][0]["line"].is_number(), "{errors}");
            let faults = errors[0]["extensions"]["errors"].as_array().unwrap();
            assert!(!faults.is_empty() && faults.iter().all(|fault| fault["pointer"].is_string()), "{errors}");
            socket.subscribe("1", query, variables.clone()).await;
            let Told::Message(told) = socket.next().await else { panic!("closed at {query} with {variables}") };
            assert_eq!((&told["type"], &told["payload"]), (&json!("error"), &errors), "{query} with {variables}");
        }
    }
}

#[tokio::test]
async fn a_variable_that_must_be_given_is_missed_and_a_subscription_is_refused_like_a_query() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    for (query, _) in misfits().into_iter().filter(|(query, _)| query.contains("!)")) {
        let errors = expect_request_error(&dashboard, query, &json!({}), "VALIDATION_FAILED").await;
        assert!(errors.to_string().contains("$v"), "{query}: {errors}");
    }
    let follow = "subscription($v: SalesOrderFilter) { salesOrderEvents(where: $v) { cursor } }";
    for value in [json!("x"), json!({"createdAt": {"gte": "yesterday"}}), json!({"colour": 1})] {
        let answer = app.subscribe(Some(dashboard.authorization()), follow, json!({"v": value})).await;
        assert!(answer.text.contains("VALIDATION_FAILED") && !answer.text.contains("\"data\""), "{}", answer.text);
    }
}

/// GraphQL §5.6.1: also where no variable is.
#[tokio::test]
async fn a_value_in_the_document_that_does_not_fit_is_a_request_error_also_beside_a_variable() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    for query in [
        "{ salesOrders(where: \"x\") { totalCount } }",
        "{ salesOrders(where: {status: {eq: \"RECEIVED\"}}) { totalCount } }",
        "{ salesOrders(where: {status: {in: [RECEIVED, LOST]}}) { totalCount } }",
        "{ salesOrders(where: {createdAt: {gte: \"yesterday\"}}) { totalCount } }",
        "{ salesOrders(first: 2.0) { totalCount } }",
        "{ salesOrders(first: 3000000000) { totalCount } }",
        "{ salesOrders(orderBy: \"CREATED_AT_ASC\") { totalCount } }",
        "{ salesOrderSummary(timeZone: \"Mars/Olympus\") { truncated } }",
        "{ salesOrders { totalCount(max: \"1\") } }",
        "query($a: String) { salesOrders(where: {customerCode: {eq: $a}, siteCode: 1}) { totalCount } }",
        "query($a: String) { salesOrders(where: {customerCode: {eq: $a}, colour: 1}) { totalCount } }",
        // What is skipped, or is another operation's, is held to its types too.
        "{ viewer { name } salesOrder(orderNumber: 5) @skip(if: true) { version } }",
        "{ viewer { name } ... @include(if: \"yes\") { viewer { clientId } } }",
        "{ viewer { ...F } } fragment F on Client { name @skip(if: 1) }",
    ] {
        expect_request_error(&dashboard, query, &json!({}), "VALIDATION_FAILED").await;
    }
    for (query, variables) in [
        // Variables of another type than is expected (§5.8.5).
        ("query($a: Int) { salesOrders(where: {customerCode: {eq: $a}}) { totalCount } }", json!({"a": 1})),
        ("query($a: String) { salesOrders(where: {siteCode: {in: [$a]}}) { totalCount } }", json!({"a": "S"})),
        ("query($a: String!) { salesOrders(where: {siteCode: {in: $a}}) { totalCount } }", json!({"a": "S"})),
        ("query($a: String) { salesOrder(orderNumber: $a) { version } }", json!({"a": "SO-1"})),
        ("query($a: [ID]!) { nodes(ids: $a) { id } }", json!({"a": []})),
        ("query($a: Boolean) { viewer @skip(if: $a) { name } }", json!({"a": true})),
        ("query($a: Int = \"x\") { salesOrders(first: $a) { totalCount } }", json!({})),
        ("query($a: SalesOrderFilter = {colour: 1}) { salesOrders(where: $a) { totalCount } }", json!({})),
        ("query($a: [Nothing] = [1]) { viewer { name } }", json!({})),
        ("query($a: [SalesOrder!] = [1]) { viewer { name } }", json!({})),
        ("query($a: Int! = null) { salesOrders(first: $a) { totalCount } }", json!({"a": 1})),
    ] {
        expect_request_error(&dashboard, query, &variables, "GRAPHQL_VALIDATION_FAILED").await;
    }
}
