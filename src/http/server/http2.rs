//! A connection by HTTP/2 (RFC 9113), begun with prior knowledge: as many requests at once as it has streams, each held to
//! the limits that one of HTTP/1.1 has with its connection.
//!
//! Written on h2 rather than with hyper's server: that hands an answer over whether or not its reader takes it, tells nobody
//! how long it waits, and cannot end one stream.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use h2::{Reason, server};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::{Connection, LAST_HEAD};
use super::connections::Counted;
use super::routes::Routes;
use super::socket::Socket;
use super::stream::{self, Ended};
use super::transport::Transport;
use super::{BUFFER_BYTES, note};
use crate::http::address::Peer;

/// The most streams at once of one connection: what RFC 9113 §6.5.2 recommends at least. Each of them counts
/// as a connection, so this is no limit of memory.
const STREAMS: u32 = 100;

/// The most of them that get an answer although there is no slot for them (429 or 503); more are refused without one.
const BEYOND_LIMIT: usize = 4;

/// What of a body may come before somebody reads it: as much as a connection of HTTP/1.1 holds.
const WINDOW: u32 = 64 * 1024 - 1;

/// What of an answer may wait in h2 for the socket, as much as for HTTP/1.1.
const SEND_BYTES: usize = 32 * 1024;

/// The most that frames may take beside what is in them.
const FRAMING_BYTES: usize = 128 * 1024;

/// Streams that were ended by their client before they were looked at (CVE-2023-44487), or by us because they broke the
/// rules (CVE-2025-8671), before the connection ends. The same for those that were begun, and ended before their answer was:
/// more than half of all.
const RESETS: usize = 20;
const LOCAL_RESETS: usize = 100;
const CANCELLED: usize = 100;

/// Serves one connection to its end.
pub async fn serve<S>(socket: Socket<S>, peer: Peer, counted: Counted, routes: Routes) -> Result<(), h2::Error>
where
    S: Transport + Send + 'static,
{
    let mut http = server::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW * STREAMS)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(BUFFER_BYTES).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BYTES)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(Some(LOCAL_RESETS))
        .data_frame_budget(FRAMING_BYTES)
        .handshake(socket)
        .await?;
    let (connection, counted) = (Arc::clone(&counted.connection), Arc::new(counted));
    let (mut streams, beyond) = (JoinSet::new(), Arc::new(()));
    let (mut begun, mut cancelled) = (0, 0);
    // Since when the client knows that it shall begin no more streams.
    let mut leaving: Option<Instant> = None;
    loop {
        let deadline =
            leaving.map_or_else(|| connection.stream_deadline(), |leaving| leaving.max(connection.since()) + LAST_HEAD);
        tokio::select! {
            // First what a client that never stops sending would keep from being looked at.
            biased;
            Some(ended) = streams.join_next() => {
                cancelled += usize::from(matches!(ended, Ok(Ended::Cancelled)));
                if streams.is_empty() {
                    connection.end_streams();
                }
                if cancelled > CANCELLED && cancelled > begun / 2 {
                    http.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    let closed = poll_fn(|cx| http.poll_closed(cx));
                    return timeout(LAST_HEAD, closed).await.unwrap_or(Ok(()));
                }
            }
            () = must_leave(&connection, begun > 0), if leaving.is_none() => {
                http.graceful_shutdown();
                leaving = Some(Instant::now());
            }
            () = sleep_until(deadline), if streams.is_empty() => {
                if leaving.is_some() {
                    return Ok(());
                }
                http.graceful_shutdown();
                leaving = Some(Instant::now());
            }
            accepted = http.accept() => {
                let Some(accepted) = accepted else { return Ok(()) };
                let (mut request, mut respond) = accepted?;
                if leaving.is_some_and(|leaving| leaving.elapsed() > LAST_HEAD) {
                    respond.send_reset(Reason::REFUSED_STREAM);
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
                let held = slot.as_ref().is_err().then(|| Arc::clone(&beyond));
                note(&mut request, peer, slot.as_ref().err().copied());
                let answer = stream::answer(request, respond, routes.now(), connection.write_timeout());
                streams.spawn(async move {
                    let ended = answer.await;
                    drop((slot, held));
                    ended
                });
            }
        }
    }
}

/// Waits until there is a reason to begin no more streams: another connection needs its slot, the service stops, or it was
/// the last answer.
async fn must_leave(connection: &Connection, has_begun: bool) {
    poll_fn(|cx| {
        // Before looking: whatever changes from here on wakes.
        connection.register_reader(cx.waker());
        let must = connection.is_evicted()
            || connection.closing_since().is_some()
            || (has_begun && connection.ends_after_answer());
        if must { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
