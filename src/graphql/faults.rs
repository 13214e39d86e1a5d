//! Names every faulty field of an input that validation refused.
//!
//! async-graphql stops at the first fault of an argument and speaks of GraphQL types. Nothing ran, so this reads the
//! inputs once more the way their resolvers would have, and the caller mends all of them at once, as over REST.

use async_graphql::parser::types::{ExecutableDocument, Field, Selection};
use async_graphql::{Response, Variables};
use serde_json::Value as Json;

use super::error::{into_app_error, sourced};
use super::prepared;
use super::values::to_json;
use crate::domain::acknowledgement::AcknowledgementInput;
use crate::domain::fields::Naming;
use crate::domain::order_filter::OrderFilter;
use crate::domain::order_input::NewOrder;
use crate::domain::session_input::{LoginInput, RefreshInput};
use crate::domain::status_change::StatusChange;
use crate::error::{AppError, ErrorCode, FieldError};

/// Tells a refused input's faults all at once, where they are faults of a field.
pub fn complete(
    response: Response,
    document: &ExecutableDocument,
    chosen: Option<&str>,
    variables: &Variables,
) -> Response {
    let is_faulty_input = response.errors.iter().any(|error| into_app_error(error).code == ErrorCode::ValidationFailed);
    if !is_faulty_input || !super::is_request_error(&response) {
        return response;
    }
    match find(document, chosen, variables) {
        Some(faults) => {
            let locations = response.errors.into_iter().next().map(|error| error.locations).unwrap_or_default();
            let mut error = sourced(AppError::invalid(faults));
            error.locations = locations;
            Response::from_errors(vec![error])
        }
        None => response,
    }
}

fn find(document: &ExecutableDocument, chosen: Option<&str>, variables: &Variables) -> Option<Vec<FieldError>> {
    let (_, operation) = prepared::chosen(document, chosen)?;
    operation.selection_set.node.items.iter().find_map(|selection| match &selection.node {
        Selection::Field(field) => faults_of(&field.node, variables),
        _ => None,
    })
}

fn faults_of(field: &Field, variables: &Variables) -> Option<Vec<FieldError>> {
    let argument = ["input", "where"].into_iter().find_map(|name| field.get_argument(name))?.node.clone();
    let value = argument.into_const_with(|name| variables.get(&name).cloned().ok_or(())).ok()?;
    read(&field.name.node, &to_json(&value)).err().filter(|faults| !faults.is_empty())
}

fn read(root_field: &str, input: &Json) -> Result<(), Vec<FieldError>> {
    let naming = Naming::CamelCase;
    match root_field {
        "login" => LoginInput::read(input, naming).map(drop),
        "refresh" => RefreshInput::read(input, naming).map(drop),
        // Which currency stands in for an absent one makes no fault.
        "createSalesOrder" => NewOrder::read(input, naming, "IDR").map(drop),
        "updateSalesOrderStatus" => StatusChange::read(input, naming).map(drop),
        "acknowledgeSalesOrder" => AcknowledgementInput::read(input, naming).map(drop),
        "salesOrders" | "salesOrderSummary" | "salesOrderEvents" => OrderFilter::read(input, naming).map(drop),
        _ => Ok(()),
    }
}
