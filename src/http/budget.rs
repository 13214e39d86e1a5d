//! The budget of an address for requests that bring no valid token: asked before a body is read and before anything is
//! computed.
//!
//! What belongs here: which requests count, and which may go on when the budget is used up. What does not: counting
//! (`service::rate_limit`), and what is found out only from a body (`service::sessions`).

use axum::extract::{Request, State};
use axum::http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::graphql;
use super::server::BeyondLimit;
use super::websocket::is_asked_for;
use crate::app::AppState;
use crate::auth::admission::Admission;
use crate::error::ErrorCode;
use crate::telemetry;
use crate::wire::problem::{self, Problem};
use crate::wire::request::{address, credentials_of};

/// Lets requests that never count wait once their address has sent many of them; outside of what answers preflights.
pub async fn pace(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if is_free(&request) {
        state.sessions().pace_free(address(request.extensions())).await;
    }
    next.run(request).await
}

/// Counts a request, and refuses it when the budget is used up and nothing in it could prove that it never counts. Refusals
/// wait here, whoever made them, once an address was sent many, and those of wrong signatures once a client was.
pub async fn admit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if is_free(&request) {
        return next.run(request).await;
    }
    if let Some(BeyondLimit(refused)) = request.extensions().get() {
        return Problem(refused.error()).into_response();
    }
    let address = address(request.extensions());
    let credentials = credentials_of(request.headers());
    let admission = state.sessions().admit(address, credentials.bearer_token().ok());
    let (may_prove_itself, is_anonymous) = (may_prove_itself(&request), !matches!(admission, Admission::Uncounted));
    let refusal = if may_prove_itself { None } else { admission.refusal() };
    let under_way = match (refusal, is_anonymous) {
        (Some(refusal), _) => Err(refusal),
        (None, true) => state.sessions().begin_anonymous(address, may_prove_itself),
        (None, false) => Ok(None),
    };
    let response = match under_way {
        Ok(_under_way) => {
            request.extensions_mut().insert(admission);
            next.run(request).await
        }
        Err(refusal) if request.uri().path() == "/graphql" => graphql::refuse(request.headers(), refusal),
        Err(refusal) => Problem(refusal).into_response(),
    };
    // REST's failures are noted when they are rendered; those of GraphQL the status need not tell.
    match problem::code_of(&response).or_else(telemetry::error_code) {
        // By now the body's memory is free again.
        Some(ErrorCode::InvalidSignature) => {
            if let Some(client) = telemetry::principal().and_then(|client| client.parse().ok()) {
                state.sessions().pace_wrong_signature(&client).await;
            }
        }
        Some(ErrorCode::RateLimited) => state.sessions().pace_refusal(address).await,
        _ => {}
    }
    response
}

/// What never counts: health, metrics, and what a browser asks before it lets a page ask.
fn is_free(request: &Request) -> bool {
    matches!(request.uri().path(), "/health/live" | "/health/ready" | "/metrics")
        || (request.method() == Method::OPTIONS && is_preflight(request.headers()))
}

fn is_preflight(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Where a login, a refresh, the session of a person, or the token of a connection may come.
fn may_prove_itself(request: &Request) -> bool {
    match request.uri().path() {
        "/graphql" if is_asked_for(request.headers()) => request.method() == Method::GET,
        "/api/v1/auth/login" | "/api/v1/auth/refresh" | "/dashboard/session" | "/graphql" => {
            request.method() == Method::POST
        }
        "/graphql/ws" => request.method() == Method::GET,
        _ => false,
    }
}
