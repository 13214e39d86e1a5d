//! graphql-transport-ws to the letter: its messages and its close codes.

use serde_json::{Value, json};

use super::FOLLOW;
use crate::support::frames::{Frames, TEXT};
use crate::support::{Socket, TestApp, Told};

const PROTOCOL: Option<&str> = Some("graphql-transport-ws");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_breach_of_the_protocol_has_its_close_code() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let token = app.dashboard().await.token;
    let init = json!({"type": "connection_init"}).to_string();
    let subscribe = |id: &str| json!({"id": id, "type": "subscribe", "payload": {"query": FOLLOW}}).to_string();
    for (what, messages, code) in [
        ("no JSON", vec!["hello".to_owned()], 4400),
        ("no object", vec!["[]".to_owned()], 4400),
        ("no type", vec!["{}".to_owned()], 4400),
        ("an unknown type", vec![json!({"type": "start"}).to_string()], 4400),
        ("a payload that is no object", vec![json!({"type": "connection_init", "payload": 1}).to_string()], 4400),
        ("a subscription before the acknowledgement", vec![subscribe("1")], 4401),
        ("a second initialisation", vec![init.clone(), init.clone()], 4429),
        ("a subscription without an id", vec![init.clone(), subscribe("")], 4400),
        ("one without a payload", vec![init.clone(), json!({"id": "1", "type": "subscribe"}).to_string()], 4400),
        (
            "one without a query",
            vec![init.clone(), json!({"id": "1", "type": "subscribe", "payload": {}}).to_string()],
            4400,
        ),
    ] {
        let mut socket = Socket::open(&base, PROTOCOL).await;
        for message in messages {
            socket.send_text(message).await;
        }
        let mut told = socket.next().await;
        if told == Told::Message(json!({"type": "connection_ack"})) {
            told = socket.next().await;
        }
        assert_eq!(told, Told::Closed(code), "{what}");
    }
    let mut twice = Socket::log_in(&base, &token).await;
    twice.subscribe("1", FOLLOW, json!({})).await;
    twice.subscribe("1", FOLLOW, json!({})).await;
    assert_eq!(twice.next().await, Told::Closed(4409));
    let mut binary = Socket::open(&base, PROTOCOL).await;
    binary.send_bytes(b"{}").await;
    assert_eq!(binary.next().await, Told::Closed(4400));
    let mut wrong_token = Socket::open(&base, PROTOCOL).await;
    wrong_token.send(json!({"type": "connection_init", "payload": {"Authorization": "Bearer x"}})).await;
    assert_eq!(wrong_token.next().await, Told::Closed(4403));
    let mut other_protocol = Socket::open(&base, None).await;
    assert_eq!(other_protocol.next().await, Told::Closed(4406));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_is_answered_with_its_payload() {
    let app = TestApp::new().await;
    let mut socket = Socket::open(&app.listen().await, PROTOCOL).await;
    socket.send(json!({"type": "pong"})).await;
    for (payload, answer) in [
        (json!({"type": "ping"}), json!({"type": "pong"})),
        (json!({"type": "ping", "payload": {"n": 1}}), json!({"type": "pong", "payload": {"n": 1}})),
    ] {
        socket.send(payload).await;
        assert_eq!(socket.next().await, Told::Message(answer));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_and_refusals_run_over_the_same_connection() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let mut socket = Socket::log_in(&base, &app.dashboard().await.token).await;
    socket.subscribe("q", "{ viewer { clientId } }", json!({})).await;
    assert_eq!(socket.next_data("q").await, json!({"viewer": {"clientId": "dashboard-001"}}));
    assert_eq!(socket.next().await, Told::Message(json!({"id": "q", "type": "complete"})));
    for (query, code) in [
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { salesOrderEvents(where: {colour: \"red\"}) { cursor } }", "VALIDATION_FAILED"),
    ] {
        socket.subscribe("r", query, json!({})).await;
        let Told::Message(refused) = socket.next().await else { panic!("closed at {query}") };
        assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("r")), "{refused}");
        assert_eq!(refused["payload"][0]["extensions"]["code"], code, "{refused}");
    }
    // An id is free again once its operation is complete.
    socket.subscribe("q", "{ __typename }", json!({})).await;
    assert_eq!(socket.next_data("q").await, json!({"__typename": "Query"}));
    // Without a token the connection stands, and each operation says what is missing.
    let mut stranger = Socket::open(&base, PROTOCOL).await;
    stranger.send(json!({"type": "connection_init"})).await;
    assert_eq!(stranger.next().await, Told::Message(json!({"type": "connection_ack"})));
    stranger.subscribe("1", FOLLOW, json!({})).await;
    let Told::Message(refused) = stranger.next().await else { panic!("closed") };
    let error = if refused["type"] == "error" { &refused["payload"][0] } else { &refused["payload"]["errors"][0] };
    assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED", "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completed_subscription_says_no_more_and_a_hundred_may_run_at_once() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let dashboard = app.dashboard().await;
    let mut socket = Socket::log_in(&base, &dashboard.token).await;
    for n in 0..100 {
        socket.subscribe(&n.to_string(), FOLLOW, json!({})).await;
    }
    socket.subscribe("one more", FOLLOW, json!({})).await;
    let Told::Message(refused) = socket.next().await else { panic!("closed") };
    assert_eq!((&refused["id"], &refused["type"]), (&json!("one more"), &json!("error")), "{refused}");
    assert_eq!(refused["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    for n in 0..100 {
        socket.send(json!({"id": n.to_string(), "type": "complete"})).await;
    }
    super::take(&app.partner().await, "C-1").await;
    socket.subscribe("rest", FOLLOW, json!({"after": "ZTA"})).await;
    let data = socket.next_data("rest").await;
    assert_eq!(super::customer(&data), "C-1");
    assert_ne!(data, Value::Null);
}

/// Clients and their tutorials put the token where they like.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_read_wherever_clients_put_it_and_who_brings_none_learns_where_it_is_read() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let dashboard = app.dashboard().await;
    let (token, authorization) = (dashboard.token.clone(), dashboard.authorization());
    for (payload, is_known) in [
        (json!({"Authorization": authorization}), true),
        (json!({"authorization": authorization}), true),
        (json!({"headers": {"Authorization": authorization}}), true),
        (json!({"headers": {"authorization": authorization}}), true),
        (json!({"authToken": token}), true),
        (json!({"token": authorization}), true),
        (json!({"Authorization": null}), false),
        (json!({"apiKey": token}), false),
        (json!({"headers": {"x-token": token}}), false),
    ] {
        let mut socket = Socket::open(&base, PROTOCOL).await;
        socket.send(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.next().await, Told::Message(json!({"type": "connection_ack"})), "{payload}");
        socket.subscribe("1", "{ viewer { clientId } }", json!({})).await;
        let Told::Message(told) = socket.next().await else { panic!("closed at {payload}") };
        assert_eq!(told["payload"]["data"]["viewer"]["clientId"] == "dashboard-001", is_known, "{payload}: {told}");
        for read in ["connection_init", "Authorization", "headers", "authToken", "token"] {
            assert_eq!(told.to_string().contains(read), !is_known, "{payload}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_json_is_told_by_its_own_fault() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    for (text, reason) in [
        (r#"{"type":"ping","type":"pong"}"#, "Invalid message: it is ambiguous: the member \"type\" is given twice"),
        (r#"{"type":"ping","payload":{"a":"\ud800"}}"#, "Invalid message: it is not valid JSON: "),
        ("hello", "Invalid message: it is not valid JSON: "),
        ("", "Invalid message: it is empty; send a JSON object"),
        ("[]", "Invalid message: not a JSON object"),
    ] {
        let mut frames = Frames::open(&base, "/graphql/ws").await;
        frames.send(TEXT, text.as_bytes()).await;
        let (code, told) = frames.closed().await;
        assert!(code == 4400 && told.starts_with(reason), "{text}: {code} {told}");
    }
    // As over HTTP, a text of nothing but values is not even parsed.
    let mut frames = Frames::open(&base, "/graphql/ws").await;
    let many = format!(r#"{{"type":"ping","payload":{{"a":[{}0]}}}}"#, "0,".repeat(65_536));
    frames.send(TEXT, many.as_bytes()).await;
    let (code, told) = frames.closed().await;
    assert!(code == 1009 && told.starts_with("A message must hold at most 65536 values"), "{code} {told}");
    let dashboard = app.dashboard().await;
    for (variables, message) in [
        ("%7B%22a%22:1,%22a%22:2%7D", "The parameter variables is ambiguous: the member \"a\" is given twice"),
        ("%7B", "The parameter variables is not valid JSON: "),
    ] {
        let answer = dashboard.get(&format!("/graphql?query=%7B__typename%7D&variables={variables}")).await;
        let body = answer.expect(400);
        let error = &body["errors"][0];
        assert!(error["message"].as_str().unwrap().starts_with(message), "{body}");
        assert_eq!(error["extensions"]["code"], "MALFORMED_BODY");
    }
}
