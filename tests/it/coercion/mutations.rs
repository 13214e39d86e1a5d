//! What a document of several mutations has done is told, and nothing is done where it can be known before.

use serde_json::{Value, json};

use super::expect_request_error;
use crate::support::{Partner, Socket, TestApp, Told, Wire, order};

const ONE: &str = "acknowledgeSalesOrder(input: {orderNumber: \"SO-0000000001\", system: \"erp\"}) { orderNumber }";

async fn acknowledgements(app: &TestApp) -> i64 {
    app.database.db_number("SELECT count(*) FROM sales_order_acknowledgements").await
}

#[tokio::test]
async fn a_mutation_whose_neighbours_variable_does_not_fit_is_not_done() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let operator = app.operator().await;
    let query = format!(
        "mutation($j: AcknowledgeSalesOrderInput!, $n: String) {{ a: {ONE} ...B }}
         fragment B on Mutation {{ b: acknowledgeSalesOrder(input: $j) {{ orderNumber }}
            c: acknowledgeSalesOrder(input: {{orderNumber: \"SO-0000000001\", system: \"crm\", externalNumber: $n}}) {{ version }} }}"
    );
    let fits = json!({"orderNumber": "SO-0000000001", "system": "wms"});
    for variables in [
        json!({"j": "x"}),
        json!({"j": null}),
        json!({}),
        json!({"j": {}}),
        json!({"j": [fits, fits]}),
        json!({"j": {"orderNumber": "SO-0000000001", "system": 1}}),
        json!({"j": {"orderNumber": "SO-0000000001", "system": "wms", "colour": 1}}),
        json!({"j": fits, "n": 1}),
    ] {
        expect_request_error(&operator, &query, &variables, "VALIDATION_FAILED").await;
        assert_eq!(acknowledgements(&app).await, 0, "{variables}");
    }
    // Whose fault it is stands in front.
    let errors = expect_request_error(&operator, &query, &json!({"j": {}, "n": 1}), "VALIDATION_FAILED").await;
    let messages: Vec<_> = errors.as_array().unwrap().iter().map(|error| error["message"].as_str().unwrap()).collect();
    assert_eq!(
        messages,
        ["b: 2 fields are invalid; see errors", "c: /externalNumber: must be a string, not a number"],
        "{errors}"
    );
    let done = operator.graphql(&query, json!({"j": fits})).await.data();
    assert_eq!(done["b"], json!({"orderNumber": "SO-0000000001"}));
    assert_eq!(acknowledgements(&app).await, 3);
}

#[tokio::test]
async fn a_mutation_that_fails_is_null_and_its_neighbours_are_told() {
    let app = TestApp::new().await;
    app.partner().await.create(&order()).await.expect(201);
    let operator = app.operator().await;
    let unknown = ONE.replace("0001", "0009");
    let query = format!("mutation {{ a: {ONE} b: {unknown} c: {} }}", ONE.replace("erp", "crm"));
    let answer = operator.graphql(&query, json!({})).await.expect(200);
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer["errors"][0]["path"], json!(["b"]));
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
    let done = json!({"orderNumber": "SO-0000000001"});
    assert_eq!(answer["data"], json!({"a": done, "b": null, "c": done}));
    assert_eq!(acknowledgements(&app).await, 2);
}

/// A partner's document with two orders, and the ways to hide one of them.
fn two_orders() -> Vec<String> {
    let declared =
        "mutation($i: CreateSalesOrderInput!, $j: CreateSalesOrderInput!, $yes: Boolean! = true, $no: Boolean = false)";
    let [a, b] = ["a: createSalesOrder(input: $i) { replayed }", "b: createSalesOrder(input: $j) { replayed }"];
    [
        format!("{{ {a} {b} }}"),
        format!("{{ {a} ... {{ {b} }} }}"),
        format!("{{ {a} ... on Mutation @include(if: $yes) {{ {b} }} }}"),
        format!("{{ {a} ...F }} fragment F on Mutation {{ ...G }} fragment G on Mutation {{ {b} }}"),
        format!("{{ {a} b: createSalesOrder(input: $j) @skip(if: $no) {{ replayed }} }}"),
    ]
    .into_iter()
    .map(|document| {
        let flags = [("$yes: Boolean! = true", "$yes"), ("$no: Boolean = false", "$no")];
        let unused = flags.iter().filter(|(_, name)| !document.contains(name));
        let declared =
            unused.fold(declared.to_owned(), |declared, (flag, _)| declared.replace(&format!(", {flag}"), ""));
        declared + &document
    })
    .collect()
}

async fn send(partner: &Partner<'_>, key: Option<&str>, query: &str, variables: &Value) -> crate::support::Answer {
    let signed = partner.sign();
    let mut headers = signed.headers().to_vec();
    headers.extend(key.map(|key| ("idempotency-key", key)));
    let body = json!({"query": query, "variables": variables}).to_string();
    partner.app.post_text("/graphql", &headers, body).await
}

#[tokio::test]
async fn a_document_makes_at_most_one_order_and_a_second_one_keeps_both_from_being_made() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let input = |code: &str| Wire::GraphQl.order(code)["variables"]["input"].take();
    let variables = json!({"i": input("CUST-001"), "j": input("CUST-002")});
    let mut socket = Socket::log_in(&app.listen().await, &partner.token).await;
    for query in two_orders() {
        for key in [None, Some("po-1")] {
            let refused = send(&partner, key, &query, &variables).await;
            let error = refused.expect_error("ONE_ORDER_PER_REQUEST");
            assert_eq!(refused.json().get("data"), None, "{query}: {}", refused.text);
            assert!(error["message"].as_str().unwrap().contains("send each order in a request of its own"), "{error}");
        }
        socket.subscribe("1", &query, variables.clone()).await;
        let Told::Message(told) = socket.next().await else { panic!("closed at {query}") };
        assert_eq!(told["payload"][0]["extensions"]["code"], "ONE_ORDER_PER_REQUEST", "{told}");
    }
    assert_eq!(app.database.whole_orders(1).await, 0);

    // One that is left out is none, and one that is named twice is one.
    let one = "mutation($i: CreateSalesOrderInput!, $with: Boolean = false) {
        createSalesOrder(input: $i) { replayed } ...F b: createSalesOrder(input: $i) @include(if: $with) { message } }
        fragment F on Mutation { createSalesOrder(input: $i) { salesOrder { customerCode } } }";
    let made = send(&partner, Some("po-1"), one, &json!({"i": input("CUST-001")})).await.data();
    assert_eq!(made, json!({"createSalesOrder": {"replayed": false, "salesOrder": {"customerCode": "CUST-001"}}}));
    let again = send(&partner, Some("po-1"), one, &json!({"i": input("CUST-001"), "with": false})).await.data();
    assert_eq!(again["createSalesOrder"]["replayed"], true);
    let both = send(&partner, Some("po-2"), one, &json!({"i": input("CUST-001"), "with": true})).await;
    both.expect_error("ONE_ORDER_PER_REQUEST");
    assert_eq!(app.database.whole_orders(1).await, 1);
}

#[tokio::test]
async fn an_order_beside_a_mutation_that_fails_is_told_and_is_made_once_however_often_it_is_sent() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let input = Wire::GraphQl.order("CUST-001")["variables"]["input"].take();
    let query = "mutation($i: CreateSalesOrderInput!) {
        a: createSalesOrder(input: $i) { salesOrder { orderNumber } replayed }
        b: acknowledgeSalesOrder(input: {orderNumber: \"SO-0000000001\", system: \"erp\"}) { version } }";
    for replayed in [false, true] {
        let answer = send(&partner, Some("po-1"), query, &json!({"i": input})).await.expect(200);
        assert_eq!(
            answer["data"],
            json!({"a": {"salesOrder": {"orderNumber": "SO-0000000001"}, "replayed": replayed}, "b": null})
        );
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INSUFFICIENT_SCOPE");
    }
    assert_eq!(app.database.whole_orders(1).await, 1);
}
