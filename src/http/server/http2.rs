//! A connection by HTTP/2 (RFC 9113), begun with prior knowledge: as many requests at once as it has streams, each held to
//! the limits that one of HTTP/1.1 has with its connection.
//!
//! Written on h2 rather than with hyper's server: that hands an answer over whether or not its reader takes it, tells nobody
//! how long it waits, and cannot end one stream.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::http::Request;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use h2::{Reason, RecvStream, server};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::connection::{Connection, LAST_HEAD};
use super::connections::Counted;
use super::gate::{Gate, Gated};
use super::request_body::receive;
use super::routes::Routes;
use super::socket::Socket;
use super::stream::{self, Ended};
use super::transport::Transport;
use super::unsent::{Answers, Piece};
use super::{BUFFER_BYTES, note};
use crate::http::address::Peer;

/// The most streams at once of one connection: what RFC 9113 §6.5.2 recommends at least. Each of them counts
/// as a connection, so this is no limit of memory.
const STREAMS: u32 = 100;

/// The most of them that get an answer although there is no slot for them (429 or 503); more are refused without one.
const BEYOND_LIMIT: usize = 4;

/// What of a body may come before somebody reads it: as much as a connection of HTTP/1.1 holds.
pub const WINDOW: u32 = 64 * 1024 - 1;

/// What of an answer may wait in h2 for the socket, as much as for HTTP/1.1.
const SEND_BYTES: usize = 32 * 1024;

/// Streams that were ended by their client before they were looked at (CVE-2023-44487): more than one read holds. What is
/// read is looked at before more is, so they take no memory, and as cancelled streams they are counted below.
const RESETS: usize = 256;

/// Streams that we ended are known for a second, so what is still under way on them is no error of the connection; so many.
const KNOWN_RESETS: usize = 1_000;

/// Streams that were begun, and ended before their answer was: if more than so many, and more than half of all, the
/// connection takes no more. It is not cut, for behind a proxy it is everybody's, and any of them can cancel. Who does it on
/// purpose must open a new connection for each hundred or so, where connections are counted as ever; each request that came
/// to an answer has counted for its caller's rate limit, and one that did not has cost the reading of its head.
const CANCELLED: usize = 100;

/// How long after it was told a client may still begin streams: a busy proxy does not read at once, and what it has sent by
/// then it may not be able to send elsewhere. h2 itself ignores what is begun after the client has acknowledged it.
const LAST_STREAMS: Duration = Duration::from_secs(10);

/// Streams that a client begins after that. Nobody does who reads what we send, so then it is cut.
const REFUSED: usize = 1_000;

/// Serves one connection to its end.
pub async fn serve<S>(socket: Socket<S>, peer: Peer, counted: Counted, routes: Routes) -> Result<(), h2::Error>
where
    S: Transport + Send + 'static,
{
    let gate = Arc::<Gate>::default();
    let mut http = shake_hands(Gated::new(socket, Arc::clone(&gate)), &gate).await?;
    let (connection, counted) = (Arc::clone(&counted.connection), Arc::new(counted));
    let (mut bodies, mut streams) = (FuturesUnordered::new(), JoinSet::new());
    let (answers, beyond) = (Answers::new(), Arc::new(()));
    let (mut begun, mut cancelled, mut refused) = (0, 0, 0);
    let mut is_leaving = false;
    // Since when the client knows that it shall begin no more streams.
    let mut told: Option<Instant> = None;
    loop {
        if is_leaving && told.is_none() {
            http.graceful_shutdown();
            told = Some(Instant::now());
        }
        let deadline =
            told.map_or_else(|| connection.stream_deadline(), |told| told.max(connection.since()) + LAST_HEAD);
        tokio::select! {
            // First what a client that never stops sending would keep from being looked at, and what has been read, which is
            // taken out of h2 before more is.
            biased;
            Some(()) = bodies.next() => {}
            Some(ended) = streams.join_next() => {
                cancelled += usize::from(matches!(ended, Ok(Ended::Cancelled)));
                if streams.is_empty() {
                    connection.end_streams();
                }
                is_leaving |= (cancelled > CANCELLED && cancelled > begun / 2) || connection.ends_after_answer();
            }
            () = must_leave(&connection), if !is_leaving => is_leaving = true,
            () = sleep_until(deadline), if streams.is_empty() => {
                if http.has_streams() {
                    // Heads that wait for the socket.
                    connection.end_streams();
                } else if told.is_some() {
                    return close(http, Reason::NO_ERROR).await;
                }
                is_leaving = true;
            }
            accepted = accept(&mut http, &gate) => {
                let (request, mut respond) = match accepted {
                    Poll::Ready(Some(stream)) => stream?,
                    Poll::Ready(None) => return Ok(()),
                    Poll::Pending => continue,
                };
                if told.is_some_and(|told| told.elapsed() > LAST_STREAMS) {
                    respond.send_reset(Reason::REFUSED_STREAM);
                    refused += 1;
                    if refused > REFUSED {
                        return close(http, Reason::ENHANCE_YOUR_CALM).await;
                    }
                    continue;
                }
                let slot = counted.stream_slot();
                if slot.is_err() && Arc::strong_count(&beyond) > BEYOND_LIMIT {
                    respond.send_reset(Reason::REFUSED_STREAM);
                    continue;
                }
                if streams.is_empty() {
                    connection.begin_answer();
                }
                begun += 1;
                // As by HTTP/1.1: with the next answer.
                is_leaving |= connection.ends_after_answer();
                let held = slot.as_ref().is_err().then(|| Arc::clone(&beyond));
                let (mut request, receiver, receiving) = receive(request);
                bodies.extend(receiver);
                note(&mut request, peer, slot.as_ref().err().copied());
                let (answering, answers) = (routes.now(), Arc::clone(&answers));
                let answer = stream::answer(request, receiving, respond, answering, answers, connection.write_timeout());
                streams.spawn(async move {
                    let ended = answer.await;
                    drop((slot, held));
                    ended
                });
            }
        }
    }
}

type Http<S> = server::Connection<Gated<Socket<S>>, Piece>;

async fn shake_hands<S>(socket: Gated<Socket<S>>, gate: &Gate) -> Result<Http<S>, h2::Error>
where
    S: Transport + Send + 'static,
{
    let mut handshake = pin!(
        server::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW * STREAMS)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(BUFFER_BYTES).unwrap_or(u32::MAX))
            .max_send_buffer_size(SEND_BYTES)
            .max_pending_accept_reset_streams(RESETS)
            .max_concurrent_reset_streams(KNOWN_RESETS)
            // Frames are taken out of h2 before more are read.
            .data_frame_budget(usize::MAX)
            .handshake(socket)
    );
    poll_fn(|cx| {
        loop {
            let shaken = handshake.as_mut().poll(cx);
            if shaken.is_ready() || !gate.open() {
                return shaken;
            }
        }
    })
    .await
}

type Stream = (Request<RecvStream>, server::SendResponse<Piece>);

/// Waits for the next stream, none where the connection has ended; pending where something was read that is to be taken out
/// of h2 first. More is read when every stream that has come was accepted.
async fn accept<S>(http: &mut Http<S>, gate: &Gate) -> Poll<Option<Result<Stream, h2::Error>>>
where
    S: Transport + Send + 'static,
{
    poll_fn(|cx| {
        let accepted = pin!(http.accept()).poll(cx);
        if accepted.is_ready() || gate.open() { Poll::Ready(accepted) } else { Poll::Pending }
    })
    .await
}

/// Ends the connection when all has been sent that h2 holds, but for what is left of its streams. The socket gives up a client
/// that takes none of it.
async fn close<S>(mut http: Http<S>, reason: Reason) -> Result<(), h2::Error>
where
    S: Transport + Send + 'static,
{
    http.abrupt_shutdown(reason);
    poll_fn(|cx| http.poll_closed(cx)).await
}

/// Waits until there is a reason to begin no more streams, now: another connection needs its slot, or the service stops.
async fn must_leave(connection: &Connection) {
    poll_fn(|cx| {
        // Before looking: whatever changes from here on wakes.
        connection.register_reader(cx.waker());
        let must = connection.is_evicted() || connection.closing_since().is_some();
        if must { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[cfg(test)]
#[path = "http2_tests.rs"]
mod tests;
