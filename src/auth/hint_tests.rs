//! Every hint, and a mistake that gets it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::{Pkcs1v15Sign, Pss};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::*;
use crate::auth::fixtures::*;
use crate::auth::registered_key::RegisteredKey;
use crate::auth::signature::{SignatureRejection, SignedRequest, verify};
use crate::domain::signature_policy::SignaturePolicy;

/// The refusal of a request with the mistake that a hint is about. A new hint without one does not compile.
fn refusal(hint: Hint) -> Box<SignatureRejection> {
    let sent = |signature: &str| check(&request(signature), SignaturePolicy::Documented);
    let over = |text: &str| sent(&signed(text));
    let bytes = |bytes: &[u8]| sent(&STANDARD.encode(bytes));
    let at = |timestamp| check(&SignedRequest { timestamp, ..request("???") }, SignaturePolicy::Documented);
    let by = |keys: &[RegisteredKey]| {
        verify(&request(&signed(DOCUMENTED)), keys, SignaturePolicy::Documented, now(), TOLERANCE, &none())
    };
    let with_key =
        |text: &str, policy| check(&SignedRequest { idempotency_key: Some("po-1"), ..request(&signed(text)) }, policy);
    let unpadded = Pkcs1v15Sign::new_unprefixed;
    let (later, own) = (now() + chrono::TimeDelta::seconds(1), registered(&OWN));
    let hash = hex::encode(Sha256::digest(BODY));
    let verdict = match hint {
        Hint::ClientIdMismatch => panic!("found before the signature is looked at (tests/it/signatures/checks.rs)"),
        Hint::MillisecondsNotSeconds => at("1795441036000"),
        Hint::MicrosecondsNotSeconds => at("1795441036000000"),
        Hint::NanosecondsNotSeconds => at("1795441036000000000"),
        Hint::TimestampWithoutOffset => at("2026-11-23T20:37:16"),
        Hint::TimestampUnreadable => at("yesterday"),
        Hint::ClockSkew => at("1795440735"),
        Hint::SignatureHasWhitespace => {
            let whole = signed(DOCUMENTED);
            let (first, second) = whole.split_at(whole.len() / 2);
            sent(&format!("{first} {second}"))
        }
        Hint::SignatureNotBase64 => sent("???"),
        Hint::SignatureEncodedTwice => bytes(signed(DOCUMENTED).as_bytes()),
        Hint::SignatureWrongLength => bytes(&Sha256::digest(DOCUMENTED)),
        Hint::NoUsableKey => by(&[]),
        Hint::SignedWithRevokedKey => by(&[RegisteredKey { revoked_at: Some(now()), ..own }]),
        Hint::SignedWithExpiredKey => by(&[RegisteredKey { expires_at: Some(now()), ..own }]),
        Hint::SignedWithFutureKey => by(&[RegisteredKey { not_before: Some(later), ..own }]),
        Hint::SignedWithSha1 => {
            // A DigestInfo written out, as no SHA-1 is at hand: algorithm, then twenty bytes of digest.
            let sha_1 = [&hex::decode("3021300906052b0e03021a05000414").unwrap()[..], &[9; 20]].concat();
            bytes(&OWN.rsa().sign(unpadded(), &sha_1).unwrap())
        }
        Hint::SignedWithSha512 => bytes(&OWN.rsa().pkcs1v15_sign::<Sha512>(DOCUMENTED.as_bytes()).unwrap()),
        Hint::SignedWithOtherDigest => bytes(&OWN.rsa().pkcs1v15_sign::<Sha384>(DOCUMENTED.as_bytes()).unwrap()),
        Hint::SignedWithPss => {
            bytes(&OWN.rsa().sign(Pss::<Sha256>::new_with_salt(32), &Sha256::digest(DOCUMENTED)).unwrap())
        }
        Hint::SignedWithoutDigestInfo => bytes(&OWN.rsa().sign(unpadded(), DOCUMENTED.as_bytes()).unwrap()),
        Hint::SignedBodyBoundExpected => check(&request(&signed(DOCUMENTED)), SignaturePolicy::BodyBound),
        Hint::SignedWithoutIdempotencyKey => with_key(&bound_to(BODY), SignaturePolicy::BodyAndKeyBound),
        Hint::SignedOtherIdempotencyKey => {
            with_key(&format!("{}:PO-1", bound_to(BODY)), SignaturePolicy::BodyAndKeyBound)
        }
        Hint::KeyBoundNeedsMinutes => {
            let timestamp = "2026-11-23T20:37:16+07";
            let signature = signed(format!("{METHOD}:{PATH}:{hash}:{timestamp}:po-1"));
            let request = SignedRequest { timestamp, idempotency_key: Some("po-1"), ..request(&signature) };
            check(&request, SignaturePolicy::Documented)
        }
        Hint::SignedTrailingNewline => over(&format!("{DOCUMENTED}\n")),
        Hint::SignedDigestOfString => over(&hex::encode(Sha256::digest(DOCUMENTED))),
        Hint::SignedOtherClientId => over(&format!("versuni-client-001|{TIMESTAMP}")),
        Hint::SignedOtherTimestamp => over(&format!("{CLIENT}|1795441035")),
        Hint::SignedWrongStringForm => over(&format!("{CLIENT}{TIMESTAMP}")),
        Hint::SignedEmptyBody => over(&bound_to(b"")),
        Hint::SignedOtherBody => over(&bound_to(&[BODY, b"\n"].concat())),
        Hint::SignedOtherHashEncoding => over(&format!("{METHOD}:{PATH}:{}:{TIMESTAMP}", hash.to_uppercase())),
        Hint::SignedOtherPath => over(&format!("{METHOD}:/sales-orders:{hash}:{TIMESTAMP}")),
        Hint::SignedOtherText => over("something else"),
        Hint::SignatureMismatch => bytes(&OTHER.sign(DOCUMENTED.as_bytes()).unwrap()),
    };
    verdict.unwrap_err()
}

#[test]
fn every_hint_is_reached_by_a_mistake_of_its_kind() {
    for hint in Hint::ALL.iter().filter(|hint| **hint != Hint::ClientIdMismatch) {
        assert_eq!(refusal(*hint).hint, *hint);
    }
}

#[test]
fn every_hint_has_its_own_snake_case_name_and_one_sentence() {
    let mut names: Vec<_> = Hint::ALL.iter().map(|hint| hint.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Hint::ALL.len());
    for hint in Hint::ALL {
        assert!(hint.as_str().bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')), "{hint}");
        assert!(!hint.explanation().ends_with('.'), "{hint}");
        assert!(hint.explanation().starts_with(char::is_uppercase), "{hint}");
    }
}
