//! Puts null where a field failed (GraphQL §6.4.4): at the field itself when it may be null, and otherwise at the nearest
//! field around it that may. async-graphql since 7.1 leaves the failed field out of its object instead, so that a client
//! reads an object without a member its type promises.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo};
use async_graphql::{QueryPathNode, Response, ServerError, ServerResult, Value};

pub struct Nulls;

impl ExtensionFactory for Nulls {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(OneRequest::default())
    }
}

#[derive(Default)]
struct OneRequest(Mutex<Failures>);

#[derive(Default)]
struct Failures {
    errors: Vec<ServerError>,
    /// Paths of fields that hold a failed one that may not be null; the empty path is the whole answer.
    nulled: HashSet<String>,
}

impl OneRequest {
    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Extension for OneRequest {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let mut response = next.run(ctx, operation_name).await;
        let failures = std::mem::take(&mut *self.failures());
        if failures.nulled.contains("") {
            response.data = Value::Null;
        }
        response.errors.extend(failures.errors);
        response
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let (place, may_be_null) = (*info.path_node, !info.return_type.ends_with('!'));
        let outcome = next.run(ctx, info).await;
        let mut failures = self.failures();
        match outcome {
            Ok(value) if failures.nulled.is_empty() || !failures.nulled.remove(&path(Some(&place))) => {
                return Ok(value);
            }
            Ok(_) => {}
            Err(error) => failures.errors.push(error),
        }
        if !may_be_null {
            failures.nulled.insert(path(place.parent));
        }
        Ok(Some(Value::Null))
    }
}

fn path(place: Option<&QueryPathNode<'_>>) -> String {
    place.map(ToString::to_string).unwrap_or_default()
}
