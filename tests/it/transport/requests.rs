//! What a request may look like, and which operation it runs.

use std::process::Command;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{get, get_with, percent_encoded};
use crate::support::{Database, Process, TestApp, order};

#[tokio::test]
async fn the_public_audit_suite_passes_in_full() {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let url = format!("{}/graphql", service.base);
    let audits = tokio::task::spawn_blocking(move || {
        Command::new("node")
            .args(["tests/node/audit.mjs", &url])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap()
    });
    let audits = audits.await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&audits.stdout), String::from_utf8_lossy(&audits.stderr));
    assert_eq!(said, "61 of 61 audits passed\n");
    assert!(audits.status.success());
}

#[tokio::test]
async fn a_query_may_come_by_get() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let answer = get_with(&app, &[("query", "{ __typename }")]).await;
    assert_eq!(answer.data(), json!({"__typename": "Query"}));
    assert_eq!(
        get(&app, "query=%7B__typename%7D&variables=&operationName=&extensions=").await.data()["__typename"],
        "Query"
    );
    assert_eq!(get(&app, "query={__typename}&unknown=1").await.data()["__typename"], "Query");

    let query = percent_encoded("query($n: String!) { salesOrder(orderNumber: $n) { orderNumber } }");
    let variables = percent_encoded(r#"{"n": "SO-0000000001"}"#);
    let request = Request::get(format!("/graphql?query={query}&variables={variables}"));
    let request = request.header("authorization", partner.authorization()).body(Body::empty()).unwrap();
    assert_eq!(app.send(request).await.data(), json!({"salesOrder": null}));
}

/// Read as another text than was meant, it would find other orders, or none, and nobody would know.
#[tokio::test]
async fn a_parameter_of_any_query_string_that_is_no_utf8_is_refused_by_its_name() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    let told = |error: &Value, name: &str| {
        let only = &error["errors"][0];
        assert!(only["pointer"] == format!("/{name}") && only["code"] == "format", "{error}");
        let message = only["message"].as_str().unwrap();
        assert!(message.starts_with("is not UTF-8; percent-encode"), "{message}");
    };
    for (parameters, name) in [
        ("search=%FF", "search"),
        ("status=RECEIVED&customer_code_contains=caf%E9", "customer_code_contains"),
        // Half a letter, which the next parameter does not complete.
        ("search=%C3&%A9=1", "search"),
        // An unpaired surrogate, and a letter that is longer than it must be.
        ("site%5Fcode=%ED%A0%80", "site_code"),
        ("search=%C0%80", "search"),
        ("%FF=1", "%FF"),
    ] {
        for format in ["csv", "jsonl"] {
            let path = format!("/api/v1/sales-orders.{format}?{parameters}");
            // Who may not export learns that first.
            app.get(&path).await.expect_problem(401, "UNAUTHENTICATED");
            told(&dashboard.get(&path).await.expect_problem(400, "VALIDATION_FAILED"), name);
        }
    }
    for (parameters, name) in [
        ("query=%7B__typename%7D%23%FF", "query"),
        ("query=%7B__typename%7D&variables=%7B%22a%22:%22%FF%22%7D", "variables"),
        ("query=%7B__typename%7D&operationName=%FF", "operationName"),
        ("query=%7B__typename%7D&%FF", "%FF"),
    ] {
        let answer = get(&app, parameters).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        told(&answer.expect_error("VALIDATION_FAILED")["extensions"], name);
    }
    // What is UTF-8 is taken, encoded or not.
    for search in ["caf%C3%A9+%F0%9F%98%80", "a%2Bb&&", "100%"] {
        let found = dashboard.get(&format!("/api/v1/sales-orders.jsonl?search={search}")).await;
        assert_eq!((found.status.as_u16(), found.text.as_str()), (200, ""), "{search}");
    }
    assert_eq!(get(&app, "query={__typename}%23caf%C3%A9").await.data()["__typename"], "Query");
}

#[tokio::test]
async fn a_mutation_by_get_is_refused_however_it_is_named() {
    let app = TestApp::new().await;
    let both = "query Read { __typename } mutation Write { refresh(input: {token: \"x\"}) { token } }";
    for parameters in [
        &[("query", "mutation { refresh(input: {token: \"x\"}) { token } }")][..],
        &[("query", "mutation Write { __typename }"), ("operationName", "Write")],
        &[("query", both), ("operationName", "Write")],
    ] {
        let answer = get_with(&app, parameters).await;
        assert_eq!(answer.status, 405, "{}", answer.text);
        assert_eq!(answer.header("allow"), Some("POST"));
        answer.expect_error("METHOD_NOT_ALLOWED");
        assert_eq!(answer.json().get("data"), None);
    }
    let read = get_with(&app, &[("query", both), ("operationName", "Read")]).await;
    assert_eq!(read.data(), json!({"__typename": "Query"}));
    for unclear in [&[("query", both)][..], &[("query", both), ("operationName", "Other")]] {
        get_with(&app, unclear).await.expect_error("GRAPHQL_VALIDATION_FAILED");
    }
    // HEAD is GET without the answer's body: it must not do more than GET.
    let head = Request::head(format!("/graphql?query={}", percent_encoded("mutation { __typename }")));
    assert_eq!(app.send(head.body(Body::empty()).unwrap()).await.status, 405);
}

#[tokio::test]
async fn operation_name_picks_the_operation() {
    let app = TestApp::new().await;
    let query = "query A { a: __typename } query B { b: __typename }";
    let ask =
        async |name: serde_json::Value| app.post("/graphql", &json!({"query": query, "operationName": name})).await;
    assert_eq!(ask(json!("A")).await.data(), json!({"a": "Query"}));
    assert_eq!(ask(json!("B")).await.data(), json!({"b": "Query"}));
    for unclear in [json!(null), json!(""), json!("C")] {
        ask(unclear).await.expect_error("GRAPHQL_VALIDATION_FAILED");
    }
    let alone = app.post("/graphql", &json!({"query": "query A { a: __typename }", "operationName": null})).await;
    assert_eq!(alone.data(), json!({"a": "Query"}));
}

#[tokio::test]
async fn parameters_of_the_wrong_type_are_refused_and_null_ones_are_absent() {
    let app = TestApp::new().await;
    let query = "{ __typename }";
    for body in [
        json!({}),
        json!({"query": null}),
        json!({"query": 1}),
        json!({"query": [query]}),
        json!({"query": query, "variables": "{}"}),
        json!({"query": query, "variables": [1]}),
        json!({"query": query, "operationName": 1}),
        json!({"query": query, "extensions": "{}"}),
        json!("query"),
        json!(null),
    ] {
        let answer = app.post("/graphql", &body).await;
        assert_eq!(answer.status, 400, "{body}");
        answer.expect_error("MALFORMED_BODY");
        assert_eq!(answer.json().get("data"), None, "{body}");
    }
    let nulls = json!({"query": query, "variables": null, "operationName": null, "extensions": null, "id": 1});
    assert_eq!(app.post("/graphql", &nulls).await.data(), json!({"__typename": "Query"}));
    for body in ["", "{", "{\"query\": \"{ a }\", \"query\": \"{ b }\"}"] {
        let answer = app.post_text("/graphql", &[], body).await;
        assert_eq!(answer.status, 400, "{body}");
        answer.expect_error("MALFORMED_BODY");
    }
}

#[tokio::test]
async fn a_parameter_that_comes_twice_by_get_is_refused() {
    let app = TestApp::new().await;
    for parameters in [
        "query={__typename}&query={__typename}",
        "query={__typename}&variables={}&variables={}",
        "query={__typename}&operationName=&operationName=A",
    ] {
        let answer = get(&app, &parameters.replace('"', "%22")).await;
        assert_eq!(answer.status, 400, "{parameters}");
        let error = answer.expect_error("MALFORMED_BODY");
        assert!(error["message"].as_str().unwrap().contains("given twice"), "{error}");
    }
    for unreadable in [
        "",
        "variables={}",
        "query={__typename}&variables={%22a%22:1,%22a%22:2}",
        "query={__typename}&variables=nope",
        "query={__typename}&variables=[]",
    ] {
        let answer = get(&app, unreadable).await;
        assert_eq!(answer.status, 400, "{unreadable}");
        answer.expect_error("MALFORMED_BODY");
    }
}

#[tokio::test]
async fn a_variable_that_must_be_given_and_is_not_is_refused_before_anything_runs() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let document = "query($number: String!) { salesOrder(orderNumber: $number) { orderNumber } }";
    let authorization = partner.authorization();
    let headers = [("accept", "application/graphql-response+json"), ("authorization", authorization.as_str())];
    let body = json!({"query": document}).to_string();
    let answer = app.post_text("/graphql", &headers, body).await;
    let refused = answer.expect(400);
    assert_eq!(refused.get("data"), None, "{refused}");
    assert_eq!(refused["errors"][0]["extensions"]["code"], "VALIDATION_FAILED");
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("$number"), "{refused}");
    let default = "query($number: String! = \"none\") { salesOrder(orderNumber: $number) { orderNumber } }";
    partner.graphql(default, json!({})).await.data();
}

/// Valid documents are remembered: what one of them may do must not depend on that.
#[tokio::test]
async fn a_document_is_answered_alike_each_time_it_is_sent() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for key in ["order-1", "order-2"] {
        partner.create_with_key(key, &order()).await.expect(201);
    }
    let dashboard = app.dashboard().await;
    let two = "query one($n: Int!) { salesOrders(first: $n) { nodes { orderNumber } } }
               query other { node(id: \"x\") { id } }";
    let requests = [
        json!({"query": two, "operationName": "one", "variables": {"n": 1}}),
        json!({"query": two, "operationName": "other", "variables": {"n": 1}}),
        json!({"query": two, "operationName": "one", "variables": {"n": 2}}),
        json!({"query": two, "operationName": "one", "variables": {"n": "many"}}),
        json!({"query": two, "operationName": "one", "variables": {}}),
        json!({"query": two, "operationName": "one", "variables": {"n": 1000}}),
        json!({"query": two, "operationName": "none"}),
        json!({"query": two}),
        json!({"query": "{ salesOrders(first: 1) { nodes { nothing } } }"}),
        json!({"query": "{ clients { nodes { clientId } } }"}),
    ];
    let mut first = Vec::new();
    for _ in 0..2 {
        for actor in [&dashboard, &partner] {
            let mut answers = Vec::new();
            for request in &requests {
                let authorization = actor.authorization();
                let headers = [("authorization", authorization.as_str())];
                answers.push(app.post_text("/graphql", &headers, request.to_string()).await.text);
            }
            first.push(answers);
        }
    }
    let again = first.split_off(2);
    assert_eq!(first, again);
    let [of_dashboard, ..] = first.as_slice() else { unreachable!() };
    for (index, said) in [(6, "operationName names no operation"), (7, "name the one to run in operationName")] {
        assert!(
            of_dashboard[index].contains(said) && of_dashboard[index].contains("one, other"),
            "{}",
            of_dashboard[index]
        );
    }
    let unnamed = json!({"query": "{ __typename }", "operationName": "x"}).to_string();
    let answer = app.post_text("/graphql", &[], unnamed).await.expect_error("GRAPHQL_VALIDATION_FAILED");
    assert!(answer["message"].as_str().unwrap().contains("leave operationName out"), "{answer}");
    for (index, answer) in of_dashboard.iter().enumerate() {
        assert_eq!(of_dashboard.iter().position(|other| other == answer), Some(index), "two are alike: {answer}");
    }
}
