//! Names every faulty field of an input that was refused.
//!
//! Coercion speaks of GraphQL types. Nothing ran, so this reads the inputs once more the way their resolvers would have, and
//! the caller mends all of them at once, as over REST.

use std::collections::HashSet;

use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Name, Positioned, ServerError, Value, Variables};
use async_graphql_value::Value as Literal;

use super::input_value::make_lists;
use super::prepared;
use crate::domain::fields::Naming;
use crate::error::{AppError, ErrorCode, FieldError};
use crate::graphql::output::error::{into_app_error, sourced};
use crate::graphql::output::values::to_json;
use crate::graphql::roots::{self, catalog, type_name};
use crate::service::Caller;

/// Tells refused inputs' faults all at once, where they are faults of a field. A caller who would not have got through
/// the field's gate learns that instead, as over REST.
pub async fn complete(
    errors: Vec<ServerError>,
    document: &ExecutableDocument,
    chosen: Option<&str>,
    variables: &Variables,
    caller: &Caller,
) -> Vec<ServerError> {
    let is_faulty_input = errors.iter().all(|error| into_app_error(error).code == ErrorCode::ValidationFailed);
    let Some((_, operation)) = prepared::chosen(document, chosen).filter(|_| is_faulty_input) else { return errors };
    let mut fields = RootFields { document, variables, visited: HashSet::new(), found: Vec::new() };
    fields.collect(&operation.selection_set.node);
    let fields = fields.found;
    for field in &fields {
        if let Err(failure) = roots::pass(operation.ty, &field.node.name.node, caller).await {
            return vec![ServerError { locations: vec![field.pos], ..sourced(failure) }];
        }
    }
    let mut told = Vec::new();
    for field in &fields {
        let Some((argument, faults)) = faults_of(operation, &field.node, variables) else { continue };
        let refusal = AppError::invalid(faults);
        let message = match fields.as_slice() {
            [_] => refusal.message.clone(),
            _ => format!("{}: {}", field.node.response_key().node, refusal.message).into(),
        };
        let refusal = AppError::new(refusal.code, message).with_errors(refusal.errors.clone());
        told.push((argument, ServerError { locations: vec![field.pos], ..sourced(refusal) }));
    }
    // What none of them is about stays as it is.
    let is_told = |error: &ServerError| {
        let details = into_app_error(error).details.clone();
        let is = |member: &str, name: &str| details.get(member).is_some_and(|known| known == name);
        told.iter().any(|(told, _): &(&Positioned<Literal>, _)| {
            names(&told.node).iter().any(|variable| is("variable", variable))
                || error.locations.first().is_some_and(|at| *at == told.pos)
        })
    };
    let mut rest: Vec<_> = errors.into_iter().filter(|error| !is_told(error)).collect();
    let mut all: Vec<_> = told.into_iter().map(|(_, error)| error).collect();
    all.append(&mut rest);
    all
}

/// The root fields of an operation, those in fragments included.
struct RootFields<'d> {
    document: &'d ExecutableDocument,
    variables: &'d Variables,
    visited: HashSet<&'d Name>,
    found: Vec<&'d Positioned<Field>>,
}

impl<'d> RootFields<'d> {
    /// Whether `@skip` or `@include` takes a field away, as far as that can be read.
    fn is_skipped(&self, field: &Field) -> bool {
        field.directives.iter().any(|directive| {
            let condition = match directive.node.get_argument("if").map(|condition| &condition.node) {
                Some(Literal::Boolean(condition)) => Some(*condition),
                Some(Literal::Variable(name)) => match self.variables.get(name) {
                    Some(Value::Boolean(condition)) => Some(*condition),
                    _ => None,
                },
                _ => None,
            };
            match directive.node.name.node.as_str() {
                "skip" => condition == Some(true),
                "include" => condition == Some(false),
                _ => false,
            }
        })
    }

    fn collect(&mut self, set: &'d SelectionSet) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    // One that is merged with another is told with it.
                    let key = field.node.response_key();
                    let is_merged = self.found.iter().any(|known| known.node.response_key().node == key.node);
                    if !is_merged && !self.is_skipped(&field.node) {
                        self.found.push(field);
                    }
                }
                Selection::InlineFragment(fragment) => self.collect(&fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let (true, Some(fragment)) = (self.visited.insert(name), self.document.fragments.get(name)) {
                        self.collect(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
}

/// The variables in a value.
fn names(value: &Literal) -> Vec<&str> {
    match value {
        Literal::Variable(name) => vec![name.as_str()],
        Literal::List(items) => items.iter().flat_map(names).collect(),
        Literal::Object(members) => members.values().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

/// What is wrong with the input of a field, with the argument that holds it.
fn faults_of<'d>(
    operation: &OperationDefinition,
    field: &'d Field,
    variables: &Variables,
) -> Option<(&'d Positioned<Literal>, Vec<FieldError>)> {
    let input = roots::find(operation.ty, &field.name.node)?.input?;
    let argument = field.get_argument(input.name)?;
    let value = |name: &Name| {
        let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
        let default = definitions.into_iter().find(|known| known.name.node == *name)?.default_value();
        Some(variables.get(name).or(default).cloned().unwrap_or(Value::Null))
    };
    let mut value = argument.node.clone().into_const_with(|name| value(&name).ok_or(())).ok()?;
    let root = Name::new(type_name(operation.ty));
    let definitions = catalog::arguments(Some(&root), &field.name.node);
    if let Some(definition) = definitions.iter().find(|known| known.name.node == input.name) {
        make_lists(&mut value, &definition.ty.node);
    }
    let faults = (input.faults)(&to_json(value), Naming::CamelCase).err().filter(|faults| !faults.is_empty())?;
    Some((argument, faults))
}
