//! Checks clients' documents against the schema, without running them.
//!
//! A schema of its own does it, for an extension is the only way to learn what a document costs, and with one every
//! field of an answer would be wrapped once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation};
use async_graphql::{Response, ServerError, ValidationResult, Value};

use crate::error::ErrorCode;
use crate::graphql::cost::budget;
use crate::graphql::output::error::with_code;

/// A document of nothing but mistakes must not get an answer thirty times its size.
const MAX_ERRORS: usize = 100;

/// Makes a schema answer, instead of running a document, what it costs.
pub struct ValidateOnly {
    /// The most it may cost.
    pub max_complexity: usize,
}

impl ExtensionFactory for ValidateOnly {
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
                Ok(result)
            }
            Err(errors) => Err(errors.into_iter().take(MAX_ERRORS).map(|error| self.refused(error)).collect()),
        }
    }

    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        Response::new(Value::from(self.complexity.load(Ordering::Relaxed)))
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
            let failure = budget::too_dear(self.max_complexity);
            ServerError { source: Some(Arc::new(failure)), ..error }
        } else if error.message.starts_with("Invalid value for argument") {
            with_code(error, ErrorCode::ValidationFailed)
        } else {
            with_code(error, ErrorCode::GraphqlValidationFailed)
        }
    }
}
