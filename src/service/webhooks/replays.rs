//! Sending events again.

use chrono::{DateTime, Utc};

use super::Webhooks;
use crate::domain::audit::{Action, Detail};
use crate::domain::client::ClientId;
use crate::domain::event::{After, Position};
use crate::domain::fields::Naming;
use crate::domain::order::OrderNumber;
use crate::domain::own_name::OwnName;
use crate::domain::webhook::WebhookReplay;
use crate::domain::webhook_input::ReplayInput;
use crate::error::{AppError, ErrorCode};
use crate::store::StoreError;

/// Events that are to be sent again.
#[derive(Debug, Clone, Copy)]
struct Range {
    /// Of this order alone.
    order: Option<OrderNumber>,
    /// After this position.
    after: Position,
    /// Up to this position, or else up to now.
    until: Option<Position>,
}

/// How many replays of an endpoint may be under way.
const MAX_REPLAYS: u64 = 10;

impl Webhooks {
    /// Sends events to an endpoint again, behind everything else. Their ids are the ones that they were sent with before.
    /// Faults are told in the caller's spelling.
    pub async fn replay(
        &self,
        client: &ClientId,
        name: &OwnName,
        which: ReplayInput,
        naming: Naming,
    ) -> Result<WebhookReplay, AppError> {
        let detail = detail(&which);
        let range = self.range(which, naming).await?;
        let endpoint = self.endpoint(client, name).await?;
        // What was never sent comes by itself.
        let until = range.until.unwrap_or(Position::END).min(endpoint.position);
        let replay = WebhookReplay {
            id: 0,
            endpoint_id: endpoint.id,
            order: range.order,
            position: range.after.min(until),
            until,
            attempts: 0,
            next_attempt_at: None,
            delivered: 0,
            failed: 0,
            created_at: self.0.clock.now(),
            finished_at: None,
        };
        let entry = self.entry_of(Action::WebhookEventsReplayed, &endpoint, detail);
        let replay = self.0.store.insert_webhook_replay(replay, MAX_REPLAYS, entry).await?.ok_or_else(|| {
            let message = format!(
                "An endpoint may have {MAX_REPLAYS} replays under way; wait until one is done, and resume the endpoint if it is paused"
            );
            AppError::new(ErrorCode::Conflict, message)
        })?;
        self.0.changed.notify_one();
        Ok(replay)
    }

    /// The replays of an endpoint that are under way.
    pub async fn open_replays(&self, endpoint: i64) -> Result<Vec<WebhookReplay>, AppError> {
        Ok(self.0.store.list_open_webhook_replays(endpoint).await?)
    }

    /// The positions of the events that are meant.
    async fn range(&self, which: ReplayInput, naming: Naming) -> Result<Range, AppError> {
        let all = Range { order: None, after: Position::START, until: None };
        Ok(match which {
            ReplayInput::Event(event) => {
                let until = self.position("event", Some(&event)).await?;
                let after = until.map_or(Position::START, |event| Position::new(event.get() - 1));
                Range { after, until, ..all }
            }
            ReplayInput::Order(order) => Range { order: Some(order), ..all },
            ReplayInput::Since(since, until) => {
                let after = self.position_before(since).await?;
                // Of what is gone nobody knows when it was.
                let horizon = self.0.store.find_horizon().await?;
                if horizon > Position::START && after <= horizon {
                    return Err(StoreError::Expired.into());
                }
                let until = match until {
                    Some(until) => Some(self.position_before(until).await?),
                    None => None,
                };
                Range { after, until, ..all }
            }
            ReplayInput::After(after, up_to) => {
                let after = self.position("after", Some(&after)).await?.unwrap_or(Position::START);
                Range { after, until: self.position(&naming.spell("up_to"), up_to.as_deref()).await?, ..all }
            }
        })
    }

    /// The position in the feed that a cursor names, the field with this name.
    pub async fn position(&self, field: &str, cursor: Option<&str>) -> Result<Option<Position>, AppError> {
        let sealer = self.0.sealing.sealer().await?;
        let after = After::read_field(field, cursor, sealer).map_err(AppError::invalid)?;
        self.0.events.resume(after, sealer).await
    }

    /// The cursor of a position in the feed.
    pub async fn cursor(&self, position: Position) -> Result<String, AppError> {
        Ok(position.seal(self.0.sealing.sealer().await?)?)
    }

    /// The last position before a time.
    async fn position_before(&self, time: DateTime<Utc>) -> Result<Position, AppError> {
        let store = &self.0.store;
        let (mut low, mut high) = (0, store.find_last_position().await?.get());
        // Times follow positions but for transactions side by side, so it looks between the two like in a dictionary.
        while low < high {
            let middle = low + (high - low) / 2 + 1;
            match store.find_time_of_position(Position::new(middle)).await? {
                Some(at) if at >= time => high = middle - 1,
                _ => low = middle,
            }
        }
        Ok(Position::new(low))
    }
}

/// What was asked for, as the log records it.
fn detail(which: &ReplayInput) -> Detail {
    let named = |name: &str, value: String| Some((name.to_owned(), value));
    let (one, other) = match which {
        ReplayInput::Event(event) => (named("event", event.clone()), None),
        ReplayInput::Order(order) => (named("order_number", order.to_string()), None),
        ReplayInput::Since(since, until) => {
            (named("since", since.to_rfc3339()), until.and_then(|until| named("until", until.to_rfc3339())))
        }
        ReplayInput::After(after, up_to) => {
            (named("after", after.clone()), up_to.clone().and_then(|up_to| named("up_to", up_to)))
        }
    };
    one.into_iter().chain(other).collect()
}
