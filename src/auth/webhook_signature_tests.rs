//! The signatures are those that the standard publishes, and those whose text is ours are verified as our partners' are.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::auth::fixtures::{OTHER, OWN, TOLERANCE, now, registered};
use crate::auth::signature::{SignatureForm, SignedRequest, verify};
use crate::auth::verified::VerifiedSignatures;
use crate::domain::signature_policy::SignaturePolicy;

/// What the libraries of Standard Webhooks test themselves with.
const PUBLISHED: Message<'_> = Message {
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    timestamp: 1_614_265_330,
    body: br#"{"test": 2432232314}"#,
    path: "/webhooks",
};

#[test]
fn a_v1_signature_is_the_published_one() {
    let secret = HmacSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    assert_eq!(v1(&secret, &PUBLISHED), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn a_v1a_signature_is_the_published_one() {
    let key = Ed25519Key::from_bytes(b"TESTSIGNINGKEYDONOTUSETHISFORANY").unwrap();
    let published = "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==";
    assert_eq!(v1a(&key, &PUBLISHED).unwrap(), published);
}

#[test]
fn the_snap_form_is_the_body_bound_form_of_a_post_and_is_verified_as_one() {
    let body = r#"{"type":"order.status_changed","data":{"sales_name":"Siti – Ωmega"}}"#.as_bytes();
    let message = Message { id: "msg_1", timestamp: now().timestamp(), body, path: "/hooks/orders" };
    let headers = snap(&OWN, &message).unwrap();
    assert_eq!(headers.timestamp, "2026-11-23T20:37:16+07:00");
    let request = SignedRequest {
        client_id: "",
        timestamp: &headers.timestamp,
        signature: &headers.signature,
        method: "POST",
        path: "/hooks/orders",
        other_paths: &[],
        body,
        idempotency_key: None,
    };
    let check = |request: &SignedRequest<'_>, key| {
        verify(request, &[registered(key)], SignaturePolicy::BodyBound, now(), TOLERANCE, &VerifiedSignatures::new(0))
    };
    let verified = check(&request, &OWN).unwrap();
    assert_eq!(verified.form, SignatureForm::BodyBound);
    let hash = hex::encode(Sha256::digest(body));
    assert_eq!(verified.string_to_sign, format!("POST:/hooks/orders:{hash}:2026-11-23T20:37:16+07:00"));
    assert!(check(&request, &OTHER).is_err());
    assert!(check(&SignedRequest { body: b"{}", ..request }, &OWN).is_err());
    assert!(check(&SignedRequest { path: "/hooks", ..request }, &OWN).is_err());
}

#[test]
fn no_time_makes_signing_panic() {
    for timestamp in [i64::MIN, -1, 0, i64::MAX] {
        let message = Message { timestamp, ..PUBLISHED };
        assert!(v1(&HmacSecret::generate(), &message).starts_with("v1,"));
        assert!(!snap_timestamp(timestamp).is_empty());
    }
    assert_eq!(snap_timestamp(0), "1970-01-01T07:00:00+07:00");
}

proptest! {
    #[test]
    fn what_is_signed_is_verified_and_nothing_else_is(
        id in "msg_[0-9A-Za-z]{1,30}", timestamp in 0..=99_999_999_999_i64, body in vec(any::<u8>(), 0..200),
    ) {
        let message = Message { id: &id, timestamp, body: &body, path: "/" };
        let text = [format!("{id}.{timestamp}.").as_bytes(), &body].concat();
        let decoded = |signature: &str| STANDARD.decode(signature.split_once(',').unwrap().1).unwrap();

        let secret = HmacSecret::generate();
        let tag = decoded(&v1(&secret, &message));
        prop_assert!(secret.verify(&text, &tag));
        prop_assert!(!HmacSecret::generate().verify(&text, &tag));

        let key = Ed25519Key::generate().unwrap();
        let signature = decoded(&v1a(&key, &message).unwrap());
        prop_assert!(key.public().verify(&text, &signature));
        prop_assert!(!Ed25519Key::generate().unwrap().public().verify(&text, &signature));

        let other = [&text[..], b"\n"].concat();
        prop_assert!(!secret.verify(&other, &tag));
        prop_assert!(!key.public().verify(&other, &signature));
        prop_assert!(!secret.verify(&text, &tag[..31]) && !key.public().verify(&text, &signature[..63]));
    }
}
