//! Clients' secrets.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Clients, refuse};
use crate::auth::secret;
use crate::domain::audit::Action;
use crate::domain::client::ClientId;
use crate::domain::client_input::ChosenSecret;
use crate::error::{AppError, ErrorCode};
use crate::store::Rotated;

/// The outcome of a rotation.
pub struct RotatedSecret {
    /// The new secret, shown this once.
    pub secret: SecretString,
    /// When the one before it ends.
    pub previous_expires_at: DateTime<Utc>,
}

/// A secret chosen by people must still be long, unless it is for development; ours have 64 characters.
pub const MIN_SECRET: usize = 16;
const MAX_SECRET: usize = 512;

/// As long as any configured duration may be; an instant this far away is still one.
const LONGEST_GRACE: Duration = Duration::from_hours(3_650 * 24);

impl Clients {
    /// Gives a client a new secret; the one before it works for `grace` longer. Two work at once, no more: a third takes the
    /// place of one that was never used, and is refused when both are used, for it would cut somebody off. No grace ends
    /// all of them.
    pub async fn rotate_secret(&self, client_id: &ClientId, grace: Duration) -> Result<RotatedSecret, AppError> {
        if grace > LONGEST_GRACE {
            return Err(refuse("graceSeconds", "the old secret may work for 3650d more at most; give a shorter grace"));
        }
        self.existing_machine(client_id).await?;
        let previous_expires_at = TimeDelta::from_std(grace)
            .ok()
            .and_then(|grace| self.clock.now().checked_add_signed(grace))
            .ok_or_else(|| refuse("graceSeconds", "the grace period is too long"))?;
        let secret = secret::generate();
        let hash = hashed(secret.clone()).await?;
        let entry = self.entry(Action::SecretRotated, client_id, Vec::new());
        match self.store.insert_secret(hash, previous_expires_at, entry).await? {
            Rotated::Done(previous_expires_at) => Ok(RotatedSecret { secret, previous_expires_at }),
            Rotated::BothInUse(older) => {
                let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
                let message = format!(
                    "{client_id} has two secrets already, and both are used; the older one (last at {}) works until {}: \
                     wait for that, end it now (client end-old-secrets), or rotate without grace, which ends both",
                    time(older.last_used_at),
                    time(older.expires_at),
                );
                Err(AppError::new(ErrorCode::Conflict, message))
            }
        }
    }

    /// Ends every secret of a client but the newest now. Gives how many there were.
    pub async fn end_old_secrets(&self, client_id: &ClientId) -> Result<usize, AppError> {
        self.existing_machine(client_id).await?;
        let entry = self.entry(Action::OldSecretsEnded, client_id, Vec::new());
        Ok(self.store.update_old_secrets_ended(entry).await?)
    }
}

pub(super) async fn hashed(secret: SecretString) -> Result<String, AppError> {
    tokio::task::spawn_blocking(move || secret::hash(&secret)).await.map_err(AppError::internal)?
}

pub(super) fn checked_or_made(secret: Option<ChosenSecret>) -> Result<SecretString, AppError> {
    let Some(ChosenSecret { text, may_be_weak }) = secret else { return Ok(secret::generate()) };
    let length = text.expose_secret().len();
    let shortest = if may_be_weak { 1 } else { MIN_SECRET };
    if (shortest..=MAX_SECRET).contains(&length) {
        return Ok(text);
    }
    let weak = if (1..MIN_SECRET).contains(&length) { "; for development, --allow-weak-secret takes it" } else { "" };
    Err(refuse("secret", format!("a secret must have {shortest} to {MAX_SECRET} bytes, not {length}{weak}")))
}
