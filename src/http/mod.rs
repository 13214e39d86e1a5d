//! HTTP: the router, the GraphQL transport, and what every request passes through.
//!
//! What belongs here: paths that are not REST endpoints, middleware, the server itself. What does not: rules.
//! To add a path: a route in [`router`], and a row in the README's table.

mod address;
mod budget;
mod compress;
mod envelope;
mod event_stream;
mod framing;
mod graphql;
mod health;
mod origin;
mod pages;
mod parameters;
mod paths;
mod people;
mod security;
mod server;
mod starting;
mod websocket;

use std::sync::LazyLock;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use tower::util::option_layer;

use envelope::Envelope;

pub use address::Peer;
pub use server::{METRICS_CONNECTIONS, Routes, ServerOptions, serve};
pub use starting::starting_router;

use crate::app::AppState;
use crate::config::{Config, Http};
use crate::domain::order_life::PICTURE;
use crate::error::{AppError, ErrorCode};
use crate::rest;
use crate::service::RequestLog;
use crate::wire::etag::Document;
use crate::wire::problem::Problem;
use crate::wire::query::Pairs;
use crate::{graphql as schema, telemetry};

/// Every path of the service.
pub fn router(state: AppState) -> Router {
    let (http, log) = (state.config().http.clone(), state.request_log().clone());
    // Of the two who ask, not of all: every layer costs each request its copy.
    let readiness = Extension(health::Readiness::default());
    let routes = Router::new()
        .merge(metrics_of(state.config(), Some(&state)))
        .merge(rest::router())
        .merge(pages::router(state.config(), readiness.clone()))
        .merge(people::router(state.config()))
        .route("/graphql", get(graphql_by_get).post(graphql::post))
        .route("/graphql/ws", get(websocket::upgrade))
        .route("/.well-known/jwks.json", get(public_keys))
        .route("/schema.graphql", get(sdl))
        .route("/docs/order-life.svg", get(order_life))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready).layer(readiness))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(state.clone(), budget::admit))
        .layer(option_layer(security::cors(&http)))
        .layer(from_fn_with_state(state.clone(), budget::pace))
        .layer(from_fn_with_state(state.clone(), address::note))
        .with_state(state);
    enveloped(routes, &http, Some(log).filter(RequestLog::is_on))
}

/// `GET /graphql`: a query, or a handshake, for which many clients have no path of its own.
async fn graphql_by_get(state: State<AppState>, pairs: Pairs, request: Request) -> Response {
    if websocket::is_asked_for(request.headers()) {
        return websocket::upgrade(state, request).await;
    }
    graphql::get(state, pairs, request.into_parts().0).await
}

/// What every request passes through, whatever answers it.
fn enveloped(routes: Router, http: &Http, log: Option<RequestLog>) -> Router {
    let routes = routes
        .layer(from_fn_with_state(Envelope::new(http, log), envelope::wrap))
        .layer(from_fn_with_state(http.behind_tls, security::headers));
    paths::lead(routes, &http.public_url)
}

/// The metrics, unless they have a listener of their own.
fn metrics_of<S: Clone + Send + Sync + 'static>(config: &Config, state: Option<&AppState>) -> Router<S> {
    if config.metrics.listen.is_some() { Router::new() } else { metrics_router(state) }
}

/// The metrics alone, for a listener of their own; before there is a database, without those of its connections.
pub fn metrics_router<S: Clone + Send + Sync + 'static>(state: Option<&AppState>) -> Router<S> {
    let state = state.cloned();
    let metrics = async move || {
        let metrics = state.as_ref().map_or_else(|| telemetry::render_metrics(|| {}), AppState::metrics);
        ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics)
    };
    Router::new().route("/metrics", get(metrics))
}

/// Receivers of webhooks keep it for a while, and look again when a key is not in it.
const PUBLIC_KEYS_LAST: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The keys that verify webhooks (RFC 7517).
async fn public_keys(State(state): State<AppState>) -> Result<Response, Problem> {
    let keys = state.webhook_public_keys().await?;
    let kind = HeaderValue::from_static("application/jwk-set+json");
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, PUBLIC_KEYS_LAST)], keys.to_string()).into_response())
}

/// Made once, with its name: it takes longer than all the rest of the request.
static SDL: LazyLock<Document> = LazyLock::new(|| Document::new(schema::sdl()));

async fn sdl(request: HeaderMap) -> Response {
    SDL.answer(&request, "application/graphql; charset=utf-8")
}

static ORDER_LIFE: LazyLock<Document> = LazyLock::new(|| Document::new(PICTURE.clone()));

/// The picture has its colours, by day and by night, in a style of its own; nothing else of it may run or load.
const PICTURE_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");

async fn order_life(request: HeaderMap) -> Response {
    ([(CONTENT_SECURITY_POLICY, PICTURE_POLICY)], ORDER_LIFE.answer(&request, "image/svg+xml")).into_response()
}

async fn not_found() -> Problem {
    Problem(AppError::new(ErrorCode::NotFound, "There is nothing at this path; /api/v1/openapi.json lists the paths"))
}

async fn method_not_allowed() -> Problem {
    let message = "This path does not take this method; the Allow header lists the ones it takes";
    Problem(AppError::new(ErrorCode::MethodNotAllowed, message))
}
