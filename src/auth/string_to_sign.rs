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

/// The timestamp of the published form, when the text is this client's.
#[must_use]
pub fn read_documented<'t>(text: &'t str, client_id: &str) -> Option<&'t str> {
    text.strip_prefix(client_id)?.strip_prefix('|')
}

/// The body's digest and the timestamp of the body-bound form. No path of ours has a colon in it.
#[must_use]
pub fn read_body_bound(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.splitn(4, ':').skip(2);
    Some((parts.next()?, parts.next()?))
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

    #[test]
    fn what_is_built_is_read_back() {
        let time = "2026-11-23T20:37:16+07:00";
        assert_eq!(read_documented(&documented_string("a", time), "a"), Some(time));
        assert_eq!(read_documented(&documented_string("ab", time), "a"), None);
        let bound = body_bound_string("POST", "/graphql", &[0xAB; 32], time);
        assert_eq!(read_body_bound(&bound), Some(("ab".repeat(32).as_str(), time)));
        assert_eq!(read_body_bound("POST:/graphql:ab"), None);
    }
}
