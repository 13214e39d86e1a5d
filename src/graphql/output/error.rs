//! Renders failures as GraphQL errors: `extensions.code` from the catalogue, nothing internal.
//!
//! Resolvers just use `?`: async-graphql keeps the [`AppError`] as the error's source, and [`classify`] writes its parts
//! into `extensions`, by one function for all of them.

use std::future::ready;
use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};
use futures_util::stream::{Stream, StreamExt as _};
use serde_json::json;

use super::values::from_json;
use crate::domain::fields::Naming;
use crate::error::{AppError, ErrorCode};

/// Gives every error of a response its code and its details.
pub fn classify(mut response: Response) -> Response {
    for error in &mut response.errors {
        let failure = into_app_error(error);
        error.message = failure.message.to_string();
        error.extensions = Some(extensions(&failure));
        error.source = Some(Arc::new(failure));
    }
    response
}

/// The failure behind an error.
#[must_use]
pub fn into_app_error(error: &ServerError) -> AppError {
    error.source::<AppError>().cloned().unwrap_or_else(|| unsourced(error))
}

/// Whether the request itself was refused, so that nothing of it ran (GraphQL §7.1.2, request errors).
#[must_use]
pub fn is_request_error(response: &Response) -> bool {
    response.data == Value::Null && !response.errors.is_empty() && response.errors.iter().all(|e| e.path.is_empty())
}

/// The same failures as those of the request as a whole, of which nothing ran.
pub fn of_request(mut response: Response) -> Response {
    response.errors.iter_mut().for_each(|error| error.path.clear());
    response.data = Value::Null;
    response
}

/// Ends a subscription at the first event that the database was not there for, with that failure alone: whoever went on would
/// lack the event, and who comes back with its last cursor does not.
pub fn until_unavailable(responses: impl Stream<Item = Response>) -> impl Stream<Item = Response> {
    responses.scan(false, |has_ended, mut response| {
        if *has_ended {
            return ready(None);
        }
        let is_away = |error: &&ServerError| into_app_error(error).code == ErrorCode::DatabaseUnavailable;
        let Some(failure) = response.errors.iter().find(is_away) else { return ready(Some(response)) };
        *has_ended = true;
        let failure = ServerError { path: Vec::new(), locations: Vec::new(), ..failure.clone() };
        (response.data, response.errors) = (Value::Null, vec![failure]);
        ready(Some(response))
    })
}

/// Marks an error of async-graphql's own with a code.
pub fn with_code(error: ServerError, code: ErrorCode) -> ServerError {
    let failure = AppError::new(code, error.message.clone());
    ServerError { source: Some(Arc::new(failure)), ..error }
}

/// A syntax error as one line. The parser's own text repeats the whole line of the document, however long it is.
pub fn syntax(error: ServerError) -> ServerError {
    let last_line = error.message.lines().last().unwrap_or_default();
    let expected = last_line.trim_start().trim_start_matches("= ");
    let position =
        error.locations.first().map_or_else(String::new, |at| format!(" at line {} column {}", at.line, at.column));
    let message = format!("The GraphQL document has a syntax error{position}: {expected}");
    with_code(ServerError { message, ..error }, ErrorCode::GraphqlParseFailed)
}

/// A failure of ours as the response to a whole request.
#[must_use]
pub fn refusal(failure: AppError) -> Response {
    classify(Response::from_errors(vec![sourced(failure)]))
}

/// A failure of ours as an error that [`classify`] renders.
pub fn sourced(failure: AppError) -> ServerError {
    ServerError { source: Some(Arc::new(failure)), ..ServerError::new("", None) }
}

/// Our resolvers fail only with an [`AppError`]; what is left is async-graphql refusing the operation's name (no path)
/// or an argument (with the field's path).
fn unsourced(error: &ServerError) -> AppError {
    let code = if error.path.is_empty() { ErrorCode::GraphqlValidationFailed } else { ErrorCode::ValidationFailed };
    AppError::new(code, error.message.clone())
}

fn extensions(failure: &AppError) -> ErrorExtensionValues {
    let mut values = ErrorExtensionValues::default();
    values.set("code", failure.code.as_str());
    if !failure.errors.is_empty() {
        values.set("errors", from_json(json!(failure.errors)));
    }
    if let Some(seconds) = failure.retry_after_seconds() {
        values.set("retryAfter", seconds);
    }
    for (name, value) in failure.members() {
        values.set(Naming::CamelCase.spell(name), from_json(value));
    }
    values
}
