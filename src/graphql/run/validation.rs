//! Checks clients' documents against the schema, without running them.
//!
//! A schema of its own does it, for an extension is the only way to learn what a document costs, and with one every
//! field of an answer would be wrapped once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation};
use async_graphql::{CacheControl, Response, ServerError, ValidationResult, Value};

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
            Err(errors) => {
                let errors = errors.into_iter().filter(|error| !self.is_about_values(error)).take(MAX_ERRORS);
                let errors: Vec<_> = errors.map(|error| self.refused(error)).collect();
                // Whether the values fit is found out by `arguments` and `coercion`.
                let nothing = ValidationResult { cache_control: CacheControl::default(), complexity: 0, depth: 0 };
                if errors.is_empty() { Ok(nothing) } else { Err(errors) }
            }
        }
    }

    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        Response::new(Value::from(self.complexity.load(Ordering::Relaxed)))
    }
}

impl OneRequest {
    /// Whether an error is about a value, or about a variable without one, which are looked at by this module's neighbours. The
    /// texts are async-graphql's own; `arguments` and `coercion` find what they are about anew
    /// (`a_variable_that_is_left_out_leaves_the_argument_its_default` notices when they change).
    fn is_about_values(&self, error: &ServerError) -> bool {
        let text = error.message.as_str();
        // The last two come from what a field costs, which reads its arguments.
        let values = [
            "Invalid value for argument",
            "Invalid default value for argument",
            "Expected input type \"",
            "Failed to parse \"",
        ];
        let is_missing = text.starts_with("Variable ") && text.ends_with(" is not defined.");
        let is_misplaced = text.starts_with("Variable \"") && text.contains("\" used in position expecting type \"");
        error.source.is_none()
            && self.max_complexity == usize::MAX
            && (is_missing || is_misplaced || values.iter().any(|of| text.starts_with(of)))
    }

    /// The text is async-graphql's own; `a_page_costs_as_much_as_its_rows` notices when it changes.
    fn refused(&self, error: ServerError) -> ServerError {
        if error.source.is_some() {
            error
        } else if error.message == "Query is too complex." {
            let failure = budget::too_dear(self.max_complexity);
            ServerError { source: Some(Arc::new(failure)), ..error }
        } else {
            with_code(error, ErrorCode::GraphqlValidationFailed)
        }
    }
}
