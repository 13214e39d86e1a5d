//! The list of orders by their last change: query parameters become the input of the root field, and its faults are told in the
//! words of parameters.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::operations::SALES_ORDER_CHANGES;
use crate::app::AppState;
use crate::error::{AppError, FieldError, FieldErrorCode};
use crate::graphql::{Content, Member};
use crate::wire::problem::Problem;
use crate::wire::query::Pairs;
use crate::wire::request::credentials;

/// The one parameter that may be given several times.
const STATUS: &str = "status";

/// The parameter that is a number.
const LIMIT: &str = "limit";

pub(super) async fn sales_order_changes(
    State(state): State<AppState>,
    Pairs(pairs): Pairs,
    parts: Parts,
) -> Result<Response, Problem> {
    let credentials = credentials(&parts, Arc::default());
    let variables = |_: &_| Ok(json!({"parameters": values(&pairs?)}));
    let page =
        state.api().execute_prepared(&SALES_ORDER_CHANGES, credentials, variables).await.map_err(in_parameters)?;
    Ok(([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(page)).into_response())
}

/// The parameters, unknown ones included: the reader names all that is wrong at once.
pub(super) fn parameters() -> Vec<Member> {
    match SALES_ORDER_CHANGES.variables().pop().map(|variable| variable.shape.holds) {
        Some(Content::Members(members)) => members,
        _ => Vec::new(),
    }
}

/// The input. What is given several times becomes a list, which only the statuses may be.
fn values(pairs: &[(String, String)]) -> Value {
    let mut values: Map<String, Value> = Map::new();
    for (name, text) in pairs {
        let value = match text.parse::<i64>() {
            Ok(number) if name == LIMIT => json!(number),
            _ => json!(text),
        };
        match values.get_mut(name) {
            Some(Value::Array(all)) => all.push(value),
            Some(first) => *first = json!([first.take(), value]),
            None if name == STATUS => drop(values.insert(name.clone(), json!([value]))),
            None => drop(values.insert(name.clone(), value)),
        }
    }
    values.into()
}

fn in_parameters(error: AppError) -> AppError {
    if error.errors.is_empty() {
        return error;
    }
    let reworded = error.errors.iter().map(|fault| {
        let (code, message) = match fault.code {
            FieldErrorCode::Unknown => {
                let known: Vec<_> = parameters().into_iter().map(|parameter| parameter.name).collect();
                (fault.code, format!("is not a known parameter; the parameters are {}", known.join(", ")))
            }
            // No single parameter is a list but one that is given more than once.
            FieldErrorCode::Type if fault.message.ends_with("not a list") => {
                (FieldErrorCode::Conflict, "must be given once".to_owned())
            }
            code => (code, fault.message.clone()),
        };
        FieldError { pointer: fault.pointer.clone(), code, message }
    });
    AppError::invalid(reworded.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_that_are_published_stay() {
        let names: Vec<_> = parameters().into_iter().map(|parameter| parameter.name).collect();
        assert_eq!(names, ["partner_reference", "status", "changed_after", "created_after", "limit", "cursor"]);
        assert!(names.contains(&STATUS.to_owned()) && names.contains(&LIMIT.to_owned()));
    }
}
