//! Names of contents (RFC 9110 §8.8.3), for a client that asks whether what it has is still the same.

use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// The name of a content by its SHA-256.
#[must_use]
pub fn tag(sha256: &[u8]) -> String {
    format!("\"{}\"", hex::encode(&sha256[..sha256.len().min(12)]))
}

/// Whether the client has the content of this name. It is asked for reading only, where compressed and plain are the same.
#[must_use]
pub fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let known = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// A content, or 304 where the client has it.
#[must_use]
pub fn answer(request: &HeaderMap, tag: &str, content_type: &'static str, caching: Caching, body: Bytes) -> Response {
    let mut response = if is_known(request, tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, content_type)], body).into_response()
    };
    let headers = response.headers_mut();
    if caching == Caching::Anybody {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    } else {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// Who may keep a content, and has to ask each time whether it is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// Any cache: it is the same for all.
    Anybody,
    /// No cache on the way: what the caller itself keeps with its tag is its own matter.
    Caller,
}
