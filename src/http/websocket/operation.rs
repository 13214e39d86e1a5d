//! One operation on a connection.

use std::future::ready;

use futures_util::stream::{self, StreamExt as _};
use serde_json::json;
use tokio::sync::mpsc;

use super::protocol::{Given, Told};
use crate::app::AppState;
use crate::auth::credentials::Credentials;
use crate::error::{AppError, ErrorCode};
use crate::graphql;
use crate::http::envelope::Line;
use crate::http::graphql::{note_failures, run};
use crate::telemetry::{self, RequestLine, Wire};

/// An id with the count that tells its second use from the first.
pub type OperationKey = (String, u64);

/// Runs one operation to its end; its line in the log, with the path on which its connection was opened, comes with it.
pub async fn run_operation(
    state: AppState,
    route: String,
    request: graphql::Request,
    credentials: Credentials,
    key: OperationKey,
    results: mpsc::Sender<(OperationKey, Told)>,
) {
    let log = RequestLine::new(&key.0.chars().take(100).collect::<String>());
    log.trace(|_| None);
    let line = Line::new(log.clone(), "WS", route).logged_in(Some(state.request_log()), false);
    let work = async move {
        let read = state.api().read(request, credentials.lane()).await;
        let is_subscription = read.as_ref().is_ok_and(graphql::Read::is_subscription);
        let mut status = 200;
        let mut told = match run(&state, read, credentials).await {
            Ok(told) => {
                if is_subscription {
                    let _ = results.send((key.clone(), Told::Begun)).await;
                }
                told
            }
            // Who is refused with an error does not come again by itself.
            Err(refusal) => stream::once(ready(passing(&refusal).map_or(Ok((refusal, None)), Err))).boxed(),
        };
        while let Some(result) = told.next().await {
            let (response, turn) = match result {
                Ok(result) => result,
                Err(failure) => {
                    telemetry::note_failure(Wire::Graphql, &failure);
                    let status = failure.code.status();
                    let _ = results.send((key, Told::BrokeOff(failure))).await;
                    return status;
                }
            };
            note_failures(&response);
            if let Some(error) = response.errors.first() {
                status = graphql::into_app_error(error).code.status();
            }
            // The whole operation was refused, or its stream ended with a failure.
            let is_refusal = graphql::is_request_error(&response);
            let given = if is_refusal {
                Given::Error(json!(response.errors))
            } else {
                Given::Next(graphql::to_json(&response), turn)
            };
            if results.send((key.clone(), Told::Gave(given))).await.is_err() || is_refusal {
                return status;
            }
        }
        let _ = results.send((key, Told::Gave(Given::Complete))).await;
        status
    };
    line.finish(log.scope(work).await);
}

/// Why a subscription does not begin, where it may later or with other credentials.
fn passing(refusal: &graphql::Response) -> Option<AppError> {
    let limited = refusal.errors.iter().map(graphql::into_app_error).find(|error| error.code == ErrorCode::RateLimited);
    graphql::interruption(refusal).or(limited)
}
