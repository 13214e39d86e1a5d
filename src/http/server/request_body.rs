//! The body of a request by HTTP/2: what comes of it is taken out of h2 at once and put together, for h2 keeps each frame for
//! itself, at a cost that has nothing to do with its length. How much comes before it is read, the window says.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::http::header::CONTENT_LENGTH;
use h2::{FlowControl, RecvStream};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::http2::WINDOW;

/// Takes the body of a request apart: the request with what is to be read by its answer; who receives it, to be polled by the
/// task of the connection; and what the answer keeps until it has ended.
pub fn receive(request: Request<RecvStream>) -> (Request<Body>, Option<Receiver>, Receiving) {
    let (head, mut stream) = request.into_parts();
    if stream.is_end_stream() {
        return (Request::from_parts(head, Body::empty()), None, Receiving(Shared::default()));
    }
    let left = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let shared = Shared::default();
    let body = Received { shared: shared.clone(), window: stream.flow_control().clone(), left };
    let receiver = Receiver { stream, shared: shared.clone() };
    (Request::from_parts(head, Body::new(body)), Some(receiver), Receiving(shared))
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    end: Option<Result<(), h2::Error>>,
    /// The answer waits for what has not come.
    is_asked: bool,
    /// Nobody reads it any more; what still comes is thrown away.
    is_dropped: bool,
    /// The answer has ended.
    is_answered: bool,
    reader: Option<Waker>,
    receiver: Option<Waker>,
    asker: Option<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, data: &[u8]) {
        if self.is_dropped {
            return;
        }
        if self.bytes.capacity() - self.bytes.len() < data.len() {
            // Never more than twice what is there, and not more than can come.
            let doubled = self.bytes.capacity().saturating_mul(2).min(WINDOW as usize);
            let wanted = doubled.max(self.bytes.len() + data.len());
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// Receives a body until it or its answer ends.
pub struct Receiver {
    stream: RecvStream,
    shared: Shared,
}

impl Future for Receiver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        {
            let mut state = this.shared.lock();
            if state.is_answered {
                return Poll::Ready(());
            }
            state.receiver = Some(cx.waker().clone());
        }
        loop {
            let came = ready!(this.stream.poll_data(cx));
            let mut state = this.shared.lock();
            match came {
                Some(Ok(data)) => state.push(&data),
                Some(Err(error)) => state.end = Some(Err(error)),
                None => state.end = Some(Ok(())),
            }
            wake(&mut state.reader);
            if state.end.is_some() {
                return Poll::Ready(());
            }
        }
    }
}

/// Held by an answer: the body of its request is received for as long.
pub struct Receiving(Shared);

impl Receiving {
    /// Waits until the answer wants to read what has not come yet.
    pub async fn asked(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            state.asker = Some(cx.waker().clone());
            if state.is_asked { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_answered = true;
        wake(&mut state.receiver);
    }
}

/// The body as its answer reads it.
struct Received {
    shared: Shared,
    window: FlowControl,
    /// How much is to come, where its head says so; h2 sees to it that this is so.
    left: Option<u64>,
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let this = self.get_mut();
        let bytes = {
            let mut state = this.shared.lock();
            if state.bytes.is_empty() {
                return match state.end.replace(Ok(())) {
                    Some(end) => Poll::Ready(end.err().map(Err)),
                    None => {
                        state.end = None;
                        state.reader = Some(cx.waker().clone());
                        state.is_asked = true;
                        wake(&mut state.asker);
                        Poll::Pending
                    }
                };
            }
            mem::take(&mut state.bytes)
        };
        // Whoever reads it has room for it.
        let _ = this.window.release_capacity(bytes.len());
        this.left = this.left.map(|left| left.saturating_sub(bytes.len() as u64));
        Poll::Ready(Some(Ok(Frame::data(bytes.into()))))
    }

    fn is_end_stream(&self) -> bool {
        let state = self.shared.lock();
        state.bytes.is_empty() && matches!(state.end, Some(Ok(())))
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_dropped = true;
        // No more is released than was read, so no more than the window comes; h2 gives it back with the end of the stream.
        state.bytes = Vec::new();
    }
}
