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

/// Why a subscription breaks off at this response, though nothing says that it is done: the caller's credentials do not count
/// any more, or the service cannot serve it now. Who went on after an event that the database was not there for would lack
/// it; who comes back with the cursor before it does not. A caller that sent no token would only be refused again.
pub fn interruption(response: &Response) -> Option<AppError> {
    let has_ended = response.data == Value::Null;
    let failures = response.errors.iter().map(|error| (error, into_app_error(error)));
    let mut breaking = failures.filter(|(error, failure)| match failure.code {
        ErrorCode::Unauthenticated | ErrorCode::ClientDisabled => !failure.is_anonymous && is_of_stream(error),
        ErrorCode::InternalError => has_ended && is_of_stream(error),
        code => code.status() == 503,
    });
    breaking.next().map(|(_, failure)| failure)
}

/// Whether an error is of the subscription itself, and not of a field of one of its events.
fn is_of_stream(error: &ServerError) -> bool {
    error.path.len() <= 1
}

/// The responses of a subscription up to one without data: who went on after it would lack what it was to tell.
pub fn until_lost(responses: impl Stream<Item = Response>) -> impl Stream<Item = Response> {
    responses.scan(false, |is_lost, response| {
        if *is_lost {
            return ready(None);
        }
        *is_lost = response.data == Value::Null;
        ready(Some(if *is_lost { of_request(response) } else { response }))
    })
}

/// The responses of a subscription up to the one at which it breaks off; that is told by its cause.
pub fn until_interrupted(responses: impl Stream<Item = Response>) -> impl Stream<Item = Result<Response, AppError>> {
    responses.scan(false, |has_ended, response| {
        if *has_ended {
            return ready(None);
        }
        let cause = interruption(&response);
        *has_ended = cause.is_some();
        ready(Some(cause.map_or(Ok(response), Err)))
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
