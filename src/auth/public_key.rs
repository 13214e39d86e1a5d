//! A client's public key: what may be registered, its fingerprint, and the verification of a signature.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rsa::pkcs1::RsaPublicKeyRef;
use rsa::pkcs8::der::Decode as _;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding, ObjectIdentifier, SubjectPublicKeyInfoRef};
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256};

use super::pem::{self, Block};

/// The smallest key accepted, in bits.
pub const MIN_BITS: usize = 2048;
/// The largest key accepted, in bits.
pub const MAX_BITS: usize = 8192;
/// The smallest public exponent accepted; smaller ones have a history of forged signatures.
const MIN_EXPONENT: u64 = 65_537;

/// Why a public key is refused; each sentence says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// There is no PEM envelope.
    #[error(
        "this is no PEM file: it needs the lines -----BEGIN PUBLIC KEY----- and -----END PUBLIC KEY-----; \
         convert a DER file with `openssl rsa -pubin -inform DER -in public.der -out public.pem`"
    )]
    NoPem,
    /// Base64 alone, of a PEM file or of what one holds.
    #[error(
        "this is base64 without its PEM lines: put it between -----BEGIN PUBLIC KEY----- and -----END PUBLIC KEY----- \
         or, if it begins with LS0tLS1CRUdJTi, decode it (`base64 -d`), for it is a whole PEM file"
    )]
    Base64,
    /// An OpenSSH public key (`ssh-rsa …`).
    #[error("this is an OpenSSH key; convert it with `ssh-keygen -e -m PKCS8 -f id_rsa.pub > public.pem`")]
    OpenSsh,
    /// A PKCS#1 public key (`RSA PUBLIC KEY`).
    #[error(
        "this is a PKCS#1 key (RSA PUBLIC KEY), not X.509 SubjectPublicKeyInfo (PUBLIC KEY); \
         convert it with `openssl rsa -RSAPublicKey_in -in key.pem -pubout -out public.pem`"
    )]
    Pkcs1,
    /// A private key of any kind.
    #[error(
        "this is a private key, which must never be shared: treat it as disclosed, make a new key pair \
         (`openssl genrsa -out private.pem 2048`) and register only its public key \
         (`openssl rsa -in private.pem -pubout -out public.pem`)"
    )]
    PrivateKey,
    /// A certificate.
    #[error(
        "this is a certificate; register the public key inside it: \
         `openssl x509 -in certificate.pem -pubkey -noout > public.pem`"
    )]
    Certificate,
    /// A PEM envelope of another kind.
    #[error("this PEM file holds `{0}`; register an RSA public key (-----BEGIN PUBLIC KEY-----)")]
    OtherPem(String),
    /// More than one key in one text.
    #[error("there are several keys in this text; register them one by one")]
    SeveralKeys,
    /// A key of another algorithm.
    #[error(
        "this is a key for {0}, but signatures need a plain RSA key; make one with \
         `openssl genrsa -out private.pem 2048` and `openssl rsa -in private.pem -pubout -out public.pem`"
    )]
    NotRsa(String),
    /// Too small a modulus.
    #[error(
        "this RSA key has {0} bits, but at least {MIN_BITS} are needed; \
         make one with `openssl genrsa -out private.pem 2048`"
    )]
    TooSmall(usize),
    /// Too large a modulus.
    #[error(
        "this RSA key has {0} bits, but at most {MAX_BITS} are accepted; \
         make one with `openssl genrsa -out private.pem 4096`"
    )]
    TooLarge(usize),
    /// An exponent that is even or below 65537.
    #[error(
        "this RSA key has the weak public exponent {0}; make a key with exponent 65537, \
         which `openssl genrsa -out private.pem 2048` does"
    )]
    WeakExponent(u64),
    /// An exponent so large that verification would be slow.
    #[error(
        "this RSA key has a public exponent above {max}; make a key with exponent 65537, \
         which `openssl genrsa -out private.pem 2048` does", max = rsa::PublicKey::MAX_PUB_EXPONENT
    )]
    LargeExponent,
    /// A PEM envelope whose content cannot be read.
    #[error(
        "the key is damaged ({0}); copy the whole file again, or write it anew with \
         `openssl rsa -in private.pem -pubout -out public.pem`"
    )]
    Damaged(&'static str),
}

/// An RSA public key fit to verify signatures; cheap to clone.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

struct Inner {
    rsa: rsa::PublicKey,
    /// The same key in the library that verifies, in a fifth of the time.
    verifier: ParsedPublicKey,
    pem: String,
    fingerprint: String,
}

impl PublicKey {
    /// Reads an X.509 SubjectPublicKeyInfo PEM (`BEGIN PUBLIC KEY`); text around it is ignored.
    ///
    /// Fails with the sentence that fits what was given instead; a private key anywhere in the text comes first.
    pub fn from_pem(text: &str) -> Result<Self, PublicKeyError> {
        let text = pem::text(text.as_bytes());
        let blocks = pem::blocks(&text);
        if blocks.iter().any(|block| block.label.ends_with("PRIVATE KEY")) {
            return Err(PublicKeyError::PrivateKey);
        }
        match blocks.as_slice() {
            [] if text.trim_start().starts_with("ssh-") => Err(PublicKeyError::OpenSsh),
            [] if pem::is_base64(&text) => Err(PublicKeyError::Base64),
            [] => Err(PublicKeyError::NoPem),
            [only] => Self::from_block(only),
            [first, ..] if first.label == "CERTIFICATE" => Err(PublicKeyError::Certificate),
            _ => Err(PublicKeyError::SeveralKeys),
        }
    }

    fn from_block(block: &Block<'_>) -> Result<Self, PublicKeyError> {
        match block.label {
            "PUBLIC KEY" => {
                let der = block.der().ok_or(PublicKeyError::Damaged("its PEM text is cut off or is not base64"))?;
                Self::from_spki(&der)
            }
            "RSA PUBLIC KEY" => Err(PublicKeyError::Pkcs1),
            "SSH2 PUBLIC KEY" => Err(PublicKeyError::OpenSsh),
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Err(PublicKeyError::Certificate),
            other => Err(PublicKeyError::OtherPem(other.chars().take(64).collect())),
        }
    }

    fn from_spki(der: &[u8]) -> Result<Self, PublicKeyError> {
        let damaged = PublicKeyError::Damaged("it is not SubjectPublicKeyInfo");
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| damaged.clone())?;
        if spki.algorithm.oid != rsa::pkcs1::ALGORITHM_OID {
            return Err(PublicKeyError::NotRsa(algorithm_name(spki.algorithm.oid)));
        }
        // Sizes are judged before the key is built, so that each fault has its own sentence and a huge key costs
        // nothing.
        let bits = spki.subject_public_key.as_bytes().ok_or(damaged)?;
        let numbers =
            RsaPublicKeyRef::from_der(bits).map_err(|_| PublicKeyError::Damaged("its RSA numbers are unreadable"))?;
        check_strength(numbers.modulus.as_bytes(), numbers.public_exponent.as_bytes())?;
        let rsa = rsa::PublicKey::try_from(spki).map_err(|_| PublicKeyError::Damaged("its RSA numbers make no key"))?;
        Self::encode(rsa)
    }

    /// Takes a key that is already in numbers; fails as [`PublicKey::from_pem`] does for a weak one.
    pub(super) fn from_rsa(rsa: rsa::PublicKey) -> Result<Self, PublicKeyError> {
        check_strength(&rsa.n_bytes(), &rsa.e_bytes())?;
        Self::encode(rsa)
    }

    /// Fingerprint and PEM come from the key's own encoding, never from the input, so that a key has exactly one of
    /// each.
    fn encode(rsa: rsa::PublicKey) -> Result<Self, PublicKeyError> {
        let unwritable = |_| PublicKeyError::Damaged("it cannot be written as SubjectPublicKeyInfo");
        let der = rsa.to_public_key_der().map_err(unwritable)?;
        let pem = rsa.to_public_key_pem(LineEnding::LF).map_err(unwritable)?;
        let fingerprint = format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(der.as_bytes())));
        let verifier = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_bytes())
            .map_err(|_| PublicKeyError::Damaged("its RSA numbers make no key"))?;
        Ok(Self(Arc::new(Inner { rsa, verifier, pem, fingerprint })))
    }

    /// The key as canonical X.509 SubjectPublicKeyInfo PEM, ending in a line feed.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.0.pem.clone()
    }

    /// The key's name: `SHA256:` and the unpadded base64 SHA-256 of its SubjectPublicKeyInfo, in OpenSSH's manner.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The size of the modulus in bits.
    #[must_use]
    pub fn bits(&self) -> usize {
        bit_length(&self.0.rsa.n_bytes())
    }

    /// How many bytes every signature by this key has.
    #[must_use]
    pub fn signature_len(&self) -> usize {
        self.0.rsa.size()
    }

    /// Whether `signature` is the RSASSA-PKCS1-v1_5 signature of `message` with SHA-256 by this key.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verifier.verify_sig(message, signature).is_ok()
    }

    /// The key in numbers, for reading what a signature says.
    pub(super) fn rsa(&self) -> &rsa::PublicKey {
        &self.0.rsa
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.0.fingerprint).finish()
    }
}

/// The size in bits of a big-endian number without leading zero bytes.
fn bit_length(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn check_strength(modulus: &[u8], exponent: &[u8]) -> Result<(), PublicKeyError> {
    let bits = bit_length(modulus);
    if bits < MIN_BITS {
        return Err(PublicKeyError::TooSmall(bits));
    }
    if bits > MAX_BITS {
        return Err(PublicKeyError::TooLarge(bits));
    }
    if exponent.len() > 8 {
        return Err(PublicKeyError::LargeExponent);
    }
    let exponent = exponent.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    if exponent < MIN_EXPONENT || exponent.is_multiple_of(2) {
        return Err(PublicKeyError::WeakExponent(exponent));
    }
    if exponent > rsa::PublicKey::MAX_PUB_EXPONENT {
        return Err(PublicKeyError::LargeExponent);
    }
    Ok(())
}

/// The plain name of a key algorithm, or its object identifier.
pub(super) fn algorithm_name(oid: ObjectIdentifier) -> String {
    let oid = oid.to_string();
    let name = match oid.as_str() {
        "1.2.840.10045.2.1" => "elliptic curves (EC)",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "1.3.101.110" => "X25519",
        "1.2.840.10040.4.1" => "DSA",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS only",
        _ => return format!("algorithm {oid}"),
    };
    name.to_owned()
}

#[cfg(test)]
#[path = "public_key_tests.rs"]
mod tests;
