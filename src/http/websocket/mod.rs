//! GraphQL over WebSocket: the handshake, and who may open how many.

mod connection;
mod operation;
mod owner;
mod protocol;

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use connection::Connection;
use owner::Held;

use super::address::is_proxied;
use super::origin;
use super::server::WriteTimeout;
use crate::app::AppState;
use crate::auth::admission::Admission;
use crate::auth::credentials::{Credentials, Transport};
use crate::error::{AppError, ErrorCode};
use crate::service::rate_limit::network;
use crate::service::sessions::ensure_active;
use crate::wire::problem::Problem;
use crate::wire::request::{ANONYMOUS_BYTES, credentials};

const PROTOCOL: &str = "graphql-transport-ws";

/// `GET /graphql/ws`.
pub async fn upgrade(
    State(state): State<AppState>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
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
    let Ok(upgrade) = upgrade else {
        let message = "This path speaks WebSocket: open it with Sec-WebSocket-Protocol: graphql-transport-ws";
        return refuse(&credentials, AppError::new(ErrorCode::InvalidHeader, message));
    };
    let Some(held) = hold(&state, &credentials).await else {
        let message = "Too many WebSockets from this address have brought no valid token yet; try again shortly";
        let error = AppError::new(ErrorCode::RateLimited, message).retry_after(http.anonymous_socket_timeout);
        return refuse(&credentials, error);
    };
    let (limit, patience) = (http.max_body_bytes.min(ANONYMOUS_BYTES), http.subscription_write_timeout);
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(limit).max_frame_size(limit);
    let mut response = upgrade.on_upgrade(move |socket| Connection::new(state, credentials, held).run(socket));
    response.extensions_mut().insert(WriteTimeout(patience));
    response
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
