//! The root field of a subscription, however a document selects it (GraphQL §5.2.3.1, §6.2.3.1, §6.3.2).

use serde_json::{Value, json};

use super::take;
use crate::support::{Socket, TestApp, Told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_is_followed_through_fragments_and_fields_of_one_key_are_one() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let (partner, dashboard) = (app.partner().await, app.dashboard().await);
    take(&partner, "C-1").await;
    let of = |selected: &str| format!("salesOrderEvents(after: $after) {{ {selected} }}");
    let [kind, customer] = ["kind", "salesOrder { customerCode }"].map(of);
    for document in [
        format!("{{ ...F }} fragment F on Subscription {{ {} }}", of("kind salesOrder { customerCode }")),
        format!("{{ ... {{ {} }} }}", of("kind salesOrder { customerCode }")),
        format!("{{ ... on Subscription {{ ...F }} }} fragment F on Subscription {{ {kind} {customer} }}"),
        format!("{{ {kind} {customer} }}"),
        format!("{{ {kind} ...F ...F }} fragment F on Subscription {{ ... {{ {customer} }} }}"),
        "{ salesOrderEvents(after: $after) @include(if: $yes) { kind salesOrder { customerCode } } }".to_owned(),
        format!(
            "{{ {kind} ... @include(if: $yes) {{ {customer} }} other: salesOrderEvents @skip(if: $yes) {{ kind }} }}"
        ),
        format!(
            "{{ {kind} {customer} ...F @skip(if: $yes) }} fragment F on Subscription {{ x: salesOrderEvents {{ kind }} }}"
        ),
    ] {
        let flag = if document.contains("$yes") { ", $yes: Boolean! = true" } else { "" };
        let document = format!("subscription($after: String{flag}) {document}");
        let mut socket = Socket::log_in(&base, &dashboard.token).await;
        socket.subscribe("1", &document, json!({"after": "ZTA"})).await;
        let data = socket.next_data("1").await;
        let event = json!({"kind": "CREATED", "salesOrder": {"customerCode": "C-1"}});
        assert_eq!(data, json!({"salesOrderEvents": event}), "{document}");
    }
}

/// What a subscription is refused with over both transports, neither of which may have `data`.
async fn refusals(
    app: &TestApp,
    socket: &mut Socket,
    token: Option<String>,
    query: &str,
    variables: Value,
) -> [Value; 2] {
    let answer = app.subscribe(token, query, variables.clone()).await;
    // Who sent no token is told so by the status.
    let mut event = match answer.text.strip_prefix("event: next\ndata: ").and_then(|text| text.split_once("\n\n")) {
        Some((event, rest)) => {
            assert_eq!(rest, "event: complete\ndata: \n\n", "{query}");
            serde_json::from_str(event).unwrap()
        }
        None => {
            assert_eq!(answer.status, 401, "{query}: {}", answer.text);
            answer.json()
        }
    };
    assert_eq!(event.get("data"), None, "{query}: {event}");
    socket.subscribe("1", query, variables).await;
    let Told::Message(mut told) = socket.next().await else { panic!("closed at {query}") };
    assert_eq!(told["type"], "error", "{query}: {told}");
    [event["errors"].take(), told["payload"].take()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_does_not_begin_is_refused_as_a_whole() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let dashboard = app.dashboard().await;
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    let (a, b) = ("a: salesOrderEvents { kind }", "b: salesOrderEvents { kind }");
    for (query, variables, code) in [
        (format!("subscription {{ {a} {b} }}"), json!({}), "GRAPHQL_VALIDATION_FAILED"),
        (
            format!("subscription {{ {a} ...F }} fragment F on Subscription {{ {b} }}"),
            json!({}),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (format!("subscription {{ {a} ... {{ __typename }} }}"), json!({}), "GRAPHQL_VALIDATION_FAILED"),
        (
            "subscription { a: salesOrderEvents { kind } a: salesOrderEvents(after: \"ZTA\") { kind } }".to_owned(),
            json!({}),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "subscription($no: Boolean!) { salesOrderEvents @include(if: $no) { kind } }".to_owned(),
            json!({"no": false}),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "subscription($no: Boolean!) { salesOrderEvents @include(if: $no) { kind } }".to_owned(),
            json!({"no": "true"}),
            "VALIDATION_FAILED",
        ),
        ("subscription { salesOrderEvents(after: \"no cursor\") { kind } }".to_owned(), json!({}), "VALIDATION_FAILED"),
        (
            "subscription($w: SalesOrderFilter) { salesOrderEvents(where: $w) { kind } }".to_owned(),
            json!({"w": {"search": "a ".repeat(11)}}),
            "VALIDATION_FAILED",
        ),
    ] {
        for errors in refusals(&app, &mut socket, Some(dashboard.authorization()), &query, variables.clone()).await {
            assert_eq!(errors[0]["extensions"]["code"], code, "{query}: {errors}");
            assert!(errors[0].get("path").is_none(), "{query}: {errors}");
        }
    }
    // Who may not follow is told so in the same shape.
    let partner = app.partner().await;
    let mut stranger = Socket::anonymous(&base).await.unwrap();
    for errors in refusals(&app, &mut stranger, None, "subscription { salesOrderEvents { kind } }", json!({})).await {
        assert_eq!(errors[0]["extensions"]["code"], "UNAUTHENTICATED", "{errors}");
    }
    let mut socket = Socket::log_in(&base, &partner.token).await;
    let hidden = "subscription { salesOrderEvents(where: {notAcknowledgedBy: \"erp\"}) { kind } }";
    for errors in refusals(&app, &mut socket, Some(partner.authorization()), hidden, json!({})).await {
        assert_eq!(errors[0]["extensions"]["code"], "INSUFFICIENT_SCOPE", "{errors}");
    }
}
