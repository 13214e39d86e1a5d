//! The log of attempts, and how long it is kept.

use super::Webhooks;
use crate::domain::client::ClientId;
use crate::domain::own_name::OwnName;
use crate::domain::sealer::Purpose;
use crate::domain::webhook::WebhookAttempt;
use crate::domain::webhook_input::AttemptsInput;
use crate::error::{AppError, FieldError, FieldErrorCode};
use crate::service::tending::keep_short;

/// A page of the log.
pub struct AttemptsPage {
    /// The attempts, the newest first.
    pub attempts: Vec<WebhookAttempt>,
    /// Where the next page begins; `None` on the last one.
    pub next_cursor: Option<String>,
}

impl Webhooks {
    /// Attempts at an endpoint, the newest first.
    pub async fn attempts(
        &self,
        client: &ClientId,
        name: &OwnName,
        which: AttemptsInput,
        cursor: Option<&str>,
    ) -> Result<AttemptsPage, AppError> {
        let endpoint = self.endpoint(client, name).await?;
        let sealer = self.0.sealing.sealer().await?;
        let before = cursor.map(|cursor| {
            let opened = sealer.open(Purpose::WebhookAttemptCursor, cursor);
            opened.map(|[at, id]| (at, id)).ok_or_else(|| {
                let message = "is not a cursor of this list; take it from an answer, or leave it out to begin anew";
                let pointer = "/cursor".to_owned();
                AppError::invalid(vec![FieldError {
                    pointer,
                    code: FieldErrorCode::Cursor,
                    message: message.to_owned(),
                }])
            })
        });
        let store = &self.0.store;
        let mut attempts =
            store.list_webhook_attempts(endpoint.id, &which, before.transpose()?, which.limit + 1).await?;
        let has_more = attempts.len() > which.limit;
        attempts.truncate(which.limit);
        let next_cursor = match attempts.last() {
            Some(last) if has_more => {
                Some(sealer.seal(Purpose::WebhookAttemptCursor, [last.at.timestamp_micros(), last.id])?)
            }
            _ => None,
        };
        Ok(AttemptsPage { attempts, next_cursor })
    }

    /// Drops what the log has kept for long enough, for as long as it is polled.
    pub async fn keep_log_short(&self) {
        keep_short("webhooks", || self.tend_log()).await;
    }

    /// Drops a part of what is too old; whether there is more of it.
    async fn tend_log(&self) -> Result<bool, AppError> {
        let now = self.0.clock.now();
        let keep_after = now - self.0.rules.log_retention;
        self.0.store.delete_webhook_replays(keep_after).await?;
        self.0.store.delete_exhausted_webhook_events(keep_after).await?;
        Ok(self.0.store.tend_webhook_attempts(now, keep_after).await?)
    }
}
