use std::sync::Arc;

use async_graphql::Object;

use crate::domain::event_consumer;
use crate::error::AppError;
use crate::graphql::output::scalars::DateTime;
use crate::service::Sealing;

/// A program that reads the feed of events, with how far it is.
pub struct EventConsumer {
    /// The consumer.
    pub consumer: event_consumer::EventConsumer,
    /// Seals its cursor.
    pub sealing: Arc<Sealing>,
}

/// A program that reads the feed of events, with how far it is.
#[Object]
impl EventConsumer {
    /// Name of the consumer, among those of its client, such as `warehouse`.
    async fn name(&self) -> &str {
        self.consumer.name.as_str()
    }

    /// Cursor after which the consumer goes on, such as `Q-rnbqWz3A4xBjIYVanuikPo_wCJ52hJ`. Opaque.
    async fn cursor(&self) -> Result<String, AppError> {
        Ok(self.consumer.position.seal(self.sealing.sealer().await?)?)
    }

    /// Time at which the consumer was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.consumer.created_at)
    }

    /// Time at which its cursor last moved.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.consumer.updated_at)
    }
}
