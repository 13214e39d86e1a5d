//! Mutations of those who manage clients.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use super::guard::Gate;
use super::inputs::{
    AddClientKeyInput, ClientInput, CreateClientInput, Raw, RevokeClientKeyInput, RotateClientSecretInput,
    UpdateClientInput,
};
use super::types::{AddClientKeyPayload, Client, ClientSecretPayload};
use crate::domain::audit::{Actor, Via};
use crate::domain::client_input::{
    ClientChange, ClientToCreate, KeyToAdd, read_client, read_revocation, read_rotation,
};
use crate::error::AppError;
use crate::service::{Caller, Clients, Services};

#[derive(Default)]
pub struct ClientMutation;

/// Client management on the caller's behalf.
async fn manage(ctx: &Context<'_>) -> Result<Clients> {
    let caller = ctx.data::<Caller>()?;
    let name = caller.principal().await?.client_id().to_string();
    let actor = Actor { via: Via::Api, name, host: caller.credentials.address.to_string() };
    Ok(ctx.data::<Arc<Services>>()?.clients.on_behalf_of(actor))
}

#[Object]
impl ClientMutation {
    /// Creates a client and gives its secret, which cannot be shown again. Needs scope `clients:manage`.
    #[graphql(guard = "Gate")]
    async fn create_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client.")] input: Raw<CreateClientInput>,
    ) -> Result<ClientSecretPayload> {
        let new = ClientToCreate::read(input.json(), *ctx.data()?).map_err(AppError::invalid)?;
        let (clients, client_id) = (manage(ctx).await?, new.client_id.clone());
        let secret = clients.create_client(new).await?;
        Ok(ClientSecretPayload::new(clients.show_client(&client_id).await?.client, &secret, None))
    }

    /// Changes a client's name, scopes or signature policy. Needs scope `clients:manage`. A scope that is taken is gone at
    /// once, one that is given comes with the client's next token.
    #[graphql(guard = "Gate")]
    async fn update_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client, and what is to change.")] input: Raw<UpdateClientInput>,
    ) -> Result<Client> {
        let (id, change) = ClientChange::read(input.json(), *ctx.data()?).map_err(AppError::invalid)?;
        Ok(manage(ctx).await?.update_client(&id, change).await?.into())
    }

    /// Refuses a client from now on, whatever it holds: on every instance within 5 seconds. Needs scope `clients:manage`.
    #[graphql(guard = "Gate")]
    async fn disable_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = read_client(input.json(), *ctx.data()?).map_err(AppError::invalid)?;
        Ok(manage(ctx).await?.disable_client(&id).await?.into())
    }

    /// Takes a disabled client back. Needs scope `clients:manage`.
    #[graphql(guard = "Gate")]
    async fn enable_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = read_client(input.json(), *ctx.data()?).map_err(AppError::invalid)?;
        Ok(manage(ctx).await?.enable_client(&id).await?.into())
    }

    /// Ends every session of a client: its tokens are refused and cannot be refreshed. Needs scope `clients:manage`.
    #[graphql(guard = "Gate")]
    async fn revoke_client_sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = read_client(input.json(), *ctx.data()?).map_err(AppError::invalid)?;
        Ok(manage(ctx).await?.revoke_sessions(&id).await?.into())
    }

    /// Gives a client a new secret, which cannot be shown again; the old one works on for a while. Needs scope
    /// `clients:manage`. When two secrets work and both are used, a third is a CONFLICT.
    #[graphql(guard = "Gate")]
    async fn rotate_client_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client, and for how long the old secret works.")] input: Raw<RotateClientSecretInput>,
    ) -> Result<ClientSecretPayload> {
        let (id, grace) = read_rotation(input.json(), *ctx.data()?).map_err(AppError::invalid)?;
        let clients = manage(ctx).await?;
        let rotated = clients.rotate_secret(&id, grace).await?;
        let client = clients.show_client(&id).await?.client;
        Ok(ClientSecretPayload::new(client, &rotated.secret, Some(rotated.previous_expires_at)))
    }

    /// Ends every secret of a client but the newest now. Needs scope `clients:manage`.
    #[graphql(guard = "Gate")]
    async fn end_old_client_secrets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which client.")] input: Raw<ClientInput>,
    ) -> Result<Client> {
        let id = read_client(input.json(), *ctx.data()?).map_err(AppError::invalid)?;
        let clients = manage(ctx).await?;
        clients.end_old_secrets(&id).await?;
        Ok(clients.show_client(&id).await?.client.into())
    }

    /// Registers a public key. Needs scope `clients:manage`. The client's other keys go on counting.
    #[graphql(guard = "Gate")]
    async fn add_client_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose key, and the key.")] input: Raw<AddClientKeyInput>,
    ) -> Result<AddClientKeyPayload> {
        let (id, key) = KeyToAdd::read(input.json(), *ctx.data()?).map_err(AppError::invalid)?;
        let clients = manage(ctx).await?;
        let fingerprint = clients.add_key(&id, key).await?;
        Ok(AddClientKeyPayload { client: clients.show_client(&id).await?.client.into(), fingerprint })
    }

    /// Revokes a public key for good: on every instance within 5 seconds. Needs scope `clients:manage`.
    #[graphql(guard = "Gate")]
    async fn revoke_client_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose key, and which.")] input: Raw<RevokeClientKeyInput>,
    ) -> Result<Client> {
        let (id, fingerprint) = read_revocation(input.json(), *ctx.data()?).map_err(AppError::invalid)?;
        let clients = manage(ctx).await?;
        clients.revoke_key(&id, &fingerprint).await?;
        Ok(clients.show_client(&id).await?.client.into())
    }
}
