//! A client's request as far as it can be read before anybody is asked who sends it.

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection};
use async_graphql::{Request, Variables};
use async_graphql_value::Value as Literal;

use super::known::{Key, Known, KnownDocuments};
use super::persisted::Registration;
use super::prepared::{self, chosen};
use super::selected;

/// A client's request whose document was read and holds to the limits.
pub struct Read {
    pub(super) key: Key,
    pub(super) text: usize,
    pub(super) selections: usize,
    pub(super) document: Arc<ExecutableDocument>,
    /// Its normal form and what that costs, when it was found valid before.
    pub(super) known: Option<Known>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Variables,
    /// What makes two subscriptions one whose events are told to many at once.
    pub(super) shared_by: Option<Key>,
    /// Its document, when its sender wants it to be known by its hash.
    pub(super) registration: Option<Registration>,
}

impl Read {
    pub(super) fn new(
        key: Key,
        request: Request,
        selections: usize,
        document: Arc<ExecutableDocument>,
        known: Option<Known>,
    ) -> Self {
        let Request { query, operation_name, variables, .. } = request;
        prepared::note(&document, operation_name.as_deref());
        let shared_by = shared_by((&query, &document), operation_name.as_deref(), &variables);
        let text = query.len();
        Self { key, text, selections, document, known, operation_name, variables, shared_by, registration: None }
    }

    pub(super) fn registering(self, registration: Option<Registration>) -> Self {
        Self { registration, ..self }
    }

    /// Whether it runs a mutation.
    #[must_use]
    pub fn is_mutation(&self) -> bool {
        self.kind() == Some(OperationType::Mutation)
    }

    /// Whether it runs a subscription.
    #[must_use]
    pub fn is_subscription(&self) -> bool {
        self.kind() == Some(OperationType::Subscription)
    }

    fn kind(&self) -> Option<OperationType> {
        chosen(&self.document, self.operation_name.as_deref()).map(|(_, operation)| operation.ty)
    }
}

/// The subscription whose answers are made once for all who send the same.
const SHARED: &str = "salesOrderEventBatches";

/// What two such subscriptions have in common that may be told the same: all but where they begin.
fn shared_by((query, document): (&str, &ExecutableDocument), name: Option<&str>, variables: &Variables) -> Option<Key> {
    let (_, operation) = chosen(document, name)?;
    let [root] = operation.selection_set.node.items.as_slice() else { return None };
    let Selection::Field(field) = &root.node else { return None };
    if operation.ty != OperationType::Subscription || selected::name(&root.node) != SHARED {
        return None;
    }
    let mut others = variables.clone();
    if let Some(Literal::Variable(after)) = field.node.get_argument("after").map(|value| &value.node)
        // Declared and used: nothing else depends on it. A name that does not stand right behind its sign is not looked for.
        && query.matches(&format!("${after}")).count() == 2
        && query.split('$').skip(1).all(|rest| rest.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()))
    {
        others.remove(after);
    }
    Some(KnownDocuments::key_of(query, name, &others))
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn key(query: &str, variables: serde_json::Value) -> Option<Key> {
        shared_by((query, &parse_query(query).unwrap()), None, &Variables::from_json(variables))
    }

    #[test]
    fn viewers_share_what_depends_on_nothing_but_where_each_of_them_begins() {
        let follow = "subscription F($after: String, $first: Int) {
            salesOrderEventBatches(after: $after, first: $first) { nextCursor } }";
        let of = |after: &str, first: i32| key(follow, json!({"after": after, "first": first})).unwrap();
        assert_eq!(of("a", 5), of("b", 5));
        assert_ne!(of("a", 5), of("a", 6));
        // However it is written, a second use is seen, or the variable counts.
        for second in ["$after", "$ after", "$,after"] {
            let query = format!(
                "subscription F($after: String) {{
                    salesOrderEventBatches(after: $after, where: {{search: {second}}}) {{ nextCursor }} }}"
            );
            assert_ne!(key(&query, json!({"after": "a"})), key(&query, json!({"after": "b"})), "{second}");
        }
        for other in ["subscription { salesOrderEvents { cursor } }", "{ salesOrderEventBatches { nextCursor } }"] {
            assert_eq!(key(other, json!({})), None);
        }
    }
}
