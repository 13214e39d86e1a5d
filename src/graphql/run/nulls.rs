//! Puts null where a field failed (GraphQL §6.4.4): at the field itself when it may be null, and otherwise at the nearest
//! field around it that may. async-graphql since 7.1 leaves the failed field out of its object instead, so that a client
//! reads an object without a member its type promises.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, OperationDefinition, Selection, SelectionSet, Type};
use async_graphql::{Name, PathSegment, Response, Value};

use super::selected::set_of;
use crate::graphql::roots::{self, catalog};

/// Completes the response of an operation in its normal form.
pub fn complete(response: &mut Response, operation: &OperationDefinition) {
    if response.errors.iter().all(|error| error.path.is_empty()) {
        return;
    }
    for error in &response.errors {
        put_null(&mut response.data, &error.path);
    }
    let root = Type { base: BaseType::Named(Name::new(roots::type_name(operation.ty))), nullable: true };
    settle(&mut response.data, &root, &operation.selection_set.node);
}

/// Puts null at a path, and the objects on the way there that were left out because all of their fields failed.
fn put_null(value: &mut Value, path: &[PathSegment]) {
    match path.split_first() {
        None => *value = Value::Null,
        Some((PathSegment::Field(name), rest)) => {
            if *value == Value::Null {
                *value = Value::Object(IndexMap::new());
            }
            if let Value::Object(members) = value {
                put_null(members.entry(Name::new(name)).or_insert(Value::Null), rest);
            }
        }
        Some((PathSegment::Index(index), rest)) => {
            if let Value::List(items) = value
                && let Some(item) = items.get_mut(*index)
            {
                put_null(item, rest);
            }
        }
    }
}

/// Lets nulls that may not be take along what holds them. Gives whether the value itself is one.
fn settle(value: &mut Value, ty: &Type, set: &SelectionSet) -> bool {
    let is_broken = match (&mut *value, &ty.base) {
        (Value::List(items), BaseType::List(of)) => items.iter_mut().any(|item| settle(item, of, set)),
        (Value::Object(members), BaseType::Named(name)) => {
            let (set, object) = set_of(set, members);
            let types = catalog::find(object.unwrap_or(name)).map(|object| &object.fields);
            set.items.iter().any(|item| {
                let Selection::Field(field) = &item.node else { return false };
                let ty = types.and_then(|types| types.get(&field.node.name.node));
                let member = members.get_mut(&field.node.response_key().node);
                ty.zip(member).is_some_and(|(ty, member)| settle(member, ty, &field.node.selection_set.node))
            })
        }
        _ => false,
    };
    if is_broken {
        *value = Value::Null;
    }
    *value == Value::Null && !ty.nullable
}
