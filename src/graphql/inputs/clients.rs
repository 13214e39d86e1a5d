//! Inputs of those who manage clients.

use async_graphql::InputObject;

use crate::graphql::output::scalars::DateTime;
use crate::graphql::types::SignaturePolicy;

/// A client to be made. Its secret is made with it and shown once.
#[derive(InputObject)]
pub struct CreateClientInput {
    /// Client id: 1 to 64 letters, digits, dots, dashes or underscores.
    pub client_id: String,
    /// Name for people, 1 to 128 characters.
    pub name: String,
    /// What it may do: orders:create, orders:read, orders:manage, clients:read, clients:manage.
    pub scopes: Vec<String>,
    /// Which signatures it may send; DOCUMENTED when absent.
    pub signature_policy: Option<SignaturePolicy>,
    /// Its first public keys (x.509 SubjectPublicKeyInfo, PEM).
    pub public_keys: Option<Vec<String>>,
}

/// What of a client is to change; what is absent stays.
#[derive(InputObject)]
pub struct UpdateClientInput {
    /// Which client.
    pub client_id: String,
    /// Name for people, 1 to 128 characters.
    pub name: Option<String>,
    /// All that it may do from then on.
    pub scopes: Option<Vec<String>>,
    /// Which signatures it may send.
    pub signature_policy: Option<SignaturePolicy>,
}

/// A client.
#[derive(InputObject)]
pub struct ClientInput {
    /// Which client.
    pub client_id: String,
}

/// A client that gets a new secret.
#[derive(InputObject)]
pub struct RotateClientSecretInput {
    /// Which client.
    pub client_id: String,
    /// For how many seconds the old secret still works; a day (86400) when absent, 0 ends every old secret now.
    pub grace_seconds: Option<i32>,
}

/// A public key to be registered.
#[derive(InputObject)]
pub struct AddClientKeyInput {
    /// Whose key it is.
    pub client_id: String,
    /// The key (x.509 SubjectPublicKeyInfo, PEM): RSA of 2048 to 8192 bits.
    pub public_key: String,
    /// From when it counts; at once when absent.
    pub not_before: Option<DateTime>,
    /// Until when it counts; for good when absent.
    pub expires_at: Option<DateTime>,
}

/// A public key to be revoked.
#[derive(InputObject)]
pub struct RevokeClientKeyInput {
    /// Whose key it is.
    pub client_id: String,
    /// Which key.
    pub fingerprint: String,
}
