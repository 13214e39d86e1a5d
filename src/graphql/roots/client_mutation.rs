//! Mutations of those who manage clients.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use crate::graphql::inputs::{
    AddClientKeyInput, ClientInput, CreateClientInput, EndClientSessionInput, Raw, RevokeClientKeyInput,
    RotateClientSecretInput, UpdateClientInput,
};
use crate::graphql::types::reader::actor;
use crate::graphql::types::{AddClientKeyPayload, Client, ClientSecretPayload};
use crate::service::{Clients, Services};

#[derive(Default)]
pub struct ClientMutation;

/// Client management on the caller's behalf.
fn manage(ctx: &Context<'_>) -> Result<Clients> {
    Ok(ctx.data::<Arc<Services>>()?.clients.on_behalf_of(actor(ctx)?))
}

#[Object]
impl ClientMutation {
    /// Creates a client and returns its secret, which cannot be shown again.
    async fn create_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new client.")] input: Raw<CreateClientInput>,
    ) -> Result<ClientSecretPayload> {
        let new = input.read(ctx)?;
        let (clients, client_id) = (manage(ctx)?, new.client_id.clone());
        let secret = clients.create_client(new).await?;
        Ok(ClientSecretPayload::new(clients.show_client(&client_id).await?.client, &secret, None))
    }

    /// Changes a client's name, scopes or policies. A removed scope is refused and a policy in force within 5 seconds on every
    /// instance; an added scope comes with the client's next token.
    async fn update_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client and its new values.")] input: Raw<UpdateClientInput>,
    ) -> Result<Client> {
        let (id, change) = input.read(ctx)?;
        Ok(manage(ctx)?.update_client(&id, change).await?.into())
    }

    /// Disables a client: all its requests are refused, on every instance within 5 seconds.
    async fn disable_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = input.read(ctx)?;
        Ok(manage(ctx)?.disable_client(&id).await?.into())
    }

    /// Enables a disabled client again.
    async fn enable_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = input.read(ctx)?;
        Ok(manage(ctx)?.enable_client(&id).await?.into())
    }

    /// Ends all sessions of a client: its tokens are refused and cannot be refreshed, on every instance within 5 seconds.
    async fn revoke_client_sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = input.read(ctx)?;
        Ok(manage(ctx)?.revoke_sessions(&id).await?.into())
    }

    /// Ends one session of a person's browser: it gives no token any more, and the last one that it gave ends within 10 minutes.
    async fn end_client_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person and the name of the session.")] input: Raw<EndClientSessionInput>,
    ) -> Result<Client> {
        let (id, session) = input.read(ctx)?;
        Ok(manage(ctx)?.end_session(&id, &session).await?.into())
    }

    /// Gives a client a new secret, which cannot be shown again; the previous one works for `graceSeconds` more. While two
    /// secrets work and both are used, a third is refused with CONFLICT.
    async fn rotate_client_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client, and how long its previous secret works.")] input: Raw<RotateClientSecretInput>,
    ) -> Result<ClientSecretPayload> {
        let (id, grace) = input.read(ctx)?;
        let clients = manage(ctx)?;
        let rotated = clients.rotate_secret(&id, grace).await?;
        let client = clients.show_client(&id).await?.client;
        Ok(ClientSecretPayload::new(client, &rotated.secret, Some(rotated.previous_expires_at)))
    }

    /// Ends all secrets of a client but the newest at once.
    async fn end_old_client_secrets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = input.read(ctx)?;
        let clients = manage(ctx)?;
        clients.end_old_secrets(&id).await?;
        Ok(clients.show_client(&id).await?.client.into())
    }

    /// Registers a public key for a client. Its other keys stay as they are.
    async fn add_client_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client and its new key.")] input: Raw<AddClientKeyInput>,
    ) -> Result<AddClientKeyPayload> {
        let (id, key) = input.read(ctx)?;
        let clients = manage(ctx)?;
        let fingerprint = clients.add_key(&id, key).await?;
        Ok(AddClientKeyPayload { client: clients.show_client(&id).await?.client.into(), fingerprint })
    }

    /// Revokes a public key, on every instance within 5 seconds. This cannot be undone.
    async fn revoke_client_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client and the fingerprint of the key.")] input: Raw<RevokeClientKeyInput>,
    ) -> Result<Client> {
        let (id, fingerprint) = input.read(ctx)?;
        let clients = manage(ctx)?;
        clients.revoke_key(&id, &fingerprint).await?;
        Ok(clients.show_client(&id).await?.client.into())
    }
}
