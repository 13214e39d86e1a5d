//! Puts an answer's members in the order in which the document selects them (GraphQL §7.2.2), so that equal answers
//! are equal texts. async-graphql leaves them in the order in which their resolvers happened to finish.

use std::slice;

use async_graphql::Value;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::prepared::chosen;

/// Arranges what the operation with this name (or the only one) gave.
pub fn arrange(data: &mut Value, document: &ExecutableDocument, operation_name: Option<&str>) {
    if let Some((_, operation)) = chosen(document, operation_name) {
        arrange_object(slice::from_mut(data), &[&operation.selection_set.node], document);
    }
}

/// Arranges objects that the same selections were applied to; lists are taken for their items.
fn arrange_object(values: &mut [Value], selections: &[&SelectionSet], document: &ExecutableDocument) {
    if values.iter().all(|value| !matches!(value, Value::Object(_) | Value::List(_))) {
        return;
    }
    let mut members = IndexMap::new();
    for selection_set in selections {
        collect(selection_set, document, &mut members);
    }
    arrange_members(values, &members, document);
}

type Members<'a> = IndexMap<&'a str, Vec<&'a SelectionSet>>;

fn arrange_members(values: &mut [Value], members: &Members<'_>, document: &ExecutableDocument) {
    for value in values {
        match value {
            Value::List(items) => arrange_members(items, members, document),
            Value::Object(object) => {
                object.sort_by_key(|name, _| members.get_index_of(name.as_str()));
                for (name, value) in object {
                    // No member without a selection; a scalar that looks like an object has none below it.
                    if let Some(below) = members.get(name.as_str()).filter(|below| !below.is_empty()) {
                        arrange_object(slice::from_mut(value), below, document);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The members selected, in order, each with what is selected below it; fragments are looked into.
fn collect<'a>(selection_set: &'a SelectionSet, document: &'a ExecutableDocument, members: &mut Members<'a>) {
    for selection in &selection_set.items {
        match &selection.node {
            Selection::Field(field) => {
                let below = members.entry(field.node.response_key().node.as_str()).or_default();
                if !field.node.selection_set.node.items.is_empty() {
                    below.push(&field.node.selection_set.node);
                }
            }
            Selection::InlineFragment(fragment) => collect(&fragment.node.selection_set.node, document, members),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    collect(&fragment.node.selection_set.node, document, members);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    #[test]
    fn members_stand_in_the_order_of_the_document_through_lists_aliases_and_fragments() {
        let document = parse_query(
            "query other { x } query chosen { a { ...F b: late early } list { z y } ... on Query { a { last } } scalar }
             fragment F on A { first }",
        );
        let mut data = Value::from_json(json!({
            "scalar": {"z": 1, "a": 2}, "list": [{"y": 1, "z": 2}, null],
            "a": {"last": 4, "early": 3, "b": 2, "first": 1}}));
        arrange(data.as_mut().unwrap(), &document.unwrap(), Some("chosen"));
        assert_eq!(
            data.unwrap().to_string(),
            "{a: {first: 1, b: 2, early: 3, last: 4}, list: [{z: 2, y: 1}, null], scalar: {z: 1, a: 2}}"
        );
    }
}
