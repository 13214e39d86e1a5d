//! Tells the request's log line which operation ran and what it cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation};
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Name, Response, ServerError, ValidationResult, Value};

use super::error::with_code;
use super::prepared::chosen;
use crate::error::ErrorCode;
use crate::telemetry;

/// A name is the caller's text, and a line of the log is no place for a megabyte of it.
const MAX_NAME: usize = 100;

/// A document of nothing but mistakes must not get an answer thirty times its size.
const MAX_ERRORS: usize = 100;

/// Notes the operation that a request with this `operationName` runs.
pub fn note_operation(document: &ExecutableDocument, name: Option<&str>) {
    let Some((name, operation)) = chosen(document, name) else { return };
    telemetry::note(|facts| {
        facts.operation_name = name.map(|name| name.chars().take(MAX_NAME).collect());
        facts.operation_type = Some(match operation.ty {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        });
    });
}

/// Tells the log and the client what a request costs.
pub struct Observe {
    /// The most it may cost.
    pub max_complexity: usize,
}

impl ExtensionFactory for Observe {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(OneRequest { complexity: AtomicUsize::new(0), max_complexity: self.max_complexity })
    }
}

struct OneRequest {
    complexity: AtomicUsize,
    max_complexity: usize,
}

#[async_trait]
impl Extension for OneRequest {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        match next.run(ctx).await {
            Ok(result) => {
                self.complexity.store(result.complexity, Ordering::Relaxed);
                telemetry::note(|facts| facts.complexity = Some(result.complexity));
                Ok(result)
            }
            Err(errors) => Err(errors.into_iter().take(MAX_ERRORS).map(|error| self.refused(error)).collect()),
        }
    }

    /// Who writes a query sees how near it is to the limit before it meets it.
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let cost = [("complexity", self.complexity.load(Ordering::Relaxed)), ("maxComplexity", self.max_complexity)];
        let cost = cost.into_iter().map(|(name, points)| (Name::new(name), points.into())).collect();
        next.run(ctx, operation_name).await.extension("cost", Value::Object(cost))
    }
}

impl OneRequest {
    /// A document that fits the schema but carries a wrong value is the same failure as over REST. The texts are
    /// async-graphql's own; `a_wrongly_typed_variable_is_the_same_failure_on_both_wires` and
    /// `a_page_costs_as_much_as_its_rows` notice when they change.
    fn refused(&self, error: ServerError) -> ServerError {
        if error.source.is_some() {
            error
        } else if error.message == "Query is too complex." {
            let message = format!(
                "The request costs more than {} points; ask for fewer rows or fields (extensions.cost of an answer \
                 says what it cost)",
                self.max_complexity
            );
            with_code(ServerError { message, ..error }, ErrorCode::LimitExceeded)
        } else if error.message.starts_with("Invalid value for argument") {
            with_code(error, ErrorCode::ValidationFailed)
        } else {
            with_code(error, ErrorCode::GraphqlValidationFailed)
        }
    }
}
