//! Automatic persisted queries: a client names a document that it sent before by its SHA-256, and sends it again when it is not
//! known any more. The protocol is Apollo's; clients look for its words in `message` and `code`.
//!
//! Kept apart from [`super::known`], which has documents in their normal form and for their variables.

use std::sync::Arc;

use async_graphql::{Request, Value};
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use crate::error::{AppError, ErrorCode};
use crate::graphql::output::values::from_json;

/// The member of `extensions` that names a document.
pub const EXTENSION: &str = "persistedQuery";

/// The texts of documents by their hashes, as many as take about so much memory.
#[derive(Clone)]
pub(super) struct PersistedDocuments(Cache<Hash, Arc<str>>);

const BYTES: u64 = 4 << 20;

/// What a document takes besides its text.
const OVERHEAD: usize = 256;

type Hash = [u8; 32];

/// A document whose sender wants it to be kept, which happens when it is valid and its sender is known.
pub(super) struct Registration {
    hash: Hash,
    text: Arc<str>,
}

impl PersistedDocuments {
    pub fn new() -> Self {
        let weigh = |_: &Hash, text: &Arc<str>| u32::try_from(text.len() + OVERHEAD).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(BYTES).weigher(weigh).build())
    }

    /// Gives a request that names its document the document, or says that it is to be sent.
    pub fn resolve(&self, request: &mut Request) -> Result<Option<Registration>, AppError> {
        let Some(named) = request.extensions.get(EXTENSION) else { return Ok(None) };
        let hash = read(named).ok_or_else(|| AppError::new(ErrorCode::PersistedQueryNotSupported, NOT_SUPPORTED))?;
        let known = self.0.get(&hash);
        if request.query.is_empty() {
            let not_found = || AppError::new(ErrorCode::PersistedQueryNotFound, "PersistedQueryNotFound");
            known.ok_or_else(not_found)?.as_ref().clone_into(&mut request.query);
            return Ok(None);
        }
        if known.is_some_and(|text| *text == *request.query) {
            return Ok(None);
        }
        if hash != <Hash>::from(Sha256::digest(&request.query)) {
            let message = "extensions.persistedQuery.sha256Hash is not the SHA-256 of the member query; send both as they \
                           belong together, or leave extensions out";
            return Err(AppError::new(ErrorCode::MalformedBody, message));
        }
        Ok(Some(Registration { hash, text: request.query.as_str().into() }))
    }

    pub fn keep(&self, Registration { hash, text }: Registration) {
        self.0.insert(hash, text);
    }
}

/// Clients that read it send whole documents from then on.
const NOT_SUPPORTED: &str = "PersistedQueryNotSupported";

/// Adds the member of `extensions` that names a document to its request.
pub fn name_persisted_query(request: &mut Request, named: serde_json::Value) {
    request.extensions.insert(EXTENSION.to_owned(), from_json(named));
}

/// The hash of `{"version": 1, "sha256Hash": "…"}`.
fn read(named: &Value) -> Option<Hash> {
    let Value::Object(members) = named else { return None };
    let is_known_version =
        matches!(members.get("version"), Some(Value::Number(version)) if version.as_u64() == Some(1));
    let Some(Value::String(hash)) = members.get("sha256Hash").filter(|_| is_known_version) else { return None };
    let mut bytes = Hash::default();
    hex::decode_to_slice(hash, &mut bytes).ok().map(|()| bytes)
}
