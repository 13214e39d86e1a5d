//! Whether the values that are sent fit their types (GraphQL §3.5 to §3.12), and what variables come to (§6.1.2): found out
//! before anything runs. async-graphql looks at a variable where it is used, when the fields before it have run.

use std::fmt::Display;

use async_graphql::parser::types::{BaseType, OperationDefinition, Type, VariableDefinition};
use async_graphql::{Name, Positioned, ServerError, Variables};

use super::input_value::{InputValue, View, make_lists};
use super::scalar_values::{self, Misfit};
use crate::domain::fields::listed;
use crate::error::{AppError, ErrorCode, FieldError, FieldErrorCode};
use crate::graphql::output::error::sourced;
use crate::graphql::roots::catalog::{self, InputKind};

/// After so many faults no more are looked for: an answer must not be many times as large as its request.
const MOST_FAULTS: usize = 2000;

/// The variables of an operation, each as its type says and with its default, or an error for each that does not fit.
/// Variables that the operation does not declare are left out.
pub(super) fn variables(operation: &OperationDefinition, mut given: Variables) -> Result<Variables, Vec<ServerError>> {
    let (mut coerced, mut errors, mut found) = (Variables::default(), Vec::new(), 0);
    for Positioned { node: definition, pos } in &operation.variable_definitions {
        if found >= MOST_FAULTS {
            break;
        }
        let (name, ty) = (&definition.name.node, &definition.var_type.node);
        let is_given = given.contains_key(name);
        // Not `default_value()`, which takes null for the default of each variable that may be null.
        let value =
            given.remove(name).or_else(|| definition.default_value.as_ref().map(|default| default.node.clone()));
        match value {
            Some(mut value) => {
                // A default is a part of the document, of which `arguments` takes care.
                let faults = if is_given { faults(&value, ty, &format!("/variables/{name}")) } else { Vec::new() };
                if faults.is_empty() {
                    make_lists(&mut value, ty);
                    coerced.insert(name.clone(), value);
                } else {
                    found += faults.len();
                    errors.push(ServerError { locations: vec![*pos], ..sourced(refused_variable(definition, faults)) });
                }
            }
            None if ty.nullable => {}
            None => {
                let missing = FieldError {
                    pointer: format!("/variables/{name}"),
                    code: FieldErrorCode::Required,
                    message: "is missing".to_owned(),
                };
                let missing = refused_variable(definition, vec![missing]);
                errors.push(ServerError { locations: vec![*pos], ..sourced(missing) });
            }
        }
    }
    if errors.is_empty() { Ok(coerced) } else { Err(errors) }
}

fn refused_variable(definition: &VariableDefinition, faults: Vec<FieldError>) -> AppError {
    let (name, ty) = (&definition.name.node, &definition.var_type.node);
    let base = format!("/variables/{name}");
    refused(&format!("The variable ${name} of type {ty}"), &base, faults).detail("variable", name.as_str())
}

/// The refusal of a value, whose faults point to what is below `base`.
pub(super) fn refused(what: &dyn Display, base: &str, faults: Vec<FieldError>) -> AppError {
    let message = match faults.as_slice() {
        [only] => match only.pointer.strip_prefix(base) {
            None | Some("") => format!("{what} {}", only.message),
            Some(below) => format!("{what}: {below} {}", only.message),
        },
        many => format!("{what} has {} faults; see errors", many.len()),
    };
    AppError::new(ErrorCode::ValidationFailed, message).with_errors(listed(faults, base.to_owned()))
}

/// Every fault of a value. What a variable inside it holds is not looked at.
pub(super) fn faults<V: InputValue>(value: &V, ty: &Type, pointer: &str) -> Vec<FieldError> {
    let mut search = Search { pointer: pointer.to_owned(), found: Vec::new() };
    search.value(value, ty);
    search.found
}

struct Search {
    /// Where the search is.
    pointer: String,
    found: Vec<FieldError>,
}

impl Search {
    fn value<V: InputValue>(&mut self, value: &V, ty: &Type) {
        if self.found.len() >= MOST_FAULTS {
            return;
        }
        match (value.view(), &ty.base) {
            (View::Variable, _) => {}
            (View::Null, _) if ty.nullable => {}
            (View::Null, _) => self.refuse(FieldErrorCode::Required, "must not be null".to_owned()),
            (View::List(items), BaseType::List(of)) => {
                for (index, item) in items.iter().enumerate() {
                    self.below(&index, |search| search.value(item, of));
                }
            }
            // A single value stands for a list of one.
            (_, BaseType::List(of)) => self.value(value, of),
            (_, BaseType::Named(name)) => self.named(value, name),
        }
    }

    fn named<V: InputValue>(&mut self, value: &V, name: &Name) {
        let view = value.view();
        match catalog::input(name) {
            Some(InputKind::Scalar) => {
                if let Err(Misfit(code, message)) = scalar_values::check(name, value) {
                    self.refuse(code, message);
                }
            }
            Some(InputKind::Enum(values)) => {
                let given = match view {
                    View::Name(given) if V::IS_LITERAL => given.as_str(),
                    View::Text(given) if !V::IS_LITERAL => given,
                    View::Text(given) if values.contains(given) => {
                        let message = format!("must be a name, not a string: {given} without quotation marks");
                        return self.refuse(FieldErrorCode::Type, message);
                    }
                    other => {
                        let message = format!("must be a value of {name}, not {}", other.kind());
                        return self.refuse(FieldErrorCode::Type, message);
                    }
                };
                if !values.contains(given) {
                    let mut names: Vec<_> = values.iter().map(Name::as_str).collect();
                    names.sort_unstable();
                    self.refuse(FieldErrorCode::Unknown, format!("must be one of {}", names.join(", ")));
                }
            }
            Some(InputKind::Object(fields)) => {
                let View::Object(members) = view else {
                    let message = format!("must be an object, not {}", view.kind());
                    return self.refuse(FieldErrorCode::Type, message);
                };
                for field in fields {
                    let (name, ty) = (&field.name.node, &field.ty.node);
                    self.below(name, |search| match members.get(name) {
                        Some(value) => search.value(value, ty),
                        None if ty.nullable || field.default_value.is_some() => {}
                        None => search.refuse(FieldErrorCode::Required, "is missing".to_owned()),
                    });
                }
                let is_known = |name: &Name| fields.iter().any(|field| field.name.node == *name);
                for unknown in members.keys().filter(|name| !is_known(name)) {
                    self.below(unknown, |search| {
                        search.refuse(FieldErrorCode::Unknown, format!("is not a field of {name}"));
                    });
                }
            }
            // A type that is no input, which validation refuses by its name.
            None => {}
        }
    }

    fn below(&mut self, part: &dyn Display, look: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        let part = part.to_string().replace('~', "~0").replace('/', "~1");
        self.pointer.push('/');
        self.pointer.push_str(&part);
        look(self);
        self.pointer.truncate(length);
    }

    fn refuse(&mut self, code: FieldErrorCode, message: String) {
        if self.found.len() < MOST_FAULTS {
            self.found.push(FieldError { pointer: self.pointer.clone(), code, message });
        }
    }
}
