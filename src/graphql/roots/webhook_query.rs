//! Queries about endpoints of webhooks.

use async_graphql::{Context, Object, Result};

use super::webhook_mutation::{named, owner};
use crate::domain::permission::Permission;
use crate::graphql::cost::budget;
use crate::graphql::inputs::{Raw, WebhookAttemptsInput};
use crate::graphql::types::reader::sealing;
use crate::graphql::types::{WebhookAttempts, WebhookEndpoint};

#[derive(Default)]
pub struct WebhookQuery;

#[Object]
impl WebhookQuery {
    /// The endpoints of a client, by name.
    async fn webhook_endpoints(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Client id of their owner; the caller when absent. Another client needs scope `clients:read`."
        )]
        client_id: Option<String>,
    ) -> Result<Vec<WebhookEndpoint>> {
        let (owner, sealing) = (owner(ctx, client_id.as_deref(), Permission::ClientsRead)?, sealing(ctx)?);
        let found = budget::read(ctx, 1)?.webhooks.endpoints(Some(&owner)).await?;
        Ok(found.into_iter().map(|endpoint| WebhookEndpoint::new(endpoint, sealing.clone())).collect())
    }

    /// An endpoint of a client. NOT_FOUND when there is none of this name.
    async fn webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name of the endpoint.")] name: String,
        #[graphql(desc = "Client id of its owner; the caller when absent. Another client needs scope `clients:read`.")]
        client_id: Option<String>,
    ) -> Result<WebhookEndpoint> {
        let (owner, name) = (owner(ctx, client_id.as_deref(), Permission::ClientsRead)?, named(&name)?);
        let found = budget::read(ctx, 1)?.webhooks.endpoint(&owner, &name).await?;
        Ok(WebhookEndpoint::new(found, sealing(ctx)?))
    }

    /// The log of attempts at an endpoint, the newest first.
    async fn webhook_attempts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name of the endpoint.")] name: String,
        #[graphql(desc = "Client id of its owner; the caller when absent. Another client needs scope `clients:read`.")]
        client_id: Option<String>,
        #[graphql(desc = "Which attempts are listed, and the cursor.")] input: Raw<WebhookAttemptsInput>,
    ) -> Result<WebhookAttempts> {
        let (owner, name) = (owner(ctx, client_id.as_deref(), Permission::ClientsRead)?, named(&name)?);
        let (which, cursor) = (input.read(ctx)?, input.json()["cursor"].as_str());
        let page = budget::read(ctx, 2)?.webhooks.attempts(&owner, &name, which, cursor).await?;
        Ok(WebhookAttempts::new(page, sealing(ctx)?))
    }
}
