//! One stream of HTTP/2: a request and its answer, which is handed over no faster than it is taken.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, DATE, EXPECT, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::answers::KEEP_ALIVE;
use super::request_body::Receiving;
use super::unsent::{Answers, Piece, Unsent};
use crate::wire::unbuffered::WriteTimeout;

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

/// Answers one request, until the socket has the whole answer: until then h2 holds it. Its reader may pause for as long as
/// `patience` allows, unless the answer says otherwise.
pub async fn answer(
    request: Request<Body>,
    receiving: Receiving,
    mut respond: SendResponse<Piece>,
    answering: Router,
    answers: Arc<Answers>,
    patience: Duration,
) -> Ended {
    let mut is_told_to_wait =
        request.headers().get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    let response = {
        let mut answering = pin!(answering.oneshot(request));
        loop {
            tokio::select! {
                biased;
                _ = poll_fn(|cx| respond.poll_reset(cx)) => return Ended::Cancelled,
                Ok(response) = &mut answering => break response,
                // What is refused by its head need not be sent.
                () = receiving.asked(), if is_told_to_wait => {
                    is_told_to_wait = false;
                    let mut go_on = Response::new(());
                    *go_on.status_mut() = StatusCode::CONTINUE;
                    let _ = respond.send_informational(go_on);
                }
            }
        }
    };
    let (head, body) = response.into_parts();
    let mut head = Response::from_parts(head, ());
    let patience = head.extensions_mut().remove().map_or(patience, |WriteTimeout(other)| other);
    prepare(head.headers_mut(), &body);
    let is_whole = body.is_end_stream();
    let Ok(out) = respond.send_response(head, is_whole) else { return Ended::Answered };
    if !is_whole {
        let mut sender =
            Sender { out, unsent: Unsent::new(Arc::clone(&answers)), answers, patience, since: Instant::now() };
        match sender.send(body).await {
            Ok(()) | Err(Broken::ByClient) => {}
            Err(Broken::Inside) => sender.out.send_reset(Reason::INTERNAL_ERROR),
            Err(Broken::Stalled) => sender.out.send_reset(Reason::CANCEL),
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

/// Sends the body of an answer.
struct Sender {
    out: SendStream<Piece>,
    unsent: Arc<Unsent>,
    answers: Arc<Answers>,
    patience: Duration,
    /// Since when its client could have taken something.
    since: Instant,
}

impl Sender {
    /// Sends it until the socket has all of it. Nothing is handed over that the client has not made room for, so whoever
    /// takes nothing is seen.
    async fn send(&mut self, mut body: Body) -> Result<(), Broken> {
        loop {
            let frame = tokio::select! {
                biased;
                _ = poll_fn(|cx| self.out.poll_reset(cx)) => return Err(Broken::ByClient),
                frame = body.frame() => frame,
                () = self.unsent.abandoned(self.since, self.patience, false) => return Err(Broken::Stalled),
            };
            let Some(frame) = frame else {
                self.hand_over(Bytes::new(), true)?;
                break;
            };
            let Ok(mut data) = frame.map_err(|_| Broken::Inside)?.into_data() else { continue };
            let mut is_end = false;
            while !data.is_empty() {
                let room = self.room(data.len().min(PIECE)).await?;
                let piece = data.split_to(room.min(data.len()));
                is_end = data.is_empty() && body.is_end_stream();
                self.hand_over(piece, is_end)?;
            }
            if is_end {
                break;
            }
        }
        // What it was made of is needed no more.
        drop(body);
        tokio::select! {
            biased;
            () = self.unsent.written() => Ok(()),
            _ = poll_fn(|cx| self.out.poll_reset(cx)) => Err(Broken::ByClient),
            () = self.unsent.abandoned(self.since, self.patience, false) => Err(Broken::Stalled),
        }
    }

    fn hand_over(&mut self, piece: Bytes, is_end: bool) -> Result<(), Broken> {
        self.begin_waiting();
        self.out.send_data(self.unsent.piece(piece), is_end).map_err(|_| Broken::ByClient)
    }

    /// Waits until the client has room for at least one byte, and h2 for the socket.
    async fn room(&mut self, wanted: usize) -> Result<usize, Broken> {
        self.begin_waiting();
        let had_none = self.unsent.is_empty() && self.out.capacity() == 0;
        self.out.reserve_capacity(wanted);
        if self.out.capacity() > 0 && had_none {
            self.answers.got_room();
        }
        while self.out.capacity() == 0 {
            tokio::select! {
                biased;
                more = poll_fn(|cx| self.out.poll_capacity(cx)) => {
                    if !matches!(more, Some(Ok(_))) {
                        return Err(Broken::ByClient);
                    }
                }
                () = self.unsent.abandoned(self.since, self.patience, true) => return Err(Broken::Stalled),
            }
        }
        Ok(self.out.capacity().min(wanted))
    }

    fn begin_waiting(&mut self) {
        if self.unsent.is_empty() {
            self.since = Instant::now();
        }
    }
}
