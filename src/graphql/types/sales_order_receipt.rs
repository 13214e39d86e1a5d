use async_graphql::SimpleObject;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::receipt::Receipt;

/// The signed text and the signature of an order, or of a request, kept as evidence in case it is disputed.
#[derive(SimpleObject)]
pub struct SalesOrderReceipt {
    /// Form of the signature: `documented`, `body_bound` or `body_and_key_bound`.
    signature_form: String,
    /// The signed text, such as `versuni-client-001|1795441036`.
    string_to_sign: String,
    /// The signature (RSASSA-PKCS1-v1_5 with SHA-256), in base64.
    signature: String,
    /// Fingerprint of the client's key that verified the signature.
    key_fingerprint: String,
    /// SHA-256 of the request's body as received: 64 hexadecimal digits.
    body_sha256: String,
}

impl From<Receipt> for SalesOrderReceipt {
    fn from(receipt: Receipt) -> Self {
        let Receipt { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 } = receipt;
        let (signature, body_sha256) = (STANDARD.encode(signature), hex::encode(body_sha256));
        Self { signature_form, string_to_sign, signature, key_fingerprint, body_sha256 }
    }
}
