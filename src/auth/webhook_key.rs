//! The keys that webhooks are signed with: a secret shared with the receiver (`whsec_…`) and an Ed25519 key pair, whose
//! public half receivers know (`whpk_…`). The text forms are those of Standard Webhooks 1.0.0.
//!
//! What belongs here: making, reading and writing the keys, and each key's own operation. What does not: which text is signed
//! (`webhook_signature`), and how keys are stored (sealed, by their bytes).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::clock::random_bytes;

/// What a shared secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";
/// What a public key begins with.
pub const PUBLIC_KEY_PREFIX: &str = "whpk_";
/// What a private key begins with where others show one; this service shows none.
const PRIVATE_KEY_PREFIX: &str = "whsk_";

/// How many bytes a shared secret may have.
const SECRET_LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
/// How many bytes an Ed25519 key has, either half.
const ED25519_LENGTH: usize = 32;

/// Why a key for webhooks cannot be used; each sentence says what to do instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookKeyError {
    /// Text that does not begin as a secret does.
    #[error(
        "this is no webhook secret: one begins with {SECRET_PREFIX}; copy the whole text, with what it begins with"
    )]
    NotSecret,
    /// Text that does not begin as a public key does.
    #[error(
        "this is no public key for webhooks: one begins with {PUBLIC_KEY_PREFIX}; copy the whole text, with what it begins with"
    )]
    NotPublicKey,
    /// A public key where a secret belongs.
    #[error(
        "this is a public key ({PUBLIC_KEY_PREFIX}), which verifies v1a signatures; \
         v1 signatures need the endpoint's secret ({SECRET_PREFIX})"
    )]
    PublicKeyForSecret,
    /// A secret where a public key belongs.
    #[error(
        "this is a secret ({SECRET_PREFIX}), which verifies v1 signatures; \
         v1a signatures need the public key ({PUBLIC_KEY_PREFIX})"
    )]
    SecretForPublicKey,
    /// A private key, which no receiver needs.
    #[error(
        "this is a private key ({PRIVATE_KEY_PREFIX}), which only the sender of webhooks may have; \
         verifying needs a secret ({SECRET_PREFIX}) or a public key ({PUBLIC_KEY_PREFIX})"
    )]
    PrivateKey,
    /// What follows the beginning is not base64.
    #[error("what follows the underscore is not base64; copy the text again, with each + and / and the = at its end")]
    NotBase64,
    /// A secret that is too short to be safe or longer than the hash works on.
    #[error(
        "this webhook secret has {0} bytes, but {min} to {max} are needed; copy the whole text, or rotate the secret",
        min = SECRET_LENGTHS.start(), max = SECRET_LENGTHS.end()
    )]
    SecretLength(usize),
    /// An Ed25519 key of another size.
    #[error("this Ed25519 key has {0} bytes, but each has {ED25519_LENGTH}; copy the whole text")]
    Ed25519Length(usize),
    /// Bytes that are no point of the curve, or a library that failed.
    #[error("this is not an Ed25519 key; copy the text again")]
    NotEd25519,
}

/// A secret that the service shares with one endpoint; wiped from memory when dropped, never shown by `Debug`.
#[derive(Clone)]
pub struct HmacSecret {
    bytes: SecretSlice<u8>,
    key: hmac::Key,
}

impl HmacSecret {
    /// A new secret: 256 random bits.
    #[must_use]
    pub fn generate() -> Self {
        Self::of(&*Zeroizing::new(random_bytes::<32>()))
    }

    /// Reads the text form; white space around it is ignored. Fails with the sentence that fits what was given instead.
    pub fn parse(text: &str) -> Result<Self, WebhookKeyError> {
        let text = text.trim();
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or_else(|| {
            if text.starts_with(PUBLIC_KEY_PREFIX) {
                WebhookKeyError::PublicKeyForSecret
            } else if text.starts_with(PRIVATE_KEY_PREFIX) {
                WebhookKeyError::PrivateKey
            } else {
                WebhookKeyError::NotSecret
            }
        })?;
        Self::from_bytes(&decode(encoded)?)
    }

    /// Takes the bytes, as they were sealed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WebhookKeyError> {
        if SECRET_LENGTHS.contains(&bytes.len()) {
            Ok(Self::of(bytes))
        } else {
            Err(WebhookKeyError::SecretLength(bytes.len()))
        }
    }

    fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec().into(), key: hmac::Key::new(hmac::HMAC_SHA256, bytes) }
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        self.bytes.expose_secret()
    }

    /// The text form, to be shown to the receiver once.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        format!("{SECRET_PREFIX}{}", *Zeroizing::new(STANDARD.encode(self.expose_bytes()))).into()
    }

    /// The HMAC-SHA256 of the parts, one after the other.
    pub(super) fn authenticate(&self, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(part);
        }
        context.sign()
    }

    /// Whether `tag` is the HMAC-SHA256 of `message`, compared in constant time.
    pub(super) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.key, message, tag).is_ok()
    }
}

impl fmt::Debug for HmacSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSecret")
    }
}

/// An Ed25519 key pair; wiped from memory when dropped, never shown by `Debug`.
pub struct Ed25519Key {
    seed: SecretSlice<u8>,
    pair: Ed25519KeyPair,
    public: Ed25519PublicKey,
}

impl Ed25519Key {
    /// Makes a new key pair from the operating system's randomness.
    pub fn generate() -> Result<Self, WebhookKeyError> {
        Self::from_bytes(&*Zeroizing::new(random_bytes::<ED25519_LENGTH>()))
    }

    /// Takes the private key (RFC 8032's seed), as it was sealed.
    pub fn from_bytes(seed: &[u8]) -> Result<Self, WebhookKeyError> {
        if seed.len() != ED25519_LENGTH {
            return Err(WebhookKeyError::Ed25519Length(seed.len()));
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| WebhookKeyError::NotEd25519)?;
        let public = Ed25519PublicKey::from_bytes(pair.public_key().as_ref())?;
        Ok(Self { seed: seed.to_vec().into(), pair, public })
    }

    /// The private key's bytes, to be sealed.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        self.seed.expose_secret()
    }

    /// The public half, for receivers.
    #[must_use]
    pub fn public(&self) -> &Ed25519PublicKey {
        &self.public
    }

    /// The signature of a message; fails only where the library does.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, WebhookKeyError> {
        let signature = self.pair.try_sign(message).map_err(|_| WebhookKeyError::NotEd25519)?;
        Ok(signature.as_ref().to_vec())
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ed25519Key").field("public", &self.public).finish_non_exhaustive()
    }
}

/// The public half of an Ed25519 key pair; cheap to clone.
#[derive(Clone)]
pub struct Ed25519PublicKey {
    bytes: [u8; ED25519_LENGTH],
    verifier: Arc<ParsedPublicKey>,
}

impl Ed25519PublicKey {
    /// Reads the text form; white space around it is ignored. Fails with the sentence that fits what was given instead.
    pub fn parse(text: &str) -> Result<Self, WebhookKeyError> {
        let text = text.trim();
        let encoded = text.strip_prefix(PUBLIC_KEY_PREFIX).ok_or_else(|| {
            if text.starts_with(SECRET_PREFIX) {
                WebhookKeyError::SecretForPublicKey
            } else if text.starts_with(PRIVATE_KEY_PREFIX) {
                WebhookKeyError::PrivateKey
            } else {
                WebhookKeyError::NotPublicKey
            }
        })?;
        Self::from_bytes(&decode(encoded)?)
    }

    /// Takes the key's bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WebhookKeyError> {
        let bytes = bytes.try_into().map_err(|_| WebhookKeyError::Ed25519Length(bytes.len()))?;
        let verifier = ParsedPublicKey::new(&ED25519, bytes).map_err(|_| WebhookKeyError::NotEd25519)?;
        Ok(Self { bytes, verifier: Arc::new(verifier) })
    }

    /// The key's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; ED25519_LENGTH] {
        &self.bytes
    }

    /// The text form, for receivers.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{PUBLIC_KEY_PREFIX}{}", STANDARD.encode(self.bytes))
    }

    /// Whether `signature` is this key's of `message`.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify_sig(message, signature).is_ok()
    }
}

impl PartialEq for Ed25519PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Ed25519PublicKey {}

impl fmt::Debug for Ed25519PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ed25519PublicKey").field(&self.to_text()).finish()
    }
}

fn decode(encoded: &str) -> Result<Zeroizing<Vec<u8>>, WebhookKeyError> {
    STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| WebhookKeyError::NotBase64)
}

#[cfg(test)]
#[path = "webhook_key_tests.rs"]
mod tests;
