//! Names of contents (RFC 9110 §8.8.3), for a client that asks whether what it has is still the same.

use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use sha2::{Digest as _, Sha256};

use super::encoding;

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

/// A content that never changes, made once: in the plain and in gzip.
#[derive(Debug)]
pub struct Document {
    plain: Bytes,
    gzip: Bytes,
    tag: String,
}

impl Document {
    /// The document of these bytes.
    #[must_use]
    pub fn new(plain: impl Into<Bytes>) -> Self {
        let plain = plain.into();
        Self { gzip: encoding::gzip(&plain, Compression::best()), tag: tag(&Sha256::digest(&plain)), plain }
    }

    /// The document in the form that the client takes, or 304 where it has it.
    #[must_use]
    pub fn answer(&self, request: &HeaderMap, content_type: &'static str) -> Response {
        if !encoding::is_taken_by(request) {
            return answer(request, &self.tag, content_type, Caching::Anybody, self.plain.clone());
        }
        // A strong tag would say that both forms are the same bytes.
        let mut response = answer(request, &self.tag, content_type, Caching::Anybody, self.gzip.clone());
        if let Ok(weak) = HeaderValue::try_from(format!("W/{}", self.tag)) {
            response.headers_mut().insert(ETAG, weak);
        }
        if response.status() == StatusCode::OK {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// Who may keep a content, and has to ask each time whether it is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// Any cache: it is the same for all.
    Anybody,
    /// No cache on the way: what the caller itself keeps with its tag is its own matter.
    Caller,
}
