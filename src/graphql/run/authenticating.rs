//! Requests that do nothing but log in or refresh: what is heard of an address whose budget is used up.

use async_graphql::Request;
use async_graphql::parser::types::{OperationType, Selection};

use super::prepared::{chosen, parse};
use crate::compute;
use crate::graphql::roots::authenticating;

/// Whether every root field of the operation that would run is one by whose input its caller proves who it is. Fragments
/// are not followed: no client hides its login in one.
pub fn only_authenticates(request: &mut Request) -> bool {
    // No login is as large as what is not worth reading for nothing.
    if request.query.len() > compute::SMALL {
        return false;
    }
    // Far cheaper than reading a document that names none.
    if !authenticating().any(|root| request.query.contains(root.name)) {
        return false;
    }
    let name = request.operation_name.clone();
    let Ok(document) = parse(request) else { return false };
    let Some((_, operation)) = chosen(document, name.as_deref()) else { return false };
    operation.ty == OperationType::Mutation
        && operation.selection_set.node.items.iter().all(|selection| match &selection.node {
            Selection::Field(field) => authenticating().any(|root| root.name == field.node.name.node),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_login_or_a_refresh_and_nothing_beside_it_is_one() {
        let only_authenticates = |document: &str| only_authenticates(&mut Request::new(document));
        assert!(only_authenticates("mutation { login(input: {}) { token } }"));
        assert!(only_authenticates("mutation A { again: refresh(input: {}) { token } login(input: {}) { token } }"));
        for other in [
            "{ login }",
            "mutation { login(input: {}) { token } createSalesOrder(input: {}) { message } }",
            "mutation { ...A } fragment A on Mutation { login(input: {}) { token } }",
            "mutation A { login } mutation B { login }",
            "mutation { rotateClientSecret }",
            "mutation { login",
            "query login { __schema { types { name } } }",
        ] {
            assert!(!only_authenticates(other), "{other}");
        }
    }
}
