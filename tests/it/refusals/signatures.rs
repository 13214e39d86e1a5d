//! Manipulated signatures, timestamps and client ids, each with a token that is as it should be.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, Pss};
use sales_order_api::auth::private_key::PrivateKey;
use sales_order_api::auth::string_to_sign::documented_string;
use sales_order_api::domain::permission::Permission;
use sales_order_api::domain::signature_policy::SignaturePolicy;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::{Attempt, Refusal, assert_refused, invalid_signature};
use crate::support::{OTHER_KEY, Partner, TestApp, Wire};

/// The DigestInfo of SHA-1 and then the digest of `versuni-client-001|1795441036`, which the clock's standing still
/// makes the text of every documented signature here.
const SHA_1: &str = "3021300906052b0e03021a05000414688de6f69cf795045598c29f955f5e4315a3d5e1";

/// A key in numbers, to sign in wrong ways.
fn numbers(key: &PrivateKey) -> rsa::PrivateKey {
    rsa::PrivateKey::from_pkcs8_pem(key.to_pkcs8_pem().unwrap().expose_secret()).unwrap()
}

fn invalid_header(name: &'static str, attempt: Attempt) -> Refusal {
    Refusal { name, attempt, status: 400, code: "INVALID_HEADER", hint: None }
}

/// The right signature, written in ways that are not one of the accepted ones, or not whole.
fn spellings(attempt: &Attempt, signature: &[u8]) -> Vec<Refusal> {
    let text = STANDARD.encode(signature);
    let stem = text.trim_end_matches('=');
    let (hex, half) = (hex::encode(signature), text.len() / 2);
    let both_alphabets = format!("_{}", &STANDARD.encode([0xFF; 256])[1..]);
    let changed = |at: usize| {
        let mut bytes = signature.to_vec();
        bytes[at] ^= 1;
        STANDARD.encode(bytes)
    };
    [
        ("one space", " ".to_owned(), "signature_has_whitespace"),
        ("two halves with a space", format!("{} {}", &text[..half], &text[half..]), "signature_has_whitespace"),
        ("two halves with a tab", format!("{}\t{}", &text[..half], &text[half..]), "signature_has_whitespace"),
        ("half its padding", format!("{stem}="), "signature_not_base64"),
        ("more than its padding", format!("{text}="), "signature_not_base64"),
        ("four pads", format!("{text}=="), "signature_not_base64"),
        ("padding in front", format!("=={stem}"), "signature_not_base64"),
        ("padding in the middle", format!("{}=={}", &stem[..half], &stem[half..]), "signature_not_base64"),
        ("only padding", "==".to_owned(), "signature_not_base64"),
        (
            "base64url with half its padding",
            format!("{}=", URL_SAFE.encode(signature).trim_end_matches('=')),
            "signature_not_base64",
        ),
        ("two alphabets in one", both_alphabets, "signature_not_base64"),
        ("percent-encoded", text.replace('=', "%3D"), "signature_not_base64"),
        ("quoted", format!("\"{text}\""), "signature_not_base64"),
        ("named", format!("sha256={text}"), "signature_not_base64"),
        ("hex with 0x", format!("0x{hex}"), "signature_not_base64"),
        (
            "hex with colons",
            hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair)).collect::<Vec<_>>().join(":"),
            "signature_not_base64",
        ),
        ("not a letter of it", "%%%%".to_owned(), "signature_not_base64"),
        ("encoded twice", STANDARD.encode(&text), "signature_encoded_twice"),
        ("hex in base64", STANDARD.encode(&hex), "signature_encoded_twice"),
        ("base64 in hex", hex::encode(&text), "signature_encoded_twice"),
        ("cut short by a character", text[..text.len() - 1].to_owned(), "signature_not_base64"),
        ("cut short by a byte", STANDARD.encode(&signature[..255]), "signature_wrong_length"),
        ("without its first byte", STANDARD.encode(&signature[1..]), "signature_wrong_length"),
        ("half of it", STANDARD.encode(&signature[..128]), "signature_wrong_length"),
        ("half of its hex", hex[..256].to_owned(), "signature_wrong_length"),
        ("its text twice", text.repeat(2), "signature_not_base64"),
        ("its bytes twice", STANDARD.encode(signature.repeat(2)), "signature_wrong_length"),
        ("its hex twice", hex.repeat(2), "signature_wrong_length"),
        ("a zero byte in front", STANDARD.encode([&[0], signature].concat()), "signature_wrong_length"),
        ("a zero byte behind", STANDARD.encode([signature, &[0]].concat()), "signature_wrong_length"),
        ("64 KB", "A".repeat(65_536), "signature_wrong_length"),
        ("64 KB of pads", "=".repeat(65_536), "signature_not_base64"),
        ("its first bit flipped", changed(0), "signature_mismatch"),
        ("a bit in its middle flipped", changed(128), "signature_mismatch"),
        ("its last bit flipped", changed(255), "signature_mismatch"),
        (
            "its bytes backwards",
            STANDARD.encode(signature.iter().rev().copied().collect::<Vec<_>>()),
            "signature_mismatch",
        ),
    ]
    .map(|(name, spelling, hint)| invalid_signature(name, attempt.with("x-signature", spelling), hint))
    .into()
}

/// Whole signatures, but of another kind, by another key, or of another text.
fn forgeries(attempt: &Attempt, partner: &Partner<'_>, timestamp: &str) -> Vec<Refusal> {
    let text = documented_string(&partner.client_id, timestamp);
    let digest = Sha256::digest(&text);
    let key = numbers(partner.key);
    let modulus = key.n().to_be_bytes();
    let unprefixed = |bytes: &[u8]| key.sign(Pkcs1v15Sign::new_unprefixed(), bytes).unwrap();
    let own = |text: &[u8]| partner.key.sign(text).unwrap();
    let one = [&[0; 255], &[1][..]].concat();
    let id = &partner.client_id;
    let seconds: i64 = timestamp.parse().unwrap();
    [
        ("zeros", vec![0; 256], "signature_mismatch"),
        ("one", one, "signature_mismatch"),
        ("ones", vec![0xFF; 256], "signature_mismatch"),
        ("the modulus", modulus.to_vec(), "signature_mismatch"),
        ("the bare digest", digest.to_vec(), "signature_wrong_length"),
        ("an elliptic curve's", vec![0x30; 71], "signature_wrong_length"),
        ("another key's", OTHER_KEY.sign(text.as_bytes()).unwrap(), "signature_mismatch"),
        (
            "another client's, by another key",
            OTHER_KEY.sign(format!("other-partner|{timestamp}").as_bytes()).unwrap(),
            "signature_mismatch",
        ),
        (
            "another client's, by the same key",
            own(format!("other-partner|{timestamp}").as_bytes()),
            "signed_other_text",
        ),
        ("PSS", key.sign(Pss::<Sha256>::new(), &digest).unwrap(), "signed_with_pss"),
        ("PSS without salt", key.sign(Pss::<Sha256>::new_with_salt(0), &digest).unwrap(), "signed_with_pss"),
        ("SHA-1", unprefixed(&hex::decode(SHA_1).unwrap()), "signed_with_sha1"),
        ("SHA-384", key.pkcs1v15_sign::<Sha384>(text.as_bytes()).unwrap(), "signed_with_other_digest"),
        ("SHA-512", key.pkcs1v15_sign::<Sha512>(text.as_bytes()).unwrap(), "signed_with_sha512"),
        ("the digest without its name", unprefixed(&digest), "signed_without_digest_info"),
        ("the text itself, unhashed", unprefixed(text.as_bytes()), "signed_without_digest_info"),
        ("hashed twice", own(&digest), "signed_digest_of_string"),
        ("hashed twice, in hex", own(hex::encode(digest).as_bytes()), "signed_digest_of_string"),
        ("a line break behind", own(format!("{text}\n").as_bytes()), "signed_trailing_newline"),
        ("a Windows line break behind", own(format!("{text}\r\n").as_bytes()), "signed_trailing_newline"),
        ("a space behind", own(format!("{text} ").as_bytes()), "signed_wrong_string_form"),
        ("another separator", own(format!("{id}:{timestamp}").as_bytes()), "signed_wrong_string_form"),
        ("the other order", own(format!("{timestamp}|{id}").as_bytes()), "signed_wrong_string_form"),
        ("only the timestamp", own(timestamp.as_bytes()), "signed_wrong_string_form"),
        ("the body alone", own(attempt.body.as_bytes()), "signed_wrong_string_form"),
        ("the second before", own(format!("{id}|{}", seconds - 1).as_bytes()), "signed_other_timestamp"),
        ("its milliseconds", own(format!("{id}|{timestamp}000").as_bytes()), "signed_other_timestamp"),
        ("a signature of last week", own(format!("{id}|{}", seconds - 604_800).as_bytes()), "signed_other_text"),
        ("nothing at all", own(b""), "signed_other_text"),
    ]
    .map(|(name, signature, hint)| {
        invalid_signature(name, attempt.with("x-signature", STANDARD.encode(signature)), hint)
    })
    .into()
}

/// Timestamps that are unreadable or too far away, each rightly signed.
fn timestamps(attempt: &Attempt, partner: &Partner<'_>) -> Vec<Refusal> {
    let many_digits = "1".repeat(65_536);
    [
        ("milliseconds", "1795441036123", "milliseconds_not_seconds"),
        ("microseconds", "1795441036123456", "microseconds_not_seconds"),
        ("nanoseconds", "1795441036123456789", "nanoseconds_not_seconds"),
        ("seconds with a fraction", "1795441036.5", "timestamp_unreadable"),
        ("seconds with a sign", "+1795441036", "timestamp_unreadable"),
        ("negative seconds", "-1795441036", "timestamp_unreadable"),
        ("seconds in hex", "0x6b0409cc", "timestamp_unreadable"),
        ("an exponent", "1.795441036e9", "timestamp_unreadable"),
        ("Arabic digits", "١٧٩٥٤٤١٠٣٦", "timestamp_unreadable"),
        ("a word", "now", "timestamp_unreadable"),
        ("an HTTP date", "Mon, 23 Nov 2026 13:37:16 GMT", "timestamp_unreadable"),
        ("a day without time", "2026-11-23", "timestamp_unreadable"),
        ("a day that does not exist", "2026-02-30T13:37:16Z", "timestamp_unreadable"),
        ("two times", "1795441036,1795441036", "timestamp_unreadable"),
        ("no offset", "2026-11-23T20:37:16", "timestamp_without_offset"),
        ("64 KB of digits", &many_digits, "timestamp_unreadable"),
        ("stale by a second", "1795440735", "clock_skew"),
        ("a second too far ahead", "1795441337", "clock_skew"),
        ("a local time that claims to be UTC", "2026-11-23T20:37:16Z", "clock_skew"),
        ("last year", "1763905036", "clock_skew"),
        ("1970", "0", "clock_skew"),
        ("the year 5138", "99999999999", "clock_skew"),
    ]
    .map(|(name, timestamp, hint)| {
        let signed = partner.sign_text(timestamp, &documented_string(&partner.client_id, timestamp));
        let attempt = attempt.with("x-timestamp", timestamp).with("x-signature", signed.signature);
        Refusal { name, attempt, status: 401, code: "INVALID_TIMESTAMP", hint: Some(hint) }
    })
    .into()
}

/// Headers that are absent, there twice, another client's, or no text.
fn headers(attempt: &Attempt, other: &Partner<'_>, signature: &str, timestamp: &str) -> Vec<Refusal> {
    let missing = |name, header| Refusal {
        name,
        attempt: attempt.with(header, ""),
        status: 400,
        code: "MISSING_HEADER",
        hint: None,
    };
    let retargeted = |name, client_id: &[u8]| Refusal {
        name,
        attempt: attempt.with("x-client-id", client_id).with("x-signature", other.sign().signature),
        status: 401,
        code: "CLIENT_ID_MISMATCH",
        hint: Some("client_id_mismatch"),
    };
    let again = |header, value: &str| attempt.clone().and(header, value);
    let no_text = |header, value: &str| attempt.with(header, [value.as_bytes(), &[0xFF, 0xFE]].concat());
    let unreadable = Some("timestamp_unreadable");
    vec![
        missing("no client id", "x-client-id"),
        missing("no timestamp", "x-timestamp"),
        missing("no signature", "x-signature"),
        invalid_header("the client id twice", again("x-client-id", "versuni-client-001")),
        invalid_header("two client ids", again("x-client-id", "other-partner")),
        invalid_header("the timestamp twice", again("x-timestamp", timestamp)),
        invalid_header("the signature twice", again("x-signature", signature)),
        invalid_header("two signatures", again("x-signature", &other.sign().signature)),
        retargeted("another client's id and signature", b"other-partner"),
        retargeted("nobody's id", b"nobody"),
        retargeted("the id in other case", b"VERSUNI-CLIENT-001"),
        retargeted("the id and a space", b"versuni-client-001 "),
        retargeted("two ids in one", b"versuni-client-001, other-partner"),
        retargeted("an id of 64 KB", "x".repeat(65_536).as_bytes()),
        retargeted("an id that is no text", b"versuni-client-001\xFF"),
        invalid_signature("a signature that is no text", no_text("x-signature", signature), "signature_not_base64"),
        Refusal {
            name: "a timestamp that is no text",
            attempt: no_text("x-timestamp", timestamp),
            status: 401,
            code: "INVALID_TIMESTAMP",
            hint: unreadable,
        },
    ]
}

#[tokio::test]
async fn every_manipulated_signature_is_refused_by_name_and_leaves_no_order() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let key = OTHER_KEY.public_key().to_pem();
    let secret = app.client("other-partner", &[Permission::OrdersCreate], SignaturePolicy::Documented, vec![key]).await;
    let other = Partner::log_in(&app, "other-partner", secret, &OTHER_KEY).await;

    let signed = partner.sign();
    let honest = Wire::BOTH.map(|wire| Attempt::honest(wire, &signed, &format!("{wire:?}")));
    let bytes = STANDARD.decode(&signed.signature).unwrap();
    let mut refusals = Vec::new();
    for attempt in &honest {
        refusals.extend(spellings(attempt, &bytes));
        refusals.extend(forgeries(attempt, &partner, &signed.timestamp));
        refusals.extend(timestamps(attempt, &partner));
        refusals.extend(headers(attempt, &other, &signed.signature, &signed.timestamp));
    }
    assert_refused(&app, refusals, &honest).await;
}
