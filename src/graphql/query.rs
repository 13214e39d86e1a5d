//! Queries.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use super::guard::LoggedIn;
use super::types::{Client, SalesOrder};
use crate::service::{Caller, Services};

pub struct Query;

/// What can be read.
#[Object]
impl Query {
    /// The caller.
    #[graphql(guard = "LoggedIn")]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Client> {
        let principal = ctx.data::<Caller>()?.principal().await?;
        Ok(Client { client: principal.known.client.clone(), permissions: principal.permissions })
    }

    /// One order by its number; null when there is none the caller may see.
    #[graphql(guard = "LoggedIn")]
    async fn sales_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Order number, such as SO-0000000042.")] order_number: String,
    ) -> Result<Option<SalesOrder>> {
        let scope = ctx.data::<Caller>()?.principal().await?.scope();
        Ok(ctx.data::<Arc<Services>>()?.orders.sales_order(&scope, &order_number).await?.map(SalesOrder::from))
    }
}
