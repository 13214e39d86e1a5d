//! Requests that break the rules of HTTP itself, byte by byte.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{TestApp, in_time};

/// Sends these bytes on a connection of their own and reads until it ends.
async fn exchange(base: &str, request: &str) -> String {
    let mut wire = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    wire.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    in_time("the end of the connection", wire.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_one_readable_host_is_refused_and_its_connection_ends() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    for head in [
        "GET /health/live HTTP/1.1\r\n",
        "GET http://api.example.com/health/live HTTP/1.1\r\n",
        "GET /health/live HTTP/1.1\r\nhost: a\r\nhost: a\r\n",
        "GET /health/live HTTP/1.1\r\nhost: a\r\nHost: b\r\n",
        "GET /health/live HTTP/1.0\r\nhost: a\r\nhost: b\r\n",
        "GET /health/live HTTP/1.1\r\nhost: user@api.example.com\r\n",
        "GET /health/live HTTP/1.1\r\nhost: api.example.com/path\r\n",
        "GET /health/live HTTP/1.1\r\nhost: a b\r\n",
        "GET /health/live HTTP/1.1\r\nhost: a:b\r\n",
        "GET /health/live HTTP/1.1\r\nhost: [::1\r\n",
    ] {
        let answer = exchange(&base, &format!("{head}\r\n")).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n") || answer.starts_with("HTTP/1.0 400 "),
            "{head}: {answer}"
        );
        assert!(answer.contains("connection: close\r\n") && answer.contains("INVALID_HEADER"), "{head}: {answer}");
        assert!(answer.contains("Host header") && answer.contains("x-request-id: "), "{head}: {answer}");
    }
    for head in [
        "GET /health/live HTTP/1.0\r\n",
        "GET /health/live HTTP/1.1\r\nhost:\r\nconnection: close\r\n",
        "GET /health/live HTTP/1.1\r\nhost: [2001:db8::1]:8080\r\nconnection: close\r\n",
        "GET http://api.example.com/health/live HTTP/1.1\r\nhost: other.example.com\r\nconnection: close\r\n",
    ] {
        let answer = exchange(&base, &format!("{head}\r\n")).await;
        assert!(answer.contains(" 200 OK\r\n"), "{head}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_coding_that_is_not_known_is_told_so() {
    let app = TestApp::new().await;
    let base = app.listen().await;
    let send = async |codings: &str| {
        let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n";
        exchange(&base, &format!("{head}{codings}\r\n2\r\n{{}}\r\n0\r\n\r\n")).await
    };
    for codings in [
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: foo, chunked\r\n",
        "transfer-encoding: foo\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: identity, chunked\r\n",
    ] {
        let answer = send(codings).await;
        assert!(answer.starts_with("HTTP/1.1 501 Not Implemented\r\n"), "{codings}: {answer}");
        assert!(answer.contains("TRANSFER_CODING_UNKNOWN") && answer.contains("connection: close\r\n"), "{answer}");
    }
    let twice = send("transfer-encoding: chunked, chunked\r\n").await;
    assert!(twice.starts_with("HTTP/1.1 400 ") && twice.contains("INVALID_HEADER"), "{twice}");
    // Where chunked is not the last, nobody knows where the body ends (RFC 9112 §6.3).
    for codings in ["transfer-encoding: gzip\r\n", "transfer-encoding: chunked, gzip\r\n"] {
        let answer = send(codings).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{codings}: {answer}");
    }
    let known = send("transfer-encoding: Chunked\r\nconnection: close\r\n").await;
    assert!(known.contains("VALIDATION_FAILED"), "{known}");
}
