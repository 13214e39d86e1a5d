//! Signatures found true before. RSASSA-PKCS1-v1_5 gives the same signature for the same text every time, and the
//! published form signs a client id and a second: all orders that a client sends within a second carry one signature,
//! which needs to be worked out once.

use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::public_key::PublicKey;
use super::recovery::{self, Content, SHA_256};

/// Remembers of which text (by its SHA-256) a key made a signature: what is true of the three stays true. Whether the key
/// still counts, and whether the text is the right one, is asked anew every time. Only true signatures are kept, so nobody
/// but clients with a key can fill it.
#[derive(Debug, Clone)]
pub struct VerifiedSignatures(Cache<[u8; 32], [u8; 32]>);

impl VerifiedSignatures {
    /// Remembers so many; 0 remembers none.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        Self(Cache::new(capacity))
    }

    /// What the key signed; none when it did not make the signature. One that was found true before costs no RSA
    /// operation.
    pub(super) fn read(&self, key: &PublicKey, signature: &[u8]) -> Option<Content> {
        match self.0.get(&name(key, signature)) {
            Some(digest) => Some(Content::Digest { algorithm: SHA_256, digest: digest.to_vec() }),
            None => recovery::read(key, signature),
        }
    }

    /// Whether the key made this signature over this text; remembered if it did.
    pub(super) fn verify(&self, key: &PublicKey, text: &str, signature: &[u8]) -> bool {
        let (name, digest) = (name(key, signature), Sha256::digest(text).into());
        if self.0.get(&name) == Some(digest) {
            return true;
        }
        let is_true = key.verify(text.as_bytes(), signature);
        if is_true {
            self.0.insert(name, digest);
        }
        is_true
    }
}

/// A fingerprint is as long as every other, so what comes after it cannot be mistaken for part of it.
fn name(key: &PublicKey, signature: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(key.fingerprint()).chain_update(signature).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::fixtures::{DOCUMENTED, OWN};
    use crate::auth::private_key::PrivateKey;

    #[test]
    fn a_remembered_signature_counts_for_its_own_key_and_text_alone() {
        let (own, other) = (OWN.public_key(), PrivateKey::generate().unwrap());
        let signature = OWN.sign(DOCUMENTED.as_bytes()).unwrap();
        let verified = VerifiedSignatures::new(10);
        for _ in 0..2 {
            assert!(verified.verify(own, DOCUMENTED, &signature));
            assert!(!verified.verify(other.public_key(), DOCUMENTED, &signature), "the key is withdrawn");
            assert!(!verified.verify(own, "another text", &signature));
            assert!(!verified.verify(own, DOCUMENTED, &signature[1..]));
            let digest = Sha256::digest(DOCUMENTED).to_vec();
            assert_eq!(verified.read(own, &signature), Some(Content::Digest { algorithm: SHA_256, digest }));
        }
        verified.0.run_pending_tasks();
        assert_eq!(verified.0.entry_count(), 1, "what is wrong is not kept");
    }
}
