//! Each mistake that a receiver makes is named, and nothing counts that was not signed.

use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::auth::fixtures::now;
use crate::auth::webhook_signature::{Ed25519Key, Message, v1, v1a};

const ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";
/// As webhooks are sent: minified, and UTF-8 as it is.
const BODY: &str =
    r#"{"type":"order.status_changed","data":{"sales_name":"Siti – Ωmega é","price":1.50,"path":"a/b"}}"#;

/// One endpoint, and the headers of what was sent to it.
struct Endpoint {
    secret: HmacSecret,
    key: Ed25519Key,
}

impl Endpoint {
    fn new() -> Self {
        Self { secret: HmacSecret::generate(), key: Ed25519Key::generate().unwrap() }
    }

    fn v1(&self) -> String {
        v1(&self.secret, &message())
    }

    fn v1a(&self) -> String {
        v1a(&self.key, &message()).unwrap()
    }

    /// Verifies with the endpoint's secret and public key.
    fn check(&self, signature: &str, body: impl AsRef<[u8]>) -> Result<(), WebhookSignatureFault> {
        let public = [self.key.public().clone()];
        let keys = VerificationKeys { secrets: std::slice::from_ref(&self.secret), public_keys: &public };
        check(&keys, &now().timestamp().to_string(), signature, body.as_ref())
    }
}

fn message() -> Message<'static> {
    Message { id: ID, timestamp: now().timestamp(), body: BODY.as_bytes(), path: "/" }
}

fn value(text: &str) -> Header {
    Header::Value(text.to_owned())
}

fn check(
    keys: &VerificationKeys<'_>,
    timestamp: &str,
    signature: &str,
    body: &[u8],
) -> Result<(), WebhookSignatureFault> {
    let (id, timestamp, signature) = (value(ID), value(timestamp), value(signature));
    verify(&Received { id: &id, timestamp: &timestamp, signature: &signature, body }, keys, now(), TOLERANCE)
}

#[test]
fn either_signature_is_enough_and_unknown_versions_are_passed_over() {
    let endpoint = Endpoint::new();
    let (v1, v1a, other) = (endpoint.v1(), endpoint.v1a(), Endpoint::new().v1());
    for header in [
        v1.clone(),
        v1a.clone(),
        format!("{v1} {v1a}"),
        format!("v9,AAAA {other} {v1}"),
        format!("v1,AAAA {v1}"),
        format!("nonsense  {v1a} "),
    ] {
        assert_eq!(endpoint.check(&header, BODY), Ok(()), "{header}");
    }
}

#[test]
fn a_rotated_secret_verifies_as_long_as_both_sign() {
    let (old, new) = (Endpoint::new(), Endpoint::new());
    let both = format!("{} {}", new.v1(), old.v1());
    assert_eq!(old.check(&both, BODY), Ok(()));
    assert_eq!(new.check(&both, BODY), Ok(()));
    assert_eq!(old.check(&new.v1(), BODY), Err(WebhookSignatureFault::NoMatch));
}

#[test]
fn headers_that_are_missing_are_all_named_and_a_repeated_one_is() {
    let endpoint = Endpoint::new();
    let keys = VerificationKeys { secrets: &[endpoint.secret], public_keys: &[] };
    let (id, repeated) = (value(ID), Header::Repeated);
    let received = Received { id: &id, timestamp: &Header::Empty, signature: &Header::Absent, body: b"" };
    let fault = verify(&received, &keys, now(), TOLERANCE).unwrap_err();
    assert_eq!(fault, WebhookSignatureFault::MissingHeaders(vec!["webhook-timestamp", "webhook-signature"]));
    assert!(fault.to_string().starts_with("missing: webhook-timestamp, webhook-signature; "), "{fault}");
    let received = Received { timestamp: &repeated, ..received };
    let fault = verify(&received, &keys, now(), TOLERANCE).unwrap_err();
    assert_eq!(fault, WebhookSignatureFault::RepeatedHeader("webhook-timestamp"));
}

#[test]
fn a_timestamp_counts_up_to_five_minutes_from_now_both_ways() {
    let endpoint = Endpoint::new();
    let keys = VerificationKeys { secrets: std::slice::from_ref(&endpoint.secret), public_keys: &[] };
    let at = |away: i64, now: DateTime<Utc>| {
        let message = Message { timestamp: now.timestamp() + away, ..message() };
        let (id, time, signature) =
            (value(ID), value(&message.timestamp.to_string()), value(&v1(&endpoint.secret, &message)));
        let received = Received { id: &id, timestamp: &time, signature: &signature, body: message.body };
        verify(&received, &keys, now, TOLERANCE)
    };
    // The fraction of the receiver's second makes no difference.
    for now in [now(), now() + TimeDelta::milliseconds(999)] {
        assert_eq!(at(-300, now), Ok(()));
        assert_eq!(at(300, now), Ok(()));
        assert_eq!(at(-301, now), Err(WebhookSignatureFault::TimestampTooOld { age: 301, tolerance: 300 }));
        assert_eq!(at(301, now), Err(WebhookSignatureFault::TimestampInFuture { ahead: 301, tolerance: 300 }));
    }
}

#[test]
fn a_timestamp_that_is_not_in_unix_seconds_is_told_apart() {
    let endpoint = Endpoint::new();
    let keys = VerificationKeys { secrets: std::slice::from_ref(&endpoint.secret), public_keys: &[] };
    for (raw, is) in [
        ("1795441036000", "in milliseconds"),
        ("1795441036000000", "in microseconds"),
        ("1795441036000000000", "in nanoseconds"),
        ("2026-11-23T20:37:16+07:00", "a date"),
        ("2026-11-23T20:37:16", "a date"),
        ("-1795441036", "no number"),
        ("1795441036 ", "no number"),
        ("now", "no number"),
    ] {
        let fault = check(&keys, raw, &endpoint.v1(), BODY.as_bytes()).unwrap_err();
        assert_eq!(fault, WebhookSignatureFault::TimestampNotSeconds(is), "{raw}");
    }
}

#[test]
fn a_header_without_a_usable_signature_says_what_is_wrong_with_it() {
    let endpoint = Endpoint::new();
    let (v1, v1a) = (endpoint.v1(), endpoint.v1a());
    for (header, fault) in [
        ("v2,AAAA".to_owned(), WebhookSignatureFault::NoKnownVersion),
        (v1.replace("v1,", ""), WebhookSignatureFault::NoKnownVersion),
        (v1.replace("v1,", "v1="), WebhookSignatureFault::NoKnownVersion),
        ("v1,".to_owned(), WebhookSignatureFault::Unreadable("v1")),
        (v1[..v1.len() - 4].to_owned(), WebhookSignatureFault::Unreadable("v1")),
        (v1a.replace("v1a,", "v1,"), WebhookSignatureFault::Unreadable("v1")),
        (v1a[..v1a.len() - 1].to_owned(), WebhookSignatureFault::Unreadable("v1a")),
    ] {
        assert_eq!(endpoint.check(&header, BODY), Err(fault), "{header}");
    }
    let public = [endpoint.key.public().clone()];
    let secrets = std::slice::from_ref(&endpoint.secret);
    let now = now().timestamp().to_string();
    let with = |secrets, public_keys, header: &str| {
        check(&VerificationKeys { secrets, public_keys }, &now, header, BODY.as_bytes()).unwrap_err().to_string()
    };
    assert!(with(&[], &public, &v1).contains("the signatures are v1, which the endpoint's secret (whsec_) verifies"));
    assert!(with(secrets, &[], &v1a).contains("the signatures are v1a, which the public key (whpk_) verifies"));
}

#[test]
fn a_body_that_was_changed_on_its_way_to_the_check_is_told_from_a_wrong_secret() {
    let endpoint = Endpoint::new();
    let spaced =
        r#"{"type": "order.status_changed", "data": {"sales_name": "Siti – Ωmega é", "price": 1.50, "path": "a/b"}}"#;
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(BODY).unwrap()).unwrap();
    let ascii = BODY.replace('–', "\\u2013").replace('Ω', "\\u03a9").replace('é', "\\u00E9");
    let latin_1: String = BODY.bytes().map(char::from).collect();
    let windows: String = BODY
        .bytes()
        .map(|byte| if (0x80..0xa0).contains(&byte) { WINDOWS_1252[usize::from(byte) - 0x80] } else { byte.into() })
        .collect();
    for (body, change) in [
        (format!("{BODY}\n"), BodyChange::WhitespaceAround),
        (format!("{BODY}\r\n"), BodyChange::WhitespaceAround),
        (format!("\u{feff}{BODY}"), BodyChange::ByteOrderMark),
        (spaced.to_owned(), BodyChange::WhitespaceWithin),
        (pretty.clone(), BodyChange::WhitespaceWithin),
        (pretty.replace('\n', "\r\n"), BodyChange::WhitespaceWithin),
        (ascii, BodyChange::Escapes),
        (BODY.replace("a/b", "a\\/b"), BodyChange::Escapes),
        (latin_1, BodyChange::Encoding),
        (windows, BodyChange::Encoding),
    ] {
        for signature in [endpoint.v1(), endpoint.v1a()] {
            let fault = endpoint.check(&signature, &body).unwrap_err();
            assert_eq!(fault, WebhookSignatureFault::BodyChanged(change), "{body}");
            assert!(fault.to_string().contains("the body's bytes as they came in"), "{fault}");
        }
        // It does not count for that, and with another secret nothing is told of it.
        assert_eq!(endpoint.check(&Endpoint::new().v1(), &body), Err(WebhookSignatureFault::NoMatch));
    }
    assert_eq!(endpoint.check(&endpoint.v1(), ""), Err(WebhookSignatureFault::BodyEmpty));
    let other = BODY.replace("Siti", "Sita");
    assert_eq!(endpoint.check(&endpoint.v1(), other), Err(WebhookSignatureFault::NoMatch));
}

#[test]
fn another_id_or_time_than_was_signed_does_not_count() {
    let endpoint = Endpoint::new();
    let keys = VerificationKeys { secrets: std::slice::from_ref(&endpoint.secret), public_keys: &[] };
    let later = (now().timestamp() + 1).to_string();
    let fault = check(&keys, &later, &endpoint.v1(), BODY.as_bytes()).unwrap_err();
    assert_eq!(fault, WebhookSignatureFault::NoMatch);
    let (id, time, signature) = (value("msg_other"), value(&now().timestamp().to_string()), value(&endpoint.v1()));
    let received = Received { id: &id, timestamp: &time, signature: &signature, body: BODY.as_bytes() };
    assert_eq!(verify(&received, &keys, now(), TOLERANCE), Err(WebhookSignatureFault::NoMatch));
}

proptest! {
    #[test]
    fn nothing_that_is_received_makes_verifying_panic(
        timestamp in "(1795441036|[0-9:TZ+é-]{0,20})", signature in "((v1|v1a|v2),?[A-Za-z0-9+/=]{0,90} ?){0,20}",
        body in prop_oneof![vec(any::<u8>(), 0..100), "[{}\\[\\]\", \\\\u0-9a-z€é\n]{0,60}".prop_map(String::into_bytes)],
    ) {
        let endpoint = Endpoint::new();
        let public = [endpoint.key.public().clone()];
        let keys = VerificationKeys { secrets: std::slice::from_ref(&endpoint.secret), public_keys: &public };
        prop_assert!(check(&keys, &timestamp, &signature, &body).is_err());
        prop_assert!(endpoint.check(&endpoint.v1(), &body).is_err());
    }
}
