//! What a client sends to begin or to prolong a session.

use secrecy::SecretString;

use super::fields::Fields;
use crate::error::FieldError;

/// Longer than any id, secret or token of ours; bounds the work a wrong one can cause.
const MAX_CLIENT_ID: usize = 256;
const MAX_SECRET: usize = 1024;
const MAX_TOKEN: usize = 8192;

/// The credentials of a login.
pub struct LoginInput {
    /// The client id as sent; whether such a client exists is not known yet.
    pub client_id: String,
    /// The client secret as sent.
    pub client_secret: SecretString,
}

impl LoginInput {
    /// Reads `{client_id, client_secret}`, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let client_id = fields.verbatim("client_id", MAX_CLIENT_ID);
        let client_secret = fields.verbatim("client_secret", MAX_SECRET);
        fields.finish()?;
        match (client_id, client_secret) {
            (Some(client_id), Some(client_secret)) => Ok(Self { client_id, client_secret: client_secret.into() }),
            _ => Err(Vec::new()),
        }
    }
}

/// The token of a refresh.
pub struct RefreshInput {
    /// The token as sent; it may have expired.
    pub token: SecretString,
}

impl RefreshInput {
    /// Reads `{token}`, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let token = fields.verbatim("token", MAX_TOKEN);
        fields.finish()?;
        token.map(|token| Self { token: token.into() }).ok_or_else(Vec::new)
    }
}
