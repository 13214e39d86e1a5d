//! The strings to sign of a request. No other module builds or reads them.

use super::timestamp;

/// The form of a signature: which parts of the request its string to sign covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureForm {
    /// `client_id|X-TIMESTAMP`.
    Documented,
    /// `METHOD:path:sha256(body):X-TIMESTAMP`.
    BodyBound,
    /// `METHOD:path:sha256(body):X-TIMESTAMP:Idempotency-Key`.
    BodyAndKeyBound,
}

impl SignatureForm {
    /// Every form, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Documented, Self::BodyBound, Self::BodyAndKeyBound];

    /// The form's name where it is stored or shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::BodyBound => "body_bound",
            Self::BodyAndKeyBound => "body_and_key_bound",
        }
    }

    /// The form with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.as_str() == name)
    }
}

/// The documented form, from the two headers as they were sent.
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

/// The body-and-key-bound form: the body-bound form, a colon and the `Idempotency-Key`. `None` for a timestamp whose offset
/// has hours alone (`…T20:37:16+07`): followed by a key that begins with minutes it would read like another timestamp with another key,
/// and one text must have one meaning.
#[must_use]
pub fn body_and_key_bound_string(
    method: &str,
    path: &str,
    body_sha256: &[u8; 32],
    timestamp: &str,
    idempotency_key: &str,
) -> Option<String> {
    let bound = body_bound_string(method, path, body_sha256, timestamp);
    (!ends_in_hours(timestamp)).then(|| format!("{bound}:{idempotency_key}"))
}

/// Whether a timestamp's offset is `±hh`. Dates have dashes too, but never as the third character from the end of
/// a text that can be read as a timestamp.
fn ends_in_hours(timestamp: &str) -> bool {
    matches!(timestamp.as_bytes(), [.., b'+' | b'-', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit())
}

/// The timestamp of the documented form, when the text is this client's.
#[must_use]
pub fn read_documented<'t>(text: &'t str, client_id: &str) -> Option<&'t str> {
    text.strip_prefix(client_id)?.strip_prefix('|')
}

/// The parts of a body-bound text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundText<'t> {
    /// The method.
    pub method: &'t str,
    /// The path.
    pub path: &'t str,
    /// The body's digest in lowercase hex.
    pub body_sha256: &'t str,
    /// The timestamp.
    pub timestamp: &'t str,
    /// The `Idempotency-Key`, in the form that binds it.
    pub idempotency_key: Option<&'t str>,
}

/// The parts of the body-bound form. No path of ours has a colon in it.
#[must_use]
pub fn read_body_bound(text: &str) -> Option<BoundText<'_>> {
    let mut parts = text.splitn(4, ':');
    let [method, path, body_sha256, timestamp] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    Some(BoundText { method, path, body_sha256, timestamp, idempotency_key: None })
}

/// The parts of the body-and-key-bound form: the timestamp ends at the one colon before which it can be read.
#[must_use]
pub fn read_body_and_key_bound(text: &str) -> Option<BoundText<'_>> {
    let bound = read_body_bound(text)?;
    let mut ends = bound.timestamp.match_indices(':').map(|(end, _)| bound.timestamp.split_at(end));
    let (timestamp, key) = ends.find(|(head, _)| timestamp::parse(head).is_ok() && !ends_in_hours(head))?;
    Some(BoundText { timestamp, idempotency_key: key.strip_prefix(':'), ..bound })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_is_built_as_published() {
        assert_eq!(documented_string("versuni-client-001", "1795441036"), "versuni-client-001|1795441036");
        let bound = format!("POST:/api/v1/sales-orders:{}:2026-11-23T20:37:16+07:00", "ab".repeat(32));
        let (path, time) = ("/api/v1/sales-orders", "2026-11-23T20:37:16+07:00");
        assert_eq!(body_bound_string("POST", path, &[0xAB; 32], time), bound);
        assert_eq!(body_and_key_bound_string("POST", path, &[0xAB; 32], time, "po-1"), Some(format!("{bound}:po-1")));
        for form in SignatureForm::ALL {
            assert_eq!(SignatureForm::named(form.as_str()), Some(form));
        }
    }

    #[test]
    fn what_is_built_is_read_back() {
        let time = "2026-11-23T20:37:16+07:00";
        assert_eq!(read_documented(&documented_string("a", time), "a"), Some(time));
        assert_eq!(read_documented(&documented_string("ab", time), "a"), None);
        let bound = body_bound_string("POST", "/graphql", &[0xAB; 32], time);
        let hash = "ab".repeat(32);
        let parts =
            BoundText { method: "POST", path: "/graphql", body_sha256: &hash, timestamp: time, idempotency_key: None };
        assert_eq!(read_body_bound(&bound), Some(parts));
        assert_eq!(read_body_bound("POST:/graphql:ab"), None);
        let with_key = body_and_key_bound_string("POST", "/graphql", &[0xAB; 32], time, "30:a:b").unwrap();
        assert_eq!(read_body_and_key_bound(&with_key), Some(BoundText { idempotency_key: Some("30:a:b"), ..parts }));
        assert_eq!(read_body_and_key_bound(&bound), None, "it has no key");
    }

    /// How clients write a time, and what an offset without minutes could be mistaken for.
    fn timestamps() -> impl Strategy<Value = String> {
        let offset = prop_oneof!["Z", "[+-]0[0-9]", "[+-]0[0-9][03]0", "[+-]0[0-9]:[03]0"];
        let iso = ("(\\.[0-9]{1,6})?", offset)
            .prop_map(|(fraction, offset)| format!("2026-11-23T20:37:16{fraction}{offset}"));
        prop_oneof!["[0-9]{1,11}", iso]
    }

    proptest! {
        #[test]
        fn no_text_has_two_meanings(time in timestamps(), key in "([0-9:+]{0,3}[a-z:]{0,2}){1,2}", other in timestamps()) {
            prop_assume!(timestamp::parse(&time).is_ok() && timestamp::parse(&other).is_ok() && !key.is_empty());
            if let Some(text) = body_and_key_bound_string("POST", "/graphql", &[1; 32], &time, &key) {
                let read = read_body_and_key_bound(&text).unwrap();
                prop_assert_eq!((read.timestamp, read.idempotency_key), (time.as_str(), Some(key.as_str())));
                // Not the text of another time without a key, nor of a longer or shorter one with another key.
                prop_assert!(timestamp::parse(read_body_bound(&text).unwrap().timestamp).is_err());
            }
        }
    }
}
