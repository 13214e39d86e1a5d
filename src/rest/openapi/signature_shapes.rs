//! The JSON shape of a checked signature, described for OpenAPI as in `shapes`.

use utoipa::ToSchema;

/// What is wrong with a signature, or that nothing is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
pub struct SignatureCheck {
    /// Whether an order with this signature would have got past the check.
    valid: bool,
    /// One sentence: what is wrong and what to do about it.
    #[schema(example = "The signature is valid")]
    message: String,
    /// The code that an order would have been refused with.
    #[schema(required)]
    code: Option<String>,
    /// What is wrong, in a word.
    #[schema(required, example = "signed_trailing_newline")]
    hint: Option<String>,
    /// Which form was signed: documented, body_bound or body_and_key_bound.
    #[schema(required)]
    form: Option<String>,
    /// The steps of the check, in their order.
    steps: Vec<SignatureCheckStep>,
    /// The text that must be signed; of a valid signature the text that was.
    #[schema(required, example = "versuni-client-001|1795441036")]
    string_to_sign: Option<String>,
    /// The text of the form that binds the body, once the timestamp is right.
    #[schema(required)]
    body_bound_string: Option<String>,
    /// The text of the form that binds the Idempotency-Key as well, once the timestamp is right.
    #[schema(required)]
    body_and_key_bound_string: Option<String>,
    /// The text that was signed instead, where it was found out.
    #[schema(required)]
    signed_string: Option<String>,
    /// The fingerprint of the key that made the signature, where there is one.
    #[schema(required)]
    key_fingerprint: Option<String>,
    /// The fingerprints of the active keys that were tried on a wrong signature.
    keys_tried: Vec<String>,
    /// RFC 3339, UTC, with microseconds.
    #[schema(format = "date-time")]
    server_time: String,
    /// X-TIMESTAMP minus the server's time, in seconds.
    #[schema(required)]
    skew_seconds: Option<i64>,
}

/// A step of the check and how it went.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a shape")]
pub struct SignatureCheckStep {
    /// HEADERS, CLIENT_ID, TIMESTAMP_READABLE, TIMESTAMP_FRESH, SIGNATURE_READABLE or SIGNATURE_TRUE.
    name: String,
    /// PASSED, FAILED or NOT_REACHED.
    outcome: String,
    /// What is wrong and what to do about it, where it failed.
    #[schema(required)]
    message: Option<String>,
}
