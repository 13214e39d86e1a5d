//! Mutations of endpoints of webhooks.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use crate::domain::client::ClientId;
use crate::domain::fields::Naming;
use crate::domain::own_name::OwnName;
use crate::domain::permission::Permission;
use crate::error::AppError;
use crate::graphql::inputs::{
    Input as _, Raw, ReplayWebhookEventsInput, RotateWebhookSecretInput, SaveWebhookEndpointInput, both,
};
use crate::graphql::types::reader::{actor, principal, sealing};
use crate::graphql::types::{WebhookEndpoint, WebhookEndpointPayload, WebhookReplay, WebhookTrial};
use crate::service::{Services, Webhooks};

#[derive(Default)]
pub struct WebhookMutation;

/// Whose endpoints are meant: the caller's own, or another client's for those who may.
pub(super) fn owner(ctx: &Context<'_>, client_id: Option<&str>, other: Permission) -> Result<ClientId> {
    let principal = principal(ctx)?;
    match client_id {
        Some(id) if id != principal.client_id().as_str() => {
            principal.ensure(other)?;
            Ok(id.parse().map_err(|_| no_client())?)
        }
        _ => Ok(principal.client_id().clone()),
    }
}

/// The name of an endpoint.
pub(super) fn named(name: &str) -> Result<OwnName> {
    Ok(OwnName::read(name).map_err(AppError::invalid)?)
}

fn no_client() -> AppError {
    AppError::new(crate::error::ErrorCode::NotFound, "There is no such client")
}

/// Whose endpoint is to be changed, and which.
async fn meant(ctx: &Context<'_>, client_id: Option<String>, name: &str) -> Result<(Webhooks, ClientId, OwnName)> {
    let services = ctx.data::<Arc<Services>>()?;
    let owner = owner(ctx, client_id.as_deref(), Permission::ClientsManage)?;
    if client_id.is_some() && services.clients.find(owner.as_str()).await?.is_none() {
        return Err(no_client().into());
    }
    Ok((services.webhooks.on_behalf_of(actor(ctx)?), owner, named(name)?))
}

#[Object]
impl WebhookMutation {
    /// Makes an endpoint, or gives it other settings. A new one, and one with another URL, is PENDING until `verifyWebhookEndpoint`
    /// succeeds. The secret of a new one is returned once. Repeating it changes nothing.
    async fn save_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name of the endpoint, such as `erp`: 1 to 64 letters, digits, dots, dashes or underscores.")]
        name: String,
        #[graphql(
            desc = "Client id of its owner; the caller when absent. Another client needs scope `clients:manage`."
        )]
        client_id: Option<String>,
        #[graphql(desc = "The endpoint's settings.")] input: Raw<SaveWebhookEndpointInput>,
    ) -> Result<WebhookEndpointPayload> {
        let read = SaveWebhookEndpointInput::read(input.json(), *ctx.data()?);
        let (_, new) = both(OwnName::read(&name), read).map_err(AppError::invalid)?;
        let (webhooks, owner, name) = meant(ctx, client_id, &name).await?;
        let after = webhooks.position("after", input.json()["after"].as_str()).await?;
        let saved = webhooks.save_endpoint(&owner, &name, new.settings, after).await?;
        let endpoint = WebhookEndpoint::new(saved.endpoint, sealing(ctx)?);
        Ok(WebhookEndpointPayload { endpoint, secret: saved.secret })
    }

    /// Forgets an endpoint: its secrets, and what it did not take.
    async fn delete_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name of the endpoint.")] name: String,
        #[graphql(
            desc = "Client id of its owner; the caller when absent. Another client needs scope `clients:manage`."
        )]
        client_id: Option<String>,
    ) -> Result<bool> {
        let (webhooks, owner, name) = meant(ctx, client_id, &name).await?;
        webhooks.delete_endpoint(&owner, &name).await?;
        Ok(true)
    }

    /// Sends a challenge to an endpoint. When its answer holds the challenge, it is verified and webhooks are sent to it. Takes up to
    /// `webhooks.timeout`.
    async fn verify_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name of the endpoint.")] name: String,
        #[graphql(
            desc = "Client id of its owner; the caller when absent. Another client needs scope `clients:manage`."
        )]
        client_id: Option<String>,
    ) -> Result<WebhookTrial> {
        let (webhooks, owner, name) = meant(ctx, client_id, &name).await?;
        Ok(WebhookTrial::new(webhooks.verify(&owner, &name).await?, sealing(ctx)?))
    }

    /// Sends a test to an endpoint, whatever its state, and tells what became of it. Takes up to `webhooks.timeout`.
    async fn test_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name of the endpoint.")] name: String,
        #[graphql(
            desc = "Client id of its owner; the caller when absent. Another client needs scope `clients:manage`."
        )]
        client_id: Option<String>,
    ) -> Result<WebhookTrial> {
        let (webhooks, owner, name) = meant(ctx, client_id, &name).await?;
        Ok(WebhookTrial::new(webhooks.test(&owner, &name).await?, sealing(ctx)?))
    }

    /// Gives an endpoint a new secret, which is returned once. For `overlapHours` webhooks are signed with both.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name of the endpoint.")] name: String,
        #[graphql(
            desc = "Client id of its owner; the caller when absent. Another client needs scope `clients:manage`."
        )]
        client_id: Option<String>,
        #[graphql(desc = "How long the present secret stays valid.")] input: Raw<RotateWebhookSecretInput>,
    ) -> Result<WebhookEndpointPayload> {
        let overlap = input.read(ctx)?;
        let (webhooks, owner, name) = meant(ctx, client_id, &name).await?;
        let (endpoint, secret) = webhooks.rotate_secret(&owner, &name, overlap).await?;
        Ok(WebhookEndpointPayload { endpoint: WebhookEndpoint::new(endpoint, sealing(ctx)?), secret: Some(secret) })
    }

    /// Sends nothing to an endpoint until it is resumed.
    async fn pause_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name of the endpoint.")] name: String,
        #[graphql(
            desc = "Client id of its owner; the caller when absent. Another client needs scope `clients:manage`."
        )]
        client_id: Option<String>,
    ) -> Result<WebhookEndpoint> {
        let (webhooks, owner, name) = meant(ctx, client_id, &name).await?;
        Ok(WebhookEndpoint::new(webhooks.pause(&owner, &name).await?, sealing(ctx)?))
    }

    /// Sends webhooks to an endpoint again that is PAUSED, DISABLED or rests. It goes on where it was.
    async fn resume_webhook_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name of the endpoint.")] name: String,
        #[graphql(
            desc = "Client id of its owner; the caller when absent. Another client needs scope `clients:manage`."
        )]
        client_id: Option<String>,
    ) -> Result<WebhookEndpoint> {
        let (webhooks, owner, name) = meant(ctx, client_id, &name).await?;
        Ok(WebhookEndpoint::new(webhooks.resume(&owner, &name).await?, sealing(ctx)?))
    }

    /// Sends events to an endpoint again, one after the other and behind everything else. Each has the `webhook-id` that it had before.
    async fn replay_webhook_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name of the endpoint.")] name: String,
        #[graphql(
            desc = "Client id of its owner; the caller when absent. Another client needs scope `clients:manage`."
        )]
        client_id: Option<String>,
        #[graphql(desc = "Which events are sent again.")] input: Raw<ReplayWebhookEventsInput>,
    ) -> Result<WebhookReplay> {
        let which = input.read(ctx)?;
        let (webhooks, owner, name) = meant(ctx, client_id, &name).await?;
        Ok(WebhookReplay(webhooks.replay(&owner, &name, which, *ctx.data::<Naming>()?).await?))
    }
}
