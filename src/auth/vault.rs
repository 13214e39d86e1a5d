//! Seals secrets that have to be read again, with a key that is not in the database: who steals a backup has none of them.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::clock::random_bytes;

/// Seals with the first of its keys and opens with each.
pub struct Vault {
    keys: Vec<VaultKey>,
}

struct VaultKey {
    name: String,
    key: LessSafeKey,
}

/// A sealed secret, and the name of the key that opens it.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// Nonce and ciphertext.
    pub text: String,
    /// The name of the key.
    pub by: String,
}

/// A secret could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VaultError {
    /// There is no key at all.
    #[error("there is no key to seal secrets with; set webhooks.secret_keys")]
    NoKey,
    /// The key that sealed it is not among those that are configured.
    #[error("a secret was sealed with the key {0}, which is not configured; add it to webhooks.secret_keys")]
    UnknownKey(String),
    /// The text was changed, or belongs to something else.
    #[error("a sealed secret cannot be opened")]
    Broken,
}

impl Vault {
    /// A vault with these keys, the first of which seals. Each is a text that cannot be guessed.
    pub fn new(keys: &[SecretString]) -> Result<Self, VaultError> {
        Ok(Self { keys: keys.iter().map(VaultKey::new).collect::<Result<_, _>>()? })
    }

    /// Whether it can seal.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The name of the key that seals.
    #[must_use]
    pub fn seals_by(&self) -> Option<&str> {
        self.names().next()
    }

    /// The names of its keys, first that of the one that seals.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| &*key.name)
    }

    /// Whether it has the key of this name.
    #[must_use]
    pub fn opens(&self, by: &str) -> bool {
        self.names().any(|name| name == by)
    }

    /// Seals a secret for what `owner` names; it is opened for nothing else.
    pub fn seal(&self, owner: &str, secret: &[u8]) -> Result<Sealed, VaultError> {
        let VaultKey { name, key } = self.keys.first().ok_or(VaultError::NoKey)?;
        let nonce = random_bytes::<NONCE_LEN>();
        let mut bytes = secret.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner.as_bytes()), &mut bytes)
            .map_err(|_| VaultError::Broken)?;
        Ok(Sealed { text: URL_SAFE_NO_PAD.encode([&nonce[..], &bytes].concat()), by: name.clone() })
    }

    /// What was sealed for this owner.
    pub fn open(&self, owner: &str, sealed: &Sealed) -> Result<SecretSlice<u8>, VaultError> {
        if self.keys.is_empty() {
            return Err(VaultError::NoKey);
        }
        let known = self.keys.iter().find(|key| key.name == sealed.by);
        let VaultKey { key, .. } = known.ok_or_else(|| VaultError::UnknownKey(sealed.by.clone()))?;
        let bytes = URL_SAFE_NO_PAD.decode(&sealed.text).map_err(|_| VaultError::Broken)?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::Broken)?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key.open_in_place(nonce, Aad::from(owner.as_bytes()), &mut text);
        opened.map(|secret| secret.to_vec().into()).map_err(|_| VaultError::Broken)
    }
}

impl VaultKey {
    fn new(text: &SecretString) -> Result<Self, VaultError> {
        let key = Sha256::digest(text.expose_secret().as_bytes());
        // Another hash than the key itself, so that its name tells nothing of it.
        let name = hex::encode(&Sha256::digest([b"name of a key: ", &key[..]].concat())[..8]);
        let key = UnboundKey::new(&AES_256_GCM_SIV, &key).map_err(|_| VaultError::Broken)?;
        Ok(Self { name, key: LessSafeKey::new(key) })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(keys: &[&str]) -> Vault {
        Vault::new(&keys.iter().map(|key| SecretString::from(*key)).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_secret_is_opened_by_the_key_that_sealed_it_and_for_its_owner_alone() {
        let old = vault(&["old key"]);
        let sealed = old.seal("endpoint", b"secret").unwrap();
        assert_ne!(old.seal("endpoint", b"secret").unwrap().text, sealed.text, "equal secrets do not look equal");
        assert_eq!(old.open("endpoint", &sealed).unwrap().expose_secret(), b"secret");
        assert_eq!(old.open("another", &sealed).unwrap_err(), VaultError::Broken);
        // Rotated: the new key seals, the old one still opens.
        let both = vault(&["new key", "old key"]);
        assert_eq!(both.open("endpoint", &sealed).unwrap().expose_secret(), b"secret");
        let renewed = both.seal("endpoint", b"secret").unwrap();
        assert_eq!(Some(&*renewed.by), both.seals_by());
        assert_eq!(old.open("endpoint", &renewed).unwrap_err(), VaultError::UnknownKey(renewed.by.clone()));
        for text in ["", "AAAA", &sealed.text[1..], &format!("{}A", sealed.text)] {
            let broken = Sealed { text: text.to_owned(), ..sealed.clone() };
            assert_eq!(both.open("endpoint", &broken).unwrap_err(), VaultError::Broken, "{text}");
        }
        assert_eq!(vault(&[]).seal("endpoint", b"secret").unwrap_err(), VaultError::NoKey);
        assert_eq!(vault(&[]).open("endpoint", &sealed).unwrap_err(), VaultError::NoKey);
    }
}
