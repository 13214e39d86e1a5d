//! Whether a client's document is valid, its normal form, and what that costs.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{ServerError, ValidationMode, Value, Variables};

use super::known::{BYTES_A_FIELD, Known};
use super::validation::ValidateOnly;
use super::{arguments, coercion, introspection, normal, prepared, selected, valid};
use crate::compute;
use crate::error::AppError;
use crate::graphql::cost::{Limits, budget};
use crate::graphql::output::error;
use crate::graphql::roots::{ApiSchema, finish, schema};

/// Checks documents, and runs nothing.
#[derive(Clone)]
pub(super) struct Checker {
    limits: Limits,
    /// Validates documents as they come.
    validator: ApiSchema,
    /// Says what operations cost in their normal form.
    pricer: ApiSchema,
}

impl Checker {
    /// Checks against these limits.
    pub fn new(limits: Limits) -> Self {
        let price = ValidateOnly { max_complexity: limits.complexity };
        let pricer = schema().extension(price).limit_complexity(limits.complexity);
        let validator = schema().extension(ValidateOnly { max_complexity: usize::MAX });
        Self {
            limits,
            validator: finish(validator, limits),
            pricer: finish(pricer.validation_mode(ValidationMode::Fast), limits),
        }
    }

    /// The normal form of a valid document's operation with what it costs, and its variables, coerced.
    pub fn check(
        &self,
        document: &ExecutableDocument,
        name: Option<&str>,
        variables: &Variables,
        text: usize,
    ) -> Result<(Known, Variables), Vec<ServerError>> {
        arguments::ensure_known_types(document).map_err(|failure| vec![error::sourced(failure)])?;
        // Without variables: they are coerced once the document is known to be valid (GraphQL §6.1).
        let validated = compute::drive(self.validator.execute(prepared::request(document, name, Variables::default())));
        if !validated.errors.is_empty() {
            return Err(validated.errors);
        }
        arguments::check(document)?;
        let refuse = |failure| vec![error::sourced(failure)];
        let lost = || refuse(AppError::internal("an operation lost itself in its normal form"));
        let (_, operation) = prepared::chosen(document, name).ok_or_else(lost)?;
        let variables = coercion::variables(operation, variables.clone())?;
        let document = normal::normalise(document, name, Some(&variables)).map_err(refuse)?;
        let root = valid::operation(&document).map(|operation| &operation.selection_set.node).ok_or_else(lost)?;
        self.limits.check_roots(root).map_err(refuse)?;
        let about_schema = introspection::cost(root);
        let priced = compute::drive(self.pricer.execute(prepared::request(&document, name, variables.clone())));
        if !priced.errors.is_empty() {
            return Err(priced.errors);
        }
        let complexity = points(&priced.data).saturating_add(about_schema);
        if complexity > self.limits.complexity {
            return Err(refuse(budget::too_dear(self.limits.complexity)));
        }
        let bytes = text.saturating_mul(2).saturating_add(selected::size(root).saturating_mul(BYTES_A_FIELD));
        Ok((Known { document: Arc::new(document), bytes, complexity, answer: None }, variables))
    }
}

fn points(complexity: &Value) -> usize {
    match complexity {
        Value::Number(points) => points.as_u64().and_then(|points| usize::try_from(points).ok()).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}
