//! Names every faulty field of an input that validation refused.
//!
//! async-graphql stops at the first fault of an argument and speaks of GraphQL types. Nothing ran, so this reads the
//! inputs once more the way their resolvers would have, and the caller mends all of them at once, as over REST.

use async_graphql::parser::types::{ExecutableDocument, Field, Selection};
use async_graphql::{Positioned, Response, ServerError, Value, Variables};
use serde_json::Value as Json;

use super::error::{into_app_error, sourced};
use super::values::to_json;
use super::{guard, prepared};
use crate::domain::acknowledgement::AcknowledgementInput;
use crate::domain::client_input::{
    ClientChange, ClientToCreate, KeyToAdd, read_client, read_revocation, read_rotation,
};
use crate::domain::fields::Naming;
use crate::domain::order_filter::OrderFilter;
use crate::domain::order_input::NewOrder;
use crate::domain::session_input::{LoginInput, RefreshInput};
use crate::domain::signature_input::SignatureInput;
use crate::domain::status_change::StatusChange;
use crate::error::{AppError, ErrorCode, FieldError};
use crate::service::Caller;

/// Tells a refused input's faults all at once, where they are faults of a field. A caller who would not have got through
/// the field's gate learns that instead, as over REST.
pub async fn complete(
    response: Response,
    document: &ExecutableDocument,
    chosen: Option<&str>,
    variables: &Variables,
    caller: &Caller,
) -> Response {
    let is_faulty_input = response.errors.iter().all(|error| into_app_error(error).code == ErrorCode::ValidationFailed);
    if !is_faulty_input {
        return response;
    }
    let fields = root_fields(document, chosen);
    for field in &fields {
        if let Err(failure) = guard::check(&field.node.name.node, caller).await {
            return Response::from_errors(vec![ServerError { locations: vec![field.pos], ..sourced(failure) }]);
        }
    }
    match fields.iter().find_map(|field| faults_of(&field.node, variables)) {
        Some(faults) => {
            let locations = response.errors.into_iter().next().map(|error| error.locations).unwrap_or_default();
            Response::from_errors(vec![ServerError { locations, ..sourced(AppError::invalid(faults)) }])
        }
        None => response,
    }
}

/// The root fields that stand in the operation itself.
fn root_fields<'d>(document: &'d ExecutableDocument, chosen: Option<&str>) -> Vec<&'d Positioned<Field>> {
    let Some((_, operation)) = prepared::chosen(document, chosen) else { return Vec::new() };
    let items = operation.selection_set.node.items.iter();
    let fields = items.filter_map(|selection| match &selection.node {
        Selection::Field(field) => Some(field),
        _ => None,
    });
    fields.collect()
}

/// Sets each variable that must be given and is not to null, which validation refuses. async-graphql would run the
/// operation, and fail where the variable is used (GraphQL §6.1.2 asks for a request error).
pub fn null_missing_variables(document: &ExecutableDocument, chosen: Option<&str>, variables: &mut Variables) {
    let Some((_, operation)) = prepared::chosen(document, chosen) else { return };
    for definition in operation.variable_definitions.iter().map(|definition| &definition.node) {
        if !definition.var_type.node.nullable && definition.default_value.is_none() {
            variables.entry(definition.name.node.clone()).or_insert(Value::Null);
        }
    }
}

fn faults_of(field: &Field, variables: &Variables) -> Option<Vec<FieldError>> {
    let argument = ["input", "where"].into_iter().find_map(|name| field.get_argument(name))?.node.clone();
    let value = argument.into_const_with(|name| variables.get(&name).cloned().ok_or(())).ok()?;
    read(&field.name.node, &to_json(value)).err().filter(|faults| !faults.is_empty())
}

fn read(root_field: &str, input: &Json) -> Result<(), Vec<FieldError>> {
    let naming = Naming::CamelCase;
    match root_field {
        "login" => LoginInput::read(input, naming).map(drop),
        "refresh" => RefreshInput::read(input, naming).map(drop),
        "explainSignature" => SignatureInput::read(input, naming).map(drop),
        // Which currency stands in for an absent one makes no fault.
        "createSalesOrder" => NewOrder::read(input, naming, "IDR").map(drop),
        "updateSalesOrderStatus" => StatusChange::read(input, naming).map(drop),
        "acknowledgeSalesOrder" => AcknowledgementInput::read(input, naming).map(drop),
        "createClient" => ClientToCreate::read(input, naming).map(drop),
        "updateClient" => ClientChange::read(input, naming).map(drop),
        "rotateClientSecret" => read_rotation(input, naming).map(drop),
        "addClientKey" => KeyToAdd::read(input, naming).map(drop),
        "revokeClientKey" => read_revocation(input, naming).map(drop),
        "disableClient" | "enableClient" | "revokeClientSessions" | "endOldClientSecrets" => {
            read_client(input, naming).map(drop)
        }
        "salesOrders" | "salesOrderSummary" | "salesOrderEvents" => OrderFilter::read(input, naming).map(drop),
        _ => Ok(()),
    }
}
