//! How much the values of variables come to where they are used. async-graphql copies a variable's value for each place that
//! names it, and a small document may name a large one thousands of times.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Positioned, Value, Variables};
use async_graphql_value::Value as Literal;

use super::prepared;
use crate::error::{AppError, ErrorCode};

/// Bytes: some times the largest body.
const MOST: usize = 32 << 20;

/// What a value takes besides its text.
const OF_A_VALUE: usize = 64;

/// Refuses a request whose variables would be copied into more than memory is meant for. `text` is the length of the document.
pub(super) fn check(
    document: &ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
    text: usize,
) -> Result<(), AppError> {
    let given: usize = variables.values().map(size).sum();
    // A place takes two bytes at least. Most requests are far from the limit, and nothing has to be looked for.
    if (text / 2).saturating_mul(given.saturating_add(text)) <= MOST {
        return Ok(());
    }
    let Some((_, operation)) = prepared::chosen(document, name) else { return Ok(()) };
    let sizes: HashMap<&Name, usize> = operation
        .variable_definitions
        .iter()
        .filter_map(|Positioned { node: definition, .. }| {
            let name = &definition.name.node;
            Some((name, size(variables.get(name).or_else(|| definition.default_value())?)))
        })
        .collect();
    let mut weight = 0_usize;
    let mut add = |name: &Name| weight = weight.saturating_add(sizes.get(name).copied().unwrap_or_default());
    of_directives(&operation.directives, &mut add);
    of_set(&operation.selection_set.node, &mut add);
    for fragment in document.fragments.values() {
        of_directives(&fragment.node.directives, &mut add);
        of_set(&fragment.node.selection_set.node, &mut add);
    }
    if weight <= MOST {
        return Ok(());
    }
    let message = format!(
        "The variables come to {weight} bytes where they are used, and {MOST} are allowed; name large ones less often, or \
         split the request"
    );
    Err(AppError::new(ErrorCode::LimitExceeded, message))
}

fn size(value: &Value) -> usize {
    OF_A_VALUE
        + match value {
            Value::String(text) => text.len(),
            Value::List(items) => items.iter().map(size).sum(),
            Value::Object(members) => members.iter().map(|(name, value)| OF_A_VALUE + name.len() + size(value)).sum(),
            _ => 0,
        }
}

fn of_set(set: &SelectionSet, add: &mut impl FnMut(&Name)) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => of_field(&field.node, add),
            Selection::InlineFragment(fragment) => {
                of_directives(&fragment.node.directives, add);
                of_set(&fragment.node.selection_set.node, add);
            }
            Selection::FragmentSpread(spread) => of_directives(&spread.node.directives, add),
        }
    }
}

fn of_field(field: &Field, add: &mut impl FnMut(&Name)) {
    of_directives(&field.directives, add);
    field.arguments.iter().for_each(|(_, value)| of_value(&value.node, add));
    of_set(&field.selection_set.node, add);
}

fn of_directives(directives: &[Positioned<Directive>], add: &mut impl FnMut(&Name)) {
    for directive in directives {
        directive.node.arguments.iter().for_each(|(_, value)| of_value(&value.node, add));
    }
}

fn of_value(value: &Literal, add: &mut impl FnMut(&Name)) {
    match value {
        Literal::Variable(name) => add(name),
        Literal::List(items) => items.iter().for_each(|item| of_value(item, add)),
        Literal::Object(members) => members.values().for_each(|member| of_value(member, add)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn is_refused(text: &str, variables: serde_json::Value) -> bool {
        check(&parse_query(text).unwrap(), None, &Variables::from_json(variables), text.len()).is_err()
    }

    #[test]
    fn a_large_variable_is_named_a_few_times_and_not_thousands_of_times() {
        let large = json!({"x": "x".repeat(1 << 20)});
        let naming = |times: usize| format!("query($x: ID!) {{ nodes(ids: [{}]) {{ id }} }}", "$x ".repeat(times));
        assert!(!is_refused(&naming(20), large.clone()));
        assert!(is_refused(&naming(40), large.clone()));
        assert!(!is_refused(&naming(20_000), json!({"x": "short"})));
        // In an object, in a directive, in a fragment, and as a default.
        let text = format!("query($x: T) {{ ...F }} fragment F on Query {{ a(b: [{{c: [{}]}}]) }}", "$x ".repeat(40));
        assert!(is_refused(&text, large));
        let text = format!("query($x: T = \"{}\") {{ a @skip(if: [{}]) }}", "x".repeat(1 << 20), "$x ".repeat(40));
        assert!(is_refused(&text, json!({})));
    }
}
