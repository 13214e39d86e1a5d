//! What the sender of an order signed: evidence, if the order is ever disputed.

/// The receipt of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which text was signed: `documented`, `body_bound` or `body_and_key_bound`.
    pub signature_form: String,
    /// The text.
    pub string_to_sign: String,
    /// The signature's bytes.
    pub signature: Vec<u8>,
    /// The fingerprint of the key that verified it.
    pub key_fingerprint: String,
    /// SHA-256 of the body as it was received.
    pub body_sha256: Vec<u8>,
}
