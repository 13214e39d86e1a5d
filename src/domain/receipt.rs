//! The receipt of an order: what its sender signed, kept in case the order is disputed.

/// The receipt of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The form of the signature: `documented`, `body_bound` or `body_and_key_bound`.
    pub signature_form: String,
    /// The signed text.
    pub string_to_sign: String,
    /// The signature's bytes.
    pub signature: Vec<u8>,
    /// The fingerprint of the key that verified it.
    pub key_fingerprint: String,
    /// SHA-256 of the body as it was received.
    pub body_sha256: Vec<u8>,
}
