//! Operations that were found valid before, in their normal form: parsed, validated and priced once, for dashboards send
//! the same ones all day. What tools ask about the schema is kept with its answer, which is everybody's.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Request, Value};
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

/// A valid operation. Whoever sends it must still be allowed what it asks for: guards are run with it.
#[derive(Clone)]
pub(super) struct Known {
    /// Its normal form.
    pub(super) document: Arc<ExecutableDocument>,
    /// The points it costs.
    pub(super) complexity: usize,
    /// The answer, when it asks about the schema and nothing else, as text.
    pub(super) answer: Option<Value>,
}

/// What makes two requests one: validation looks at the document, the operation that is meant and the variables.
pub(super) type Key = [u8; 32];

/// Remembers valid documents, as many as take about so much memory.
#[derive(Clone)]
pub(super) struct KnownDocuments(Cache<Key, (u32, Known)>);

const BYTES: u64 = 8 << 20;

/// How much more memory a parsed document takes than its text, at worst: three bytes of text become a field of 216.
const TIMES_ITS_TEXT: usize = 72;

impl KnownDocuments {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(BYTES).weigher(|_, (bytes, _)| *bytes).build())
    }

    pub(super) fn key(request: &Request) -> Key {
        let variables = serde_json::to_vec(&request.variables).unwrap_or_default();
        let name = request.operation_name.as_deref();
        let parts = [request.query.as_bytes(), name.unwrap_or_default().as_bytes(), &variables];
        // Each with its length in front: parts that are cut elsewhere are other parts.
        let hasher = parts.iter().fold(Sha256::new_with_prefix([u8::from(name.is_some())]), |hasher, part| {
            hasher.chain_update((part.len() as u64).to_le_bytes()).chain_update(part)
        });
        hasher.finalize().into()
    }

    pub(super) fn find(&self, key: &Key) -> Option<Known> {
        self.0.get(key).map(|(_, known)| known)
    }

    /// Remembers an operation whose document, and answer if it is kept, have so many bytes.
    pub(super) fn remember(&self, key: Key, (text, answer): (usize, usize), known: Known) {
        let bytes = text.saturating_add(64).saturating_mul(TIMES_ITS_TEXT).saturating_add(answer);
        self.0.insert(key, (u32::try_from(bytes).unwrap_or(u32::MAX), known));
    }
}
