//! One operation on a connection.

use futures_util::stream::StreamExt as _;
use serde_json::json;
use tokio::sync::mpsc;

use super::protocol::Given;
use crate::app::AppState;
use crate::auth::credentials::Credentials;
use crate::graphql;
use crate::http::envelope::Line;
use crate::http::graphql::{note_failures, run};
use crate::telemetry::RequestLog;

/// An id with the count that tells its second use from the first.
pub type OperationKey = (String, u64);

/// Runs one operation to its end; its line in the log comes with it.
pub async fn run_operation(
    state: AppState,
    request: graphql::Request,
    credentials: Credentials,
    key: OperationKey,
    results: mpsc::Sender<(OperationKey, Given)>,
) {
    let log = RequestLog::new(&key.0.chars().take(100).collect::<String>());
    let line = Line::new(log.clone(), "WS", "/graphql/ws".to_owned());
    let work = async move {
        let read = state.api().read(request, credentials.lane()).await;
        let mut responses = run(&state, read, credentials);
        let mut status = 200;
        while let Some((response, turn)) = responses.next().await {
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
            if results.send((key.clone(), given)).await.is_err() || is_refusal {
                return status;
            }
        }
        let _ = results.send((key, Given::Complete)).await;
        status
    };
    line.finish(log.scope(work).await);
}
