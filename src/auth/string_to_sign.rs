//! The two texts a request may be signed over; the only place that builds them.

/// Which text a signature is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureForm {
    /// `client_id|X-TIMESTAMP`.
    Documented,
    /// `METHOD:path:sha256(body):X-TIMESTAMP`.
    BodyBound,
}

impl SignatureForm {
    /// The form's name where it is stored or shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::BodyBound => "body_bound",
        }
    }
}

/// The published form, from the two headers as they were sent.
#[must_use]
pub fn documented_string(client_id: &str, timestamp: &str) -> String {
    format!("{client_id}|{timestamp}")
}

/// The body-bound form: the method in capitals, the path without query, the body's digest in lowercase hex, and the
/// timestamp header as it was sent.
#[must_use]
pub fn body_bound_string(method: &str, path: &str, body_sha256: &[u8; 32], timestamp: &str) -> String {
    format!("{method}:{path}:{}:{timestamp}", hex::encode(body_sha256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_built_as_published() {
        assert_eq!(documented_string("versuni-client-001", "1795441036"), "versuni-client-001|1795441036");
        assert_eq!(
            body_bound_string("POST", "/api/v1/sales-orders", &[0xAB; 32], "2026-11-23T20:37:16+07:00"),
            format!("POST:/api/v1/sales-orders:{}:2026-11-23T20:37:16+07:00", "ab".repeat(32))
        );
    }
}
