//! How far the programs of a client are that read the feed.

use super::Events;
use crate::domain::client::ClientId;
use crate::domain::event::Position;
use crate::domain::event_consumer::{EventConsumer, MAX_CONSUMERS};
use crate::domain::own_name::OwnName;
use crate::error::{AppError, ErrorCode};

impl Events {
    /// The client's consumers, by name.
    pub async fn consumers(&self, client: &ClientId) -> Result<Vec<EventConsumer>, AppError> {
        Ok(self.store.list_event_consumers(client).await?)
    }

    /// Notes that a consumer is done with everything up to a position, or makes it. What it says of an earlier position than before
    /// changes nothing: of two that say so at once the later one counts.
    pub async fn save_consumer(
        &self,
        client: &ClientId,
        name: &OwnName,
        after: Option<Position>,
    ) -> Result<EventConsumer, AppError> {
        if let Some(after) = after {
            self.ensure_not_ahead(after).await?;
        }
        let saved = self.store.update_event_consumer(client, name, after, MAX_CONSUMERS, self.clock.now()).await?;
        saved.ok_or_else(|| {
            let message =
                format!("A client may have {MAX_CONSUMERS} consumers; delete one that is not used, then make another");
            AppError::new(ErrorCode::Conflict, message)
        })
    }

    /// Forgets a consumer.
    pub async fn delete_consumer(&self, client: &ClientId, name: &OwnName) -> Result<(), AppError> {
        if self.store.delete_event_consumer(client, name).await? {
            return Ok(());
        }
        let message = format!("There is no consumer {name} of this client");
        Err(AppError::new(ErrorCode::NotFound, message))
    }
}
