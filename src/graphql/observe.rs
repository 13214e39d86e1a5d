//! Tells the request's log line which operation ran and what it cost.

use std::sync::Arc;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextValidation};
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{ServerError, ServerResult, ValidationResult, Variables};

use super::error::with_code;
use crate::error::ErrorCode;
use crate::telemetry;

pub struct Observe;

impl ExtensionFactory for Observe {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Observe {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(ctx, query, variables).await?;
        if let Some((name, operation)) = document.operations.iter().next() {
            telemetry::note(|facts| {
                facts.operation_name = name.map(ToString::to_string);
                facts.operation_type = Some(match operation.node.ty {
                    OperationType::Query => "query",
                    OperationType::Mutation => "mutation",
                    OperationType::Subscription => "subscription",
                });
            });
        }
        Ok(document)
    }

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
