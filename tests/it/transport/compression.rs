//! Answers in gzip, for those who take it.

use std::io::Read as _;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{Partner, TestApp, order};

/// Reads a path as a client does that takes gzip; gives the head and the bytes that were sent.
async fn fetch(reader: &Partner<'_>, method: &str, path: &str, accepted: &str) -> (HeaderMap, Vec<u8>) {
    let request = Request::builder().method(method).uri(path).header("accept-encoding", accepted);
    let request = request.header("authorization", reader.authorization()).body(Body::empty()).unwrap();
    let (parts, body) = reader.app.router.clone().oneshot(request).await.unwrap().into_parts();
    (parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
}

fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn documents_orders_and_exports_come_in_gzip_and_are_the_same() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let mut large = order();
    large["products"] = json!(vec![json!({"product_code": "HD9650", "quantity": 2, "note": "n".repeat(100)}); 50]);
    for n in 0..5 {
        partner.create_with_key(&format!("order-{n}"), &large).await.expect(201);
    }
    let dashboard = app.dashboard().await;
    for path in [
        "/schema.graphql",
        "/api/v1/openapi.json",
        "/api/v1/sales-orders/SO-0000000001",
        "/api/v1/sales-orders.csv",
        "/api/v1/sales-orders.jsonl",
        "/graphql?query=%7BsalesOrders%7Bnodes%7Bproducts%7Bnote%7D%7D%7D%7D",
    ] {
        let plain = dashboard.get(path).await;
        assert_eq!((plain.status.as_u16(), plain.header("content-encoding")), (200, None), "{path}");
        let (headers, bytes) = fetch(&dashboard, "GET", path, "gzip, deflate, br").await;
        assert_eq!(headers["content-encoding"], "gzip", "{path}");
        let vary: Vec<_> = headers.get_all("vary").iter().map(|it| it.to_str().unwrap()).collect();
        assert_eq!(vary.join(", ").matches("Accept-Encoding").count(), 1, "{path}: {vary:?}");
        assert!(bytes.len() * 2 < plain.text.len(), "{path}: {} of {}", bytes.len(), plain.text.len());
        assert_eq!(unpacked(&bytes), plain.text, "{path}");
        let length_in = |headers: &HeaderMap| {
            headers.get("content-length").map(|length| length.to_str().unwrap().parse::<usize>().unwrap())
        };
        let packed = bytes.len();
        assert!(length_in(&headers).is_none_or(|length| length == packed), "{path}");
        let is_static = ["/schema.graphql", "/api/v1/openapi.json"].contains(&path);
        assert!(!is_static || length_in(&headers).is_some(), "{path}");
        let (head, _) = fetch(&dashboard, "HEAD", path, "identity").await;
        assert!(length_in(&head).is_none_or(|length| length == plain.text.len()), "{path}: {head:?}");
        let (refused, bytes) = fetch(&dashboard, "GET", path, "gzip;q=0, identity").await;
        assert!(refused.get("content-encoding").is_none() && bytes == plain.text.as_bytes(), "{path}");
        // HEAD tells what GET would, and no length that is not the one.
        let (head, nothing) = fetch(&dashboard, "HEAD", path, "gzip").await;
        assert_eq!((&head["content-encoding"], nothing.len()), (&headers["content-encoding"], 0), "{path}");
        assert!(length_in(&head).is_none_or(|length| length == packed), "{path}: {head:?}");
        assert_eq!(head.get("etag"), headers.get("etag"), "{path}");
    }
}

#[tokio::test]
async fn small_answers_refusals_and_events_come_as_they_are() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let many = (0..200).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
    for path in ["/health/live", "/api/v1/nothing", &format!("/api/v1/sales-orders.csv?{many}")] {
        let (headers, bytes) = fetch(&partner, "GET", path, "gzip").await;
        assert!(headers.get("content-encoding").is_none(), "{path}");
        serde_json::from_slice::<Value>(&bytes).unwrap();
    }
    let authorization = partner.authorization();
    let headers =
        [("accept", "text/event-stream"), ("authorization", authorization.as_str()), ("accept-encoding", "gzip")];
    let query = json!({"query": "{ salesOrders { nodes { address } } }"}).to_string();
    let events = app.post_text("/graphql", &headers, query).await;
    assert_eq!((events.header("content-type"), events.header("content-encoding")), (Some("text/event-stream"), None));
    // A page's file is packed already.
    let (headers, _) = fetch(&partner, "GET", "/schema.graphql", "br").await;
    assert!(headers.get("content-encoding").is_none());
}

/// A client that takes nothing at all still learns that its order was taken.
#[tokio::test]
async fn an_order_is_answered_whatever_its_sender_takes() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    for accepted in ["identity;q=0", "*;q=0", "br", "gzip", "nonsense;q=x", ""] {
        let signed = partner.sign();
        let headers = [&signed.headers()[..], &[("accept-encoding", accepted), ("idempotency-key", "one")]].concat();
        app.post_text("/api/v1/sales-orders", &headers, order().to_string()).await.expect(201);
    }
}
