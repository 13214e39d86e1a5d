//! An export says in the file itself that it is whole.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::broken_off::halting;
use super::{rows, stock_pages};
use crate::filters::stock;
use crate::support::{TestApp, in_time};

#[tokio::test]
async fn on_request_a_file_ends_with_the_number_of_its_orders() {
    let app = TestApp::new().await;
    stock(&app).await;
    let dashboard = app.dashboard().await;
    for (filter, orders) in [("", 24), ("&customer_code=nobody", 0)] {
        let lines = dashboard.get(&format!("/api/v1/sales-orders.jsonl?trailer=true{filter}")).await;
        assert_eq!((lines.status.as_u16(), lines.text.lines().count()), (200, orders + 1));
        let last: Value = serde_json::from_str(lines.text.lines().last().unwrap()).unwrap();
        assert_eq!(last, json!({"trailer": {"orders": orders}}));
        let csv = dashboard.get(&format!("/api/v1/sales-orders.csv?trailer=true{filter}")).await.text;
        let rows = rows(&csv);
        let (last, above) = rows.split_last().unwrap();
        assert_eq!(last.len(), rows[0].len(), "every row has as many cells");
        assert_eq!(
            last.iter().take(3).collect::<Vec<_>>(),
            ["TRAILER", &orders.to_string(), &(above.len() - 1).to_string()]
        );
        assert!(last.iter().skip(3).all(str::is_empty));
    }
    // Nobody gets it who did not ask.
    for path in ["/api/v1/sales-orders.jsonl", "/api/v1/sales-orders.csv?trailer=false"] {
        assert!(!dashboard.get(path).await.text.to_lowercase().contains("trailer"), "{path}");
    }
}

#[tokio::test]
async fn a_faulty_trailer_is_named_with_the_other_faults() {
    let app = TestApp::new().await;
    let dashboard = app.dashboard().await;
    for (query, pointers) in [
        ("trailer=yes", &["/trailer"][..]),
        ("trailer=", &["/trailer"]),
        ("trailer=true&trailer=true", &["/trailer"]),
        ("trailer=1&colour=red", &["/trailer", "/colour"]),
    ] {
        let refused = dashboard.get(&format!("/api/v1/sales-orders.csv?{query}")).await;
        let problem = refused.expect_problem(400, "VALIDATION_FAILED");
        let found: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
        assert_eq!(found, pointers, "{query}");
    }
    let unknown = dashboard.get("/api/v1/sales-orders.csv?colour=red").await.text;
    assert!(unknown.contains(", trailer"), "{unknown}");
    let document = app.get("/api/v1/openapi.json").await.expect(200);
    let parameters = &document["paths"]["/api/v1/sales-orders.{format}"]["get"]["parameters"];
    assert!(parameters.as_array().unwrap().iter().any(|parameter| parameter["name"] == "trailer"));
}

/// Asks for an export and reads its first piece.
async fn begin(address: &str, version: &str, path: &str, token: &str) -> (TcpStream, Vec<u8>) {
    let mut wire = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET {path} HTTP/{version}\r\nhost: test\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    wire.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("order_number") {
        let read = in_time("the first piece", wire.read_buf(&mut answer)).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
    }
    (wire, answer)
}

/// Reads it to the end of the connection; gives the head and what came after it.
async fn end((mut wire, mut answer): (TcpStream, Vec<u8>)) -> (String, String) {
    in_time("the end", wire.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn a_small_export_has_its_length_and_no_export_is_kept_back_by_a_proxy() {
    let app = TestApp::new().await;
    stock(&app).await;
    let dashboard = app.dashboard().await;
    let base = app.listen().await;
    let address = base.trim_start_matches("http://");
    for path in ["/api/v1/sales-orders.csv", "/api/v1/sales-orders.jsonl?trailer=true"] {
        let (head, body) = end(begin(address, "1.1", path, &dashboard.token).await).await;
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        assert!(head.contains("\r\nx-accel-buffering: no\r\n"), "{head}");
    }
}

/// A reader of HTTP/1.0, nginx's default among them, knows no other end than that of the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_http_1_0_sees_by_the_trailer_whether_an_export_is_whole() {
    let app = TestApp::new().await;
    stock_pages(&app).await;
    let dashboard = app.dashboard().await;
    for (path, trailer) in [
        ("/api/v1/sales-orders.jsonl?trailer=true", r#"{"trailer":{"orders":205}}"#),
        ("/api/v1/sales-orders.csv?trailer=true", "TRAILER,205,410,"),
    ] {
        for stops in [false, true] {
            let state = TestApp::state_in(&app.store, &app.clock, &[], |_| {});
            let (address, halt) = halting(&app, &state).await;
            let begun = begin(&address, "1.0", path, &dashboard.token).await;
            if stops {
                state.stop_streams();
            }
            halt.close();
            let (head, body) = end(begun).await;
            assert!(head.starts_with("http/1.0 200"), "{head}");
            let last = body.lines().last().unwrap_or_default();
            assert_eq!(last.starts_with(trailer), !stops, "stops: {stops}: {last}");
        }
    }
}
