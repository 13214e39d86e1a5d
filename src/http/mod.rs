//! HTTP: the router, the GraphQL transport, and what every request passes through.
//!
//! What belongs here: paths that are not REST endpoints, middleware, the server itself. What does not: rules.
//! To add a path: a route in [`router`], and a row in the README's table.

mod address;
mod budget;
mod envelope;
mod graphql;
mod health;
mod origin;
mod pages;
mod security;
mod server;
mod websocket;

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use tower::util::option_layer;

pub use address::Peer;
pub use server::{METRICS_CONNECTIONS, ServerOptions, serve};

use crate::app::AppState;
use crate::error::{AppError, ErrorCode};
use crate::rest;
use crate::wire::problem::Problem;
use crate::{graphql as schema, telemetry};

/// Every path of the service.
pub fn router(state: AppState) -> Router {
    let metrics = if state.config().metrics.listen.is_some() { Router::new() } else { metrics_router() };
    Router::new()
        .merge(metrics)
        .merge(rest::router())
        .merge(pages::router(state.config()))
        .route("/graphql", get(graphql::get).post(graphql::post))
        .route("/graphql/ws", get(websocket::upgrade))
        .route("/schema.graphql", get(sdl))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready).layer(Extension(health::Readiness::default())))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(state.clone(), budget::admit))
        .layer(option_layer(security::cors(&state.config().http)))
        .layer(from_fn_with_state(state.clone(), budget::pace))
        .layer(from_fn_with_state(state.clone(), envelope::wrap))
        .layer(from_fn_with_state(state.clone(), address::note))
        .layer(from_fn_with_state(state.clone(), security::headers))
        .with_state(state)
}

/// The metrics alone, for a listener of their own.
pub fn metrics_router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/metrics", get(metrics))
}

/// Made once: it takes longer than all the rest of the request.
static SDL: LazyLock<Bytes> = LazyLock::new(|| schema::sdl().into());

async fn sdl() -> Response {
    ([(CONTENT_TYPE, "application/graphql; charset=utf-8")], SDL.clone()).into_response()
}

async fn metrics() -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], telemetry::render_metrics()).into_response()
}

async fn not_found() -> Problem {
    Problem(AppError::new(ErrorCode::NotFound, "There is nothing at this path; /api/v1/openapi.json lists the paths"))
}

async fn method_not_allowed() -> Problem {
    let message = "This path does not take this method; the Allow header lists the ones it takes";
    Problem(AppError::new(ErrorCode::MethodNotAllowed, message))
}
