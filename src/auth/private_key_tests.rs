//! Loading, making and using private keys.

use rsa::pkcs1::EncodeRsaPrivateKey as _;
use secrecy::ExposeSecret as _;
use sha2::Sha256;

use super::*;
use crate::auth::fixtures::OWN;

/// An Ed25519 key with nothing but zeros for a secret.
const ED25519_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----";

fn enveloped(label: &str) -> String {
    format!("-----BEGIN {label}-----\nAQID\n-----END {label}-----\n")
}

fn refusal(text: &str) -> PrivateKeyError {
    PrivateKey::from_pem(text).unwrap_err()
}

#[test]
fn a_key_is_read_back_from_pkcs8_and_pkcs1() {
    let pkcs8 = OWN.to_pkcs8_pem().unwrap();
    let pkcs1 = OWN.rsa().to_pkcs1_pem(LineEnding::CRLF).unwrap();
    assert!(pkcs8.expose_secret().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    for text in [pkcs8.expose_secret(), pkcs1.as_str(), &format!("{}{}", OWN.public_key().to_pem(), pkcs1.as_str())] {
        let key = PrivateKey::from_pem(text).unwrap();
        assert_eq!(key.public_key(), OWN.public_key());
        assert_eq!(key.sign(b"text").unwrap(), OWN.sign(b"text").unwrap());
    }
}

#[test]
fn a_generated_key_has_2048_bits_and_signs_what_its_public_half_verifies() {
    assert_eq!(OWN.public_key().bits(), 2048);
    assert!(OWN.public_key().verify(b"text", &OWN.sign(b"text").unwrap()));
}

#[test]
fn both_libraries_make_the_same_signature() {
    for text in [&b""[..], b"text", &[0xFF; 1000]] {
        assert_eq!(OWN.sign(text).unwrap(), OWN.rsa().pkcs1v15_sign::<Sha256>(text).unwrap());
    }
}

#[test]
fn a_key_that_cannot_sign_is_refused_with_the_way_out() {
    let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,09\n\nAQID\n-----END RSA PRIVATE KEY-----";
    for (text, error, remedy) in [
        ("nothing", PrivateKeyError::NoPem, "-inform DER"),
        (legacy, PrivateKeyError::Encrypted, "openssl rsa -in key.pem"),
        (&enveloped("ENCRYPTED PRIVATE KEY"), PrivateKeyError::Encrypted, "without pass phrase"),
        (&enveloped("OPENSSH PRIVATE KEY"), PrivateKeyError::OpenSsh, "ssh-keygen -p"),
        (&enveloped("EC PRIVATE KEY"), PrivateKeyError::NotRsa("elliptic curves (EC)".to_owned()), "openssl genrsa"),
        (ED25519_KEY, PrivateKeyError::NotRsa("Ed25519".to_owned()), "openssl genrsa"),
        (&OWN.public_key().to_pem(), PrivateKeyError::Public, "the private key that belongs to it"),
        (&enveloped("CERTIFICATE"), PrivateKeyError::Public, "the private key that belongs to it"),
        (&enveloped("PRIVATE KEY"), PrivateKeyError::Damaged, "copy the whole file"),
        (&enveloped("RSA PRIVATE KEY"), PrivateKeyError::Damaged, "copy the whole file"),
        (&enveloped("DH PARAMETERS"), PrivateKeyError::OtherPem("DH PARAMETERS".to_owned()), "RSA private key"),
    ] {
        assert_eq!(refusal(text), error);
        assert!(error.to_string().contains(remedy), "{error}");
    }
}

#[test]
fn a_key_too_small_to_register_cannot_sign_either() {
    let small = rsa::PrivateKey::new(&mut getrandom::SysRng, 1024).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap();
    assert_eq!(refusal(&small), PrivateKeyError::Unfit(PublicKeyError::TooSmall(1024)));
}

#[test]
fn a_key_is_not_shown_by_debug() {
    assert_eq!(
        format!("{:?}", *OWN),
        format!("PrivateKey {{ public: PublicKey({:?}), .. }}", OWN.public_key().fingerprint())
    );
}

#[test]
fn a_damaged_key_never_panics() {
    let whole = OWN.to_pkcs8_pem().unwrap();
    let whole = whole.expose_secret();
    for length in (0..whole.len()).step_by(7) {
        let _ = PrivateKey::from_pem(&whole[..length]);
    }
    let der = pem::blocks(whole)[0].der().unwrap();
    for index in (0..der.len()).step_by(23) {
        let mut damaged = der.to_vec();
        damaged[index] ^= 0x01;
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &damaged);
        let _ = PrivateKey::from_pem(&format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----"));
    }
}
