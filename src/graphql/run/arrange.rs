//! Puts an answer's members in the order in which the document selects them (GraphQL §7.2.2), so that equal answers
//! are equal texts. async-graphql leaves them in the order in which their resolvers happened to finish.

use async_graphql::Value;
use async_graphql::parser::types::{Selection, SelectionSet};

use super::selected::{OBJECT_TYPE, key, set_of};

/// Arranges what a set of an operation's normal form, or of a document of ours, gave.
pub fn arrange(value: &mut Value, set: &SelectionSet) {
    match value {
        // A scalar that looks like an object has nothing selected below it.
        _ if set.items.is_empty() => {}
        Value::List(items) => items.iter_mut().for_each(|item| arrange(item, set)),
        Value::Object(members) => {
            let (set, _) = set_of(set, members);
            let index = |name: &str| set.items.iter().position(|item| key(&item.node) == name);
            let is_arranged = set.items.len() == members.len()
                && set.items.iter().zip(members.keys()).all(|(item, name)| key(&item.node) == name.as_str());
            if !is_arranged {
                members.sort_by_cached_key(|name, _| index(name));
            }
            members.shift_remove(OBJECT_TYPE);
            for item in &set.items {
                if let Selection::Field(field) = &item.node
                    && let Some(value) = members.get_mut(field.node.response_key().node.as_str())
                {
                    arrange(value, &field.node.selection_set.node);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;
    use crate::graphql::run::normal::normalise;
    use crate::graphql::run::prepared::chosen;

    #[test]
    fn members_stand_in_the_order_of_the_document_through_lists_aliases_and_fragments() {
        let document = parse_query(
            "query other { x } query chosen { a { ...F b: late early } list { z y } ... on Query { a { last } } scalar
                 none { x @skip(if: true) } }
             fragment F on A { first }",
        );
        let normal = normalise(&document.unwrap(), Some("chosen"), None).unwrap();
        let (_, operation) = chosen(&normal, Some("chosen")).unwrap();
        let mut data = Value::from_json(json!({
            "scalar": {"z": 1, "a": 2}, "list": [{"y": 1, "z": 2}, null], "none": {"__object": "A"},
            "a": {"last": 4, "early": 3, "b": 2, "first": 1}}));
        arrange(data.as_mut().unwrap(), &operation.selection_set.node);
        assert_eq!(
            data.unwrap().to_string(),
            "{a: {first: 1, b: 2, early: 3, last: 4}, list: [{z: 2, y: 1}, null], scalar: {z: 1, a: 2}, none: {}}"
        );
    }
}
