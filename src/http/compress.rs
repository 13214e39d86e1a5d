//! Answers in gzip, for callers that take it. Nobody pays for it who does not ask: without `Accept-Encoding` an answer goes
//! through untouched.
//!
//! Not for events, each of which is small and must not wait; nor for refusals and small answers, for which it costs more
//! than it saves. What comes in pieces is flushed after each of them, and a coder takes little of a large answer at a time,
//! so that neither an export waits nor other requests.

use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, VARY,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{FutureExt as _, stream};
use hyper::body::Frame;

use crate::wire::encoding;

/// Bytes: what fits one packet is not sent sooner for being smaller.
const SMALLEST: u64 = 1024;

/// Bytes: what is coded before other requests go on.
const AT_ONCE: usize = 64 * 1024;

/// Bytes: an answer of this size that is there as a whole is coded as one, and so with its length.
const WHOLE: usize = 256 * 1024;

/// The answer in gzip, where that is worth while. Of an answer to HEAD the router takes the body away behind this.
pub fn answer(response: Response) -> Response {
    if !is_worth_while(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let headers = &mut parts.headers;
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.remove(CONTENT_LENGTH);
    headers.remove(ACCEPT_RANGES);
    let is_told =
        |vary: &HeaderValue| vary.to_str().is_ok_and(|it| it.to_ascii_lowercase().contains("accept-encoding"));
    if !headers.get_all(VARY).iter().any(is_told) {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    // A strong tag would say that the plain and the coded answer are the same bytes.
    let strong = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| !tag.starts_with("W/"));
    if let Some(weak) = strong.and_then(|tag| HeaderValue::try_from(format!("W/{tag}")).ok()) {
        headers.insert(ETAG, weak);
    }
    let whole = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    let body = match whole {
        Some(bytes) if bytes <= WHOLE => {
            let mut collecting = Box::pin(to_bytes(body, WHOLE));
            match (&mut collecting).now_or_never() {
                Some(Ok(plain)) => {
                    return Response::from_parts(parts, encoding::gzip(&plain, Compression::fast()).into());
                }
                Some(Err(error)) => Body::from_stream(stream::iter([Err::<Bytes, _>(error)])),
                None => Body::from_stream(stream::once(collecting)),
            }
        }
        _ => body,
    };
    let coder = GzEncoder::new(Vec::new(), Compression::fast());
    let body = Gzip { body, rest: Bytes::new(), coder: Some(coder), is_streamed: whole.is_none() };
    Response::from_parts(parts, Body::new(body))
}

fn is_worth_while(response: &Response) -> bool {
    let headers = response.headers();
    let is_plain = !headers.contains_key(CONTENT_ENCODING) && !headers.contains_key(CONTENT_RANGE);
    let may_change = !headers.get(CACHE_CONTROL).is_some_and(|it| it.as_bytes().ends_with(b"no-transform"));
    matches!(response.status(), StatusCode::OK | StatusCode::CREATED)
        && is_plain
        && may_change
        && response.body().size_hint().exact().is_none_or(|bytes| bytes >= SMALLEST)
        && headers.get(CONTENT_TYPE).is_some_and(|kind| is_text(kind.as_bytes()))
}

/// Whether answers of this kind are text, and no events.
fn is_text(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let essence = essence.to_ascii_lowercase();
    (essence.starts_with(b"text/") && essence != b"text/event-stream")
        || essence.ends_with(b"+json")
        || [&b"application/json"[..], b"application/jsonl", b"application/graphql"].contains(&essence.as_slice())
}

/// A body on its way through the coder.
struct Gzip {
    body: Body,
    /// Of the piece under way, what was not coded yet.
    rest: Bytes,
    /// None once everything is coded.
    coder: Option<GzEncoder<Vec<u8>>>,
    /// Whether it comes in pieces, each of which is to arrive when it is there.
    is_streamed: bool,
}

impl Gzip {
    /// Codes some of the piece under way; gives what is to be sent of it.
    fn code(&mut self) -> std::io::Result<Vec<u8>> {
        let Some(coder) = &mut self.coder else { return Ok(Vec::new()) };
        let part = self.rest.split_to(self.rest.len().min(AT_ONCE));
        coder.write_all(&part)?;
        if self.rest.is_empty() && self.is_streamed {
            coder.flush()?;
        }
        Ok(std::mem::take(coder.get_mut()))
    }
}

impl hyper::body::Body for Gzip {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.coder.is_none() {
            return Poll::Ready(None);
        }
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => this.rest = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    let end = this.coder.take().map(GzEncoder::finish).transpose().map_err(axum::Error::new)?;
                    return Poll::Ready(end.map(|end| Ok(Frame::data(end.into()))));
                }
            }
        }
        let coded = this.code().map_err(axum::Error::new)?;
        if coded.is_empty() {
            // Others first.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(coded.into()))))
    }
}

#[cfg(test)]
#[path = "compress_tests.rs"]
mod tests;
