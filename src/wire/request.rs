//! Takes a request apart: its credentials, and its body to the last byte.

use std::net::IpAddr;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName};
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

use super::media::ensure_json;
use super::problem::Problem;
use crate::app::{AppState, BodyHolder, BodyMemory, LargeBody};
use crate::auth::admission::Admission;
use crate::auth::credentials::{Credentials, Header, Transport, UNKNOWN_ADDRESS};
use crate::compute::{self, BYTES_A_REQUEST, Lane};
use crate::error::{AppError, ErrorCode};
use crate::telemetry::{self, NotedBody};

/// Where a request comes from, proxies of ours taken off; in its extensions.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

/// Other spellings of a request's path, which its sender may have signed; in its extensions.
#[derive(Debug, Clone)]
pub struct OtherPaths(pub Vec<String>);

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
        other_paths: parts.extensions.get().map(|OtherPaths(others)| others.clone()).unwrap_or_default(),
        body,
        admission: parts.extensions.get().cloned().unwrap_or_default(),
    }
}

/// A request with a body, read within the limit of size; the limit of time is the whole request's.
pub struct JsonRequest {
    /// Who sends it, and the body.
    pub credentials: Credentials,
    /// Whether the body says that it is JSON, and not compressed.
    pub is_json: Result<(), AppError>,
    /// What the body takes of its address's and of all bodies' room, to be kept until the answer is sent.
    pub room: BodyRoom,
}

/// What a body takes of others' room.
#[derive(Default)]
pub struct BodyRoom {
    large: Option<LargeBody>,
    memory: Option<BodyMemory>,
    bytes: usize,
}

impl BodyRoom {
    /// Keeps with the answer as much as is left in memory until the answer is sent: the answer, or of one without an end
    /// the request.
    pub fn keep_with(mut self, answer: Response) -> Response {
        self.large = None;
        let Some(memory) = &mut self.memory else { return answer };
        let left = answer.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
        memory.shrink(left.unwrap_or(self.bytes));
        answer.map(|body| Body::new(Kept { body, _room: self }))
    }
}

/// A body of an answer that keeps room until it is sent.
struct Kept {
    body: Body,
    _room: BodyRoom,
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// More than a login, a refresh or a usual query ever is: all that is read of a request whose address has used up its
/// budget, and all that is read without a valid token before the body counts as a large one.
const SMALL_BYTES: usize = 16 * 1024;

/// The most that is read without a valid token, or as a message on a WebSocket: memory for large bodies is for orders.
pub const ANONYMOUS_BYTES: usize = 1024 * 1024;

fn no_room() -> AppError {
    let message = "Too many large bodies at once from this address without a valid token; send the token of a login";
    AppError::new(ErrorCode::RateLimited, message).retry_after(Duration::from_secs(1))
}

impl FromRequest<AppState> for JsonRequest {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let limit = state.config().http.max_body_bytes;
        let over_budget = matches!(parts.extensions.get(), Some(Admission::OverBudget(_)));
        let lane = parts.extensions.get().map_or(Lane::Known, Admission::lane);
        let limit = match lane {
            _ if over_budget => limit.min(SMALL_BYTES),
            Lane::Known => limit,
            Lane::Anonymous => limit.min(ANONYMOUS_BYTES),
        };
        let of_whom =
            || state.body_holder(address(&parts.extensions), credentials_of(&parts.headers).bearer_token().ok());
        let holder = LazyLock::new(of_whom);
        let mut large = None;
        let mut make_room = || {
            if lane == Lane::Known {
                return Ok(());
            }
            large = state.large_body(address(&parts.extensions));
            if large.is_some() { Ok(()) } else { Err(no_room()) }
        };
        let mut reader = Reader { state, lane, holder: &holder, limit, arriving: None };
        let read = reader.read(&parts.headers, body, &mut make_room).await;
        let body = match parts.extensions.get() {
            Some(Admission::OverBudget(refusal)) => read.map_err(|_| AppError::clone(refusal))?,
            _ => read?,
        };
        let arriving = reader.arriving;
        telemetry::note(|facts| facts.receiving = false);
        if telemetry::notes_body() {
            let noted = compute::on(lane, body.len(), || NotedBody::of(&body)).await;
            telemetry::note(|facts| facts.exchange.body = Some(noted));
        }
        let is_json = ensure_json(&parts.headers);
        let credentials = credentials(&parts, body);
        state.sessions().charge(&credentials, credentials.body.len() / BYTES_A_REQUEST)?;
        let memory = state.bodies().work(lane, &holder, &credentials.body).await?;
        drop(arriving);
        let room = BodyRoom { large, memory, bytes: credentials.body.len() };
        Ok(Self { credentials, is_json, room })
    }
}

/// Reads a body, for which there must be room first.
struct Reader<'a, H> {
    state: &'a AppState,
    lane: Lane,
    holder: &'a H,
    limit: usize,
    /// Memory for the body.
    arriving: Option<BodyMemory>,
}

impl<H: Deref<Target = BodyHolder> + Sync> Reader<'_, H> {
    async fn read(
        &mut self,
        headers: &HeaderMap,
        mut body: Body,
        make_room: &mut (dyn FnMut() -> Result<(), AppError> + Send),
    ) -> Result<Arc<[u8]>, AppError> {
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if let Some(length) = announced {
            self.ensure_allowed(length)?;
            self.arriving = self.state.bodies().arrive(self.lane, self.holder, length).await?;
        }
        telemetry::note(|facts| facts.receiving = true);
        let (mut bytes, mut is_large) = (Vec::with_capacity(announced.unwrap_or_default()), false);
        while let Some(frame) = body.frame().await {
            let broken =
                |_| AppError::new(ErrorCode::MalformedBody, "The body ended before it was complete; send it again");
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            let length = bytes.len() + data.len();
            self.ensure_allowed(length)?;
            if length > SMALL_BYTES && !is_large {
                make_room()?;
                is_large = true;
            }
            if announced.is_none() {
                let room = self.arriving.take();
                self.arriving = self.state.bodies().arrive_on(self.lane, self.holder, room, length).await?;
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.into())
    }

    fn ensure_allowed(&self, length: usize) -> Result<(), AppError> {
        if length <= self.limit {
            return Ok(());
        }
        let without = match self.lane {
            Lane::Anonymous if self.limit < self.state.config().http.max_body_bytes => {
                " where there is no valid token; send the request with the token of a login"
            }
            _ => "",
        };
        let message = format!("The body must have at most {} bytes{without}", self.limit);
        Err(AppError::new(ErrorCode::PayloadTooLarge, message).detail("limit_bytes", self.limit))
    }
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
