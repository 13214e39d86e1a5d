//! What is answered while the service waits for its database: the port is bound already, so that whoever watches the
//! service finds it alive and not ready instead of gone.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower::util::option_layer;

use super::{enveloped, graphql, health, metrics_of, security};
use crate::config::Config;
use crate::error::{AppError, ErrorCode};
use crate::wire::problem::Problem;

/// When to ask again.
const RETRY: Duration = Duration::from_secs(2);

/// Every path of the service, before there is a database.
pub fn starting_router(config: &Config) -> Router {
    let routes = Router::new()
        .merge(metrics_of(config, None))
        .route("/health/live", get(health::live))
        .fallback(not_yet)
        .layer(option_layer(security::cors(&config.http)));
    enveloped(routes, &config.http, None)
}

async fn not_yet(request: Request) -> Response {
    let message = "This instance is starting and waits for its database; send the same request again shortly";
    let error = AppError::new(ErrorCode::DatabaseUnavailable, message).retry_after(RETRY);
    if request.uri().path() == "/graphql" {
        return graphql::refuse(request.headers(), error);
    }
    Problem(error).into_response()
}
