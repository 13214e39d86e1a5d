//! GraphQL over HTTP, to the letter of the public specification (graphql.github.io/graphql-over-http): the suite runs
//! its 61 audits. Our own transport, because async-graphql-axum's reads and answers some requests otherwise; its
//! response type writes the body of every answer that is not text in part already (`graphql::written`).

use std::future::ready;
use std::sync::Arc;

use async_graphql_axum::GraphQLResponse;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value};

use super::envelope;
use super::event_stream::{event_stream, refuse_stream};
use super::parameters::{answers, read_parameters};
use crate::app::AppState;
use crate::auth::credentials::Credentials;
use crate::compute;
use crate::error::{AppError, ErrorCode};
use crate::graphql::{self, Read, Request};
use crate::service::events::begin;
use crate::service::turns::Turn;
use crate::telemetry::{self, Wire};
use crate::wire::json::parse as parse_json;
use crate::wire::problem::{Problem, challenge};
use crate::wire::query::Pairs;
use crate::wire::request::{JsonRequest, credentials};

/// `POST /graphql`: any operation.
pub async fn post(State(state): State<AppState>, parts: Parts, request: Result<JsonRequest, Problem>) -> Response {
    let media = MediaType::accepted_by(&parts.headers);
    let JsonRequest { credentials, is_json, room } = match request {
        Ok(request) => request,
        Err(Problem(error)) if matches!(error.code, ErrorCode::RateLimited | ErrorCode::Overloaded) => {
            return media.refuse(error);
        }
        Err(problem) => return problem.into_response(),
    };
    if let Err(error) = is_json {
        return Problem(error).into_response();
    }
    let body = Arc::clone(&credentials.body);
    let answer = match compute::on(credentials.lane(), body.len(), || parse_json(&body).and_then(read_parameters)).await
    {
        Ok(mut request) => match refused(&mut request, &credentials) {
            None => execute(&state, state.api().read(request, credentials.lane()).await, credentials, media).await,
            Some(refusal) => media.refuse(refusal),
        },
        Err(error) => media.refuse(credentials.admission.refusal().unwrap_or(error)),
    };
    room.keep_with(answer)
}

/// `GET /graphql?query=…&variables=…&operationName=…`: queries only, since a link must not change anything.
pub async fn get(State(state): State<AppState>, Pairs(pairs): Pairs, parts: Parts) -> Response {
    let media = MediaType::accepted_by(&parts.headers);
    let malformed = |what: &str| AppError::new(ErrorCode::MalformedBody, format!("{what} cannot be read"));
    let pairs = match pairs {
        Ok(pairs) => pairs,
        Err(error) => return media.refuse(error),
    };
    let mut parameters = Map::new();
    for (name, text) in pairs {
        let value = match name.as_str() {
            "variables" | "extensions" if text.is_empty() => Value::Null,
            "variables" | "extensions" => match parse_json(text.as_bytes()) {
                Ok(value) => value,
                Err(error) => {
                    let message = said_of(&format!("The parameter {name}"), &error);
                    return media.refuse(AppError::new(ErrorCode::MalformedBody, message));
                }
            },
            _ => Value::String(text),
        };
        if parameters.insert(name.clone(), value).is_some() {
            return media.refuse(malformed(&format!("The parameter {name} is given twice; it")));
        }
    }
    let credentials = credentials(&parts, Arc::default());
    let read = match read_parameters(Value::Object(parameters)) {
        Ok(mut request) => match refused(&mut request, &credentials) {
            None => state.api().read(request, credentials.lane()).await,
            Some(refusal) => return media.refuse(refusal),
        },
        Err(error) => return media.refuse(error),
    };
    if read.as_ref().is_ok_and(Read::is_mutation) {
        let message = "A mutation must be sent by POST; GET is for queries";
        let mut refusal = media.refuse(AppError::new(ErrorCode::MethodNotAllowed, message));
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return refusal;
    }
    execute(&state, read, credentials, media).await
}

/// Why a text of JSON cannot be read that is no body by itself.
pub(super) fn said_of(what: &str, error: &AppError) -> String {
    error.message.strip_prefix("The body").map_or_else(|| error.message.to_string(), |said| format!("{what}{said}"))
}

/// A request as the schema read it, or the refusal.
type Reading = Result<Read, graphql::Response>;

/// Who has no valid token, and whose address has used up its budget, may still log in and refresh.
fn refused(request: &mut Request, credentials: &Credentials) -> Option<AppError> {
    let refusal = credentials.admission.refusal()?;
    (!graphql::only_authenticates(request)).then_some(refusal)
}

async fn execute(state: &AppState, read: Reading, credentials: Credentials, media: MediaType) -> Response {
    if media == MediaType::EventStream {
        return match run(state, read, credentials).await {
            Ok(results) => event_stream(state, results),
            Err(refusal) => refuse_stream(state, refusal),
        };
    }
    let (response, turn) = match read {
        Ok(read) => state.api().execute(read, credentials).await,
        Err(refusal) => (refusal, None),
    };
    // Under `application/json` a client cannot tell our error from a proxy's by the status, so the specification keeps
    // 200 there.
    let status = match media {
        MediaType::GraphqlResponse if graphql::is_request_error(&response) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    media.answer(status, response, turn)
}

/// What is told on a connection that stays: results, and at last perhaps why it breaks off.
pub(super) type Results = BoxStream<'static, Result<(graphql::Response, Option<Turn>), AppError>>;

/// Runs any operation on a connection that stays: a subscription for as long as it goes on, anything else within the time
/// a request has. Gives the refusal of a subscription that does not begin.
pub(super) async fn run(
    state: &AppState,
    read: Reading,
    credentials: Credentials,
) -> Result<Results, graphql::Response> {
    let read = match read {
        Ok(read) if read.is_subscription() => {
            let mut results = state.api().subscribe(read, credentials).await?.fuse();
            let first = match begin(results.next()).await {
                Some(Ok(response)) if graphql::is_request_error(&response) => return Err(response),
                Some(Err(failure)) => return Err(graphql::refusal(failure)),
                first => first,
            };
            return Ok(stream::iter(first).chain(results).map_ok(|response| (response, None)).boxed());
        }
        Ok(read) => read,
        Err(refusal) => return Ok(stream::once(ready(Ok((refusal, None)))).boxed()),
    };
    let (state, limit, address) = (state.clone(), state.config().http.request_timeout, credentials.address);
    let response = async move {
        let answer = tokio::time::timeout(limit, state.api().execute(read, credentials)).await;
        let (response, turn) = answer.unwrap_or_else(|_| (graphql::refusal(envelope::too_slow(limit)), None));
        // The head of the answer, where refusals wait, is long sent.
        if response.errors.iter().any(|error| graphql::into_app_error(error).code == ErrorCode::RateLimited) {
            state.sessions().pace_refusal(address).await;
        }
        Ok((response, turn))
    };
    Ok(stream::once(response).boxed())
}

/// So little is held by the system, whoever reads it.
const LITTLE: usize = 64 * 1024;

/// A text that keeps the turn of its query for as long as it waits to be sent.
pub(super) fn held(text: String, turn: Option<Turn>) -> Bytes {
    struct Held(String, #[expect(dead_code, reason = "held, not read")] Turn);
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }
    match turn {
        Some(turn) if text.len() > LITTLE => Bytes::from_owner(Held(text, turn)),
        _ => Bytes::from(text),
    }
}

pub(super) fn note_failures(response: &graphql::Response) {
    let note = |error| telemetry::note_failure(Wire::Graphql, &graphql::into_app_error(error));
    response.errors.iter().for_each(note);
}

/// Refuses a request of which nothing but the head was read.
pub(super) fn refuse(headers: &HeaderMap, error: AppError) -> Response {
    MediaType::accepted_by(headers).refuse(error)
}

/// The media types an answer may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    Json,
    GraphqlResponse,
    EventStream,
}

impl MediaType {
    /// What the client accepts; `application/json` for one that does not mind.
    fn accepted_by(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let (mut json, mut graphql, mut events) = (0.0, 0.0, 0.0);
        for range in accepted.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|p| p.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            match essence.as_str() {
                "application/graphql-response+json" => graphql = quality,
                "application/json" => json = quality,
                "text/event-stream" => events = quality,
                _ => {}
            }
        }
        if events > json.max(graphql) {
            Self::EventStream
        } else if graphql > 0.0 && graphql >= json {
            Self::GraphqlResponse
        } else {
            Self::Json
        }
    }

    fn answer(self, status: StatusCode, response: graphql::Response, turn: Option<Turn>) -> Response {
        note_failures(&response);
        let wait = response.errors.iter().filter_map(|e| graphql::into_app_error(e).retry_after_seconds()).max();
        let is_ours = turn.is_some() || graphql::is_request_error(&response) || graphql::holds_text(&response);
        let mut answer = if is_ours {
            held(graphql::to_json(&response), turn).into_response()
        } else {
            GraphQLResponse::from(response).into_response()
        };
        let content_type = match self {
            // A request that holds no document to run opens no stream.
            Self::Json | Self::EventStream => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        };
        *answer.status_mut() = status;
        if let Some(seconds) = wait {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    /// Refuses a request that holds no document to run, in the shape GraphQL clients read.
    pub(super) fn refuse(self, error: AppError) -> Response {
        if let Some(answers) = answers(&error) {
            return self.refuse_each(answers, error);
        }
        let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let challenge = (status == StatusCode::UNAUTHORIZED).then(|| HeaderValue::try_from(challenge(&error)));
        let mut answer = self.answer(status, graphql::refusal(error), None);
        if let Some(Ok(challenge)) = challenge {
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        answer
    }

    /// Refuses each of so many requests in a list, which their client takes apart.
    fn refuse_each(self, requests: usize, error: AppError) -> Response {
        let status = if self == Self::GraphqlResponse { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        let refusal = graphql::refusal(error);
        let each = graphql::to_json(&refusal);
        let answer = self.answer(status, refusal, None);
        answer.map(|_| Body::from(format!("[{}]", vec![each; requests].join(","))))
    }
}
