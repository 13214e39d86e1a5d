//! Signatures found true before. RSASSA-PKCS1-v1_5 gives the same signature for the same text every time, and the
//! published form signs a client id and a second: all orders that a client sends within a second carry one signature,
//! which needs to be worked out once.

use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::public_key::PublicKey;

/// Remembers which key made which signature over which text: what is true of the three stays true. Whether the key still
/// counts, and whether the text is the right one, is asked anew every time. Only true signatures are kept, so nobody but
/// clients with a key can fill it.
#[derive(Debug, Clone)]
pub struct VerifiedSignatures(Cache<[u8; 32], ()>);

impl VerifiedSignatures {
    /// Remembers so many; 0 remembers none.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        Self(Cache::new(capacity))
    }

    /// Which of the keys made this signature over this text. One that was found before costs no RSA operation.
    pub(super) fn find_maker<'k>(&self, keys: &[&'k PublicKey], text: &str, signature: &[u8]) -> Option<&'k PublicKey> {
        let digest = |key: &PublicKey| -> [u8; 32] {
            let parts = [key.fingerprint().as_bytes(), text.as_bytes(), signature];
            // Each with its length in front: parts that are cut elsewhere are other parts.
            let hasher = parts.iter().fold(Sha256::new(), |hasher, part| {
                hasher.chain_update((part.len() as u64).to_le_bytes()).chain_update(part)
            });
            hasher.finalize().into()
        };
        if let Some(known) = keys.iter().find(|key| self.0.contains_key(&digest(key))) {
            return Some(known);
        }
        let maker = keys.iter().find(|key| key.verify(text.as_bytes(), signature))?;
        self.0.insert(digest(maker), ());
        Some(maker)
    }
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
            assert_eq!(verified.find_maker(&[other.public_key(), own], DOCUMENTED, &signature), Some(own));
            assert_eq!(
                verified.find_maker(&[other.public_key()], DOCUMENTED, &signature),
                None,
                "the key is withdrawn"
            );
            assert_eq!(verified.find_maker(&[own], "another text", &signature), None);
            assert_eq!(verified.find_maker(&[own], DOCUMENTED, &signature[1..]), None);
        }
        verified.0.run_pending_tasks();
        assert_eq!(verified.0.entry_count(), 1, "what is wrong is not kept");
    }
}
