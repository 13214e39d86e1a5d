//! Server-sent events: the protocol graphql-sse in its mode of distinct connections, an event `next` for each result, then
//! `complete`. What breaks off before its end, because the service stops, the caller's credentials do not count any more or
//! the database is away, breaks off without `complete`, so that clients come again with the last cursor.

use std::future::ready;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt as _};

use super::graphql::{MediaType, Results, held, note_failures};
use super::server::WriteTimeout;
use crate::app::AppState;
use crate::error::{AppError, ErrorCode};
use crate::graphql;
use crate::telemetry::{self, Wire};
use crate::wire::unbuffered::UNBUFFERED;

/// Proxies give up a connection that is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a stream does next.
enum Next {
    Results(Results),
    /// Why it breaks off was told.
    BreaksOff(AppError),
}

/// The events of an operation.
pub fn event_stream(state: &AppState, results: Results) -> Response {
    let stopping = Box::pin(state.stopping());
    let events = stream::unfold(Some((Next::Results(results), stopping)), |next| async {
        let (next, mut stopping) = next?;
        let mut results = match next {
            Next::Results(results) => results,
            Next::BreaksOff(failure) => {
                // What was told before is sent first.
                tokio::task::yield_now().await;
                return Some((Err(failure), None));
            }
        };
        let result = tokio::select! {
            biased;
            () = &mut stopping => {
                let message = "The service is stopping; subscribe again with the last cursor";
                Ok(Some(Err(AppError::new(ErrorCode::Stopping, message))))
            }
            result = tokio::time::timeout(KEEP_ALIVE, results.next()) => result,
        };
        Some(match result {
            Ok(Some(Ok((response, turn)))) => {
                note_failures(&response);
                let event = held(format!("event: next\ndata: {}\n\n", graphql::to_json(&response)), turn);
                (Ok(event), Some((Next::Results(results), stopping)))
            }
            // The empty line of data matters: without one, browsers dispatch no event. axum's own writes none.
            Ok(None) => (Ok(Bytes::from_static(b"event: complete\ndata: \n\n")), None),
            Ok(Some(Err(failure))) => {
                if failure.code != ErrorCode::Stopping {
                    telemetry::note_failure(Wire::Graphql, &failure);
                }
                // A comment, which no client takes for an event.
                let why = Bytes::from(format!(":{}: {}\n\n", failure.code, failure.message.replace(['\r', '\n'], " ")));
                (Ok(why), Some((Next::BreaksOff(failure), stopping)))
            }
            Err(_) => (Ok(Bytes::from_static(b":\n\n")), Some((Next::Results(results), stopping))),
        })
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    let patience = WriteTimeout(state.config().http.subscription_write_timeout);
    (headers, [UNBUFFERED], Extension(patience), Body::from_stream(events)).into_response()
}

/// The answer to a subscription that does not begin: a status where the same request may begin later or with other credentials, for
/// then clients send it again; otherwise a stream that ends.
pub fn refuse_stream(state: &AppState, refusal: graphql::Response) -> Response {
    let failure = refusal.errors.first().map(graphql::into_app_error);
    let for_now = failure.filter(|failure| match failure.code {
        ErrorCode::Unauthenticated | ErrorCode::ClientDisabled | ErrorCode::RateLimited => true,
        code => code.status() >= 500,
    });
    match for_now {
        Some(failure) => MediaType::EventStream.refuse(failure),
        None => event_stream(state, stream::once(ready(Ok((refusal, None)))).boxed()),
    }
}
