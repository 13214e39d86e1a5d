use std::sync::Arc;

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use chrono::Utc;
use secrecy::{ExposeSecret as _, SecretString};

use super::client_credentials::{ClientKey, ClientSecret};
use crate::domain::{client, permission::Permission, signature_policy};
use crate::graphql::output::scalars::{DateTime, Long};
use crate::graphql::types::loaders::Loaders;
use crate::graphql::types::reader::principal;
use crate::service::Services;

pub struct Client {
    pub client: client::Client,
    pub permissions: Vec<Permission>,
}

impl From<client::Client> for Client {
    fn from(client: client::Client) -> Self {
        Self { permissions: client.permissions.clone(), client }
    }
}

/// Whether a client may log in.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum ClientStatus {
    /// It may.
    Active,
    /// It is refused, whatever it holds.
    Disabled,
}

/// Which signatures a client may send.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "signature_policy::SignaturePolicy")]
pub enum SignaturePolicy {
    /// `client_id|X-TIMESTAMP`, as published, or one of the other forms.
    Documented,
    /// A form that signs method, path, body and timestamp, with or without the Idempotency-Key.
    BodyBound,
    /// Only the form that signs method, path, body, timestamp and Idempotency-Key: every order needs that header.
    BodyAndKeyBound,
}

/// A partner, a dashboard or an operator's tool that may log in.
#[Object]
impl Client {
    /// Client id.
    async fn client_id(&self) -> &str {
        self.client.client_id.as_str()
    }

    /// Name for people.
    async fn name(&self) -> &str {
        &self.client.name
    }

    /// Whether it may log in.
    async fn status(&self) -> ClientStatus {
        if self.client.disabled_at.is_some() { ClientStatus::Disabled } else { ClientStatus::Active }
    }

    /// What it may do, such as `orders:create`; of `viewer` what its token allows.
    async fn scopes(&self) -> Vec<&'static str> {
        self.permissions.iter().map(|permission| permission.as_str()).collect()
    }

    /// Which signatures it may send.
    async fn signature_policy(&self) -> SignaturePolicy {
        self.client.signature_policy.into()
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.client.created_at)
    }

    /// Since when it is disabled.
    async fn disabled_at(&self) -> Option<DateTime> {
        self.client.disabled_at.map(DateTime)
    }

    /// How often a signature of the published form came again with another order more than 5 seconds after its first use.
    /// Each instance counts what it sees and writes it once a minute. Null without scope `clients:read`.
    async fn signature_reuses(&self, ctx: &Context<'_>) -> Option<Long> {
        sees_clients(ctx).then_some(Long(self.client.signature_reuses))
    }

    /// When that happened last, to the minute; null without scope `clients:read`.
    async fn signature_reused_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        let at = self.client.signature_reused_at.map(DateTime);
        if sees_clients(ctx) { at } else { None }
    }

    /// Its public keys, the oldest first, revoked ones too.
    #[graphql(complexity = "1 + CREDENTIALS * child_complexity")]
    async fn keys(&self, ctx: &Context<'_>) -> Result<Vec<ClientKey>> {
        let now = ctx.data::<Arc<Services>>()?.clients.now();
        let keys = ctx.data::<Loaders>()?.keys.load_one(self.client.client_id.clone()).await?.unwrap_or_default();
        Ok(keys.into_iter().map(|key| ClientKey { key, now }).collect())
    }

    /// Its secrets that still work, the newest first: when they were made and used, never the secrets themselves.
    #[graphql(complexity = "1 + CREDENTIALS * child_complexity")]
    async fn secrets(&self, ctx: &Context<'_>) -> Result<Vec<ClientSecret>> {
        let loaders = ctx.data::<Loaders>()?;
        let secrets = loaders.secrets.load_one(self.client.client_id.clone()).await?.unwrap_or_default();
        Ok(secrets.into_iter().map(ClientSecret::from).collect())
    }
}

/// Whether the caller may read other clients, and what is noted about its own.
pub(super) fn sees_clients(ctx: &Context<'_>) -> bool {
    principal(ctx).is_ok_and(|caller| caller.permissions.contains(&Permission::ClientsRead))
}

/// How many keys or secrets a client is reckoned to have.
const CREDENTIALS: usize = 5;

/// A client with its new secret.
#[derive(SimpleObject)]
pub struct ClientSecretPayload {
    /// The client.
    client: Client,
    /// The new secret. It is shown this once.
    client_secret: String,
    /// Until when the secret before it works, if there was one.
    previous_expires_at: Option<DateTime>,
}

impl ClientSecretPayload {
    /// The answer that shows the secret.
    pub fn new(client: client::Client, secret: &SecretString, previous_ends: Option<chrono::DateTime<Utc>>) -> Self {
        let client_secret = secret.expose_secret().to_owned();
        Self { client: client.into(), client_secret, previous_expires_at: previous_ends.map(DateTime) }
    }
}

/// A client with its new key.
#[derive(SimpleObject)]
pub struct AddClientKeyPayload {
    /// The client.
    pub client: Client,
    /// Names the key.
    pub fingerprint: String,
}
