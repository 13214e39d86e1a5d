//! Renders failures as problem details (RFC 9457).

use axum::Json;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::media;
use crate::config::PublicUrl;
use crate::error::{AppError, ErrorCode};
use crate::telemetry::{self, Wire};

/// A failure on its way out. It carries no body yet: [`render`] writes it once path and request id are known, for every
/// failure of every route.
pub struct Problem(pub AppError);

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = status(self.0.code).into_response();
        response.extensions_mut().insert(Unrendered(self.0));
        response
    }
}

#[derive(Clone)]
struct Unrendered(AppError);

/// The code of the failure that a response carries and that is not rendered yet.
pub fn code_of(response: &Response) -> Option<ErrorCode> {
    response.extensions().get::<Unrendered>().map(|Unrendered(error)| error.code)
}

/// Renders the problem that a response carries, if it carries one.
pub fn render(mut response: Response, path: &str, public_url: &PublicUrl, request_id: &str) -> Response {
    let Some(Unrendered(error)) = response.extensions_mut().remove::<Unrendered>() else { return response };
    telemetry::note_failure(Wire::of(path), &error);
    let instance = format!("{}{path}", public_url.prefix());
    let mut rendered = (status(error.code), Json(body(&error, &instance, public_url, request_id))).into_response();
    // Headers the failing layer set, such as `Allow`, stay.
    for (name, value) in response.headers() {
        if *name != CONTENT_TYPE && *name != axum::http::header::CONTENT_LENGTH {
            rendered.headers_mut().insert(name.clone(), value.clone());
        }
    }
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            rendered.headers_mut().insert(name, value);
        }
    };
    set(CONTENT_TYPE, "application/problem+json".to_owned());
    set(CACHE_CONTROL, "no-store".to_owned());
    if let Some(seconds) = error.retry_after_seconds() {
        set(RETRY_AFTER, seconds.to_string());
    }
    if let Some(codings) = error.details.get(media::ACCEPT_ENCODING).and_then(Value::as_str) {
        // RFC 9110 §15.5.16.
        set(ACCEPT_ENCODING, codings.to_owned());
    }
    if error.code.status() == 401 {
        set(WWW_AUTHENTICATE, challenge(&error));
    }
    rendered
}

/// Where a code is documented: the `type` of a problem.
#[must_use]
pub fn documented_at(code: ErrorCode, public_url: &PublicUrl) -> String {
    public_url.of(&format!("/docs#{code}"))
}

/// RFC 6750 §3: a caller who sent no token is asked for one; one who did is told that it was refused.
pub fn challenge(error: &AppError) -> String {
    let realm = "Bearer realm=\"sales-order-api\"";
    match error.code {
        ErrorCode::InvalidCredentials => realm.to_owned(),
        ErrorCode::Unauthenticated if error.is_anonymous => realm.to_owned(),
        ErrorCode::Unauthenticated => format!("{realm}, error=\"invalid_token\""),
        code => format!("{realm}, error=\"invalid_request\", error_description=\"{code}\""),
    }
}

fn body(error: &AppError, instance: &str, public_url: &PublicUrl, request_id: &str) -> Value {
    let mut body = head(error.code, &error.message, instance, public_url, request_id);
    if !error.errors.is_empty() {
        body.insert("errors".to_owned(), json!(error.errors));
    }
    body.extend(error.members().map(|(name, value)| (name.to_owned(), value)));
    Value::Object(body)
}

/// What every problem has.
pub fn head(
    code: ErrorCode,
    message: &str,
    instance: &str,
    public_url: &PublicUrl,
    request_id: &str,
) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("type".to_owned(), json!(documented_at(code, public_url)));
    head.insert("title".to_owned(), json!(code.title()));
    head.insert("status".to_owned(), json!(code.status()));
    head.insert("detail".to_owned(), json!(message));
    head.insert("instance".to_owned(), json!(instance));
    head.insert("code".to_owned(), json!(code.as_str()));
    head.insert("message".to_owned(), json!(message));
    head.insert("request_id".to_owned(), json!(request_id));
    head
}

fn status(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
