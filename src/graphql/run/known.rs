//! Operations that were found valid before, in their normal form: parsed, validated and priced once, for dashboards send
//! the same ones all day. What tools ask about the schema is kept with its answer, which is everybody's.

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request, Value, Variables};
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::selected;
use super::valid::operation;
use crate::graphql::output::written::text_bytes;
use crate::graphql::roots;

/// A valid operation. Whoever sends it must still be allowed what it asks for: the gate is asked with it.
#[derive(Clone)]
pub(super) struct Known {
    /// Its normal form.
    pub(super) document: Arc<ExecutableDocument>,
    /// About what it takes in memory, without its answer.
    pub(super) bytes: usize,
    /// The points it costs.
    pub(super) complexity: usize,
    /// The answer, when it asks about the schema and nothing else, as text.
    pub(super) answer: Option<Value>,
}

impl Known {
    pub(super) fn is_mutation(&self) -> bool {
        self.is(OperationType::Mutation)
    }

    pub(super) fn is_subscription(&self) -> bool {
        self.is(OperationType::Subscription)
    }

    fn is(&self, kind: OperationType) -> bool {
        operation(&self.document).is_some_and(|operation| operation.ty == kind)
    }

    /// Whether one of its root fields proves by its input who calls.
    pub(super) fn authenticates(&self) -> bool {
        let names = |name: &str| roots::authenticating().any(|root| root.name == name);
        let root = operation(&self.document).filter(|operation| operation.ty == OperationType::Mutation);
        root.is_some_and(|root| root.selection_set.node.items.iter().any(|item| names(selected::name(&item.node))))
    }
}

/// What makes two requests one: validation looks at the document, the operation that is meant and the variables.
pub(super) type Key = [u8; 32];

/// Remembers valid documents, as many as take about so much memory.
#[derive(Clone)]
pub(super) struct KnownDocuments(Cache<Key, (u32, Known)>);

const BYTES: u64 = 8 << 20;

/// What a field takes in memory, with its name, alias and arguments.
pub(super) const BYTES_A_FIELD: usize = 640;

impl KnownDocuments {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(BYTES).weigher(|_, (bytes, _)| *bytes).build())
    }

    pub(super) fn key(Request { query, operation_name, variables, .. }: &Request) -> Key {
        Self::key_of(query, operation_name.as_deref(), variables)
    }

    pub(super) fn key_of(query: &str, name: Option<&str>, variables: &Variables) -> Key {
        let variables = serde_json::to_vec(variables).unwrap_or_default();
        let parts = [query.as_bytes(), name.unwrap_or_default().as_bytes(), &variables];
        // Each with its length in front: parts that are cut elsewhere are other parts.
        let hasher = parts.iter().fold(Sha256::new_with_prefix([u8::from(name.is_some())]), |hasher, part| {
            hasher.chain_update((part.len() as u64).to_le_bytes()).chain_update(part)
        });
        hasher.finalize().into()
    }

    pub(super) fn find(&self, key: &Key) -> Option<Known> {
        self.0.get(key).map(|(_, known)| known)
    }

    /// Remembers an operation. Its normal form has its fragments resolved, and may be far larger than its document.
    pub(super) fn remember(&self, key: Key, known: Known) {
        let answer = known.answer.as_ref().map_or(0, text_bytes);
        let bytes = known.bytes.saturating_add(answer);
        self.0.insert(key, (u32::try_from(bytes).unwrap_or(u32::MAX), known));
    }
}
