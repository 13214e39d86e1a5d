//! Names every faulty field of an input that validation refused.
//!
//! async-graphql stops at the first fault of an argument and speaks of GraphQL types. Nothing ran, so this reads the
//! inputs once more the way their resolvers would have, and the caller mends all of them at once, as over REST.

use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, OperationType, Selection};
use async_graphql::{Positioned, Response, ServerError, Value, Variables};

use super::prepared;
use crate::domain::fields::Naming;
use crate::error::{AppError, ErrorCode, FieldError};
use crate::graphql::output::error::{into_app_error, sourced};
use crate::graphql::output::values::to_json;
use crate::graphql::roots;
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
    let Some((_, operation)) = prepared::chosen(document, chosen) else { return response };
    let fields = root_fields(operation);
    for field in &fields {
        if let Err(failure) = roots::pass(operation.ty, &field.node.name.node, caller).await {
            return Response::from_errors(vec![ServerError { locations: vec![field.pos], ..sourced(failure) }]);
        }
    }
    match fields.iter().find_map(|field| faults_of(operation.ty, &field.node, variables)) {
        Some(faults) => {
            let locations = response.errors.into_iter().next().map(|error| error.locations).unwrap_or_default();
            Response::from_errors(vec![ServerError { locations, ..sourced(AppError::invalid(faults)) }])
        }
        None => response,
    }
}

/// The root fields that stand in the operation itself.
fn root_fields(operation: &OperationDefinition) -> Vec<&Positioned<Field>> {
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

fn faults_of(kind: OperationType, field: &Field, variables: &Variables) -> Option<Vec<FieldError>> {
    let input = roots::find(kind, &field.name.node)?.input?;
    let argument = field.get_argument(input.name)?.node.clone();
    let value = argument.into_const_with(|name| variables.get(&name).cloned().ok_or(())).ok()?;
    (input.faults)(&to_json(value), Naming::CamelCase).err().filter(|faults| !faults.is_empty())
}
