//! Mutations of those who manage clients.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use crate::domain::audit::{Actor, Via};
use crate::graphql::inputs::{
    AddClientKeyInput, ClientInput, CreateClientInput, Raw, RevokeClientKeyInput, RotateClientSecretInput,
    UpdateClientInput,
};
use crate::graphql::types::reader::principal;
use crate::graphql::types::{AddClientKeyPayload, Client, ClientSecretPayload};
use crate::service::{Caller, Clients, Services};

#[derive(Default)]
pub struct ClientMutation;

/// Client management on the caller's behalf.
fn manage(ctx: &Context<'_>) -> Result<Clients> {
    let (caller, name) = (ctx.data::<Caller>()?, principal(ctx)?.client_id().to_string());
    let actor = Actor { via: Via::Api, name, host: caller.credentials.address.to_string() };
    Ok(ctx.data::<Arc<Services>>()?.clients.on_behalf_of(actor))
}

#[Object]
impl ClientMutation {
    /// Creates a client and gives its secret, which cannot be shown again.
    async fn create_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client.")] input: Raw<CreateClientInput>,
    ) -> Result<ClientSecretPayload> {
        let new = input.read(ctx)?;
        let (clients, client_id) = (manage(ctx)?, new.client_id.clone());
        let secret = clients.create_client(new).await?;
        Ok(ClientSecretPayload::new(clients.show_client(&client_id).await?.client, &secret, None))
    }

    /// Changes a client's name, scopes or signature policy. A scope that is taken is gone at once, one that is given
    /// comes with the client's next token.
    async fn update_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client, and what is to change.")] input: Raw<UpdateClientInput>,
    ) -> Result<Client> {
        let (id, change) = input.read(ctx)?;
        Ok(manage(ctx)?.update_client(&id, change).await?.into())
    }

    /// Refuses a client from now on, whatever it holds: on every instance within 5 seconds.
    async fn disable_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = input.read(ctx)?;
        Ok(manage(ctx)?.disable_client(&id).await?.into())
    }

    /// Takes a disabled client back.
    async fn enable_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = input.read(ctx)?;
        Ok(manage(ctx)?.enable_client(&id).await?.into())
    }

    /// Ends every session of a client: its tokens are refused and cannot be refreshed.
    async fn revoke_client_sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = input.read(ctx)?;
        Ok(manage(ctx)?.revoke_sessions(&id).await?.into())
    }

    /// Gives a client a new secret, which cannot be shown again; the old one works on for a while. When two secrets
    /// work and both are used, a third is a CONFLICT.
    async fn rotate_client_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client, and for how long the old secret works.")] input: Raw<RotateClientSecretInput>,
    ) -> Result<ClientSecretPayload> {
        let (id, grace) = input.read(ctx)?;
        let clients = manage(ctx)?;
        let rotated = clients.rotate_secret(&id, grace).await?;
        let client = clients.show_client(&id).await?.client;
        Ok(ClientSecretPayload::new(client, &rotated.secret, Some(rotated.previous_expires_at)))
    }

    /// Ends every secret of a client but the newest now.
    async fn end_old_client_secrets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = input.read(ctx)?;
        let clients = manage(ctx)?;
        clients.end_old_secrets(&id).await?;
        Ok(clients.show_client(&id).await?.client.into())
    }

    /// Registers a public key. The client's other keys go on counting.
    async fn add_client_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose key, and the key.")] input: Raw<AddClientKeyInput>,
    ) -> Result<AddClientKeyPayload> {
        let (id, key) = input.read(ctx)?;
        let clients = manage(ctx)?;
        let fingerprint = clients.add_key(&id, key).await?;
        Ok(AddClientKeyPayload { client: clients.show_client(&id).await?.client.into(), fingerprint })
    }

    /// Revokes a public key for good: on every instance within 5 seconds.
    async fn revoke_client_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose key, and which.")] input: Raw<RevokeClientKeyInput>,
    ) -> Result<Client> {
        let (id, fingerprint) = input.read(ctx)?;
        let clients = manage(ctx)?;
        clients.revoke_key(&id, &fingerprint).await?;
        Ok(clients.show_client(&id).await?.client.into())
    }
}
