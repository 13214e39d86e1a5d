//! An operation that is valid, and what becomes of its response.

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::{Name, Response, Value};

use super::known::{Key, Known};
use super::{arrange, introspection, nulls, selected};
use crate::graphql::cost::Limits;
use crate::graphql::cost::budget::{self, Budget};
use crate::graphql::cost::points::ERROR;
use crate::graphql::output::error;
use crate::graphql::roots;

/// A valid operation in its normal form.
pub(super) struct Valid {
    pub known: Known,
    pub budget: Arc<Budget>,
    pub limits: Limits,
    /// Where it is remembered.
    pub key: Key,
}

impl Valid {
    fn operation(&self) -> Option<&OperationDefinition> {
        operation(&self.known.document)
    }

    pub fn is_introspection(&self) -> bool {
        self.operation().is_some_and(|operation| introspection::is_all(&operation.selection_set.node))
    }

    /// Names what failed, puts the members in the document's order, and says what the request costs, so that who writes a
    /// query sees how near it is to the limit before it meets it.
    pub fn complete(&self, mut response: Response) -> Response {
        if self.is_refused_stream(&response) {
            return error::of_request(error::classify(response));
        }
        // One is what a request that fails has.
        let errors = response.errors.len().saturating_sub(1);
        // Of a mutation, which was done, the budget has no end.
        if self.budget.charge(errors.saturating_mul(ERROR)).is_err() {
            return error::refusal(budget::too_dear(self.limits.complexity));
        }
        if let Some(operation) = self.operation() {
            nulls::complete(&mut response, operation);
            arrange::arrange(&mut response.data, &operation.selection_set.node);
            introspection::describe(&mut response.data, &operation.selection_set.node);
        }
        self.with_cost(error::classify(response))
    }

    /// Whether a response tells why a subscription did not begin.
    fn is_refused_stream(&self, response: &Response) -> bool {
        let is_subscription = self.operation().is_some_and(|operation| operation.ty == OperationType::Subscription);
        is_subscription && !self.budget.has_begun() && !response.errors.is_empty()
    }

    pub fn with_cost(&self, response: Response) -> Response {
        let cost = [("complexity", self.budget.points()), ("maxComplexity", self.limits.complexity)];
        let cost = cost.into_iter().map(|(name, points)| (Name::new(name), points.into())).collect();
        response.extension("cost", Value::Object(cost))
    }
}

/// The operation of a document in its normal form, which has but one.
pub(super) fn operation(document: &ExecutableDocument) -> Option<&OperationDefinition> {
    document.operations.iter().next().map(|(_, operation)| &operation.node)
}

/// Whether orders may be read from a replica for an operation, in its normal form or one of ours.
pub(super) fn may_read_replica(operation: &OperationDefinition) -> bool {
    let mut names = operation.selection_set.node.items.iter().map(|item| selected::name(&item.node));
    names.all(|name| name == "__typename" || roots::find(operation.ty, name).is_some_and(|root| root.on_replica))
}

/// How many signed root fields an operation in its normal form has.
pub(super) fn count_signed(operation: &OperationDefinition) -> usize {
    let names = operation.selection_set.node.items.iter().map(|item| selected::name(&item.node));
    names.filter(|name| roots::find(operation.ty, name).is_some_and(|root| root.needs.is_signed())).count()
}
