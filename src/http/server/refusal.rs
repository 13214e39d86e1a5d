//! The answer to a connection that is not taken: written in one piece, before anything is read.

use tokio::net::TcpStream;

use super::connections::Refused;
use crate::error::ErrorCode;

/// Sends it, as far as the system takes it at once.
pub fn send(stream: &TcpStream, refused: Refused) {
    let (code, reason, message) = match refused {
        Refused::Address => (
            ErrorCode::RateLimited,
            "Too Many Requests",
            "This address has too many connections open; use those, or close some",
        ),
        Refused::Full => {
            (ErrorCode::Overloaded, "Service Unavailable", "Too many connections are open; try again shortly")
        }
    };
    let (status, title) = (code.status(), code.title());
    let body = format!(
        r#"{{"type":"/docs#{code}","title":"{title}","status":{status},"detail":"{message}","code":"{code}","message":"{message}"}}"#
    );
    let answer = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nretry-after: 1\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    metrics::counter!("http_connections_refused_total", "error_code" => code.as_str()).increment(1);
    let _ = stream.try_write(answer.as_bytes());
}
