//! What a signature says about itself: the padded content that its key's owner signed, whatever it is.
//!
//! RSA's public operation turns a signature back into what was signed. Verification compares that with the one right
//! content; this module reads it instead, so that one RSA operation tells which of several texts was signed, or why a
//! signature is wrong. Nothing here ever accepts a signature: what is read must still be verified.

use crypto_bigint::modular::BoxedMontyForm;
use rsa::BoxedUint;
use rsa::traits::PublicKeyParts as _;

use super::public_key::PublicKey;

/// The content of a signature, which proves that the key in question made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// PKCS#1 v1.5 padding around a digest and the name of its algorithm.
    Digest {
        /// The digest algorithm by its usual name.
        algorithm: &'static str,
        /// The digest of what was signed.
        digest: Vec<u8>,
    },
    /// PKCS#1 v1.5 padding around something else: a bare text or a digest without its algorithm.
    Bare,
    /// The last byte of PSS padding. One in 256 signatures by foreign keys has it too, so it still has to be proven.
    PerhapsPss,
}

/// The name of the digest that clients shall use.
pub(super) const SHA_256: &str = "SHA-256";

/// What comes before the digest for each algorithm (RFC 8017, section 9.2, note 1).
const DIGEST_PREFIXES: [(&str, &[u8]); 7] = [
    (SHA_256, b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"),
    ("SHA-1", b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"),
    ("SHA-512", b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"),
    ("SHA-384", b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"),
    ("SHA-224", b"\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x04\x05\x00\x04\x1c"),
    ("SHA3-256", b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x08\x05\x00\x04\x20"),
    ("MD5", b"\x30\x20\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05\x05\x00\x04\x10"),
];

/// Reads what `key` signed; none when this key did not make the signature.
pub(super) fn read(key: &PublicKey, signature: &[u8]) -> Option<Content> {
    let rsa = key.rsa();
    if signature.len() != rsa.size() {
        return None;
    }
    let number = BoxedUint::from_be_slice(signature, rsa.n_bits_precision()).ok()?;
    if number >= *rsa.n().as_ref() {
        return None;
    }
    let content = public_operation(rsa, number).to_be_bytes_trimmed_vartime();
    // PSS second: one digest in 256 ends in the byte that PSS padding ends in.
    read_padding(&content, rsa.size()).or_else(|| (content.last() == Some(&0xBC)).then_some(Content::PerhapsPss))
}

/// The signature to the power of the public exponent (RSAVP1, RFC 8017 §5.2.2), by squaring and multiplying: neither is a
/// secret, and the same from the `rsa` crate takes four times as long, for it hides the exponent.
fn public_operation(rsa: &rsa::PublicKey, number: BoxedUint) -> BoxedUint {
    let base = BoxedMontyForm::new(number, rsa.n_params());
    let exponent = rsa.e();
    let below_the_first = (0..exponent.bit_width_vartime().saturating_sub(1)).rev();
    let power = below_the_first.fold(base.clone(), |power, bit| {
        let square = power.square();
        if exponent.bit_vartime(bit) { square.mul(&base) } else { square }
    });
    power.retrieve()
}

/// Reads PKCS#1 v1.5 padding: `00 01 FF…FF 00 payload`, as long as the key; its leading zero is not part of the number.
fn read_padding(content: &[u8], size: usize) -> Option<Content> {
    let padded = (content.len() + 1 == size).then(|| content.strip_prefix(b"\x01"))??;
    let filling = padded.iter().take_while(|byte| **byte == 0xFF).count();
    let payload = padded.get(filling..)?.strip_prefix(b"\x00")?;
    // Eight bytes of filling are the standard's least; they leave a chance of 2^-80 that another key made this.
    (filling >= 8).then(|| read_payload(payload))
}

fn read_payload(payload: &[u8]) -> Content {
    DIGEST_PREFIXES
        .iter()
        .find_map(|(algorithm, prefix)| {
            let digest = payload.strip_prefix(*prefix)?;
            let length = usize::from(*prefix.last()?);
            (digest.len() == length).then(|| Content::Digest { algorithm, digest: digest.to_vec() })
        })
        .unwrap_or(Content::Bare)
}

#[cfg(test)]
mod tests {
    use rsa::Pkcs1v15Sign;
    use sha2::{Digest as _, Sha256, Sha384, Sha512};

    use super::*;
    use crate::auth::fixtures::{OTHER, OWN};

    #[test]
    fn the_digest_and_its_algorithm_are_read_back() {
        let signatures: [(&str, Vec<u8>, Vec<u8>); 3] = [
            ("SHA-256", OWN.rsa().pkcs1v15_sign::<Sha256>(b"text").unwrap(), Sha256::digest(b"text").to_vec()),
            ("SHA-384", OWN.rsa().pkcs1v15_sign::<Sha384>(b"text").unwrap(), Sha384::digest(b"text").to_vec()),
            ("SHA-512", OWN.rsa().pkcs1v15_sign::<Sha512>(b"text").unwrap(), Sha512::digest(b"text").to_vec()),
        ];
        for (algorithm, signature, digest) in signatures {
            assert_eq!(read(OWN.public_key(), &signature), Some(Content::Digest { algorithm, digest }));
        }
    }

    #[test]
    fn every_size_of_key_and_exponent_is_read_and_verified_alike() {
        for (bits, exponent) in [(2048, 65_537_u64), (2049, 65_539), (3072, 0x1_0000_0001), (4096, 65_537)] {
            let exponent = BoxedUint::from(exponent);
            let rsa = rsa::PrivateKey::new_with_exp(&mut getrandom::SysRng, bits, exponent);
            let rsa = rsa.unwrap();
            let key = PublicKey::from_rsa(rsa.to_public_key()).unwrap();
            let signature = rsa.pkcs1v15_sign::<Sha256>(b"text").unwrap();
            let content = Content::Digest { algorithm: SHA_256, digest: Sha256::digest(b"text").to_vec() };
            assert_eq!(read(&key, &signature), Some(content), "{bits} bits");
            assert!(key.verify(b"text", &signature), "{bits} bits");
            assert!(!key.verify(b"other", &signature), "{bits} bits");
        }
    }

    #[test]
    fn a_bare_content_is_seen_as_such() {
        let signature = OWN.rsa().sign(Pkcs1v15Sign::new_unprefixed(), b"some text").unwrap();
        assert_eq!(read(OWN.public_key(), &signature), Some(Content::Bare));
    }

    #[test]
    fn a_pss_signature_is_suspected() {
        let signature = OWN.rsa().pss_sign::<Sha256>(b"text").unwrap();
        assert_eq!(read(OWN.public_key(), &signature), Some(Content::PerhapsPss));
    }

    #[test]
    fn a_digest_that_ends_as_pss_padding_does_is_not_taken_for_pss() {
        let text =
            (0..100_000).map(|n| format!("text {n}")).find(|text| Sha256::digest(text).last() == Some(&0xBC)).unwrap();
        let signature = OWN.rsa().pkcs1v15_sign::<Sha256>(text.as_bytes()).unwrap();
        let digest = Sha256::digest(&text).to_vec();
        assert_eq!(read(OWN.public_key(), &signature), Some(Content::Digest { algorithm: "SHA-256", digest }));
    }

    #[test]
    fn a_foreign_or_impossible_signature_says_nothing() {
        let foreign = OTHER.sign(b"text").unwrap();
        assert!(matches!(read(OWN.public_key(), &foreign), None | Some(Content::PerhapsPss)));
        for bytes in [vec![], vec![1; 255], vec![0; 256], vec![0xFF; 256], vec![0xFF; 257]] {
            assert_eq!(read(OWN.public_key(), &bytes), None);
        }
    }
}
