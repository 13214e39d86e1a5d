//! Inputs of those who manage clients.

use async_graphql::InputObject;

use crate::graphql::output::scalars::DateTime;
use crate::graphql::types::{ExpectationPolicy, ReferencePolicy, SignaturePolicy};

/// A new client. Its secret is created with it and shown once.
#[derive(InputObject)]
pub struct CreateClientInput {
    /// Client id: 1 to 64 letters, digits, dots, dashes or underscores.
    pub client_id: String,
    /// Display name, such as `Versuni`, 1 to 128 characters.
    pub name: String,
    /// Scopes of the client: `orders:create`, `orders:read`, `orders:manage`, `orders:erase`, `clients:read`, `clients:manage`.
    pub scopes: Vec<String>,
    /// Which forms of signature the client may send; DOCUMENTED when absent.
    pub signature_policy: Option<SignaturePolicy>,
    /// What happens to an order whose partner reference another order of the client has that is not cancelled; ACCEPT when
    /// absent.
    pub reference_policy: Option<ReferencePolicy>,
    /// What happens to an order that does not come to the amounts that its sender expects; WARN when absent.
    pub expectation_policy: Option<ExpectationPolicy>,
    /// First public keys of the client (X.509 SubjectPublicKeyInfo, PEM).
    pub public_keys: Option<Vec<String>>,
}

/// A change to a client; absent fields keep their values.
#[derive(InputObject)]
pub struct UpdateClientInput {
    /// Client id, such as `versuni-client-001`.
    pub client_id: String,
    /// New display name, 1 to 128 characters.
    pub name: Option<String>,
    /// All scopes that the client has from now on.
    pub scopes: Option<Vec<String>>,
    /// Which forms of signature the client may send from now on.
    pub signature_policy: Option<SignaturePolicy>,
    /// What happens from now on to an order whose partner reference another order of the client has that is not cancelled. Orders
    /// that are stored stay as they are.
    pub reference_policy: Option<ReferencePolicy>,
    /// What happens from now on to an order that does not come to the amounts that its sender expects.
    pub expectation_policy: Option<ExpectationPolicy>,
}

/// The client that a mutation changes.
#[derive(InputObject)]
pub struct ClientInput {
    /// Client id, such as `versuni-client-001`.
    pub client_id: String,
}

/// The client that is given a new secret.
#[derive(InputObject)]
pub struct RotateClientSecretInput {
    /// Client id, such as `versuni-client-001`.
    pub client_id: String,
    /// Seconds for which the previous secret still works; 86400 (a day) when absent. 0 ends every old secret at once.
    pub grace_seconds: Option<i32>,
}

/// A public key to register for a client.
#[derive(InputObject)]
pub struct AddClientKeyInput {
    /// Client id of the key's holder, such as `versuni-client-001`.
    pub client_id: String,
    /// RSA public key of 2048 to 8192 bits (X.509 SubjectPublicKeyInfo, PEM).
    pub public_key: String,
    /// Time from which signatures are accepted; at once when absent.
    pub not_before: Option<DateTime>,
    /// Time until which signatures are accepted; without end when absent.
    pub expires_at: Option<DateTime>,
}

/// A session of a person's browser to end.
#[derive(InputObject)]
pub struct EndClientSessionInput {
    /// Client id of the person, such as `jane.doe-1f0c6a2be8d94c35`.
    pub client_id: String,
    /// Name of the session, as `name` of `ClientSession` shows it.
    pub session: String,
}

/// A public key of a client to revoke.
#[derive(InputObject)]
pub struct RevokeClientKeyInput {
    /// Client id of the key's holder, such as `versuni-client-001`.
    pub client_id: String,
    /// Fingerprint of the key, as `fingerprint` of `ClientKey` shows it.
    pub fingerprint: String,
}
