//! What operators send to manage clients.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::client::{self, ClientId};
use super::expectation_policy::ExpectationPolicy;
use super::fields::{Fields, Text};
use super::permission::{Permission, UnknownPermission};
use super::reference_policy::ReferencePolicy;
use super::signature_policy::SignaturePolicy;
use crate::error::{FieldError, FieldErrorCode};

/// The longest a scope's name may be.
const SCOPE: Text = Text::line(64);
/// Twice as many as there are.
const MAX_SCOPES: usize = 10;
/// Larger than any public key that is taken.
const MAX_PEM: usize = 16 * 1024;
/// More first keys than anybody has.
const MAX_KEYS: usize = 20;

/// How long an old secret works on when nobody says.
pub const DEFAULT_GRACE: Duration = Duration::from_hours(24);

/// A client to be made.
pub struct ClientToCreate {
    /// Its public name.
    pub client_id: ClientId,
    /// Its name for people.
    pub name: String,
    /// Its permissions.
    pub permissions: Vec<Permission>,
    /// The forms of signature that it may send.
    pub signature_policy: SignaturePolicy,
    /// What happens to an order whose partner reference another one has.
    pub reference_policy: ReferencePolicy,
    /// What happens to an order that comes to another amount than its sender expects.
    pub expectation_policy: ExpectationPolicy,
    /// Its first keys (SPKI PEM).
    pub public_keys: Vec<String>,
    /// Its secret; `None` makes one.
    pub secret: Option<ChosenSecret>,
}

/// A secret that somebody chose.
pub struct ChosenSecret {
    /// The secret.
    pub text: SecretString,
    /// Whether it may be shorter than is safe, for development.
    pub may_be_weak: bool,
}

/// What of a client is to change; the rest stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientChange {
    /// Its name for people.
    pub name: Option<String>,
    /// Its permissions.
    pub permissions: Option<Vec<Permission>>,
    /// The forms of signature that it may send.
    pub signature_policy: Option<SignaturePolicy>,
    /// What happens to an order whose partner reference another one has.
    pub reference_policy: Option<ReferencePolicy>,
    /// What happens to an order that comes to another amount than its sender expects.
    pub expectation_policy: Option<ExpectationPolicy>,
}

/// A public key to be registered.
pub struct KeyToAdd {
    /// The key (SPKI PEM).
    pub public_key: String,
    /// The time from which signatures are accepted.
    pub not_before: Option<DateTime<Utc>>,
    /// The time until which signatures are accepted.
    pub expires_at: Option<DateTime<Utc>>,
}

impl ClientToCreate {
    /// Reads a client, or describes it. Its secret is made here: nobody sends one over a wire.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let client_id = client_id(&mut fields);
        let name = fields.parsed_text("name", client::read_name);
        let scopes = fields.texts("scopes", SCOPE, MAX_SCOPES);
        let permissions = permissions(&mut fields, scopes);
        let signature_policy = fields.optional_parsed("signature_policy", str::parse);
        let reference_policy = fields.optional_parsed("reference_policy", str::parse);
        let expectation_policy = fields.optional_parsed("expectation_policy", str::parse);
        let public_keys = fields.optional_verbatims("public_keys", MAX_PEM, MAX_KEYS).unwrap_or_default();
        fields.finish()?;
        match (client_id, name, permissions) {
            (Some(client_id), Some(name), Some(permissions)) => Ok(Self {
                client_id,
                name,
                permissions,
                signature_policy: signature_policy.unwrap_or_default(),
                reference_policy: reference_policy.unwrap_or_default(),
                expectation_policy: expectation_policy.unwrap_or_default(),
                public_keys,
                secret: None,
            }),
            _ => Err(Vec::new()),
        }
    }
}

impl ClientChange {
    /// Reads which client is to change and how, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<(ClientId, Self), Vec<FieldError>> {
        let client_id = client_id(&mut fields);
        let name = fields.optional_parsed("name", client::read_name);
        let scopes = fields.optional_texts("scopes", SCOPE, MAX_SCOPES);
        let permissions = permissions(&mut fields, scopes);
        let signature_policy = fields.optional_parsed("signature_policy", str::parse);
        let reference_policy = fields.optional_parsed("reference_policy", str::parse);
        let expectation_policy = fields.optional_parsed("expectation_policy", str::parse);
        fields.finish()?;
        let change = Self { name, permissions, signature_policy, reference_policy, expectation_policy };
        client_id.map(|id| (id, change)).ok_or_else(Vec::new)
    }
}

impl KeyToAdd {
    /// Reads whose key it is and the key, or describes them.
    pub fn read(mut fields: Fields<'_>) -> Result<(ClientId, Self), Vec<FieldError>> {
        let client_id = client_id(&mut fields);
        let public_key = fields.verbatim("public_key", MAX_PEM);
        let not_before = fields.optional_instant("not_before");
        let expires_at = fields.optional_instant("expires_at");
        fields.finish()?;
        match (client_id, public_key) {
            (Some(id), Some(public_key)) => Ok((id, Self { public_key, not_before, expires_at })),
            _ => Err(Vec::new()),
        }
    }
}

/// Reads which client is meant, or describes it.
pub fn read_client(mut fields: Fields<'_>) -> Result<ClientId, Vec<FieldError>> {
    let client_id = client_id(&mut fields);
    fields.finish()?;
    client_id.ok_or_else(Vec::new)
}

/// Reads which client gets a new secret and for how long the old one still works, or describes it.
pub fn read_rotation(mut fields: Fields<'_>) -> Result<(ClientId, Duration), Vec<FieldError>> {
    let client_id = client_id(&mut fields);
    let grace = fields.optional_integer("grace_seconds", &(0..=i32::MAX));
    fields.finish()?;
    let grace = grace.map_or(DEFAULT_GRACE, |seconds| Duration::from_secs(seconds.unsigned_abs().into()));
    client_id.map(|id| (id, grace)).ok_or_else(Vec::new)
}

/// Reads whose key is to be revoked and which, or describes it.
pub fn read_revocation(mut fields: Fields<'_>) -> Result<(ClientId, String), Vec<FieldError>> {
    let client_id = client_id(&mut fields);
    let fingerprint = fields.text("fingerprint", Text::line(128));
    fields.finish()?;
    client_id.zip(fingerprint).ok_or_else(Vec::new)
}

/// Reads whose session is to end and which, or describes it.
pub fn read_session(mut fields: Fields<'_>) -> Result<(ClientId, String), Vec<FieldError>> {
    let client_id = client_id(&mut fields);
    let session = fields.text("session", Text::line(64));
    fields.finish()?;
    client_id.zip(session).ok_or_else(Vec::new)
}

fn client_id(fields: &mut Fields<'_>) -> Option<ClientId> {
    fields.parsed_text("client_id", str::parse)
}

fn permissions(fields: &mut Fields<'_>, scopes: Option<Vec<String>>) -> Option<Vec<Permission>> {
    let read = scopes?.iter().map(|name| name.parse()).collect::<Result<Vec<Permission>, UnknownPermission>>();
    read.or_else(|error| fields.refuse("scopes", FieldErrorCode::Value, error.to_string()).ok_or(())).ok()
}
