//! Public keys as JSON Web Keys (RFC 7517, RFC 8037), for receivers that fetch what they verify with.
//!
//! A key's id is its thumbprint (RFC 7638), so the same key has the same id wherever it is kept, and nobody has to give one out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::public_key::PublicKey;
use super::webhook_key::Ed25519PublicKey;

/// An Ed25519 key that verifies `v1a` signatures.
#[must_use]
pub fn of_ed25519(key: &Ed25519PublicKey) -> Value {
    let x = URL_SAFE_NO_PAD.encode(key.bytes());
    let kid = thumbprint(&json!({"crv": "Ed25519", "kty": "OKP", "x": x}));
    json!({"kty": "OKP", "crv": "Ed25519", "x": x, "use": "sig", "alg": "EdDSA", "kid": kid})
}

/// An RSA key that verifies signatures of the SNAP form.
#[must_use]
pub fn of_rsa(key: &PublicKey) -> Value {
    let [n, e] = [key.rsa().n_bytes(), key.rsa().e_bytes()].map(|number| URL_SAFE_NO_PAD.encode(number));
    let kid = thumbprint(&json!({"e": e, "kty": "RSA", "n": n}));
    json!({"kty": "RSA", "n": n, "e": e, "use": "sig", "alg": "RS256", "kid": kid})
}

/// What `/.well-known/jwks.json` holds.
#[must_use]
pub fn set(keys: impl IntoIterator<Item = Value>) -> Value {
    json!({"keys": keys.into_iter().collect::<Vec<_>>()})
}

/// The thumbprint of a key of which only the required members are given, in the order of their names. Written without white
/// space, as the standard asks.
fn thumbprint(required: &Value) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(required.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7638, section 3.1.
    const RSA_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n\
        3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL\
        5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    /// The example of RFC 8037, appendix A.2.
    const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn an_ed25519_key_has_the_published_thumbprint() {
        let key = Ed25519PublicKey::from_bytes(&URL_SAFE_NO_PAD.decode(ED25519_X).unwrap()).unwrap();
        let expected = json!({
            "kty": "OKP", "crv": "Ed25519", "x": ED25519_X, "use": "sig", "alg": "EdDSA",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        });
        assert_eq!(of_ed25519(&key), expected);
        assert_eq!(set([expected.clone()]), json!({"keys": [expected]}));
    }

    #[test]
    fn an_rsa_key_has_the_published_thumbprint() {
        let numbers = [RSA_N, "AQAB"].map(|number| URL_SAFE_NO_PAD.decode(number).unwrap());
        let [n, e] = numbers.map(|bytes| rsa::BoxedUint::from_be_slice_vartime(&bytes));
        let key = PublicKey::from_rsa(rsa::PublicKey::new(n, e).unwrap()).unwrap();
        let expected = json!({
            "kty": "RSA", "n": RSA_N, "e": "AQAB", "use": "sig", "alg": "RS256",
            "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        });
        assert_eq!(of_rsa(&key), expected);
    }
}
