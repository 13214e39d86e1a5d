//! Bearer tokens: HS256 JWTs with pinned algorithm, issuer and audience.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::vault::{Sealed, Vault};
use crate::clock::random_bytes;
use crate::error::{AppError, ErrorCode};

/// What a token says (RFC 7519; `auth_time` as in OpenID Connect, `scope` as in RFC 8693).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The audience.
    pub aud: String,
    /// The client.
    pub sub: String,
    /// When it was issued, unix seconds.
    pub iat: i64,
    /// The time from which it is valid, unix seconds.
    pub nbf: i64,
    /// The time until which it is valid, unix seconds, excluded.
    pub exp: i64,
    /// Names this token.
    pub jti: String,
    /// When the login was that began the session, unix seconds.
    pub auth_time: i64,
    /// Its scopes, separated by spaces.
    pub scope: String,
    /// Which secret began the session; rotated out, it cannot be refreshed.
    pub secret_id: i64,
    /// The client's count of ended sessions at login; an older one is refused.
    pub session_generation: i64,
}

/// The token's `nbf` may lie this far ahead, for instances whose clocks differ.
const NBF_LEEWAY_SECONDS: i64 = 30;

/// Signs tokens with the first secret and accepts those of all, so that a rotation needs no downtime.
pub struct TokenKeys {
    keys: Vec<TokenKey>,
    vault: Option<Vault>,
    issuer: String,
    audience: String,
    validation: Validation,
}

struct TokenKey {
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl TokenKeys {
    /// Takes the signing secret first, then the ones that are only accepted. A secret is used as its UTF-8 bytes.
    #[must_use]
    pub fn new(secrets: &[SecretString], issuer: &str, audience: &str) -> Self {
        let keys = secrets.iter().map(|secret| {
            let bytes = secret.expose_secret().as_bytes();
            // Names the secret without telling anything of it: it is random, and the digest is cut short.
            let digest = Sha256::new().chain_update(b"kid\n").chain_update(bytes).finalize();
            TokenKey {
                kid: URL_SAFE_NO_PAD.encode(&digest[..6]),
                encoding: EncodingKey::from_secret(bytes),
                decoding: DecodingKey::from_secret(bytes),
            }
        });
        // Keys of their own, so that what is sealed is no token and no token opens it.
        let sealing = |secret: &SecretString| format!("sealing\n{}", secret.expose_secret()).into();
        let vault = Vault::new(&secrets.iter().map(sealing).collect::<Vec<_>>()).ok().filter(Vault::has_key);
        // `exp` and `nbf` are checked below, by our own clock and with a leeway each of its own.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        Self { keys: keys.collect(), vault, issuer: issuer.to_owned(), audience: audience.to_owned(), validation }
    }

    /// Seals what a browser keeps for us and must not read, for what `purpose` names. Every instance opens it.
    pub fn seal(&self, purpose: &str, text: &[u8]) -> Result<String, AppError> {
        let vault = self.vault.as_ref().ok_or_else(|| AppError::internal("there is no JWT secret"))?;
        let Sealed { text, by } = vault.seal(purpose, text).map_err(AppError::internal)?;
        Ok(format!("{by}.{text}"))
    }

    /// What was sealed for this purpose; `None` where it was not, or by a secret that is not in force any more.
    #[must_use]
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<SecretSlice<u8>> {
        let (by, text) = sealed.split_once('.')?;
        self.vault.as_ref()?.open(purpose, &Sealed { text: text.to_owned(), by: by.to_owned() }).ok()
    }

    /// The names of the secrets, the signing one first: whether two sets of secrets are the same.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.kid.as_str())
    }

    /// Issues a token that carries on `session` and ends `lifetime` from now.
    pub fn issue(&self, session: &Session, now: DateTime<Utc>, lifetime: Duration) -> Result<IssuedToken, AppError> {
        let key = self.keys.first().ok_or_else(|| AppError::internal("there is no JWT secret"))?;
        let iat = now.timestamp();
        let expires_at = iat.saturating_add_unsigned(lifetime.as_secs());
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: session.client_id.clone(),
            iat,
            nbf: iat,
            exp: expires_at,
            jti: hex::encode(random_bytes::<16>()),
            auth_time: session.auth_time,
            scope: session.scope.clone(),
            secret_id: session.secret_id,
            session_generation: session.session_generation,
        };
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(AppError::internal)?;
        Ok(IssuedToken { token: token.into(), expires_at })
    }

    /// Reads a token that is valid now.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, AppError> {
        let claims = self.verify_ignoring_expiry(token, now)?;
        if claims.exp <= now.timestamp() {
            let message = "The bearer token has expired; refresh it at /api/v1/auth/refresh or log in again";
            return Err(AppError::new(ErrorCode::Unauthenticated, message).detail("expired_at", claims.exp));
        }
        Ok(claims)
    }

    /// Reads a token that is ours in every respect but may have expired, as refresh does.
    pub fn verify_ignoring_expiry(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, AppError> {
        let refused = || AppError::new(ErrorCode::Unauthenticated, "The bearer token is not valid; log in again");
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
        // A token without `kid` may be of any secret; one with an unknown `kid` is of none.
        let candidates = self.keys.iter().filter(|key| header.kid.as_ref().is_none_or(|kid| *kid == key.kid));
        let claims = candidates
            .filter_map(|key| jsonwebtoken::decode::<Claims>(token, &key.decoding, &self.validation).ok())
            .map(|data| data.claims)
            .next()
            .ok_or_else(refused)?;
        if claims.nbf > now.timestamp() + NBF_LEEWAY_SECONDS {
            let message = "The bearer token does not count yet; check the clocks or log in again";
            return Err(AppError::new(ErrorCode::Unauthenticated, message));
        }
        Ok(claims)
    }
}

/// Whether two texts are the same, found out in a time that tells nothing of where they differ.
#[must_use]
pub fn same_text(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

/// What all tokens of one session have in common.
#[derive(Debug, Clone)]
pub struct Session {
    /// The client.
    pub client_id: String,
    /// The time of the login, unix seconds.
    pub auth_time: i64,
    /// Its scopes, separated by spaces.
    pub scope: String,
    /// The id of the secret of the login.
    pub secret_id: i64,
    /// The client's count of ended sessions at login.
    pub session_generation: i64,
}

/// A token for its client.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The token.
    pub token: SecretString,
    /// When it ends, unix seconds.
    pub expires_at: i64,
}
