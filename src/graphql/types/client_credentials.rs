use async_graphql::connection::Connection;
use async_graphql::{Context, Enum, Object, SimpleObject};
use chrono::Utc;

use super::Client;
use super::client::sees_clients;
use crate::auth::registered_key;
use crate::domain::audit::{self, AuditEntry};
use crate::domain::client::ClientId;
use crate::graphql::output::scalars::DateTime;
use crate::service::clients::{StoredPublicKey, StoredSecret};

/// A page of clients.
pub type ClientConnection = Connection<String, Client>;

/// A page of the log of what was done to clients.
pub type AuditConnection = Connection<String, ClientAuditEntry>;

/// A client's public key.
pub struct ClientKey {
    pub key: StoredPublicKey,
    pub now: chrono::DateTime<Utc>,
}

/// Whether a key counts.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "registered_key::KeyStatus")]
pub enum KeyStatus {
    /// Its signatures are accepted.
    Active,
    /// Its time has not come.
    NotYetActive,
    /// Its time is over.
    Expired,
    /// It was withdrawn.
    Revoked,
}

/// A client's public key, and how it is used.
#[Object]
impl ClientKey {
    /// Names the key: SHA-256 of its SubjectPublicKeyInfo.
    async fn fingerprint(&self) -> &str {
        &self.key.fingerprint
    }

    /// The key itself (x.509 SubjectPublicKeyInfo, PEM).
    async fn public_key(&self) -> &str {
        &self.key.pem
    }

    /// Whether it counts now.
    async fn status(&self) -> KeyStatus {
        let StoredPublicKey { not_before, expires_at, revoked_at, .. } = self.key;
        registered_key::KeyStatus::at(self.now, not_before, expires_at, revoked_at).into()
    }

    /// From when it counts; from its registration when null.
    async fn not_before(&self) -> Option<DateTime> {
        self.key.not_before.map(DateTime)
    }

    /// Until when it counts; for good when null.
    async fn expires_at(&self) -> Option<DateTime> {
        self.key.expires_at.map(DateTime)
    }

    /// Since when it is withdrawn.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.key.revoked_at.map(DateTime)
    }

    /// When it last verified an order, to the minute.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.key.last_used_at.map(DateTime)
    }

    /// When it last verified the published form of signature, to the minute.
    async fn documented_used_at(&self) -> Option<DateTime> {
        self.key.documented_used_at.map(DateTime)
    }

    /// When it last verified the form that binds the body, to the minute.
    async fn body_bound_used_at(&self) -> Option<DateTime> {
        self.key.body_bound_used_at.map(DateTime)
    }

    /// When it last verified the form that binds the Idempotency-Key as well, to the minute.
    async fn body_and_key_bound_used_at(&self) -> Option<DateTime> {
        self.key.body_and_key_bound_used_at.map(DateTime)
    }

    /// The ids of other clients that have this key too. New keys are refused where another client has them; while an old
    /// share is there, the signature policy must stay DOCUMENTED. Empty without scope `clients:read`.
    async fn shared_with(&self, ctx: &Context<'_>) -> Vec<&str> {
        let shown = if sees_clients(ctx) { &self.key.shared_with[..] } else { &[] };
        shown.iter().map(ClientId::as_str).collect()
    }
}

/// A secret that still works, as far as it may be shown.
#[derive(SimpleObject)]
pub struct ClientSecret {
    /// When it was made.
    created_at: DateTime,
    /// When it ends, if it has been rotated out.
    expires_at: Option<DateTime>,
    /// When it last opened a session or carried one on, to the minute.
    last_used_at: Option<DateTime>,
    /// From which address that was.
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

/// What may be done to a client.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "audit::Action")]
pub enum ClientAction {
    /// It was created.
    ClientCreated,
    /// Its name, scopes or signature policy changed.
    ClientUpdated,
    /// It is refused from then on.
    ClientDisabled,
    /// It was taken back.
    ClientEnabled,
    /// Its sessions were ended.
    SessionsRevoked,
    /// It got a new secret.
    SecretRotated,
    /// Its secrets but the newest were ended.
    OldSecretsEnded,
    /// A public key was registered.
    KeyAdded,
    /// A public key was revoked.
    KeyRevoked,
}

/// Which way in somebody took.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "audit::Via")]
pub enum AuditVia {
    /// The command line.
    Cli,
    /// GraphQL.
    Api,
}

/// Something that was done to a client. Entries are never changed.
#[derive(SimpleObject)]
pub struct ClientAuditEntry {
    /// To which client.
    client_id: String,
    /// What.
    action: ClientAction,
    /// Which way in.
    via: AuditVia,
    /// Who: the account at the command line, or the client over GraphQL.
    actor: String,
    /// From where: the machine at the command line, or the address over GraphQL.
    host: String,
    /// What goes with it, such as the fingerprint of a key; never a secret.
    detail: Vec<AuditDetail>,
    /// When.
    created_at: DateTime,
}

/// Something that goes with an entry of the log.
#[derive(SimpleObject)]
pub struct AuditDetail {
    /// What it is.
    name: String,
    /// Its value.
    value: String,
}

impl From<AuditEntry> for ClientAuditEntry {
    fn from(AuditEntry { entry, .. }: AuditEntry) -> Self {
        Self {
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
