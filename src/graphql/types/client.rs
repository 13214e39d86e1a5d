use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::Utc;
use secrecy::{ExposeSecret as _, SecretString};

use super::client_credentials::{ClientKey, ClientSecret, ClientSession};
use super::node::client_node_id;
use crate::domain::{client, expectation_policy, permission::Permission, reference_policy, signature_policy};
use crate::graphql::output::scalars::{DateTime, Long};
use crate::graphql::types::loaders::Loaders;
use crate::graphql::types::reader::principal;
use crate::service::Services;
use crate::service::clients::is_live;

pub struct Client {
    pub client: client::Client,
    pub permissions: Vec<Permission>,
}

impl From<client::Client> for Client {
    fn from(client: client::Client) -> Self {
        Self { permissions: client.permissions.clone(), client }
    }
}

/// Who a client is.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "client::ClientKind")]
pub enum ClientKind {
    /// A program, which logs in with a secret.
    Machine,
    /// Somebody who signs in with a browser at the provider of identities, from where name and scopes come.
    Person,
}

/// Whether a client may use the service.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum ClientStatus {
    /// The client may log in, and its tokens and signatures are accepted.
    Active,
    /// Every request of the client is refused, also with a valid token or signature.
    Disabled,
}

/// Which forms of signature a client may send.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "signature_policy::SignaturePolicy")]
pub enum SignaturePolicy {
    /// Any form: `client_id|X-TIMESTAMP`, as published (documented form), or one of the other two.
    Documented,
    /// A form that signs method, path, body and timestamp, with or without the Idempotency-Key (body-bound form and
    /// body-and-key-bound form).
    BodyBound,
    /// Only the form that signs method, path, body, timestamp and Idempotency-Key (body-and-key-bound form): every order
    /// needs that header.
    BodyAndKeyBound,
}

/// What the service does with an order whose partner reference another order of the client has that is not cancelled.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "reference_policy::ReferencePolicy")]
pub enum ReferencePolicy {
    /// The order is stored like any other.
    Accept,
    /// The order is stored, and the answer warns its sender.
    Warn,
    /// The order is refused with DUPLICATE_PARTNER_REFERENCE.
    Refuse,
}

/// What the service does with an order that does not come to the amounts that its sender expects (`expectedTotal`,
/// `expectedLineAmount`).
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "expectation_policy::ExpectationPolicy")]
pub enum ExpectationPolicy {
    /// The order is stored, and the answer warns its sender.
    Warn,
    /// The order is refused with VALIDATION_FAILED.
    Refuse,
}

/// An account: a partner's system, a dashboard, an operator's tool, or a person.
#[Object]
impl Client {
    /// Global id, for `node` and `nodes`. Opaque.
    pub(super) async fn id(&self) -> ID {
        client_node_id(&self.client.client_id)
    }

    /// Client id, such as `versuni-client-001`.
    async fn client_id(&self) -> &str {
        self.client.client_id.as_str()
    }

    /// Display name, such as `Versuni`.
    async fn name(&self) -> &str {
        &self.client.name
    }

    /// Who the client is.
    async fn kind(&self) -> ClientKind {
        self.client.kind.into()
    }

    /// Whether the client may use the service.
    async fn status(&self) -> ClientStatus {
        if self.client.disabled_at.is_some() { ClientStatus::Disabled } else { ClientStatus::Active }
    }

    /// Scopes that the client has, such as `orders:create`; of `viewer` the scopes of the token in use.
    async fn scopes(&self) -> Vec<&'static str> {
        self.permissions.iter().map(|permission| permission.as_str()).collect()
    }

    /// Which forms of signature the client may send.
    async fn signature_policy(&self) -> SignaturePolicy {
        self.client.signature_policy.into()
    }

    /// What happens to an order whose partner reference another order of the client has that is not cancelled.
    async fn reference_policy(&self) -> ReferencePolicy {
        self.client.reference_policy.into()
    }

    /// What happens to an order that does not come to the amounts that its sender expects.
    async fn expectation_policy(&self) -> ExpectationPolicy {
        self.client.expectation_policy.into()
    }

    /// Time at which the client was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.client.created_at)
    }

    /// Time at which the client was disabled; null while it is active.
    async fn disabled_at(&self) -> Option<DateTime> {
        self.client.disabled_at.map(DateTime)
    }

    /// Number of times that a signature of the documented form came again with another order more than 5 seconds after its
    /// first use. Each instance counts the requests it sees and writes its count once a minute. Null without scope
    /// `clients:read`.
    async fn signature_reuses(&self, ctx: &Context<'_>) -> Option<Long> {
        sees_clients(ctx).then_some(Long(self.client.signature_reuses))
    }

    /// Time of the last such reuse, to the minute; null when there was none, and without scope `clients:read`.
    async fn signature_reused_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        let at = self.client.signature_reused_at.map(DateTime);
        if sees_clients(ctx) { at } else { None }
    }

    /// Public keys of the client, revoked and expired ones included, the oldest first.
    #[graphql(complexity = "1 + CREDENTIALS * child_complexity")]
    async fn keys(&self, ctx: &Context<'_>) -> Result<Vec<ClientKey>> {
        let now = ctx.data::<Arc<Services>>()?.clients.now();
        let keys = ctx.data::<Loaders>()?.keys.load_one(self.client.client_id.clone()).await?.unwrap_or_default();
        let client = &self.client.client_id;
        Ok(keys.into_iter().map(|key| ClientKey { client: client.clone(), key, now }).collect())
    }

    /// Sessions of the person's browsers, the newest first; of a program there are none.
    #[graphql(complexity = "1 + CREDENTIALS * child_complexity")]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<ClientSession>> {
        let loaders = ctx.data::<Loaders>()?;
        let sessions = loaders.sessions.load_one(self.client.client_id.clone()).await?.unwrap_or_default();
        let live = sessions.into_iter().filter(|session| is_live(session, &self.client));
        Ok(live.map(ClientSession::from).collect())
    }

    /// Secrets that still work, the newest first: their times and their last use, never the secrets themselves.
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

/// The result of a mutation that gives a client a new secret.
#[derive(SimpleObject)]
pub struct ClientSecretPayload {
    /// The client.
    client: Client,
    /// The new secret. It is shown only in this answer.
    client_secret: String,
    /// Time until which the previous secret works; null when there is none.
    previous_expires_at: Option<DateTime>,
}

impl ClientSecretPayload {
    /// The answer that shows the secret.
    pub fn new(client: client::Client, secret: &SecretString, previous_ends: Option<chrono::DateTime<Utc>>) -> Self {
        let client_secret = secret.expose_secret().to_owned();
        Self { client: client.into(), client_secret, previous_expires_at: previous_ends.map(DateTime) }
    }
}

/// The result of registering a public key.
#[derive(SimpleObject)]
pub struct AddClientKeyPayload {
    /// The client.
    pub client: Client,
    /// Fingerprint of the new key: `SHA256:` and 43 characters of base64.
    pub fingerprint: String,
}
