//! Endpoints of webhooks, as their owner manages them.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::operations::{
    DELETE_WEBHOOK_ENDPOINT, PAUSE_WEBHOOK_ENDPOINT, REPLAY_WEBHOOK_EVENTS, RESUME_WEBHOOK_ENDPOINT,
    ROTATE_WEBHOOK_SECRET, SAVE_WEBHOOK_ENDPOINT, TEST_WEBHOOK_ENDPOINT, VERIFY_WEBHOOK_ENDPOINT, WEBHOOK_ATTEMPTS,
    WEBHOOK_ENDPOINT, WEBHOOK_ENDPOINTS,
};
use super::parameters::{VARIABLE, in_parameters, of, values};
use super::routes::run_of;
use crate::app::AppState;
use crate::error::{AppError, ErrorCode};
use crate::graphql::PreparedOperation;
use crate::wire::problem::Problem;
use crate::wire::query::Pairs;
use crate::wire::request::{BodyRoom, JsonRequest, credentials};

type Name = Result<Path<String>, PathRejection>;
type Answer = Result<Response, Problem>;

/// The parameter that may be given several times.
const OUTCOME: &str = "outcome";

/// The parameter that is a number.
const LIMIT: &str = "limit";

/// The endpoints, with their full paths.
pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/webhook-endpoints", get(list))
        .route("/api/v1/webhook-endpoints/{name}", get(one).put(save).delete(delete))
        .route("/api/v1/webhook-endpoints/{name}/attempts", get(attempts))
        .route("/api/v1/webhook-endpoints/{name}/pause", post(pause))
        .route("/api/v1/webhook-endpoints/{name}/replay", post(replay))
        .route("/api/v1/webhook-endpoints/{name}/resume", post(resume))
        .route("/api/v1/webhook-endpoints/{name}/secret", post(rotate))
        .route("/api/v1/webhook-endpoints/{name}/test", post(test))
        .route("/api/v1/webhook-endpoints/{name}/verification", post(verify))
}

async fn list(State(state): State<AppState>, parts: Parts) -> Answer {
    let sender = credentials(&parts, Arc::default());
    let endpoints = state.api().execute_prepared(&WEBHOOK_ENDPOINTS, sender, |_| Ok(json!({}))).await?;
    Ok(Json(json!({"data": endpoints})).into_response())
}

async fn one(State(state): State<AppState>, name: Name, parts: Parts) -> Answer {
    let (sender, variables) = (credentials(&parts, Arc::default()), json!({"name": named(name)}));
    let endpoint = state.api().execute_prepared(&WEBHOOK_ENDPOINT, sender, |_| Ok(variables)).await?;
    Ok(Json(json!({"data": endpoint})).into_response())
}

/// A new endpoint is 201 and has its secret.
async fn save(State(state): State<AppState>, name: Name, request: JsonRequest) -> Answer {
    let (mut saved, room) = run_of(&state, &SAVE_WEBHOOK_ENDPOINT, ("name", named(name)), request).await?;
    let is_new = !saved["secret"].is_null();
    if !is_new && let Some(members) = saved.as_object_mut() {
        members.remove("secret");
    }
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(room.keep_with((status, Json(saved)).into_response()))
}

async fn delete(State(state): State<AppState>, name: Name, request: JsonRequest) -> Answer {
    run_without_input(&state, &DELETE_WEBHOOK_ENDPOINT, name, request).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn attempts(State(state): State<AppState>, name: Name, Pairs(pairs): Pairs, parts: Parts) -> Answer {
    let sender = credentials(&parts, Arc::default());
    let name = named(name);
    let variables = |_: &_| Ok(json!({"name": name, VARIABLE: values(&pairs?, &[LIMIT], Some(OUTCOME))}));
    let page = state.api().execute_prepared(&WEBHOOK_ATTEMPTS, sender, variables).await.map_err(|error| {
        let known = of(&WEBHOOK_ATTEMPTS);
        in_parameters(error, &known.iter().map(|parameter| parameter.name.as_str()).collect::<Vec<_>>())
    })?;
    Ok(Json(page).into_response())
}

async fn pause(State(state): State<AppState>, name: Name, request: JsonRequest) -> Answer {
    let (endpoint, room) = run_without_input(&state, &PAUSE_WEBHOOK_ENDPOINT, name, request).await?;
    Ok(room.keep_with(Json(json!({"data": endpoint})).into_response()))
}

async fn resume(State(state): State<AppState>, name: Name, request: JsonRequest) -> Answer {
    let (endpoint, room) = run_without_input(&state, &RESUME_WEBHOOK_ENDPOINT, name, request).await?;
    Ok(room.keep_with(Json(json!({"data": endpoint})).into_response()))
}

/// It is done later, behind everything else.
async fn replay(State(state): State<AppState>, name: Name, request: JsonRequest) -> Answer {
    let (replay, room) = run_of(&state, &REPLAY_WEBHOOK_EVENTS, ("name", named(name)), request).await?;
    Ok(room.keep_with((StatusCode::ACCEPTED, Json(json!({"data": replay}))).into_response()))
}

async fn rotate(State(state): State<AppState>, name: Name, request: JsonRequest) -> Answer {
    let (rotated, room) = run_of(&state, &ROTATE_WEBHOOK_SECRET, ("name", named(name)), request).await?;
    Ok(room.keep_with(Json(rotated).into_response()))
}

async fn test(State(state): State<AppState>, name: Name, request: JsonRequest) -> Answer {
    let (trial, room) = run_without_input(&state, &TEST_WEBHOOK_ENDPOINT, name, request).await?;
    Ok(room.keep_with(Json(trial).into_response()))
}

async fn verify(State(state): State<AppState>, name: Name, request: JsonRequest) -> Answer {
    let (trial, room) = run_without_input(&state, &VERIFY_WEBHOOK_ENDPOINT, name, request).await?;
    Ok(room.keep_with(Json(trial).into_response()))
}

/// Runs what takes nothing but the name. A body is signed all the same: that of a program which always sends one is `{}`.
async fn run_without_input(
    state: &AppState,
    operation: &PreparedOperation,
    name: Name,
    JsonRequest { credentials, room, .. }: JsonRequest,
) -> Result<(Value, BodyRoom), AppError> {
    let is_empty = matches!(credentials.body.trim_ascii(), b"" | b"{}");
    let variables = json!({"name": named(name)});
    let read = |_: &_| {
        if is_empty {
            return Ok(variables);
        }
        Err(AppError::new(ErrorCode::MalformedBody, "This takes no body: send none, or an empty object"))
    };
    Ok((state.api().execute_prepared(operation, credentials, read).await?, room))
}

/// A path that is no text names no endpoint.
fn named(name: Name) -> String {
    name.map_or_else(|_| String::new(), |Path(name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_that_are_published_stay() {
        let names: Vec<_> = of(&WEBHOOK_ATTEMPTS).into_iter().map(|parameter| parameter.name).collect();
        assert_eq!(names, [OUTCOME, "order_number", LIMIT, "cursor"]);
    }
}
