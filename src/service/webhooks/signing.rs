//! Secrets and keys, and what is signed with them.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Webhooks;
use crate::auth::jwk;
use crate::auth::private_key::PrivateKey;
use crate::auth::vault::Sealed;
use crate::auth::webhook_signature::{self, Ed25519Key, HmacSecret, Message};
use crate::domain::audit::Action;
use crate::domain::webhook::{SignatureScheme, WebhookEndpoint};
use crate::error::{AppError, ErrorCode};
use crate::store::{NewSigningKey, SealedSecret, SigningKeyRow};

/// A key pair of the service, which signs for every endpoint that asks for such signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// For `V1A`.
    Ed25519,
    /// For `SNAP`.
    Rsa,
}

/// A key pair of the service that signs now, without its private key.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// What it signs for.
    pub kind: KeyKind,
    /// Its public key, as a JSON Web Key.
    pub public_key: Value,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it signs; without an end where there is none.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What signs for an endpoint.
pub(super) struct Signer {
    secrets: Vec<(HmacSecret, Option<DateTime<Utc>>)>,
    ed25519: Vec<(Ed25519Key, Option<DateTime<Utc>>)>,
    /// The oldest first.
    rsa: Vec<(PrivateKey, Option<DateTime<Utc>>)>,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Ed25519, Self::Rsa];

    /// Its name in the database and at the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsa",
        }
    }

    /// The private key, and the public one as a JSON Web Key.
    fn generate(self) -> Result<(Vec<u8>, Value), AppError> {
        Ok(match self {
            Self::Ed25519 => {
                let key = Ed25519Key::generate().map_err(AppError::internal)?;
                (key.expose_bytes().to_vec(), jwk::of_ed25519(key.public()))
            }
            Self::Rsa => {
                let key = PrivateKey::generate().map_err(AppError::internal)?;
                let pem = key.to_pkcs8_pem().map_err(AppError::internal)?;
                (pem.expose_secret().as_bytes().to_vec(), jwk::of_rsa(key.public_key()))
            }
        })
    }
}

impl FromStr for KeyKind {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or("must be ed25519 or rsa")
    }
}

impl SigningKey {
    /// Tells it from others: the thumbprint of its public key (RFC 7638).
    #[must_use]
    pub fn id(&self) -> &str {
        self.public_key["kid"].as_str().unwrap_or_default()
    }
}

impl Webhooks {
    /// A new secret, and what is stored of it.
    pub(super) fn new_secret(&self) -> Result<(SecretString, SealedSecret), AppError> {
        let secret = HmacSecret::generate();
        let sealed = self.0.vault.seal(OF_SECRETS, secret.expose_bytes()).map_err(AppError::internal)?;
        let stored = SealedSecret {
            sealed: sealed.text,
            sealed_by: sealed.by,
            fingerprint: hex::encode(&Sha256::digest(secret.expose_bytes())[..8]),
            expires_at: None,
        };
        Ok((secret.to_text(), stored))
    }

    /// What signs for an endpoint now.
    pub(super) async fn signer(&self, endpoint: &WebhookEndpoint) -> Result<Signer, AppError> {
        let (schemes, now) = (&endpoint.settings.signatures, self.0.clock.now());
        let mut signer = Signer { secrets: Vec::new(), ed25519: Vec::new(), rsa: Vec::new() };
        if schemes.contains(&SignatureScheme::V1) {
            for SealedSecret { sealed, sealed_by, expires_at, .. } in
                self.0.store.list_webhook_secrets(endpoint.id, now).await?
            {
                let secret = self.open(OF_SECRETS, sealed, sealed_by)?;
                let secret = HmacSecret::from_bytes(secret.expose_secret()).map_err(AppError::internal)?;
                signer.secrets.push((secret, expires_at));
            }
        }
        if schemes.contains(&SignatureScheme::V1a) {
            for key in self.keys_of(KeyKind::Ed25519).await? {
                let bytes = self.open(OF_KEYS, key.sealed, key.sealed_by)?;
                let opened = Ed25519Key::from_bytes(bytes.expose_secret()).map_err(AppError::internal)?;
                signer.ed25519.push((opened, key.expires_at));
            }
        }
        if schemes.contains(&SignatureScheme::Snap) {
            for key in self.keys_of(KeyKind::Rsa).await? {
                let pem = self.open(OF_KEYS, key.sealed, key.sealed_by)?;
                let pem = std::str::from_utf8(pem.expose_secret()).map_err(AppError::internal)?;
                signer.rsa.push((PrivateKey::from_pem(pem).map_err(AppError::internal)?, key.expires_at));
            }
        }
        Ok(signer)
    }

    /// The service's keys that sign now, of each kind the oldest first.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, AppError> {
        let keys = self.0.store.list_webhook_signing_keys(self.0.clock.now()).await?;
        let read = |SigningKeyRow { algorithm, public_key, created_at, expires_at, .. }: SigningKeyRow| {
            let kind = algorithm.parse().map_err(AppError::internal)?;
            let public_key = serde_json::from_str(&public_key).map_err(AppError::internal)?;
            Ok(SigningKey { kind, public_key, created_at, expires_at })
        };
        keys.into_iter().map(read).collect()
    }

    /// The public keys that verify what is signed now, as a JSON Web Key Set (RFC 7517 §5).
    pub async fn public_keys(&self) -> Result<Value, AppError> {
        Ok(jwk::set(self.signing_keys().await?.into_iter().map(|key| key.public_key)))
    }

    /// Makes a new key of this kind, beside which the present one signs for so long.
    pub async fn rotate_key(&self, kind: KeyKind, overlap: Duration) -> Result<Value, AppError> {
        self.ensure_on()?;
        if overlap > MAX_KEY_OVERLAP {
            let days = MAX_KEY_OVERLAP.as_secs() / (24 * 60 * 60);
            let message = format!("the present key may sign for {days}d more at most; give a shorter overlap");
            return Err(AppError::new(ErrorCode::ValidationFailed, message));
        }
        let (key, public) = self.new_key(kind).await?;
        let now = self.0.clock.now();
        let until = now + overlap;
        let fingerprint = public["kid"].as_str().unwrap_or_default().to_owned();
        let detail = vec![
            ("kind".to_owned(), kind.as_str().to_owned()),
            ("key".to_owned(), fingerprint),
            ("previous_until".to_owned(), until.to_rfc3339()),
        ];
        let entry = self.entry_of_service(Action::WebhookKeyRotated, detail);
        self.0.store.insert_webhook_signing_key(key, now, Some((until, entry))).await?;
        self.0.changed.notify_one();
        Ok(public)
    }

    /// The keys of a kind that are valid, the oldest first; the first one is made when it is needed.
    async fn keys_of(&self, kind: KeyKind) -> Result<Vec<SigningKeyRow>, AppError> {
        let find = async || {
            let keys = self.0.store.list_webhook_signing_keys(self.0.clock.now()).await?;
            Ok::<_, AppError>(keys.into_iter().filter(|key| key.algorithm == kind.as_str()).collect::<Vec<_>>())
        };
        let keys = find().await?;
        if !keys.is_empty() {
            return Ok(keys);
        }
        let (key, _) = self.new_key(kind).await?;
        self.0.store.insert_webhook_signing_key(key, self.0.clock.now(), None).await?;
        find().await
    }

    async fn new_key(&self, kind: KeyKind) -> Result<(NewSigningKey, Value), AppError> {
        // An RSA key takes up to a second.
        let made = tokio::task::spawn_blocking(move || kind.generate()).await.map_err(AppError::internal)?;
        let (private, public) = made?;
        let Sealed { text, by } = self.0.vault.seal(OF_KEYS, &private).map_err(AppError::internal)?;
        let key =
            NewSigningKey { algorithm: kind.as_str(), sealed: text, sealed_by: by, public_key: public.to_string() };
        Ok((key, public))
    }

    fn open(&self, owner: &str, text: String, by: String) -> Result<secrecy::SecretSlice<u8>, AppError> {
        self.0.vault.open(owner, &Sealed { text, by }).map_err(AppError::internal)
    }
}

/// How long a key may sign beside the next one.
const MAX_KEY_OVERLAP: Duration = Duration::from_hours(90 * 24);

/// What is bound to sealed secrets, so that one cannot be put in the place of a key.
const OF_SECRETS: &str = "webhook secret";

/// The same of keys.
const OF_KEYS: &str = "webhook signing key";

impl Signer {
    /// Whether each signature takes so long that no other work may wait for it.
    pub(super) fn is_slow(&self) -> bool {
        !self.rsa.is_empty()
    }

    /// The headers that prove who sends this.
    pub(super) fn sign(
        &self,
        message: &Message<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<(&'static str, String)>, AppError> {
        let is_valid = |until: &Option<DateTime<Utc>>| until.is_none_or(|until| now < until);
        let secrets = self.secrets.iter().filter(|(_, until)| is_valid(until));
        let mut signatures: Vec<_> = secrets.map(|(secret, _)| webhook_signature::v1(secret, message)).collect();
        for (key, _) in self.ed25519.iter().filter(|(_, until)| is_valid(until)) {
            signatures.push(webhook_signature::v1a(key, message).map_err(AppError::internal)?);
        }
        let mut headers = vec![
            (webhook_signature::ID_HEADER, message.id.to_owned()),
            (webhook_signature::TIMESTAMP_HEADER, message.timestamp.to_string()),
        ];
        if !signatures.is_empty() {
            headers.push((webhook_signature::SIGNATURE_HEADER, signatures.join(" ")));
        }
        // The form has room for one: the key before signs as long as it is valid, and the next one is published meanwhile.
        if let Some((key, _)) = self.rsa.iter().find(|(_, until)| is_valid(until)) {
            let snap = webhook_signature::snap(key, message).map_err(AppError::internal)?;
            headers.extend([("x-timestamp", snap.timestamp), ("x-signature", snap.signature)]);
        }
        Ok(headers)
    }
}
