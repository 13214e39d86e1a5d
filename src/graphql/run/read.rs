//! A client's request as far as it can be read before anybody is asked who sends it.

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request, Variables};

use super::known::{Key, Known};
use super::persisted::Registration;
use super::prepared::{self, chosen};

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
        Self { key, text: query.len(), selections, document, known, operation_name, variables, registration: None }
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
