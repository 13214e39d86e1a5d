//! Tells the request's log line which operation ran and what it cost.

use std::sync::Arc;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{ServerError, ValidationResult};

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

pub struct Observe;

impl ExtensionFactory for Observe {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Observe {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        match next.run(ctx).await {
            Ok(result) => {
                telemetry::note(|facts| facts.complexity = Some(result.complexity));
                Ok(result)
            }
            Err(errors) => Err(errors.into_iter().take(MAX_ERRORS).map(refused).collect()),
        }
    }
}

/// A document that fits the schema but carries a wrong value is the same failure as over REST. The text is
/// async-graphql's own; `a_wrongly_typed_variable_is_the_same_failure_on_both_wires` notices when it changes.
fn refused(error: ServerError) -> ServerError {
    let code = if error.source.is_some() {
        return error;
    } else if error.message.starts_with("Invalid value for argument") {
        ErrorCode::ValidationFailed
    } else if error.message == "Query is too complex." {
        ErrorCode::LimitExceeded
    } else {
        ErrorCode::GraphqlValidationFailed
    };
    with_code(error, code)
}
