//! The key that seals cursors and ids.

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait;
use secrecy::SecretSlice;

use super::connect::{Store, instant};
use super::entity::sealing_keys::Entity;
use super::error::StoreResult;

impl Store {
    /// The key that seals cursors and ids, and when it was made; `None` when somebody deleted it.
    pub async fn find_sealing_key(&self) -> StoreResult<Option<(SecretSlice<u8>, DateTime<Utc>)>> {
        let Some(row) = Entity::find().one(&self.read).await? else { return Ok(None) };
        Ok(Some((row.key.into(), instant(row.created_at)?)))
    }
}
