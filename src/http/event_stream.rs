//! Results as server-sent events: the protocol graphql-sse in its mode of distinct connections, an event `next` for each result,
//! then `complete`.

use std::future::ready;

use axum::response::Response;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::graphql::{MediaType, Results, held, note_failures};
use crate::app::AppState;
use crate::error::ErrorCode;
use crate::graphql;
use crate::telemetry::Wire;
use crate::wire::event_stream::{self, Events};

/// The empty line of data matters: without one, browsers dispatch no event. axum's own writes none.
const COMPLETE: &str = "event: complete\ndata: \n\n";

/// The events of an operation.
pub fn event_stream(state: &AppState, results: Results) -> Response {
    let events = results.map_ok(|(response, turn)| {
        note_failures(&response);
        held(format!("event: next\ndata: {}\n\n", graphql::to_json(&response)), turn)
    });
    event_stream::answer(state, Events { events: events.boxed(), end: COMPLETE, wire: Wire::Graphql })
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
