//! Puts an answer's members in the order in which the document selects them (GraphQL §7.2.2), so that equal answers
//! are equal texts. async-graphql leaves them in the order in which their resolvers happened to finish.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Value};

use super::prepared::chosen;

/// Arranges what the operation with this name (or the only one) gave.
pub fn arrange(data: &mut Value, document: &ExecutableDocument, operation_name: Option<&str>) {
    if let Some((_, operation)) = chosen(document, operation_name) {
        arrange_value(data, &[&operation.selection_set.node], document);
    }
}

/// Arranges what the same selections were applied to.
fn arrange_value(value: &mut Value, selections: &[&SelectionSet], document: &ExecutableDocument) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| arrange_value(item, selections, document)),
        Value::Object(object) => {
            if let [only] = selections
                && only.items.len() == object.len()
                && only.items.iter().zip(object.keys()).all(|(selection, name)| is_field(&selection.node, name))
            {
                // They stand in the document's order already, as nearly all do.
                for (value, selection) in object.values_mut().zip(&only.items) {
                    if let Selection::Field(field) = &selection.node {
                        arrange_below(value, &[&field.node.selection_set.node], document);
                    }
                }
                return;
            }
            let mut members = Members::new();
            for selection_set in selections {
                collect(selection_set, document, &mut members);
            }
            object.sort_by_key(|name, _| members.get_index_of(name.as_str()));
            for (name, value) in object {
                if let Some(below) = members.get(name.as_str()) {
                    arrange_below(value, below, document);
                }
            }
        }
        _ => {}
    }
}

/// A scalar that looks like an object has nothing selected below it.
fn arrange_below(value: &mut Value, selections: &[&SelectionSet], document: &ExecutableDocument) {
    if selections.iter().any(|set| !set.items.is_empty()) {
        arrange_value(value, selections, document);
    }
}

fn is_field(selection: &Selection, key: &Name) -> bool {
    matches!(selection, Selection::Field(field) if field.node.response_key().node == *key)
}

type Members<'a> = IndexMap<&'a str, Vec<&'a SelectionSet>>;

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
