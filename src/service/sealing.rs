//! Sealing cursors and ids with the key that all instances on one database share.

use std::sync::OnceLock;

use futures_util::FutureExt as _;
use secrecy::ExposeSecret as _;

use crate::domain::sealer::{Sealer, SealingFailed};
use crate::error::AppError;
use crate::store::Store;

/// Gives the sealer; the key is read once, when it is first needed.
pub struct Sealing {
    store: Store,
    sealer: OnceLock<Sealer>,
}

impl Sealing {
    /// Seals with the key of this store.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store, sealer: OnceLock::new() }
    }

    /// The sealer, if its key was read already.
    #[must_use]
    pub fn known(&self) -> Option<&Sealer> {
        self.sealer.get()
    }

    /// The sealer. While the database is away before the key was ever read, there is none.
    pub async fn sealer(&self) -> Result<&Sealer, AppError> {
        if let Some(sealer) = self.sealer.get() {
            return Ok(sealer);
        }
        // Each reads it by itself until one has it: nobody waits for another, who may not be polled for long. In an allocation
        // of its own: it happens once, and would make the future of every caller larger.
        let sealer = self.read().boxed().await?;
        Ok(self.sealer.get_or_init(|| sealer))
    }

    async fn read(&self) -> Result<Sealer, AppError> {
        let lost = || AppError::internal("the table sealing_keys is empty; restore its row from a backup");
        let (key, since) = self.store.in_time(self.store.find_sealing_key()).await?.ok_or_else(lost)?;
        Ok(Sealer::new(key.expose_secret(), since)?)
    }
}

impl From<SealingFailed> for AppError {
    fn from(error: SealingFailed) -> Self {
        Self::internal(error)
    }
}
