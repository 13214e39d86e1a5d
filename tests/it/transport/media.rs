//! Which media type an answer has, and what that makes of its status.

use axum::http::Request;
use serde_json::json;

use crate::support::{Answer, TestApp};

const JSON: &str = "application/json; charset=utf-8";
const GRAPHQL: &str = "application/graphql-response+json; charset=utf-8";

async fn ask(app: &TestApp, accept: Option<&str>, query: &str) -> Answer {
    let mut request = Request::post("/graphql").header("content-type", "application/json");
    if let Some(accept) = accept {
        request = request.header("accept", accept);
    }
    app.send(request.body(json!({"query": query}).to_string().into()).unwrap()).await
}

#[tokio::test]
async fn the_client_picks_the_media_type() {
    let app = TestApp::new().await;
    for (accept, expected) in [
        (None, JSON),
        (Some(""), JSON),
        (Some("*/*"), JSON),
        (Some("text/html"), JSON),
        (Some("application/json"), JSON),
        (Some("application/graphql-response+json"), GRAPHQL),
        (Some("Application/GraphQL-Response+JSON; charset=utf-8"), GRAPHQL),
        (Some("application/graphql-response+json, application/json"), GRAPHQL),
        (Some("application/json, application/graphql-response+json"), GRAPHQL),
        (Some("application/graphql-response+json, application/json; q=0.9"), GRAPHQL),
        (Some("application/graphql-response+json;q=0.8, application/json"), JSON),
        (Some("application/json;q=0.5,application/graphql-response+json;q=0.8"), GRAPHQL),
        (Some("application/graphql-response+json;q=0, application/json"), JSON),
        (Some("application/graphql-response+json;q=0"), JSON),
        (Some("application/graphql-response+json; charset=utf-8; q=0.1, */*"), GRAPHQL),
    ] {
        let answer = ask(&app, accept, "{ __typename }").await;
        assert_eq!(answer.header("content-type"), Some(expected), "{accept:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.data(), json!({"__typename": "Query"}));
    }
}

#[tokio::test]
async fn a_refused_request_is_a_400_only_where_that_cannot_be_mistaken_for_a_proxys() {
    let app = TestApp::new().await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($a: Nothing) { viewer { name } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { a: login b: login }", "LIMIT_EXCEEDED"),
        ("{ __type(name: 5) { name } }", "VALIDATION_FAILED"),
        // Who may not ask learns that first.
        ("{ salesOrder(orderNumber: 1) { note } }", "UNAUTHENTICATED"),
    ] {
        for (accept, status) in [("application/graphql-response+json", 400), ("application/json", 200), ("*/*", 200)] {
            let answer = ask(&app, Some(accept), query).await;
            assert_eq!(answer.status, status, "{query} as {accept}");
            answer.expect_error(code);
            assert_eq!(answer.json().get("data"), None, "nothing ran, so there is no data: {}", answer.text);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
}

#[tokio::test]
async fn a_field_that_failed_is_a_200_in_both() {
    let app = TestApp::new().await;
    for accept in ["application/graphql-response+json", "application/json"] {
        let nullable =
            ask(&app, Some(accept), "{ salesOrder(orderNumber: \"SO-0000000001\") { note } __typename }").await;
        assert_eq!(nullable.status, 200);
        let error = nullable.expect_error("UNAUTHENTICATED");
        assert_eq!(error["path"], json!(["salesOrder"]));
        assert_eq!(nullable.json()["data"], json!({"salesOrder": null, "__typename": "Query"}));
        let required = ask(&app, Some(accept), "{ viewer { name } }").await;
        assert_eq!(required.status, 200);
        required.expect_error("UNAUTHENTICATED");
        assert_eq!(required.json().get("data"), Some(&json!(null)), "{}", required.text);
    }
}

#[tokio::test]
async fn a_failed_field_is_null_and_takes_along_only_what_may_not_be_without_it() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&crate::support::order()).await.expect(201);
    app.database.break_table("sales_order_lines").await;
    let query = "{ viewer { name } a: salesOrder(orderNumber: \"SO-0000000001\") { note products { lineNo } } \
                 b: salesOrder(orderNumber: \"SO-0000000001\") { orderNumber note } }";
    let answer = partner.graphql(query, json!({})).await.expect(200);
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer["errors"][0]["path"], json!(["a", "products"]));
    assert_eq!(
        answer["data"],
        json!({
            "viewer": {"name": "The client versuni-client-001"},
            "a": null,
            "b": {"orderNumber": "SO-0000000001", "note": null},
        })
    );
    // An object all of whose fields failed is still there, through fragments and lists; one that may not miss a field is
    // not, by whatever name it was asked for.
    let id = "{ salesOrder(orderNumber: \"SO-0000000001\") { id } }";
    let id = partner.graphql(id, json!({})).await.data()["salesOrder"]["id"].take();
    let query = "{ salesOrders { nodes { r: receipt { signature } } edges { node { ...F } } }
                   kept: node(id: ID) { ... on SalesOrder { id receipt { signature } } }
                   lost: node(id: ID) { id ... on SalesOrder { products { lineNo } } } }
                 fragment F on SalesOrder { orderNumber receipt { signature } }";
    let answer = partner.graphql(&query.replace("ID)", &format!("{id})")), json!({})).await.expect(200);
    assert_eq!(answer["errors"].as_array().unwrap().len(), 4, "{answer}");
    assert_eq!(
        answer["data"],
        json!({
            "salesOrders": {
                "nodes": [{"r": null}],
                "edges": [{"node": {"orderNumber": "SO-0000000001", "receipt": null}}],
            },
            "kept": {"id": id, "receipt": null},
            "lost": null,
        })
    );
    // What may not be null at the top leaves nothing of the answer.
    let answer = app.graphql("{ viewer { name } __typename }", json!({})).await.expect(200);
    assert_eq!(answer["errors"][0]["path"], json!(["viewer"]));
    assert_eq!(answer.get("data"), Some(&json!(null)));
}

#[tokio::test]
async fn a_get_is_answered_in_the_clients_media_type_too() {
    let app = TestApp::new().await;
    for (query, status) in [("{__typename}", 200), ("{nothing}", 400), ("{", 400)] {
        let request =
            Request::get(format!("/graphql?query={query}")).header("accept", "application/graphql-response+json");
        let answer = app.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (status, Some(GRAPHQL)), "{query}");
    }
}
