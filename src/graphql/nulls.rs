//! Puts null where a field failed (GraphQL §6.4.4): at the field itself when it may be null, and otherwise at the nearest
//! field around it that may. async-graphql since 7.1 leaves the failed field out of its object instead, so that a client
//! reads an object without a member its type promises.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Field, OperationType, Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, PathSegment, Response, Value};

use super::prepared::chosen;

/// Completes the response of the operation with this name (or the only one).
pub fn complete(response: &mut Response, document: &ExecutableDocument, operation_name: Option<&str>) {
    if response.errors.iter().all(|error| error.path.is_empty()) {
        return;
    }
    let Some((_, operation)) = chosen(document, operation_name) else { return };
    for error in &response.errors {
        put_null(&mut response.data, &error.path);
    }
    let root = match operation.ty {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    };
    let root = Type { base: BaseType::Named(Name::new(root)), nullable: true };
    settle(&mut response.data, &root, &[&operation.selection_set.node], document);
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
fn settle(value: &mut Value, ty: &Type, selections: &[&SelectionSet], document: &ExecutableDocument) -> bool {
    let is_broken = match (&mut *value, &ty.base) {
        (Value::List(items), BaseType::List(of)) => items.iter_mut().any(|item| settle(item, of, selections, document)),
        (Value::Object(members), BaseType::Named(name)) => members.iter_mut().any(|(key, member)| {
            let mut fields = Vec::new();
            for set in selections {
                find(set, name, key, document, &mut fields);
            }
            let ty = fields.iter().find_map(|(object, field)| TYPES.get(*object)?.get(&field.name.node));
            let below: Vec<_> = fields.iter().map(|(_, field)| &field.selection_set.node).collect();
            ty.is_some_and(|ty| settle(member, ty, &below, document))
        }),
        _ => false,
    };
    if is_broken {
        *value = Value::Null;
    }
    *value == Value::Null && !ty.nullable
}

/// The fields that make up a member, each with the type it is selected on; fragments are looked into.
fn find<'a>(
    set: &'a SelectionSet,
    object: &'a str,
    key: &str,
    document: &'a ExecutableDocument,
    found: &mut Vec<(&'a str, &'a Field)>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) if field.node.response_key().node == key => found.push((object, &field.node)),
            Selection::Field(_) => {}
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let object = condition.map_or(object, |condition| condition.node.on.node.as_str());
                find(&fragment.node.selection_set.node, object, key, document, found);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    let object = fragment.node.type_condition.node.on.node.as_str();
                    find(&fragment.node.selection_set.node, object, key, document, found);
                }
            }
        }
    }
}

/// The type of each field of each type, from the schema's own text: async-graphql shows its registry to nobody.
static TYPES: LazyLock<HashMap<Name, HashMap<Name, Type>>> = LazyLock::new(|| {
    let definitions = parse_schema(super::sdl()).map(|schema| schema.definitions).unwrap_or_default();
    let types = definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        _ => None,
    });
    let fields = types.filter_map(|definition| match definition.kind {
        TypeKind::Object(object) => Some((definition.name.node, object.fields)),
        TypeKind::Interface(interface) => Some((definition.name.node, interface.fields)),
        _ => None,
    });
    fields
        .map(|(name, fields)| {
            (name, fields.into_iter().map(|field| (field.node.name.node, field.node.ty.node)).collect())
        })
        .collect()
});
