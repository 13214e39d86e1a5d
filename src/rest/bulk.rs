//! Many orders in one request: each is answered as it would be alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::operations::CREATE_SALES_ORDERS;
use super::routes::run_with_body;
use crate::app::AppState;
use crate::config::PublicUrl;
use crate::error::ErrorCode;
use crate::telemetry;
use crate::wire::problem::{self, Problem};
use crate::wire::request::JsonRequest;

pub(super) async fn create_sales_orders(
    State(state): State<AppState>,
    request: JsonRequest,
) -> Result<Response, Problem> {
    let path: Arc<str> = request.credentials.path.as_str().into();
    let (mut answer, room) = run_with_body(&state, &CREATE_SALES_ORDERS, request).await?;
    let public_url = &state.config().http.public_url;
    for outcome in answer["orders"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        leave_out_what_says_nothing(outcome);
        if let Some(problem) = outcome.get_mut("problem") {
            *problem = rendered(problem, &path, public_url);
        }
    }
    Ok(room.keep_with((StatusCode::MULTI_STATUS, Json(answer)).into_response()))
}

fn leave_out_what_says_nothing(outcome: &mut Map<String, Value>) {
    outcome.retain(|_, value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        _ => true,
    });
}

/// The problem as the order alone would be answered with (RFC 9457).
fn rendered(found: &Value, path: &str, public_url: &PublicUrl) -> Value {
    let Some(code) = ErrorCode::ALL.iter().copied().find(|code| found["code"] == code.as_str()) else {
        return found.clone();
    };
    let request_id = telemetry::request_id().unwrap_or_default();
    let instance = format!("{}{path}", public_url.prefix());
    let mut problem =
        problem::head(code, found["message"].as_str().unwrap_or_default(), &instance, public_url, &request_id);
    for name in ["errors", "order_number", "retry_after"] {
        let told = &found[name];
        if !told.is_null() && told != &json!([]) {
            problem.insert(name.to_owned(), told.clone());
        }
    }
    problem.into()
}
