//! Takes a request apart: its credentials, and its body to the last byte.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName};
use http_body_util::BodyExt as _;

use super::problem::Problem;
use crate::app::{AppState, BodyRoom};
use crate::auth::admission::Admission;
use crate::auth::credentials::{Credentials, Header, Transport, UNKNOWN_ADDRESS};
use crate::compute::BYTES_A_REQUEST;
use crate::error::{AppError, ErrorCode};
use crate::telemetry;

/// Where a request comes from, proxies of ours taken off; in its extensions.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

/// Where a request comes from.
pub fn address(extensions: &Extensions) -> IpAddr {
    extensions.get::<ClientAddress>().map_or(UNKNOWN_ADDRESS, |known| known.0)
}

/// The token of a request, before anything else of it is read.
pub fn credentials_of(headers: &HeaderMap) -> Credentials {
    Credentials { authorization: read_header(headers, &AUTHORIZATION), ..Credentials::default() }
}

/// A request without a body that matters.
pub fn credentials(parts: &Parts, body: Arc<[u8]>) -> Credentials {
    let header = |name: &'static str| read_header(&parts.headers, &HeaderName::from_static(name));
    Credentials {
        address: address(&parts.extensions),
        authorization: read_header(&parts.headers, &AUTHORIZATION),
        client_id: header("x-client-id"),
        timestamp: header("x-timestamp"),
        signature: header("x-signature"),
        idempotency_key: header("idempotency-key"),
        transport: Transport::Http,
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        body,
        admission: parts.extensions.get().cloned().unwrap_or_default(),
    }
}

/// A request with a body, read within the limit of size; the limit of time is the whole request's.
pub struct JsonRequest {
    /// Who sends it, and the body.
    pub credentials: Credentials,
    /// Whether the body says that it is JSON.
    pub is_json: Result<(), AppError>,
    /// What the body takes of its address's room, to be kept as long as the body.
    pub room: Option<BodyRoom>,
}

/// More than a login, a refresh or a usual query ever is: all that is read of a request whose address has used up its
/// budget, and all that is read without a valid token before the body counts as a large one.
const SMALL_BYTES: usize = 16 * 1024;

fn no_room() -> AppError {
    let message = "Too many large bodies at once from this address without a valid token; send the token of a login";
    AppError::new(ErrorCode::RateLimited, message).retry_after(Duration::from_secs(1))
}

impl FromRequest<AppState> for JsonRequest {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        telemetry::note(|facts| facts.receiving = true);
        let limit = state.config().http.max_body_bytes;
        let mut room = None;
        let body = match parts.extensions.get() {
            Some(Admission::OverBudget(refusal)) => {
                let body = read(&parts.headers, body, limit.min(SMALL_BYTES), || Ok(())).await;
                body.map_err(|_| AppError::clone(refusal))?
            }
            Some(Admission::Counted(_)) => {
                let make_room = || {
                    room = state.room_for_body(address(&parts.extensions));
                    if room.is_some() { Ok(()) } else { Err(no_room()) }
                };
                read(&parts.headers, body, limit, make_room).await?
            }
            _ => read(&parts.headers, body, limit, || Ok(())).await?,
        };
        telemetry::note(|facts| facts.receiving = false);
        let is_json = if is_json(&parts.headers) {
            Ok(())
        } else {
            let message = "Send the body as JSON, with the header Content-Type: application/json";
            Err(AppError::new(ErrorCode::UnsupportedMediaType, message))
        };
        let credentials = credentials(&parts, body);
        state.sessions().charge(&credentials, credentials.body.len() / BYTES_A_REQUEST)?;
        Ok(Self { credentials, is_json, room })
    }
}

/// Reads a body. What is to become a large one first needs room.
async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    make_room: impl FnOnce() -> Result<(), AppError>,
) -> Result<Arc<[u8]>, AppError> {
    let too_large = || {
        AppError::new(ErrorCode::PayloadTooLarge, format!("The body must have at most {limit} bytes"))
            .detail("limit_bytes", limit)
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let (mut bytes, mut make_room) = (Vec::new(), Some(make_room));
    while let Some(frame) = body.frame().await {
        let broken =
            |_| AppError::new(ErrorCode::MalformedBody, "The body ended before it was complete; send it again");
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > limit {
            return Err(too_large());
        }
        if length > SMALL_BYTES
            && let Some(make_room) = make_room.take()
        {
            make_room()?;
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = value.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    // JSON is UTF-8 (RFC 8259 §8.1); another charset would be read wrongly, so it is refused.
    let is_utf8 = parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    is_json && is_utf8
}

fn read_header(headers: &HeaderMap, name: &HeaderName) -> Header {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Header::Absent,
        // Bytes that are no text are kept visible: the check that reads the header refuses them with its own hint.
        (Some(value), None) => match String::from_utf8_lossy(value.as_bytes()).into_owned() {
            empty if empty.is_empty() => Header::Empty,
            text => Header::Value(text),
        },
        (Some(_), Some(_)) => Header::Repeated,
    }
}
