//! Whether the values that a document holds fit, and whether its variables may stand where they do (GraphQL §5.6.1, §5.6.2,
//! §5.8.5), in all operations and fragments, in lists and in objects too.
//!
//! async-graphql looks at no value in which a variable is missing, takes anything for an input object and texts for
//! enumerations, and lets no variable stand where the default of an argument would take its turn.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, Field, InputValueDefinition, OperationDefinition, Selection, SelectionSet,
    Type,
};
use async_graphql::{Name, Pos, Positioned, ServerError, Value};
use async_graphql_value::Value as Literal;

use super::coercion::{faults, refused};
use crate::error::{AppError, ErrorCode};
use crate::graphql::output::error::sourced;
use crate::graphql::roots::{catalog, type_name};

/// An error for each value and for each variable that does not fit; takes a document that fits the schema otherwise.
pub(super) fn check(document: &ExecutableDocument) -> Result<(), Vec<ServerError>> {
    let mut walk = Walk::default();
    for name in document.fragments.keys() {
        walk.at = Some(name);
        let fragment = &document.fragments[name].node;
        walk.directives(&fragment.directives);
        walk.set(&fragment.selection_set.node, Some(&fragment.type_condition.node.on.node));
    }
    for (_, operation) in document.operations.iter() {
        walk.operation(&operation.node);
    }
    if walk.errors.is_empty() { Ok(()) } else { Err(walk.errors) }
}

/// Refuses variables whose types are no input types. Asked before async-graphql validates the document: it does not survive the
/// default of a list of what it does not know.
pub(super) fn ensure_known_types(document: &ExecutableDocument) -> Result<(), AppError> {
    let operations = document.operations.iter();
    let variables = operations.flat_map(|(_, operation)| &operation.node.variable_definitions);
    for Positioned { node: variable, .. } in variables {
        let ty = &variable.var_type.node;
        if catalog::input(catalog::named(&ty.base)).is_none() {
            let name = &variable.name.node;
            let message = format!("The variable ${name} is of type {ty}, which is no input type of this schema");
            return Err(AppError::new(ErrorCode::GraphqlValidationFailed, message));
        }
    }
    Ok(())
}

/// A document of nothing but mistakes must not get an answer many times its size.
const MOST_ERRORS: usize = 100;

/// Where a variable stands.
#[derive(Clone, Copy)]
struct Use<'d> {
    variable: &'d Name,
    at: Pos,
    /// The type that is expected there.
    ty: &'static Type,
    /// Whether what is there has a default of its own.
    has_default: bool,
}

#[derive(Default)]
struct Walk<'d> {
    errors: Vec<ServerError>,
    /// Those that were noted: a list may name one variable a hundred thousand times.
    noted: HashSet<(Option<&'d Name>, &'d Name, *const Type, bool)>,
    /// By the fragment in which they stand; those of the operation under no name.
    uses: HashMap<Option<&'d Name>, Vec<Use<'d>>>,
    /// The fragments that are spread in a fragment, or in the operation.
    spreads: HashMap<Option<&'d Name>, Vec<&'d Name>>,
    /// The fragment that is walked.
    at: Option<&'d Name>,
}

impl<'d> Walk<'d> {
    fn operation(&mut self, operation: &'d OperationDefinition) {
        for Positioned { node: variable, pos } in &operation.variable_definitions {
            if let Some(default) = &variable.default_value {
                let (name, ty) = (&variable.name.node, &variable.var_type.node);
                let faults = faults(&default.node.clone().into_value(), ty, "");
                if !faults.is_empty() {
                    let message = refused(&format!("The default of the variable ${name} of type {ty}"), "", faults)
                        .message
                        .clone();
                    let refusal = AppError::new(ErrorCode::GraphqlValidationFailed, message);
                    self.errors.push(ServerError { locations: vec![*pos], ..sourced(refusal) });
                }
            }
        }
        self.at = None;
        self.uses.remove(&None);
        self.spreads.remove(&None);
        self.noted.retain(|(at, ..)| at.is_some());
        self.directives(&operation.directives);
        self.set(&operation.selection_set.node, catalog::root(type_name(operation.ty)));
        self.positions(operation);
    }

    /// Each variable of an operation wherever the operation reaches it.
    fn positions(&mut self, operation: &'d OperationDefinition) {
        let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
        let definitions: HashMap<_, _> = definitions.map(|variable| (&variable.name.node, variable)).collect();
        let (mut reached, mut waiting) = (HashSet::from([None]), vec![None]);
        while let Some(at) = waiting.pop() {
            for name in self.spreads.get(&at).into_iter().flatten() {
                if reached.insert(Some(*name)) {
                    waiting.push(Some(*name));
                }
            }
            for used in self.uses.get(&at).into_iter().flatten() {
                let Some(variable) = definitions.get(used.variable) else { continue };
                let has_default = variable.default_value.as_ref().is_some_and(|default| default.node != Value::Null);
                let given = &variable.var_type.node;
                if !may_stand(given, has_default, used) && self.errors.len() < MOST_ERRORS {
                    let message =
                        format!("The variable ${} is of type {given} where {} is expected", used.variable, used.ty);
                    let refusal = AppError::new(ErrorCode::GraphqlValidationFailed, message);
                    self.errors.push(ServerError { locations: vec![used.at], ..sourced(refusal) });
                }
            }
        }
    }

    fn set(&mut self, set: &'d SelectionSet, on: Option<&'d Name>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, on),
                Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.node.directives);
                    let condition = fragment.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    self.set(&fragment.node.selection_set.node, condition.or(on));
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives);
                    self.spreads.entry(self.at).or_default().push(&spread.node.fragment_name.node);
                }
            }
        }
    }

    fn field(&mut self, field: &'d Field, on: Option<&'d Name>) {
        self.directives(&field.directives);
        let definitions = catalog::arguments(on, &field.name.node);
        for (name, value) in &field.arguments {
            if let Some(definition) = definitions.iter().find(|known| known.name.node == name.node) {
                self.argument(name, value, definition, &field.name.node);
            }
        }
        let ty = on.and_then(|on| catalog::find(on)).and_then(|on| on.fields.get(&field.name.node));
        self.set(&field.selection_set.node, ty.map(|ty| catalog::named(&ty.base)));
    }

    fn directives(&mut self, directives: &'d [Positioned<Directive>]) {
        for Positioned { node: directive, .. } in directives {
            for (name, value) in &directive.arguments {
                if ["skip", "include"].contains(&directive.name.node.as_str()) && name.node == "if" {
                    self.argument(name, value, catalog::condition(), &format!("@{}", directive.name.node));
                }
            }
        }
    }

    fn argument(
        &mut self,
        name: &'d Positioned<Name>,
        value: &'d Positioned<Literal>,
        definition: &'static InputValueDefinition,
        owner: &str,
    ) {
        let name = &name.node;
        let base = format!("/{name}");
        let faults = faults(&value.node, &definition.ty.node, &base);
        if !faults.is_empty() && self.errors.len() < MOST_ERRORS {
            let refusal = refused(&format!("The argument {name} of {owner}"), &base, faults);
            let refusal = refusal.detail("argument", name.as_str());
            self.errors.push(ServerError { locations: vec![value.pos], ..sourced(refusal) });
        }
        self.value(&value.node, &definition.ty.node, definition.default_value.is_some(), value.pos);
    }

    fn note(&mut self, used: Use<'d>) {
        if self.noted.insert((self.at, used.variable, std::ptr::from_ref(used.ty), used.has_default)) {
            self.uses.entry(self.at).or_default().push(used);
        }
    }

    /// Notes the variables in a value.
    fn value(&mut self, value: &'d Literal, ty: &'static Type, has_default: bool, at: Pos) {
        match (value, &ty.base) {
            (Literal::Variable(variable), _) => {
                self.note(Use { variable, at, ty, has_default });
            }
            (Literal::List(items), BaseType::List(of)) => {
                for item in items {
                    self.value(item, of, false, at);
                }
            }
            (_, BaseType::List(of)) => self.value(value, of, false, at),
            (Literal::Object(members), BaseType::Named(name)) => {
                let Some(catalog::InputKind::Object(fields)) = catalog::input(name) else { return };
                for field in fields {
                    if let Some(value) = members.get(&field.name.node) {
                        self.value(value, &field.ty.node, field.default_value.is_some(), at);
                    }
                }
            }
            _ => {}
        }
    }
}

/// GraphQL §5.8.5, IsVariableUsageAllowed.
fn may_stand(given: &Type, has_default: bool, used: &Use<'_>) -> bool {
    if used.ty.nullable || !given.nullable {
        return is_compatible(given, used.ty);
    }
    (has_default || used.has_default) && is_compatible_base(&given.base, &used.ty.base)
}

fn is_compatible(given: &Type, expected: &Type) -> bool {
    (expected.nullable || !given.nullable) && is_compatible_base(&given.base, &expected.base)
}

fn is_compatible_base(given: &BaseType, expected: &BaseType) -> bool {
    match (given, expected) {
        (BaseType::Named(given), BaseType::Named(expected)) => given == expected,
        (BaseType::List(given), BaseType::List(expected)) => is_compatible(given, expected),
        _ => false,
    }
}
