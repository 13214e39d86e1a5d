//! Queries about the service itself.

use async_graphql::{Context, Object, Result};

use crate::domain::instance::MOST_LISTED;
use crate::graphql::cost::budget;
use crate::graphql::types::ServiceInstance;

#[derive(Default)]
pub struct InstanceQuery;

#[Object]
impl InstanceQuery {
    /// Instances of the service on this database, the one seen last first: those that run, and those of the last day that ended
    /// without saying so. At most 100.
    #[graphql(complexity = "1 + MOST_LISTED * child_complexity")]
    async fn service_instances(&self, ctx: &Context<'_>) -> Result<Vec<ServiceInstance>> {
        let found = budget::read(ctx, 1)?.instances.list().await?;
        Ok(found.into_iter().map(ServiceInstance).collect())
    }
}
