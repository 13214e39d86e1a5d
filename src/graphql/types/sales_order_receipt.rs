use async_graphql::SimpleObject;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::receipt::Receipt;

/// What the sender of an order signed: evidence, if the order is ever disputed.
#[derive(SimpleObject)]
pub struct SalesOrderReceipt {
    /// Which text was signed: `documented`, `body_bound` or `body_and_key_bound`.
    signature_form: String,
    /// The text.
    string_to_sign: String,
    /// The signature, in base64 (RSASSA-PKCS1-v1_5 with SHA-256).
    signature: String,
    /// The fingerprint of the client's key that verified it.
    key_fingerprint: String,
    /// SHA-256 of the body as it was received, in hex.
    body_sha256: String,
}

impl From<Receipt> for SalesOrderReceipt {
    fn from(receipt: Receipt) -> Self {
        let Receipt { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 } = receipt;
        let (signature, body_sha256) = (STANDARD.encode(signature), hex::encode(body_sha256));
        Self { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 }
    }
}
