//! Makes tokens by hand, as an attacker would, or one of our own clients gone astray.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::Value;

use crate::support::{JWT_SECRET, Partner};

/// The right one.
pub const SECRET: &[u8] = JWT_SECRET.as_bytes();

pub fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// The MAC of a text.
pub fn mac(text: &str, secret: &[u8], algorithm: Algorithm) -> String {
    crypto::sign(text.as_bytes(), &EncodingKey::from_secret(secret), algorithm).unwrap()
}

/// A token of these parts with an HS256 signature, whatever its header says.
pub fn forged(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let text = format!("{}.{}", encoded(header), encoded(claims));
    let mac = mac(&text, secret, Algorithm::HS256);
    format!("{text}.{mac}")
}

/// A token of ours, taken apart.
pub struct Parts {
    pub header: Value,
    pub claims: Value,
    pub token: String,
    pub now: i64,
}

impl Parts {
    pub fn of(partner: &Partner<'_>) -> Self {
        let decode = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let mut parts = partner.token.split('.');
        let (header, claims) = (decode(parts.next().unwrap()), decode(parts.next().unwrap()));
        Self { header, claims, token: partner.token.clone(), now: partner.app.clock.now().timestamp() }
    }

    /// Signed with the right secret, with one claim set.
    pub fn claiming(&self, name: &str, value: impl Into<Value>) -> String {
        let mut claims = self.claims.clone();
        claims[name] = value.into();
        forged(&self.header, &claims, SECRET)
    }

    /// Signed with the right secret, without one claim.
    pub fn lacking(&self, name: &str) -> String {
        let mut claims = self.claims.clone();
        claims.as_object_mut().unwrap().remove(name).unwrap();
        forged(&self.header, &claims, SECRET)
    }

    /// Signed with the right secret, with one member of the header set.
    pub fn headed(&self, name: &str, value: impl Into<Value>) -> String {
        forged(&self.with_header(name, value), &self.claims, SECRET)
    }

    pub fn with_header(&self, name: &str, value: impl Into<Value>) -> Value {
        let mut header = self.header.clone();
        header[name] = value.into();
        header
    }

    /// With a header that names an algorithm, and a signature of one's own making.
    pub fn signed_by(&self, alg: &str, sign: impl FnOnce(&str) -> String) -> String {
        let text = format!("{}.{}", encoded(&self.with_header("alg", alg)), encoded(&self.claims));
        let signature = sign(&text);
        format!("{text}.{signature}")
    }

    /// Its three texts.
    pub fn texts(&self) -> [&str; 3] {
        let parts: Vec<_> = self.token.split('.').collect();
        parts.try_into().unwrap()
    }
}
