//! A signature covers a request's method, path and body. On a WebSocket those are the handshake's, so nothing signed is
//! taken there.

use axum::http::Request;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::support::{Socket, TestApp, Told, Wire};

/// The code with which an operation was refused as a whole.
async fn refusal(socket: &mut Socket, query: &str, variables: Value) -> Value {
    socket.subscribe("1", query, variables).await;
    match socket.next().await {
        Told::Message(mut message) => {
            assert_eq!(message["type"], "error", "{message}");
            message["payload"][0].take()
        }
        Told::Closed(code) => panic!("closed with {code}"),
    }
}

#[tokio::test]
async fn a_signed_order_over_websocket_is_refused_before_anything_runs() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    for policy in SignaturePolicy::ALL {
        let partner = app.partner_named(policy.as_str(), policy).await;
        // Signed as the handshake is: the attack that made three orders with one signature.
        let timestamp = app.clock.now().timestamp().to_string();
        let empty = Sha256::digest(b"").into();
        let text = match policy {
            SignaturePolicy::Documented => format!("{}|{timestamp}", partner.client_id),
            _ => sales_order_api::auth::string_to_sign::body_bound_string("GET", "/graphql/ws", &empty, &timestamp),
        };
        let signed = partner.sign_text(&timestamp, &text);
        let mut request = format!("{}/graphql/ws", base.replacen("http", "ws", 1)).into_client_request().unwrap();
        for (name, value) in signed.headers().into_iter().chain([("idempotency-key", "po-1")]) {
            let name: axum::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let mut socket = Socket::open_with(request).await;
        let body = Wire::GraphQl.order("CUST-001");
        let (query, variables) = (body["query"].as_str().unwrap(), body["variables"].clone());
        let error = refusal(&mut socket, query, variables.clone()).await;
        assert_eq!(error["extensions"]["code"], "SIGNED_OVER_WEBSOCKET");
        assert!(error["message"].as_str().unwrap().contains("by POST to /graphql"), "{error}");

        // Behind a fragment, and beside a neighbour that would have been done first.
        let hidden = "mutation($input: CreateSalesOrderInput!) { ...a }
            fragment a on Mutation { login(input: {clientId: \"a\", clientSecret: \"b\"}) { token } ... { ...b } }
            fragment b on Mutation { x: createSalesOrder(input: $input) { message } }";
        let error = refusal(&mut socket, hidden, variables).await;
        assert_eq!(error["extensions"]["code"], "SIGNED_OVER_WEBSOCKET");
        let error = refusal(&mut socket, "{ signatureCheck { valid } }", json!({})).await;
        assert_eq!(error["extensions"]["code"], "SIGNED_OVER_WEBSOCKET");

        // Everything else goes on.
        socket.subscribe("2", "{ viewer { clientId } }", json!({})).await;
        assert_eq!(socket.next_data("2").await, json!({"viewer": {"clientId": partner.client_id}}));
        assert_eq!(socket.next().await, Told::Message(json!({"id": "2", "type": "complete"})));
    }
    assert_eq!(app.database.whole_orders(1).await, 0);
}

#[tokio::test]
async fn a_signed_order_answered_as_an_event_stream_is_a_post_of_its_own_and_is_taken() {
    let app = TestApp::new().await;
    let partner = app.partner_named("bound-partner", SignaturePolicy::BodyBound).await;
    let body = Wire::GraphQl.order("CUST-001").to_string();
    let signed = partner.sign_body("/graphql", body.as_bytes());
    let headers = [&signed.headers()[..], &[("accept", "text/event-stream")]].concat();
    let answer = app.post_text("/graphql", &headers, body).await;
    assert!(answer.text.contains("\"replayed\":false"), "{}", answer.text);
    assert_eq!(app.database.whole_orders(1).await, 1);
}

#[tokio::test]
async fn a_link_makes_no_order_also_as_an_event_stream() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let query = "mutation%7BcreateSalesOrder(input%3A%7B%7D)%7Bmessage%7D%7D";
    for accept in ["application/json", "text/event-stream"] {
        let signed = partner.sign();
        let mut request = Request::get(format!("/graphql?query={query}")).header("accept", accept);
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        let answer = app.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 405, "{}", answer.text);
    }
    assert_eq!(app.database.whole_orders(1).await, 0);
}
