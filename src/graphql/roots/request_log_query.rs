//! Queries about the log of requests.

use async_graphql::{Context, Object, Result};

use crate::graphql::cost::budget;
use crate::graphql::inputs::{Raw, RequestErrorsInput, RequestLogInput, log_cost};
use crate::graphql::types::reader::principal;
use crate::graphql::types::{RequestErrorGroup, RequestLog};

#[derive(Default)]
pub struct RequestLogQuery;

#[Object]
impl RequestLogQuery {
    /// The log of requests to REST and of signed operations, the newest first: what was asked and what was answered. An entry is there a
    /// second after its answer. NOT_FOUND where the operator keeps no log.
    #[graphql(complexity = "log_cost(&input, child_complexity)")]
    async fn request_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Client id of who sent them. When absent, the caller, or with scope `clients:read` everybody. Another client needs \
                    that scope."
        )]
        client_id: Option<String>,
        #[graphql(desc = "Which entries are listed, and the cursor.")] input: Raw<RequestLogInput>,
    ) -> Result<RequestLog> {
        let log = &budget::read(ctx, 2)?.request_log;
        let scope = log.scope(principal(ctx)?, client_id.as_deref())?;
        Ok(RequestLog(log.page(&scope, &input.read(ctx)?, input.json()["cursor"].as_str()).await?))
    }

    /// Failed requests in groups of one cause, those with the most requests first; 100 at most.
    async fn request_errors(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Client id of who sent them. When absent, the caller, or with scope `clients:read` everybody. Another client needs \
                    that scope."
        )]
        client_id: Option<String>,
        #[graphql(desc = "Of which time.")] input: Raw<RequestErrorsInput>,
    ) -> Result<Vec<RequestErrorGroup>> {
        let log = &budget::read(ctx, 2)?.request_log;
        let scope = log.scope(principal(ctx)?, client_id.as_deref())?;
        Ok(log.errors(&scope, input.read(ctx)?).await?.into_iter().map(RequestErrorGroup).collect())
    }
}
