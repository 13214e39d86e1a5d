//! What selection sets of the normal form say: names and keys, how much they select, and which of them made an object.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Selection, SelectionSet};
use async_graphql::{Name, Positioned, Value};

/// The type of an object, in its answer until it is arranged. Selected of what an interface stands for, so that the answer
/// tells which of its fragments made it; and where a selection set has nothing left, for async-graphql answers null
/// instead of an empty object. Names that begin with two underscores are no client's (GraphQL §2.1.9).
pub(super) const OBJECT_TYPE: &str = "__object";

/// The set of fields that an object was made by: of what is selected of an interface, the fragment for its type, with that
/// type.
pub(super) fn set_of<'d>(
    set: &'d SelectionSet,
    object: &IndexMap<Name, Value>,
) -> (&'d SelectionSet, Option<&'d Name>) {
    let Some(Value::String(object)) = object.get(OBJECT_TYPE) else { return (set, None) };
    let mut fragments = set.items.iter().filter_map(|item| {
        let Selection::InlineFragment(fragment) = &item.node else { return None };
        let condition = &fragment.node.type_condition.as_ref()?.node.on.node;
        (condition.as_str() == object).then_some((&fragment.node.selection_set.node, Some(condition)))
    });
    fragments.next().unwrap_or((set, None))
}

/// The response key of a field; what is no field has none.
pub(super) fn key(selection: &Selection) -> &str {
    match selection {
        Selection::Field(field) => &field.node.response_key().node,
        _ => "",
    }
}

/// The name of a field; what is no field has none.
pub(super) fn name(selection: &Selection) -> &str {
    match selection {
        Selection::Field(field) => &field.node.name.node,
        _ => "",
    }
}

/// How many fields and fragments a set has, at all depths.
pub(super) fn size(set: &SelectionSet) -> usize {
    let of_item = |item: &Positioned<Selection>| match &item.node {
        Selection::Field(field) => 1 + size(&field.node.selection_set.node),
        Selection::InlineFragment(fragment) => 1 + size(&fragment.node.selection_set.node),
        Selection::FragmentSpread(_) => 1,
    };
    set.items.iter().map(of_item).sum()
}
