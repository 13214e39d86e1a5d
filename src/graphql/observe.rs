//! Tells the request's log line which operation ran and what it cost.

use std::sync::Arc;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Name, ServerError, ValidationResult};

use super::error::with_code;
use crate::error::ErrorCode;
use crate::telemetry;

pub struct Observe;

impl ExtensionFactory for Observe {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

/// Notes which operation of a document runs.
pub fn note_operation(document: &ExecutableDocument, chosen: Option<&str>) {
    let mut operations = document.operations.iter();
    let Some((name, operation)) = operations.find(|(name, _)| chosen.is_none() || name.map(Name::as_str) == chosen)
    else {
        return;
    };
    telemetry::note(|facts| {
        facts.operation_name = name.map(ToString::to_string);
        facts.operation_type = Some(match operation.node.ty {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        });
    });
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
            Err(errors) => Err(errors.into_iter().map(refused).collect()),
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
