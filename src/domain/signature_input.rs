//! A signature that somebody wants explained, with all that it takes to check it.

use super::fields::{Fields, Text};
use super::signature_policy::SignaturePolicy;
use crate::error::FieldError;

/// As large as a request's body may be without a token.
const MAX_BODY: usize = 1024 * 1024;

/// Everything the check of a signed request looks at.
pub struct SignatureInput {
    /// `X-CLIENT-ID` as it would be sent.
    pub client_id: String,
    /// `X-TIMESTAMP` as it would be sent.
    pub timestamp: String,
    /// `X-SIGNATURE` as it would be sent.
    pub signature: String,
    /// The public key (SPKI PEM).
    pub public_key: String,
    /// The body as it would be sent.
    pub body: String,
    /// The method it would be sent with, in capitals.
    pub method: String,
    /// The path it would be sent to.
    pub path: String,
    /// `Idempotency-Key` as it would be sent, if it would be.
    pub idempotency_key: Option<String>,
    /// Which forms of signature count.
    pub signature_policy: SignaturePolicy,
}

impl SignatureInput {
    /// Reads an input, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let client_id = fields.verbatim("client_id", 256);
        let timestamp = fields.verbatim("timestamp", 256);
        let signature = fields.verbatim("signature", 8 * 1024);
        let public_key = fields.verbatim("public_key", 16 * 1024);
        let body = fields.optional_verbatim("body", MAX_BODY).unwrap_or_default();
        let method = fields.optional_text("method", Text::line(16)).unwrap_or_else(|| "POST".to_owned());
        let path = fields.optional_text("path", Text::line(1024)).unwrap_or_else(|| ORDERS.to_owned());
        let idempotency_key = fields.optional_verbatim("idempotency_key", 255);
        let policy = fields.optional_parsed("signature_policy", str::parse);
        fields.finish()?;
        match (client_id, timestamp, signature, public_key) {
            (Some(client_id), Some(timestamp), Some(signature), Some(public_key)) => {
                let signature_policy = policy.unwrap_or_default();
                Ok(Self {
                    client_id,
                    timestamp,
                    signature,
                    public_key,
                    body,
                    method,
                    path,
                    idempotency_key,
                    signature_policy,
                })
            }
            _ => Err(Vec::new()),
        }
    }
}

/// Where signed orders go.
pub const ORDERS: &str = "/api/v1/sales-orders";
