//! A private key: the service's own, for webhooks in the SNAP form, and those of the commands that sign or make demonstration
//! keys. The service never holds a partner's.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::der::Decode as _;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding, PrivateKeyInfoRef};
use secrecy::SecretString;

use super::pem;
use super::public_key::{PublicKey, PublicKeyError, algorithm_name};

/// The size of generated keys in bits.
const GENERATED_BITS: usize = 2048;

/// Why a private key cannot be used; each sentence says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    /// There is no PEM envelope.
    #[error(
        "this is no PEM file: it needs the lines -----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY-----; \
         convert a DER file with `openssl rsa -inform DER -in private.der -out private.pem`"
    )]
    NoPem,
    /// A public key or a certificate.
    #[error("this is a public key or certificate; signing needs the private key that belongs to it")]
    Public,
    /// A key behind a pass phrase.
    #[error(
        "this private key is encrypted; \
         write it without pass phrase with `openssl rsa -in key.pem -out private.pem`"
    )]
    Encrypted,
    /// A key in OpenSSH's own format.
    #[error(
        "this private key is in OpenSSH's format; \
         convert a copy of it in place with `ssh-keygen -p -m PKCS8 -f id_rsa`"
    )]
    OpenSsh,
    /// A key of another algorithm.
    #[error(
        "this is a private key for {0}, but signing needs an RSA key; \
         make one with `openssl genrsa -out private.pem 2048`"
    )]
    NotRsa(String),
    /// A PEM envelope of another kind.
    #[error("this PEM file holds `{0}`; signing needs an RSA private key (-----BEGIN PRIVATE KEY-----)")]
    OtherPem(String),
    /// A PEM envelope whose content cannot be read.
    #[error(
        "the private key is damaged; copy the whole file again \
         (`openssl rsa -in private.pem -check -noout` tells if it is sound)"
    )]
    Damaged,
    /// A key whose public half could not be registered.
    #[error(transparent)]
    Unfit(#[from] PublicKeyError),
    /// The key operation itself failed, for want of random bytes or because of a faulty key.
    #[error("the RSA operation failed: {0}")]
    Operation(rsa::Error),
}

/// An RSA private key; wiped from memory when dropped, never shown by `Debug`.
pub struct PrivateKey {
    rsa: rsa::PrivateKey,
    /// The same key in the library that signs, in a third of the time.
    signer: KeyPair,
    public: PublicKey,
}

impl PrivateKey {
    /// Reads a PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`) PEM; text around it is ignored.
    ///
    /// Fails with the sentence that fits what was given instead.
    pub fn from_pem(text: &str) -> Result<Self, PrivateKeyError> {
        let text = pem::text(text.as_bytes());
        let blocks = pem::blocks(&text);
        let private = blocks.iter().find(|block| block.label.ends_with("PRIVATE KEY"));
        let block = private.or(blocks.first()).ok_or(PrivateKeyError::NoPem)?;
        match block.label {
            "PRIVATE KEY" => {
                let der = block.der().ok_or(PrivateKeyError::Damaged)?;
                let info = PrivateKeyInfoRef::from_der(&der).map_err(|_| PrivateKeyError::Damaged)?;
                if info.algorithm.oid != rsa::pkcs1::ALGORITHM_OID {
                    return Err(PrivateKeyError::NotRsa(algorithm_name(info.algorithm.oid)));
                }
                Self::from_rsa(rsa::PrivateKey::try_from(info).map_err(|_| PrivateKeyError::Damaged)?)
            }
            "RSA PRIVATE KEY" if block.is_legacy_encrypted() => Err(PrivateKeyError::Encrypted),
            "RSA PRIVATE KEY" => {
                let der = block.der().ok_or(PrivateKeyError::Damaged)?;
                Self::from_rsa(rsa::PrivateKey::from_pkcs1_der(&der).map_err(|_| PrivateKeyError::Damaged)?)
            }
            "ENCRYPTED PRIVATE KEY" => Err(PrivateKeyError::Encrypted),
            "OPENSSH PRIVATE KEY" => Err(PrivateKeyError::OpenSsh),
            "EC PRIVATE KEY" => Err(PrivateKeyError::NotRsa("elliptic curves (EC)".to_owned())),
            "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" => Err(PrivateKeyError::Public),
            other => Err(PrivateKeyError::OtherPem(other.chars().take(64).collect())),
        }
    }

    /// Makes a new 2048-bit key from the operating system's randomness; fails when that has none to give.
    pub fn generate() -> Result<Self, PrivateKeyError> {
        let rsa = rsa::PrivateKey::new(&mut getrandom::SysRng, GENERATED_BITS).map_err(PrivateKeyError::Operation)?;
        Self::from_rsa(rsa)
    }

    fn from_rsa(rsa: rsa::PrivateKey) -> Result<Self, PrivateKeyError> {
        let public = PublicKey::from_rsa(rsa::PublicKey::from(&rsa))?;
        let der = rsa.to_pkcs8_der().map_err(|_| PrivateKeyError::Damaged)?;
        let signer = KeyPair::from_pkcs8(der.as_bytes()).map_err(|_| PrivateKeyError::Damaged)?;
        Ok(Self { rsa, signer, public })
    }

    /// Signs a message with RSASSA-PKCS1-v1_5 and SHA-256; fails only where the library does.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PrivateKeyError> {
        let mut signature = vec![0; self.public.signature_len()];
        let signed = self.signer.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map_err(|_| PrivateKeyError::Operation(rsa::Error::Internal))?;
        Ok(signature)
    }

    /// The key as PKCS#8 PEM, for a file only its owner may read; fails for a key that has no such form.
    pub fn to_pkcs8_pem(&self) -> Result<SecretString, PrivateKeyError> {
        let pem = self.rsa.to_pkcs8_pem(LineEnding::LF).map_err(|_| PrivateKeyError::Damaged)?;
        Ok(SecretString::from(pem.as_str()))
    }

    /// The public half, to be registered.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The key in numbers, for tests that sign in wrong ways.
    #[cfg(test)]
    pub(super) fn rsa(&self) -> &rsa::PrivateKey {
        &self.rsa
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "private_key_tests.rs"]
mod tests;
