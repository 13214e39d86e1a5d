//! Programs that read the feed of events and let the service keep how far they are.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::operations::{DELETE_EVENT_CONSUMER, EVENT_CONSUMERS, SAVE_EVENT_CONSUMER};
use super::routes::run_of;
use crate::app::AppState;
use crate::domain::own_name::OwnName;
use crate::error::{AppError, ErrorCode};
use crate::graphql::Sender;
use crate::wire::problem::Problem;
use crate::wire::request::{JsonRequest, credentials};

pub(super) async fn list(State(state): State<AppState>, parts: Parts) -> Result<Response, Problem> {
    let sender = Sender::from(credentials(&parts, Arc::default()));
    let consumers = state.api().execute_prepared(&EVENT_CONSUMERS, sender, |_| Ok(json!({}))).await?;
    Ok(Json(json!({"data": consumers})).into_response())
}

pub(super) async fn save(
    State(state): State<AppState>,
    name: Result<Path<String>, PathRejection>,
    request: JsonRequest,
) -> Result<Response, Problem> {
    let (consumer, room) = run_of(&state, &SAVE_EVENT_CONSUMER, ("name", named(name)), request).await?;
    Ok(room.keep_with(Json(json!({"data": consumer})).into_response()))
}

pub(super) async fn delete(
    State(state): State<AppState>,
    name: Result<Path<String>, PathRejection>,
    parts: Parts,
) -> Result<Response, Problem> {
    let variables = json!({"name": named(name)});
    let sender = Sender::from(credentials(&parts, Arc::default()));
    state.api().execute_prepared(&DELETE_EVENT_CONSUMER, sender, |_| Ok(variables)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The cursor of a consumer of the sender's.
pub(super) async fn cursor_of(state: &AppState, sender: &Sender, name: &OwnName) -> Result<Value, AppError> {
    let consumers = state.api().execute_prepared(&EVENT_CONSUMERS, sender.clone(), |_| Ok(json!({}))).await?;
    let found = consumers.as_array().into_iter().flatten().find(|consumer| consumer["name"] == name.as_str());
    found.map(|consumer| consumer["cursor"].clone()).ok_or_else(|| {
        let message = "You have no consumer of this name; make it with PUT /api/v1/events/consumers/{name}";
        AppError::new(ErrorCode::NotFound, message)
    })
}

/// A path that is no text names no consumer.
fn named(name: Result<Path<String>, PathRejection>) -> String {
    name.map_or_else(|_| String::new(), |Path(name)| name)
}
