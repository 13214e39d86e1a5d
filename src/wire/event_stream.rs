//! Server-sent events (WHATWG HTML, "Server-sent events"). What breaks off before its end, because the service stops, the caller's
//! credentials do not count any more or the database is away, breaks off without the last event, so that clients come again with the
//! last cursor.

use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::unbuffered::{UNBUFFERED, WriteTimeout};
use crate::app::AppState;
use crate::error::{AppError, ErrorCode};
use crate::telemetry::{self, Wire};

/// The media type.
pub const EVENT_STREAM: &str = "text/event-stream";

/// Proxies give up a connection that is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events, each as it is sent, and what is sent behind the last one.
pub struct Events {
    /// The events, up to why they break off.
    pub events: BoxStream<'static, Result<Bytes, AppError>>,
    /// What tells that there are no more.
    pub end: &'static str,
    /// The wire that a failure is noted for.
    pub wire: Wire,
}

/// What a stream does next.
enum Next {
    Events(Events),
    /// Why it breaks off was told.
    BreaksOff(AppError),
}

/// The answer that sends events as they come.
pub fn answer(state: &AppState, events: Events) -> Response {
    let sent = stream::unfold(Some((Next::Events(events), state.stopping())), |next| async {
        let (next, mut stopping) = next?;
        let mut events = match next {
            Next::Events(events) => events,
            Next::BreaksOff(failure) => {
                // What was told before is sent first.
                tokio::task::yield_now().await;
                return Some((Err(failure), None));
            }
        };
        let event = tokio::select! {
            biased;
            () = &mut stopping => {
                let message = "The service is stopping; subscribe again with the last cursor";
                Ok(Some(Err(AppError::new(ErrorCode::Stopping, message))))
            }
            event = tokio::time::timeout(KEEP_ALIVE, events.events.next()) => event,
        };
        Some(match event {
            Ok(Some(Ok(event))) => (Ok(event), Some((Next::Events(events), stopping))),
            Ok(None) => (Ok(Bytes::from_static(events.end.as_bytes())), None),
            Ok(Some(Err(failure))) => {
                if failure.code != ErrorCode::Stopping {
                    telemetry::note_failure(events.wire, &failure);
                }
                // A comment, which no client takes for an event.
                let why = Bytes::from(format!(":{}: {}\n\n", failure.code, failure.message.replace(['\r', '\n'], " ")));
                (Ok(why), Some((Next::BreaksOff(failure), stopping)))
            }
            Err(_) => (Ok(Bytes::from_static(b":\n\n")), Some((Next::Events(events), stopping))),
        })
    });
    let headers = [(CONTENT_TYPE, EVENT_STREAM), (CACHE_CONTROL, "no-store")];
    let patience = WriteTimeout(state.config().http.subscription_write_timeout);
    (headers, [UNBUFFERED], Extension(patience), Body::from_stream(sent)).into_response()
}
