//! Our own documents: parsed once, run by REST on the same schema.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request, Value};

use super::arrange::arrange;
use super::values::to_json;

/// A document of one operation with one root field.
pub struct PreparedOperation {
    pub(super) document: ExecutableDocument,
}

impl PreparedOperation {
    /// Parses a document of ours.
    ///
    /// # Panics
    /// When the document has a syntax error; every one of them is a constant that the suite parses.
    #[must_use]
    pub fn new(document: &'static str) -> Self {
        match parse_query(document) {
            Ok(document) => Self { document },
            Err(error) => panic!("a prepared document does not parse: {error}"),
        }
    }

    pub(super) fn request(&self) -> Request {
        let mut request = Request::new("");
        request.set_parsed_query(self.document.clone());
        request
    }

    pub(super) fn arrange(&self, data: &mut Value) {
        arrange(data, &self.document, None);
    }
}

/// Whether a request would run a mutation. One whose document does not parse would run nothing.
pub fn is_mutation(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return false };
    let chosen = document.operations.iter().find(|(operation, _)| match &name {
        Some(name) => operation.is_some_and(|operation| operation.as_str() == name),
        None => true,
    });
    chosen.is_some_and(|(_, operation)| operation.node.ty == OperationType::Mutation)
}

/// The value of the one root field.
pub(super) fn root_value(data: &Value) -> serde_json::Value {
    match data {
        Value::Object(fields) => fields.values().next().map(to_json).unwrap_or_default(),
        other => to_json(other),
    }
}
