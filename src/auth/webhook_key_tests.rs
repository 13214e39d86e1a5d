//! Keys of webhooks in their text forms.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

#[test]
fn a_new_secret_has_256_bits_and_is_read_back_from_its_text() {
    let secret = HmacSecret::generate();
    assert_eq!(secret.expose_bytes().len(), 32);
    let text = secret.to_text();
    assert!(text.expose_secret().starts_with("whsec_"), "it does not begin as a secret does");
    let read = HmacSecret::parse(&format!(" {}\n", text.expose_secret())).unwrap();
    assert_eq!(read.expose_bytes(), secret.expose_bytes());
    assert_ne!(HmacSecret::generate().expose_bytes(), secret.expose_bytes());
}

#[test]
fn a_new_ed25519_key_is_read_back_from_its_bytes_and_its_public_half_from_its_text() {
    let key = Ed25519Key::generate().unwrap();
    assert_eq!(Ed25519Key::from_bytes(key.expose_bytes()).unwrap().public(), key.public());
    assert_eq!(&Ed25519PublicKey::parse(&key.public().to_text()).unwrap(), key.public());
    assert_eq!(Ed25519PublicKey::parse(PUBLIC).unwrap().to_text(), PUBLIC);
}

#[test]
fn a_text_that_is_no_secret_is_refused_with_the_way_out() {
    let encoded = |length| format!("whsec_{}", STANDARD.encode(vec![1; length]));
    for (text, error, remedy) in [
        ("", WebhookKeyError::NotSecret, "begins with whsec_"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", WebhookKeyError::NotSecret, "copy the whole text"),
        (PUBLIC, WebhookKeyError::PublicKeyForSecret, "the endpoint's secret (whsec_)"),
        ("whsk_AAAA", WebhookKeyError::PrivateKey, "only the sender"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", WebhookKeyError::NotBase64, "copy the text again"),
        ("whsec_MfKQ 9r8GKYqrTwjUPD8ILPZIo2LaLaS", WebhookKeyError::NotBase64, "the = at its end"),
        ("whsec_", WebhookKeyError::SecretLength(0), "24 to 64"),
        (&encoded(23), WebhookKeyError::SecretLength(23), "rotate the secret"),
        (&encoded(65), WebhookKeyError::SecretLength(65), "24 to 64"),
    ] {
        assert_eq!(HmacSecret::parse(text).unwrap_err(), error, "{text}");
        assert!(error.to_string().contains(remedy), "{error}");
    }
    assert!(HmacSecret::parse(&encoded(24)).is_ok() && HmacSecret::parse(&encoded(64)).is_ok());
}

#[test]
fn a_text_that_is_no_public_key_is_refused_with_the_way_out() {
    for (text, error, remedy) in [
        ("", WebhookKeyError::NotPublicKey, "begins with whpk_"),
        ("whsec_AAAA", WebhookKeyError::SecretForPublicKey, "the public key (whpk_)"),
        ("whsk_AAAA", WebhookKeyError::PrivateKey, "only the sender"),
        ("whpk_11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", WebhookKeyError::NotBase64, "each + and /"),
        ("whpk_AAAA", WebhookKeyError::Ed25519Length(3), "copy the whole text"),
    ] {
        assert_eq!(Ed25519PublicKey::parse(text).unwrap_err(), error, "{text}");
        assert!(error.to_string().contains(remedy), "{error}");
    }
    assert_eq!(Ed25519Key::from_bytes(&[0; 31]).unwrap_err(), WebhookKeyError::Ed25519Length(31));
    assert_eq!(Ed25519Key::from_bytes(&[0; 64]).unwrap_err(), WebhookKeyError::Ed25519Length(64));
}

#[test]
fn no_secret_is_shown_by_debug() {
    let secret = HmacSecret::generate();
    assert_eq!(format!("{secret:?}"), "HmacSecret");
    assert!(!format!("{:?}", secret.to_text()).contains("whsec_"));
    let key = Ed25519Key::generate().unwrap();
    let shown = format!("Ed25519Key {{ public: Ed25519PublicKey({:?}), .. }}", key.public().to_text());
    assert_eq!(format!("{key:?}"), shown);
}

proptest! {
    #[test]
    fn every_secret_is_read_back(bytes in vec(any::<u8>(), 24..=64)) {
        let secret = HmacSecret::from_bytes(&bytes).unwrap();
        let read = HmacSecret::parse(secret.to_text().expose_secret()).unwrap();
        prop_assert_eq!(read.expose_bytes(), &bytes);
    }

    #[test]
    fn no_text_makes_reading_panic(text in "(whsec_|whpk_|whsk_)?[a-zA-Z0-9+/= é\0]{0,100}") {
        let _ = HmacSecret::parse(&text);
        let _ = Ed25519PublicKey::parse(&text);
    }
}
