//! The mistakes clients make when they sign, and the hint each of them gets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use rsa::Pkcs1v15Sign;
use sha2::{Sha384, Sha512};

use super::*;
use crate::auth::fixtures::*;
use crate::auth::signature::{SignatureRejection, verify};
use crate::domain::signature_policy::SignaturePolicy;

fn refused(signature: &str) -> Box<SignatureRejection> {
    check(&request(signature), SignaturePolicy::Documented).unwrap_err()
}

/// Expects the hint for a text signed by the client's own key, and that the text itself is shown.
fn assert_text(text: &str, hint: Hint) {
    let rejection = refused(&signed(text));
    assert_eq!(rejection.hint, hint, "{text:?}");
    assert_eq!(rejection.signed_string.as_deref(), Some(text));
    assert!(rejection.message.contains(&format!("{text:?}")), "{}", rejection.message);
}

fn bound(method: &str, path: &str, hash: &str) -> String {
    format!("{method}:{path}:{hash}:{TIMESTAMP}")
}

fn body_hash() -> String {
    hex::encode(Sha256::digest(BODY))
}

#[test]
fn a_signature_made_with_a_trailing_newline_is_named() {
    for text in [DOCUMENTED.to_owned(), bound_to(BODY)] {
        assert_text(&format!("{text}\n"), Hint::SignedTrailingNewline);
        assert_text(&format!("{text}\r\n"), Hint::SignedTrailingNewline);
    }
}

#[test]
fn a_signature_over_the_right_values_in_the_wrong_form_is_named() {
    for text in [
        format!("{CLIENT}:{TIMESTAMP}"),
        format!("{CLIENT}{TIMESTAMP}"),
        format!("{CLIENT} | {TIMESTAMP}"),
        format!("{TIMESTAMP}|{CLIENT}"),
        format!("\"{DOCUMENTED}\""),
        format!("{DOCUMENTED}|"),
        TIMESTAMP.to_owned(),
        String::from_utf8(BODY.to_vec()).unwrap(),
        format!("POST|{PATH}|{}|{TIMESTAMP}", body_hash()),
    ] {
        assert_text(&text, Hint::SignedWrongStringForm);
    }
    let utf_16: Vec<u8> = DOCUMENTED.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rejection = refused(&signed(utf_16));
    assert_eq!((rejection.hint, rejection.signed_string), (Hint::SignedWrongStringForm, None));
}

#[test]
fn a_signature_for_another_client_id_is_named() {
    // In another case, of a neighbour, of nobody, and what a program writes whose variable is not set.
    for id in ["versuni-client-001", "VERSUNI-CLIENT-001", "Versuni-client-002", "Versuni-client", "", "undefined"] {
        assert_text(&format!("{id}|{TIMESTAMP}"), Hint::SignedOtherClientId);
    }
    // A name that nobody could guess from this one is just another text.
    assert_eq!(refused(&signed(format!("another-partner|{TIMESTAMP}"))).hint, Hint::SignedOtherText);
}

#[test]
fn a_digest_signed_instead_of_the_text_is_named() {
    let digest = Sha256::digest(DOCUMENTED);
    assert_text(&hex::encode(digest), Hint::SignedDigestOfString);
    assert_text(&STANDARD.encode(digest), Hint::SignedDigestOfString);
    assert_eq!(refused(&signed(digest)).hint, Hint::SignedDigestOfString);
}

#[test]
fn another_spelling_of_the_timestamp_in_the_signed_text_is_named() {
    for timestamp in [
        "1795441036000",
        "1795441036789",
        "2026-11-23T13:37:16Z",
        "2026-11-23T13:37:16.789Z",
        "2026-11-23T20:37:16+07:00",
        "2026-11-23T13:37:16",
        "1795441035",
        "1795441096",
        "2026-11-23T13:37:15Z",
    ] {
        assert_text(&format!("{CLIENT}|{timestamp}"), Hint::SignedOtherTimestamp);
    }
    assert_text(&format!("POST:{PATH}:{}:1795441035", body_hash()), Hint::SignedOtherTimestamp);
}

#[test]
fn another_path_or_method_in_the_signed_text_is_named() {
    for (method, path) in [
        ("POST", "/sales-orders"),
        ("POST", "/v1/sales-orders"),
        ("post", PATH),
        ("POST", "/api/v1/sales-orders/"),
        ("POST", "/api/v1/sales-orders/validation"),
        ("POST", "/api/v1/sales-orders/batch"),
    ] {
        assert_text(&bound(method, path, &body_hash()), Hint::SignedOtherPath);
    }
}

#[test]
fn another_writing_of_the_body_hash_is_named() {
    assert_text(&bound(METHOD, PATH, &body_hash().to_uppercase()), Hint::SignedOtherHashEncoding);
    assert_text(&bound(METHOD, PATH, &STANDARD.encode(Sha256::digest(BODY))), Hint::SignedOtherHashEncoding);
}

#[test]
fn the_hash_of_an_empty_body_is_named() {
    assert_text(&bound_to(b""), Hint::SignedEmptyBody);
}

#[test]
fn the_hash_of_the_same_body_with_other_white_space_is_named() {
    let spaced = br#"{"customer_code": "CUST-001", "products": [{"product_code": "P 1", "quantity": 2}]}"#;
    assert_text(&bound_to(spaced), Hint::SignedOtherBody);
    assert_text(&bound_to(&[BODY, b"\n"].concat()), Hint::SignedOtherBody);
}

#[test]
fn the_documented_form_under_the_body_bound_policy_is_named() {
    let signature = signed(DOCUMENTED);
    let rejection = check(&request(&signature), SignaturePolicy::BodyBound).unwrap_err();
    assert_eq!(rejection.hint, Hint::SignedBodyBoundExpected);
    assert_eq!(rejection.string_to_sign, bound_to(BODY));
}

#[test]
fn a_text_that_is_no_known_mistake_is_told_from_a_foreign_key() {
    let own = refused(&signed("something else"));
    assert_eq!(own.hint, Hint::SignedOtherText);
    assert_eq!(own.signed_with_key.as_deref(), Some(OWN.public_key().fingerprint()));
    let foreign = refused(&STANDARD.encode(OTHER.sign(DOCUMENTED.as_bytes()).unwrap()));
    assert_eq!((foreign.hint, foreign.signed_with_key), (Hint::SignatureMismatch, None));
}

#[test]
fn another_digest_is_named() {
    // A SHA-1 DigestInfo written out, as no SHA-1 is at hand: algorithm, then twenty bytes of digest.
    let sha_1 = [&hex::decode("3021300906052b0e03021a05000414").unwrap()[..], &[9; 20]].concat();
    for (signature, hint) in [
        (OWN.rsa().sign(Pkcs1v15Sign::new_unprefixed(), &sha_1).unwrap(), Hint::SignedWithSha1),
        (OWN.rsa().pkcs1v15_sign::<Sha512>(DOCUMENTED.as_bytes()).unwrap(), Hint::SignedWithSha512),
        (OWN.rsa().pkcs1v15_sign::<Sha384>(DOCUMENTED.as_bytes()).unwrap(), Hint::SignedWithOtherDigest),
    ] {
        assert_eq!(refused(&STANDARD.encode(signature)).hint, hint);
    }
}

#[test]
fn raw_encryption_with_the_private_key_is_named() {
    for content in [DOCUMENTED.as_bytes(), &Sha256::digest(DOCUMENTED)] {
        let signature = OWN.rsa().sign(Pkcs1v15Sign::new_unprefixed(), content).unwrap();
        assert_eq!(refused(&STANDARD.encode(signature)).hint, Hint::SignedWithoutDigestInfo);
    }
}

#[test]
fn pss_padding_with_any_salt_is_named() {
    for salt in [32, 0, 20, 222] {
        for text in [DOCUMENTED.to_owned(), bound_to(BODY)] {
            let signature = OWN.rsa().sign(Pss::<Sha256>::new_with_salt(salt), &Sha256::digest(text)).unwrap();
            assert_eq!(refused(&STANDARD.encode(signature)).hint, Hint::SignedWithPss);
        }
    }
}

#[test]
fn a_signature_with_a_key_out_of_its_time_is_named_whatever_it_signed() {
    let later = Some(now() + TimeDelta::seconds(1));
    let unusable = [
        (RegisteredKey { revoked_at: Some(now()), ..registered(&OWN) }, Hint::SignedWithRevokedKey),
        (RegisteredKey { expires_at: Some(now()), ..registered(&OWN) }, Hint::SignedWithExpiredKey),
        (RegisteredKey { not_before: later, ..registered(&OWN) }, Hint::SignedWithFutureKey),
    ];
    for (key, hint) in unusable {
        for text in [DOCUMENTED, "something else"] {
            let signature = signed(text);
            for keys in [vec![key.clone()], vec![key.clone(), registered(&OTHER)]] {
                let verdict =
                    verify(&request(&signature), &keys, SignaturePolicy::Documented, now(), TOLERANCE, &none());
                let rejection = verdict.unwrap_err();
                assert_eq!(rejection.hint, hint);
                assert_eq!(rejection.signed_with_key.as_deref(), Some(OWN.public_key().fingerprint()));
                assert!(!rejection.keys_tried.contains(&key.key.fingerprint().to_owned()));
            }
        }
    }
}

#[test]
fn a_client_without_an_active_key_is_told_so() {
    let revoked = RegisteredKey { revoked_at: Some(now()), ..registered(&OTHER) };
    for keys in [vec![], vec![revoked]] {
        let signature = signed(DOCUMENTED);
        let verdict = verify(&request(&signature), &keys, SignaturePolicy::Documented, now(), TOLERANCE, &none());
        assert_eq!(verdict.unwrap_err().hint, Hint::NoUsableKey);
    }
}

#[test]
fn a_key_that_is_missing_in_the_signed_text_or_another_one_is_named() {
    let refused = |signature: &str, policy| {
        check(&SignedRequest { idempotency_key: Some("po-1a"), ..request(signature) }, policy).unwrap_err()
    };
    for text in [DOCUMENTED.to_owned(), bound_to(BODY)] {
        let rejection = refused(&signed(&text), SignaturePolicy::BodyAndKeyBound);
        assert_eq!(rejection.hint, Hint::SignedWithoutIdempotencyKey);
        assert_eq!(rejection.signed_string, Some(text));
    }
    for (key, hint) in [
        ("PO-1A", Hint::SignedOtherIdempotencyKey),
        ("\"po-1a\"", Hint::SignedOtherIdempotencyKey),
        ("undefined", Hint::SignedOtherIdempotencyKey),
        ("", Hint::SignedOtherIdempotencyKey),
        ("po-1a\n", Hint::SignedTrailingNewline),
    ] {
        let text = format!("{}:{key}", bound_to(BODY));
        for policy in SignaturePolicy::ALL {
            let rejection = refused(&signed(&text), policy);
            assert_eq!((rejection.hint, rejection.signed_string), (hint, Some(text.clone())), "{key:?}");
        }
    }
    for text in [
        format!("{DOCUMENTED}|po-1a"),
        format!("{}|po-1a", bound_to(BODY)),
        format!("POST:{PATH}:{}:po-1a:{TIMESTAMP}", body_hash()),
    ] {
        assert_eq!(
            refused(&signed(&text), SignaturePolicy::BodyAndKeyBound).hint,
            Hint::SignedWrongStringForm,
            "{text}"
        );
    }
    let other_time = format!("{}1795441000:po-1a", bound_to(BODY).trim_end_matches(TIMESTAMP));
    assert_eq!(refused(&signed(other_time), SignaturePolicy::BodyAndKeyBound).hint, Hint::SignedOtherTimestamp);
    let empty_body = format!("{}:po-1a", bound_to(b""));
    assert_eq!(refused(&signed(empty_body), SignaturePolicy::BodyAndKeyBound).hint, Hint::SignedEmptyBody);
    // A header that is not sent was signed, as by a program whose variable is not set.
    let unset = format!("{}:undefined", bound_to(BODY));
    let rejection = check(&request(&signed(unset)), SignaturePolicy::Documented).unwrap_err();
    assert_eq!(rejection.hint, Hint::SignedOtherIdempotencyKey);
}

#[test]
fn an_offset_without_minutes_before_a_signed_key_is_named() {
    let timestamp = "2026-11-23T20:37:16+07";
    let text = format!("{}{timestamp}:po-1", bound_to(BODY).trim_end_matches(TIMESTAMP));
    let signature = signed(&text);
    let request = SignedRequest { timestamp, idempotency_key: Some("po-1"), ..request(&signature) };
    assert_eq!(check(&request, SignaturePolicy::Documented).unwrap_err().hint, Hint::KeyBoundNeedsMinutes);
}
