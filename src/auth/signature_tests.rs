//! The verdict, its order and what a refusal says; why signatures are wrong is tested in `diagnosis_tests`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::auth::fixtures::*;
use crate::error::AppError;

#[test]
fn the_documented_form_is_accepted_with_its_evidence() {
    let signature = signed(DOCUMENTED);
    let verified = check(&request(&signature), SignaturePolicy::Documented).unwrap();
    assert_eq!(verified.form, SignatureForm::Documented);
    assert_eq!(verified.fingerprint, OWN.public_key().fingerprint());
    assert_eq!(verified.string_to_sign, DOCUMENTED);
    assert_eq!(STANDARD.encode(&verified.signature), signature);
    assert_eq!(verified.body_sha256, *Sha256::digest(BODY));
}

#[test]
fn every_encoding_of_one_signature_is_accepted() {
    let bytes = OWN.sign(DOCUMENTED.as_bytes()).unwrap();
    for text in [URL_SAFE_NO_PAD.encode(&bytes), hex::encode(&bytes), hex::encode_upper(&bytes)] {
        assert!(check(&request(&text), SignaturePolicy::Documented).is_ok());
    }
}

#[test]
fn an_iso_timestamp_is_signed_as_it_is_written() {
    let timestamp = "2026-11-23T20:37:16+07:00";
    let signature = signed(documented_string(CLIENT, timestamp));
    let request = SignedRequest { timestamp, ..request(&signature) };
    assert!(check(&request, SignaturePolicy::Documented).is_ok());
}

#[test]
fn the_body_bound_form_is_accepted_unless_the_key_must_be_signed() {
    let signature = signed(bound_to(BODY));
    for policy in [SignaturePolicy::Documented, SignaturePolicy::BodyBound] {
        let verified = check(&request(&signature), policy).unwrap();
        assert_eq!(verified.form, SignatureForm::BodyBound);
        assert_eq!(verified.string_to_sign, bound_to(BODY));
    }
}

#[test]
fn the_form_that_binds_the_key_is_accepted_under_every_policy_for_that_key_alone() {
    let signature = signed(format!("{}:po:1", bound_to(BODY)));
    for policy in SignaturePolicy::ALL {
        let right = SignedRequest { idempotency_key: Some("po:1"), ..request(&signature) };
        let verified = check(&right, policy).unwrap();
        assert_eq!(verified.form, SignatureForm::BodyAndKeyBound);
        let body = String::from_utf8(BODY.to_vec()).unwrap().replace(':', " :\n ");
        assert!(check(&SignedRequest { body: body.as_bytes(), ..right }, policy).is_ok(), "signed minified");
        for wrong in [
            SignedRequest { idempotency_key: None, ..right },
            SignedRequest { idempotency_key: Some("po:2"), ..right },
            SignedRequest { body: b"{}", ..right },
            SignedRequest { path: "/graphql", ..right },
            SignedRequest { timestamp: "1795441037", ..right },
        ] {
            assert_eq!(check(&wrong, policy).unwrap_err().code, ErrorCode::InvalidSignature);
        }
    }
}

#[test]
fn a_refusal_tells_the_text_with_the_key_that_the_policy_asks_for() {
    let with_key = SignedRequest { idempotency_key: Some("po-1"), ..request("???") };
    let text = format!("{}:po-1", bound_to(BODY));
    assert_eq!(check(&with_key, SignaturePolicy::BodyAndKeyBound).unwrap_err().string_to_sign, text);
    let signature = signed("something else");
    let with_key = SignedRequest { idempotency_key: Some("po-1"), ..request(&signature) };
    let rejection = check(&with_key, SignaturePolicy::Documented).unwrap_err();
    assert_eq!(rejection.body_and_key_bound_string, Some(text));
    assert_eq!(check(&request(&signature), SignaturePolicy::Documented).unwrap_err().body_and_key_bound_string, None);
}

#[test]
fn a_body_signed_minified_may_be_sent_with_white_space() {
    let signature = signed(bound_to(BODY));
    let body = String::from_utf8(BODY.to_vec()).unwrap().replace(':', " :\n ");
    let sent = SignedRequest { body: body.as_bytes(), ..request(&signature) };
    let verified = check(&sent, SignaturePolicy::BodyBound).unwrap();
    assert_eq!(verified.string_to_sign, bound_to(BODY));
    assert_eq!(verified.body_sha256, *Sha256::digest(&body));
}

#[test]
fn a_body_bound_signature_holds_for_no_other_body_path_or_method() {
    let signature = signed(bound_to(BODY));
    let right = request(&signature);
    for wrong in [
        SignedRequest { body: b"{}", ..right },
        SignedRequest { path: "/graphql", ..right },
        SignedRequest { method: "PUT", ..right },
        SignedRequest { timestamp: "1795441037", ..right },
    ] {
        for policy in SignaturePolicy::ALL {
            assert_eq!(check(&wrong, policy).unwrap_err().code, ErrorCode::InvalidSignature);
        }
    }
}

#[test]
fn any_active_key_may_sign() {
    let keys = [registered(&OTHER), registered(&OWN)];
    let signature = signed(DOCUMENTED);
    let verified = verify(&request(&signature), &keys, SignaturePolicy::Documented, now(), TOLERANCE, &none()).unwrap();
    assert_eq!(verified.fingerprint, OWN.public_key().fingerprint());
}

#[test]
fn a_signature_is_accepted_until_the_tolerance_is_over() {
    let signature = signed(DOCUMENTED);
    let at = |away| {
        verify(&request(&signature), &[registered(&OWN)], SignaturePolicy::Documented, now() + away, TOLERANCE, &none())
    };
    assert!(at(TimeDelta::seconds(300)).is_ok());
    assert!(at(TimeDelta::seconds(-300)).is_ok());
    let late = at(TimeDelta::seconds(301)).unwrap_err();
    assert_eq!((late.hint, late.skew_seconds, late.code), (Hint::ClockSkew, Some(-301), ErrorCode::InvalidTimestamp));
    assert!(late.message.contains("301 seconds behind"), "{}", late.message);
    let early = at(TimeDelta::seconds(-301)).unwrap_err();
    assert_eq!((early.hint, early.skew_seconds), (Hint::ClockSkew, Some(301)));
    assert!(early.message.contains("301 seconds ahead of"), "{}", early.message);
}

#[test]
fn an_unreadable_timestamp_is_named_before_a_bad_signature() {
    for (timestamp, hint) in [
        ("1795441036000", Hint::MillisecondsNotSeconds),
        ("1795441036000000", Hint::MicrosecondsNotSeconds),
        ("1795441036000000000", Hint::NanosecondsNotSeconds),
        ("2026-11-23T20:37:16", Hint::TimestampWithoutOffset),
        ("yesterday", Hint::TimestampUnreadable),
    ] {
        let request = SignedRequest { timestamp, ..request("???") };
        let rejection = check(&request, SignaturePolicy::Documented).unwrap_err();
        assert_eq!((rejection.code, rejection.hint), (ErrorCode::InvalidTimestamp, hint));
        assert_eq!(rejection.message, hint.explanation());
        assert_eq!((rejection.skew_seconds, rejection.body_bound_string), (None, None));
        assert!(rejection.keys_tried.is_empty());
    }
}

#[test]
fn an_unreadable_signature_is_named() {
    let right = signed(DOCUMENTED);
    for (signature, hint) in [
        (format!("{} {}", &right[..76], &right[76..]), Hint::SignatureHasWhitespace),
        (format!("\"{right}\""), Hint::SignatureNotBase64),
        (STANDARD.encode(&right), Hint::SignatureEncodedTwice),
        (right[..right.len() - 8].to_owned(), Hint::SignatureWrongLength),
        (STANDARD.encode(Sha256::digest(DOCUMENTED)), Hint::SignatureWrongLength),
    ] {
        let rejection = check(&request(&signature), SignaturePolicy::Documented).unwrap_err();
        assert_eq!((rejection.code, rejection.hint), (ErrorCode::InvalidSignature, hint));
    }
    let short = STANDARD.encode([7; 32]);
    let rejection = check(&request(&short), SignaturePolicy::Documented).unwrap_err();
    assert!(
        rejection
            .message
            .contains("it has 32 bytes, which looks like a bare digest or an HMAC; a signature here has 256")
    );
}

#[test]
fn a_refusal_tells_all_that_the_server_verified() {
    let signature = signed("something else");
    let now = now() + TimeDelta::milliseconds(2500);
    let keys = [registered(&OWN), registered(&OTHER)];
    let rejection =
        verify(&request(&signature), &keys, SignaturePolicy::Documented, now, TOLERANCE, &none()).unwrap_err();
    assert_eq!(rejection.string_to_sign, DOCUMENTED);
    assert_eq!(rejection.body_bound_string.as_deref(), Some(bound_to(BODY).as_str()));
    assert_eq!(rejection.server_time, now);
    assert_eq!(rejection.skew_seconds, Some(-2));
    assert_eq!(rejection.keys_tried, [OWN.public_key().fingerprint(), OTHER.public_key().fingerprint()]);
    assert_eq!(rejection.signed_with_key.as_deref(), Some(OWN.public_key().fingerprint()));
    let error = AppError::from(rejection);
    assert_eq!(error.hint, Some("signed_other_text"));
    assert_eq!(error.details["server_time"], "2026-11-23T13:37:18.500Z");
}

#[test]
fn under_the_body_bound_policy_the_text_to_sign_is_the_bound_one() {
    let rejection = check(&request("???"), SignaturePolicy::BodyBound).unwrap_err();
    assert_eq!(rejection.string_to_sign, bound_to(BODY));
}

/// Bytes of any length, and often of a signature's.
fn signatures() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 256), vec(any::<u8>(), 0..300), vec(any::<u8>(), 300..2000)]
}

proptest! {
    #[test]
    fn no_signature_makes_the_check_panic(bytes in signatures()) {
        for policy in SignaturePolicy::ALL {
            assert!(check(&request(&STANDARD.encode(&bytes)), policy).is_err());
        }
    }
}
