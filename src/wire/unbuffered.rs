//! Answers that take long to be whole.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};

/// An answer whose reader must not pause for as long as others; in an answer's extensions.
#[derive(Debug, Clone, Copy)]
pub struct WriteTimeout(pub Duration);

/// Tells proxies to pass on what they have instead of waiting for more (nginx buffers answers otherwise, and sends nothing of a
/// stream of events before 4 KiB have come).
pub const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
