//! One route for each published endpoint.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Extension, Json, Router};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::operations::{
    CANCEL_SALES_ORDER, CHANGE_SALES_ORDER, CREATE_SALES_ORDER, LOGIN, REFRESH, SALES_ORDER, SALES_ORDERS_BY_REFERENCE,
    SIGNATURE_CHECK, VALIDATE_SALES_ORDER,
};
use super::{bulk, changes, consumers, events, export, openapi, request_log, webhooks};
use crate::app::AppState;
use crate::auth::credentials::Credentials;
use crate::domain::order_request::RequestState;
use crate::domain::signature_input::ORDERS;
use crate::error::{AppError, ErrorCode};
use crate::graphql::PreparedOperation;
use crate::telemetry;
use crate::wire::etag::{self, Caching, Document};
use crate::wire::json;
use crate::wire::media::is_of_coding;
use crate::wire::problem::Problem;
use crate::wire::request::{BodyRoom, JsonRequest, credentials};

/// The endpoints, with their full paths.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/auth/login", post(login))
        .route("/api/v1/auth/refresh", post(refresh))
        .route("/api/v1/sales-orders", get(changes::sales_order_changes).post(create_sales_order))
        .route("/api/v1/sales-orders/batch", post(bulk::create_sales_orders))
        .route("/api/v1/sales-orders/validation", post(validate_sales_order))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/events/consumers", get(consumers::list))
        .route("/api/v1/events/consumers/{name}", put(consumers::save).delete(consumers::delete))
        .route("/api/v1/sales-orders.csv", get(export::export_csv))
        .route("/api/v1/sales-orders.jsonl", get(export::export_jsonl))
        .route("/api/v1/sales-orders/{order_number}", get(sales_order))
        .route("/api/v1/sales-orders/{order_number}/cancellation", post(cancel_sales_order))
        .route("/api/v1/sales-orders/{order_number}/change", post(change_sales_order))
        .route("/api/v1/sales-orders/by-reference/{partner_reference}", get(sales_orders_by_reference))
        .route("/api/v1/signature/check", post(signature_check))
        .route("/api/v1/requests", get(request_log::request_log))
        .route("/api/v1/requests.csv", get(request_log::request_log_csv))
        .route("/api/v1/requests.jsonl", get(request_log::request_log_jsonl))
        .merge(webhooks::router())
        .route("/api/v1/openapi.json", get(openapi_json).layer(Extension(Description::default())))
}

async fn login(State(state): State<AppState>, request: JsonRequest) -> Result<Response, Problem> {
    let (token, room) = run_with_body(&state, &LOGIN, request).await?;
    Ok(room.keep_with(Json(token).into_response()))
}

async fn refresh(State(state): State<AppState>, request: JsonRequest) -> Result<Response, Problem> {
    let (token, room) = run_with_body(&state, &REFRESH, request).await?;
    Ok(room.keep_with(Json(token).into_response()))
}

async fn create_sales_order(State(state): State<AppState>, request: JsonRequest) -> Result<Response, Problem> {
    let (mut created, room) = run_with_body(&state, &CREATE_SALES_ORDER, request).await?;
    let is_replayed = created["replayed"] == true;
    leave_out_what_says_nothing(&mut created);
    let number = created["data"]["order_number"].as_str().unwrap_or_default();
    let location = state.config().http.public_url.of(&format!("{ORDERS}/{number}"));
    let location = HeaderValue::try_from(location).map_err(AppError::internal)?;
    let mut response = (StatusCode::CREATED, [(LOCATION, location)], Json(created)).into_response();
    if is_replayed {
        let name = HeaderName::from_static("idempotent-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    Ok(room.keep_with(response))
}

/// At a path of its own, so that a text which binds the body of a validation is none of an order.
async fn validate_sales_order(State(state): State<AppState>, request: JsonRequest) -> Result<Response, Problem> {
    let (mut valid, room) = run_with_body(&state, &VALIDATE_SALES_ORDER, request).await?;
    leave_out_what_says_nothing(&mut valid);
    Ok(room.keep_with(Json(valid).into_response()))
}

async fn cancel_sales_order(
    State(state): State<AppState>,
    order_number: Result<Path<String>, PathRejection>,
    request: JsonRequest,
) -> Result<Response, Problem> {
    ask(&state, &CANCEL_SALES_ORDER, order_number, request).await
}

async fn change_sales_order(
    State(state): State<AppState>,
    order_number: Result<Path<String>, PathRejection>,
    request: JsonRequest,
) -> Result<Response, Problem> {
    ask(&state, &CHANGE_SALES_ORDER, order_number, request).await
}

/// Done at once, or accepted to be answered later.
async fn ask(
    state: &AppState,
    operation: &PreparedOperation,
    order_number: Result<Path<String>, PathRejection>,
    request: JsonRequest,
) -> Result<Response, Problem> {
    let order_number = order_number.map_or_else(|_| String::new(), |Path(order_number)| order_number);
    let (answer, room) = run_of(state, operation, ("order_number", order_number), request).await?;
    let is_pending = answer["request"]["state"] == RequestState::Pending.as_str();
    let status = if is_pending { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(room.keep_with((status, Json(answer)).into_response()))
}

/// The answer is the published one where there is nothing else to say.
fn leave_out_what_says_nothing(answer: &mut Value) {
    let Some(members) = answer.as_object_mut() else { return };
    if members.get("replayed") != Some(&Value::Bool(true)) {
        members.remove("replayed");
        members.remove("order_number");
    }
    if members.get("warnings").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        members.remove("warnings");
    }
}

async fn sales_order(
    State(state): State<AppState>,
    order_number: Result<Path<String>, PathRejection>,
    parts: Parts,
) -> Result<Response, Problem> {
    let credentials = credentials(&parts, Arc::default());
    // A path that is no text names no order; who may not ask learns that first.
    let order_number = order_number.map_or_else(|_| String::new(), |Path(order_number)| order_number);
    telemetry::note(|facts| facts.exchange.order = order_number.parse().ok());
    let variables = json!({"order_number": order_number});
    let order = state.api().execute_prepared(&SALES_ORDER, credentials, |_| Ok(variables)).await?;
    if order.is_null() {
        return Err(AppError::new(ErrorCode::NotFound, "There is no such order that you may read").into());
    }
    // What is shown of a version depends on who asks and on what this release knows.
    let body: Bytes = json!({"data": order}).to_string().into();
    let tag = etag::tag(&Sha256::digest(&body)).replacen('"', &format!("\"{}-", order["version"]), 1);
    Ok(etag::answer(&parts.headers, &tag, "application/json", Caching::Caller, body))
}

/// All of them: several orders may have one reference, and a partner that asks for its own must see each.
async fn sales_orders_by_reference(
    State(state): State<AppState>,
    partner_reference: Result<Path<String>, PathRejection>,
    parts: Parts,
) -> Result<Response, Problem> {
    let credentials = credentials(&parts, Arc::default());
    let partner_reference = partner_reference.map_or_else(|_| String::new(), |Path(reference)| reference);
    telemetry::note(|facts| facts.exchange.partner_reference = Some(partner_reference.clone()));
    let variables = json!({"partner_reference": partner_reference});
    let orders = state.api().execute_prepared(&SALES_ORDERS_BY_REFERENCE, credentials, |_| Ok(variables)).await?;
    if orders.as_array().is_none_or(Vec::is_empty) {
        let message =
            "There is no order with this partner reference that you may read; is it percent-encoded in the path?";
        return Err(AppError::new(ErrorCode::NotFound, message).into());
    }
    let body: Bytes = json!({"data": orders}).to_string().into();
    Ok(etag::answer(&parts.headers, &etag::tag(&Sha256::digest(&body)), "application/json", Caching::Caller, body))
}

/// Checks the request as if it had been sent as an order, so that what passes here passes there. The body may be anything.
async fn signature_check(
    State(state): State<AppState>,
    JsonRequest { mut credentials, room, is_json }: JsonRequest,
) -> Result<Response, Problem> {
    let checked = std::mem::replace(&mut credentials.path, ORDERS.to_owned());
    credentials.other_paths.iter_mut().for_each(|path| *path = path.replacen(&checked, ORDERS, 1));
    let check = state.api().execute_prepared(&SIGNATURE_CHECK, credentials, |_| Ok(json!({}))).await?;
    // A compressed one would not pass there, whatever was signed.
    if let Err(error) = is_json
        && is_of_coding(&error)
    {
        return Err(error.into());
    }
    Ok(room.keep_with(Json(check).into_response()))
}

/// The description under the configuration in force. Made once: it takes longer than all the rest of the request.
#[derive(Clone, Default)]
struct Description(Arc<OnceLock<Document>>);

async fn openapi_json(
    State(state): State<AppState>,
    Extension(Description(made)): Extension<Description>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let document = match made.get() {
        Some(made) => made,
        None => {
            let document = openapi::document(state.config()).and_then(|document| serde_json::to_vec(&document));
            let document = Document::new(document.map_err(AppError::internal)?);
            made.get_or_init(|| document)
        }
    };
    Ok(document.answer(&request, "application/json"))
}

/// Runs an endpoint's document on the request's body.
pub(super) async fn run_with_body(
    state: &AppState,
    operation: &PreparedOperation,
    request: JsonRequest,
) -> Result<(Value, BodyRoom), AppError> {
    run_with(state, operation, Map::new(), request).await
}

/// The same for what the path names.
pub(super) async fn run_of(
    state: &AppState,
    operation: &PreparedOperation,
    (variable, name): (&str, String),
    request: JsonRequest,
) -> Result<(Value, BodyRoom), AppError> {
    let named = [(variable.to_owned(), Value::String(name))];
    run_with(state, operation, named.into_iter().collect(), request).await
}

async fn run_with(
    state: &AppState,
    operation: &PreparedOperation,
    mut variables: Map<String, Value>,
    JsonRequest { credentials, is_json, room }: JsonRequest,
) -> Result<(Value, BodyRoom), AppError> {
    let read = |credentials: &Credentials| {
        is_json?;
        // Moved: `json!` would copy the whole body, number by number.
        variables.insert("input".to_owned(), json::parse(&credentials.body)?);
        Ok(Value::Object(variables))
    };
    let admission = credentials.admission.clone();
    let result = state.api().execute_prepared(operation, credentials, read).await;
    // What cannot be read is no login and no refresh: nothing that an address over its budget is heard for.
    let result = result.map_err(|error| match error.code.status() {
        400 | 415 | 422 => admission.refusal().unwrap_or(error),
        _ => error,
    });
    Ok((result?, room))
}
