use async_graphql::connection::Connection;
use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use chrono::Utc;

use super::Client;
use super::client::sees_clients;
use super::node::{audit_entry_id, client_key_id};
use super::reader::sealing;
use crate::auth::registered_key;
use crate::domain::audit::{self, AuditEntry};
use crate::domain::client::ClientId;
use crate::domain::person::PersonSession;
use crate::graphql::output::scalars::DateTime;
use crate::service::clients::{StoredPublicKey, StoredSecret};

/// A page of clients.
pub type ClientConnection = Connection<String, Client>;

/// A page of the log of what was done to clients.
pub type AuditConnection = Connection<String, ClientAuditEntry>;

/// A client's public key.
pub struct ClientKey {
    pub client: ClientId,
    pub key: StoredPublicKey,
    pub now: chrono::DateTime<Utc>,
}

/// Whether signatures of a key are accepted.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "registered_key::KeyStatus")]
pub enum KeyStatus {
    /// Signatures of the key are accepted.
    Active,
    /// `notBefore` is still in the future.
    NotYetActive,
    /// `expiresAt` has passed.
    Expired,
    /// The key was revoked; this cannot be undone.
    Revoked,
}

/// A public key of a client, and when it was used.
#[Object]
impl ClientKey {
    /// Global id, for `node` and `nodes`. Opaque.
    pub(super) async fn id(&self) -> ID {
        client_key_id(&self.client, &self.key.fingerprint)
    }

    /// Fingerprint of the key, the SHA-256 of its SubjectPublicKeyInfo: `SHA256:` and 43 characters of base64.
    async fn fingerprint(&self) -> &str {
        &self.key.fingerprint
    }

    /// The key (X.509 SubjectPublicKeyInfo, PEM).
    async fn public_key(&self) -> &str {
        &self.key.pem
    }

    /// Whether signatures of the key are accepted now.
    async fn status(&self) -> KeyStatus {
        let StoredPublicKey { not_before, expires_at, revoked_at, .. } = self.key;
        registered_key::KeyStatus::at(self.now, not_before, expires_at, revoked_at).into()
    }

    /// Time from which signatures are accepted; null when they are from the registration on.
    async fn not_before(&self) -> Option<DateTime> {
        self.key.not_before.map(DateTime)
    }

    /// Time until which signatures are accepted; null when there is no end.
    async fn expires_at(&self) -> Option<DateTime> {
        self.key.expires_at.map(DateTime)
    }

    /// Time at which the key was revoked; null when it was not.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.key.revoked_at.map(DateTime)
    }

    /// Time at which the key last verified an order, to the minute; null when it never did.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.key.last_used_at.map(DateTime)
    }

    /// Time at which the key last verified a signature of the documented form, to the minute; null when it never did.
    async fn documented_used_at(&self) -> Option<DateTime> {
        self.key.documented_used_at.map(DateTime)
    }

    /// Time at which the key last verified a signature of the body-bound form, to the minute; null when it never did.
    async fn body_bound_used_at(&self) -> Option<DateTime> {
        self.key.body_bound_used_at.map(DateTime)
    }

    /// Time at which the key last verified a signature of the body-and-key-bound form, to the minute; null when it never did.
    async fn body_and_key_bound_used_at(&self) -> Option<DateTime> {
        self.key.body_and_key_bound_used_at.map(DateTime)
    }

    /// Client ids of other clients that have the same key. A new key that another client has is refused; as long as a key
    /// from before that rule is shared, the signature policy must stay DOCUMENTED. Empty without scope `clients:read`.
    async fn shared_with(&self, ctx: &Context<'_>) -> Vec<&str> {
        let shown = if sees_clients(ctx) { &self.key.shared_with[..] } else { &[] };
        shown.iter().map(ClientId::as_str).collect()
    }
}

/// A secret of a client that still works, without its text.
#[derive(SimpleObject)]
pub struct ClientSecret {
    /// Time at which the secret was created.
    created_at: DateTime,
    /// Time until which the secret works; null for the newest one, which has no end.
    expires_at: Option<DateTime>,
    /// Time of the last login with the secret, or of the last refresh of such a session, to the minute; null when it was
    /// never used.
    last_used_at: Option<DateTime>,
    /// IP address of the last use, such as `203.0.113.7`; null when the secret was never used.
    last_used_from: Option<String>,
}

impl From<StoredSecret> for ClientSecret {
    fn from(secret: StoredSecret) -> Self {
        Self {
            created_at: DateTime(secret.created_at),
            expires_at: secret.expires_at.map(DateTime),
            last_used_at: secret.last_used_at.map(DateTime),
            last_used_from: secret.last_used_from.map(|address| address.to_string()),
        }
    }
}

/// A session of a person's browser. Each token that it gives lives for 10 minutes at most.
#[derive(SimpleObject)]
pub struct ClientSession {
    /// Name of the session, such as `5b0d1c2c30a3e0a5`, for `endClientSession`.
    name: String,
    /// Time at which the person signed in.
    created_at: DateTime,
    /// Time at which the session last gave a token.
    last_used_at: DateTime,
    /// Time at which the session ends.
    expires_at: DateTime,
    /// What the browser said of itself, such as `Mozilla/5.0 (X11; Linux x86_64) Firefox/151.0`.
    user_agent: String,
    /// IP address from which the person signed in, such as `203.0.113.7`; of IPv6 the /64 network.
    network: String,
}

impl From<PersonSession> for ClientSession {
    fn from(session: PersonSession) -> Self {
        Self {
            name: session.name,
            created_at: DateTime(session.created_at),
            last_used_at: DateTime(session.last_used_at),
            expires_at: DateTime(session.expires_at),
            user_agent: session.user_agent,
            network: session.network,
        }
    }
}

/// A kind of change to a client or to its webhooks.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "audit::Action")]
pub enum ClientAction {
    /// The client was created.
    ClientCreated,
    /// Its name, scopes or signature policy changed.
    ClientUpdated,
    /// The client was disabled.
    ClientDisabled,
    /// The client was enabled again.
    ClientEnabled,
    /// All its sessions were ended, or the one that the detail names.
    SessionsRevoked,
    /// It was given a new secret.
    SecretRotated,
    /// All its secrets but the newest were ended.
    OldSecretsEnded,
    /// A public key was registered.
    KeyAdded,
    /// A public key was revoked.
    KeyRevoked,
    /// An endpoint of webhooks was made.
    WebhookEndpointCreated,
    /// An endpoint got other settings.
    WebhookEndpointUpdated,
    /// An endpoint was verified: webhooks are sent to it.
    WebhookEndpointVerified,
    /// An endpoint was paused.
    WebhookEndpointPaused,
    /// An endpoint was resumed.
    WebhookEndpointResumed,
    /// An endpoint was deleted.
    WebhookEndpointDeleted,
    /// An endpoint was given a new secret.
    WebhookSecretRotated,
    /// Events are sent to an endpoint again.
    WebhookEventsReplayed,
    /// A shared view of the list of orders was changed by somebody else than its owner, or one that lists begin with.
    ViewUpdated,
    /// The same was deleted.
    ViewDeleted,
    /// The lists of those who have a scope begin with a view.
    DefaultViewSet,
    /// They begin with none any more.
    DefaultViewEnded,
    /// The service was given a new key that signs webhooks. The client id is `operator`.
    WebhookKeyRotated,
    /// Sales name, address and notes of an order of the client were erased.
    PersonalDataErased,
    /// Orders of the client were moved out of the database into a file, which the entry names.
    OrdersArchived,
}

/// The interface that an operator used.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "audit::Via")]
pub enum AuditVia {
    /// The command line.
    Cli,
    /// A GraphQL mutation, or a request over REST.
    Api,
}

/// An entry of the audit log: one change to one client, or to its webhooks. Entries are never changed.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct ClientAuditEntry {
    #[graphql(skip)]
    entry: i64,
    /// Client id of the client that was changed, or whose endpoint was.
    client_id: String,
    /// Kind of the change.
    action: ClientAction,
    /// Interface through which the change was made.
    via: AuditVia,
    /// Who made the change: the operating system's account at the command line, the client id over GraphQL and REST.
    actor: String,
    /// Where the change came from: the machine's name at the command line, the IP address over GraphQL and REST.
    host: String,
    /// Details of the change, such as the fingerprint of a key; never a secret.
    detail: Vec<AuditDetail>,
    /// Time of the change.
    created_at: DateTime,
}

#[ComplexObject]
impl ClientAuditEntry {
    /// Global id, for `node` and `nodes`. Opaque.
    pub(super) async fn id(&self, ctx: &Context<'_>) -> Result<ID> {
        Ok(audit_entry_id(self.entry, sealing(ctx)?.sealer().await?)?)
    }
}

/// A detail of an audit log entry.
#[derive(SimpleObject)]
pub struct AuditDetail {
    /// Name of the detail, such as `key` or `endpoint`.
    name: String,
    /// Value of the detail, such as the key's fingerprint or the endpoint's name.
    value: String,
}

impl From<AuditEntry> for ClientAuditEntry {
    fn from(AuditEntry { id, entry }: AuditEntry) -> Self {
        Self {
            entry: id,
            client_id: entry.client_id.to_string(),
            action: entry.action.into(),
            via: entry.actor.via.into(),
            actor: entry.actor.name,
            host: entry.actor.host,
            detail: entry.detail.into_iter().map(|(name, value)| AuditDetail { name, value }).collect(),
            created_at: DateTime(entry.at),
        }
    }
}
