//! GraphQL over WebSocket: the handshake, and who may open how many.

mod closing;
mod connection;
mod frames;
mod operation;
mod operations;
mod owner;
mod parameters;
mod protocol;
mod reasons;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use connection::Connection;
use frames::Frames;
use owner::Held;

use super::address::is_proxied;
use super::origin;
use crate::app::AppState;
use crate::auth::admission::Admission;
use crate::auth::credentials::{Credentials, Transport};
use crate::error::{AppError, ErrorCode};
use crate::service::rate_limit::network;
use crate::service::sessions::ensure_active;
use crate::wire::problem::Problem;
use crate::wire::request::{ANONYMOUS_BYTES, credentials};
use crate::wire::unbuffered::WriteTimeout;

const PROTOCOL: &str = "graphql-transport-ws";

/// Whether a request asks for a WebSocket.
pub fn is_asked_for(headers: &HeaderMap) -> bool {
    has_member(headers, &UPGRADE, "websocket")
}

/// `GET /graphql/ws`, and `GET /graphql` where it asks for a WebSocket.
pub async fn upgrade(State(state): State<AppState>, mut request: Request) -> Response {
    let upgraded = hyper::upgrade::on(&mut request);
    // The template, as in the log of requests.
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let (mut parts, _) = request.into_parts();
    // A client that is no browser may send its token with the handshake.
    let credentials = Credentials { transport: Transport::WebSocket, ..credentials(&parts, Arc::default()) };
    let http = &state.config().http;
    let is_proxied = is_proxied(&parts.extensions, &http.trusted_proxies);
    // A proxy need not tell by which host it was called.
    let own = http.public_url.origin().map(str::to_owned);
    let allowed: Vec<_> = http.cors_origins.iter().cloned().chain(own).collect();
    if let Err(error) = origin::ensure_allowed(&parts.uri, &parts.headers, is_proxied, &allowed) {
        return refuse(&credentials, error);
    }
    if has_member(&parts.headers, &CONNECTION, "upgrade") {
        // Whatever stands beside it, and in however many lines: tungstenite reads the first one.
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    let is_our_protocol = has_member(&parts.headers, &SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    let Ok(handshake) = create_response(&Request::from_parts(parts, ())) else {
        let message = "This path speaks WebSocket: open it with Sec-WebSocket-Protocol: graphql-transport-ws";
        let mut refused = refuse(&credentials, AppError::new(ErrorCode::InvalidHeader, message));
        // RFC 6455 §4.4: who sent another version learns which one is spoken.
        refused.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return refused;
    };
    let Some(held) = hold(&state, &credentials).await else {
        let message = "Too many WebSockets from this address have brought no valid token yet; try again shortly";
        let error = AppError::new(ErrorCode::RateLimited, message).retry_after(http.anonymous_socket_timeout);
        return refuse(&credentials, error);
    };
    let mut response = handshake.map(|()| Body::empty());
    if is_our_protocol {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    response.extensions_mut().insert(WriteTimeout(http.subscription_write_timeout));
    let limit = http.max_body_bytes.min(ANONYMOUS_BYTES);
    let connection = Connection::new(state, credentials, held, route, limit);
    tokio::spawn(serve(upgraded, limit, connection, is_our_protocol));
    response
}

/// Serves a connection as soon as the answer to its handshake is sent.
async fn serve(upgraded: OnUpgrade, limit: usize, connection: Connection, is_our_protocol: bool) {
    let Ok(upgraded) = upgraded.await else { return };
    let config = WebSocketConfig::default().max_message_size(Some(limit)).max_frame_size(Some(limit));
    let stream = Frames::new(TokioIo::new(upgraded));
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    connection.run(socket, is_our_protocol).await;
}

/// Whether a list of a header names this, whatever its case.
fn has_member(headers: &HeaderMap, name: &HeaderName, member: &str) -> bool {
    let lists = headers.get_all(name).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|listed| listed.trim().eq_ignore_ascii_case(member))
}

/// Refuses a handshake; it is heard even where the address has used up its budget, for a token may come after it.
fn refuse(credentials: &Credentials, error: AppError) -> Response {
    Problem(credentials.admission.refusal().unwrap_or(error)).into_response()
}

/// The slot of the client whose valid token came with the handshake, while it has one; otherwise the address's.
async fn hold(state: &AppState, credentials: &Credentials) -> Option<Held> {
    if let (Admission::Uncounted, Ok(token)) = (&credentials.admission, credentials.bearer_token())
        && let Ok(principal) = state.sessions().authenticate(token).await
        && ensure_active(&principal.known.client).is_ok()
        && let Some(slot) = state.occupancy().client_sockets.take(principal.client_id())
    {
        return Some(Held::Client(slot));
    }
    state.occupancy().anonymous_sockets.take(&network(credentials.address)).map(Held::Address)
}
