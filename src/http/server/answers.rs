//! The answers on a connection: what of them the connection has to know, and what of the connection the client is told.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::connection::Connection;
use crate::wire::unbuffered::WriteTimeout;

/// What HTTP/1.1 announces the pause by.
pub static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Whether a client that sends this head wants the connection to go on.
pub fn wants_more(version: Version, headers: &HeaderMap) -> bool {
    let options = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let closes = options.flat_map(|value| value.split(',')).any(|option| option.trim().eq_ignore_ascii_case("close"));
    version == Version::HTTP_11 && !closes
}

/// Prepares an answer for its connection.
pub fn prepare(mut response: Response, connection: &Arc<Connection>, wants_more: bool) -> Response<Answer> {
    if let Some(WriteTimeout(timeout)) = response.extensions_mut().remove() {
        connection.set_write_timeout(timeout);
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        connection.upgrade();
        return response.map(|body| Answer { body, _end: None });
    }
    let headers = response.headers_mut();
    if connection.ends_after_answer() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    } else if headers.contains_key(CONNECTION) {
        // The answer ends it already.
    } else if wants_more && connection.announced_idle_seconds() > 0 {
        // RFC 2068 §19.7.1.1: so that a client does not send its next request into the moment of closing.
        if let Ok(value) = HeaderValue::try_from(format!("timeout={}", connection.announced_idle_seconds())) {
            headers.insert(KEEP_ALIVE.clone(), value);
            headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        }
    }
    response.map(|body| Answer { body, _end: Some(End(Arc::clone(connection))) })
}

/// A body that tells its connection when it has been handed over.
pub struct Answer {
    body: Body,
    _end: Option<End>,
}

struct End(Arc<Connection>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end_answer();
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
