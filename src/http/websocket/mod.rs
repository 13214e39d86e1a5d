//! GraphQL over WebSocket: the handshake, and who may open how many.

mod connection;
mod operation;
mod protocol;

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use connection::Connection;

use super::address::is_proxied;
use super::origin;
use super::server::WriteTimeout;
use crate::app::AppState;
use crate::auth::credentials::{Credentials, Transport};
use crate::error::{AppError, ErrorCode};
use crate::rest::problem::Problem;
use crate::rest::request::credentials;
use crate::service::throttle::network;

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
    if let Err(error) = origin::ensure_allowed(&parts.uri, &parts.headers, is_proxied, &http.cors_origins) {
        return refuse(&state, &credentials, error).await;
    }
    let Ok(upgrade) = upgrade else {
        let message = "This path speaks WebSocket: open it with Sec-WebSocket-Protocol: graphql-transport-ws";
        return refuse(&state, &credentials, AppError::new(ErrorCode::InvalidHeader, message)).await;
    };
    let Some(slot) = state.occupancy().anonymous_sockets.take(&network(credentials.address)) else {
        let message = "Too many WebSockets from this address have brought no valid token yet; try again shortly";
        let error = AppError::new(ErrorCode::RateLimited, message).retry_after(http.anonymous_socket_timeout);
        return refuse(&state, &credentials, error).await;
    };
    let (limit, patience) = (http.max_body_bytes, http.subscription_write_timeout);
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(limit).max_frame_size(limit);
    let mut response = upgrade.on_upgrade(move |socket| Connection::new(state, credentials, slot).run(socket));
    response.extensions_mut().insert(WriteTimeout(patience));
    response
}

/// Refuses a handshake; it is heard even where the address has used up its budget, for a token may come after it.
async fn refuse(state: &AppState, credentials: &Credentials, error: AppError) -> Response {
    match credentials.admission.refusal() {
        Some(over_budget) => {
            state.sessions().pace_refusal(credentials.address).await;
            Problem(over_budget).into_response()
        }
        None => Problem(error).into_response(),
    }
}
