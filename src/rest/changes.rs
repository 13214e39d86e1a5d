//! The list of orders by their last change.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::operations::SALES_ORDER_CHANGES;
use super::parameters::{VARIABLE, in_parameters, of, values};
use crate::app::AppState;
use crate::error::AppError;
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
    let variables = |_: &_| Ok(json!({VARIABLE: values(&pairs?, &[LIMIT], Some(STATUS))}));
    let page = state.api().execute_prepared(&SALES_ORDER_CHANGES, credentials, variables).await.map_err(reworded)?;
    Ok(Json(page).into_response())
}

fn reworded(error: AppError) -> AppError {
    let known = of(&SALES_ORDER_CHANGES);
    in_parameters(error, &known.iter().map(|parameter| parameter.name.as_str()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_that_are_published_stay() {
        let names: Vec<_> = of(&SALES_ORDER_CHANGES).into_iter().map(|parameter| parameter.name).collect();
        assert_eq!(names, ["partner_reference", "status", "changed_after", "created_after", "limit", "cursor"]);
        assert!(names.contains(&STATUS.to_owned()) && names.contains(&LIMIT.to_owned()));
    }
}
