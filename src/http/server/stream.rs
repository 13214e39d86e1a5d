//! One stream of HTTP/2: a request and its answer, which is handed over no faster than it is taken.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, DATE, EXPECT, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::answers::KEEP_ALIVE;
use super::connection::WriteTimeout;

/// The most that is sent in one piece: the largest frame every client takes.
const PIECE: usize = 16 * 1024;

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Its client gave it up before there was an answer.
    Cancelled,
    /// Otherwise.
    Answered,
}

/// Why an answer ends early.
enum Broken {
    /// The client ended it, or the connection is gone.
    ByClient,
    /// What it was made of broke off.
    Inside,
    /// Nobody takes it.
    Stalled,
}

/// Answers one request. Its reader may pause for as long as `patience` allows, unless the answer says otherwise.
pub async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    answering: Router,
    patience: Duration,
) -> Ended {
    let is_told_to_wait =
        request.headers().get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if is_told_to_wait && !request.body().is_end_stream() {
        let mut go_on = Response::new(());
        *go_on.status_mut() = StatusCode::CONTINUE;
        // What it may send before somebody reads it, the window says.
        let _ = respond.send_informational(go_on);
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let request = request.map(|stream| Body::new(Received { stream, left: length }));
    let response = tokio::select! {
        biased;
        _ = poll_fn(|cx| respond.poll_reset(cx)) => return Ended::Cancelled,
        Ok(response) = answering.oneshot(request) => response,
    };
    let (head, body) = response.into_parts();
    let mut head = Response::from_parts(head, ());
    let patience = head.extensions_mut().remove().map_or(patience, |WriteTimeout(other)| other);
    prepare(head.headers_mut(), &body);
    let is_whole = body.is_end_stream();
    let Ok(mut out) = respond.send_response(head, is_whole) else { return Ended::Answered };
    if !is_whole {
        match send(body, &mut out, patience).await {
            Ok(()) | Err(Broken::ByClient) => {}
            Err(Broken::Inside) => out.send_reset(Reason::INTERNAL_ERROR),
            Err(Broken::Stalled) => out.send_reset(Reason::CANCEL),
        }
    }
    Ended::Answered
}

/// What HTTP/2 wants of a head, and what it knows no more.
fn prepare(headers: &mut HeaderMap, body: &Body) {
    for of_connection in [&CONNECTION, &KEEP_ALIVE, &TRANSFER_ENCODING, &UPGRADE] {
        headers.remove(of_connection);
    }
    if let Some(length) = body.size_hint().exact().filter(|_| !body.is_end_stream()) {
        headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    if let Ok(now) = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now())) {
        headers.entry(DATE).or_insert(now);
    }
}

/// Sends a body to its end. Nothing is handed over that the client has not made room for, so whoever takes nothing is seen,
/// and nothing waits for it where nobody looks.
async fn send(mut body: Body, out: &mut SendStream<Bytes>, patience: Duration) -> Result<(), Broken> {
    loop {
        let frame = tokio::select! {
            biased;
            _ = poll_fn(|cx| out.poll_reset(cx)) => return Err(Broken::ByClient),
            frame = body.frame() => frame,
        };
        let Some(frame) = frame else {
            return out.send_data(Bytes::new(), true).map_err(|_| Broken::ByClient);
        };
        let Ok(mut data) = frame.map_err(|_| Broken::Inside)?.into_data() else { continue };
        while !data.is_empty() {
            let room = room(out, data.len().min(PIECE), patience).await?;
            let piece = data.split_to(room.min(data.len()));
            let is_end = data.is_empty() && body.is_end_stream();
            out.send_data(piece, is_end).map_err(|_| Broken::ByClient)?;
            if is_end {
                return Ok(());
            }
        }
    }
}

/// Waits until the client has room for at least one byte, and h2 for the socket.
async fn room(out: &mut SendStream<Bytes>, wanted: usize, patience: Duration) -> Result<usize, Broken> {
    out.reserve_capacity(wanted);
    while out.capacity() == 0 {
        let more = timeout(patience, poll_fn(|cx| out.poll_capacity(cx))).await;
        if !matches!(more.map_err(|_| Broken::Stalled)?, Some(Ok(_))) {
            return Err(Broken::ByClient);
        }
    }
    Ok(out.capacity().min(wanted))
}

/// The body of a request.
struct Received {
    stream: RecvStream,
    /// How much is to come, where its head says so; h2 sees to it that this is so.
    left: Option<u64>,
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        self.stream.poll_data(cx).map(|data| {
            let data = data?;
            if let Ok(data) = &data {
                // Whoever reads it has room for it.
                let _ = self.stream.flow_control().release_capacity(data.len());
                self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
            }
            Some(data.map(Frame::data))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
