//! The budget of an address for requests that bring no valid token: asked before a body is read and before anything is
//! computed.
//!
//! What belongs here: which requests count, and which may go on when the budget is used up. What does not: counting
//! (`service::throttle`), and what is found out only from a body (`service::sessions`).

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::graphql;
use super::server::BeyondLimit;
use crate::app::AppState;
use crate::auth::admission::Admission;
use crate::error::{AppError, ErrorCode};
use crate::rest::problem::Problem;
use crate::rest::request::{address, credentials_of};

/// Counts a request, and refuses it when the budget is used up and nothing in it could prove that it never counts.
pub async fn admit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if is_free(&request) {
        state.sessions().pace_free(address(request.extensions())).await;
        return next.run(request).await;
    }
    if request.extensions().get::<BeyondLimit>().is_some() {
        let message = "Too many connections are open; send the request again";
        return Problem(AppError::new(ErrorCode::Overloaded, message).retry_after(Duration::from_secs(1)))
            .into_response();
    }
    let credentials = credentials_of(request.headers());
    let admission = state.sessions().admit(address(request.extensions()), credentials.bearer_token().ok());
    if let Admission::OverBudget(refusal) = &admission
        && !may_prove_itself(&request)
    {
        state.sessions().pace_refusal(address(request.extensions())).await;
        let is_graphql = request.uri().path() == "/graphql";
        let refusal = refusal.as_ref().clone();
        return if is_graphql { graphql::refuse(request.headers(), refusal) } else { Problem(refusal).into_response() };
    }
    request.extensions_mut().insert(admission);
    next.run(request).await
}

/// What never counts: health, metrics, and what a browser asks before it lets a page ask.
fn is_free(request: &Request) -> bool {
    matches!(request.uri().path(), "/health/live" | "/health/ready" | "/metrics")
        || (request.method() == Method::OPTIONS && is_preflight(request.headers()))
}

fn is_preflight(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Where a login, a refresh, or the token of a connection may come.
fn may_prove_itself(request: &Request) -> bool {
    match request.uri().path() {
        "/api/v1/auth/login" | "/api/v1/auth/refresh" | "/graphql" => request.method() == Method::POST,
        "/graphql/ws" => request.method() == Method::GET,
        _ => false,
    }
}
