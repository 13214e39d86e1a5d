//! Events that are sent to one endpoint again, one after the other and behind everything else.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::runner::Runner;
use crate::domain::event::Position;
use crate::domain::order::OrderNumber;
use crate::domain::permission::Scope;
use crate::domain::webhook::WebhookReplay;
use crate::domain::webhook_lane::{READY, Work};
use crate::error::AppError;
use crate::store::{NEAR, ReplayProgress};

/// The replay of an endpoint that is under way, and what changed of it.
#[derive(Default)]
pub(super) struct Replaying {
    now: Option<WebhookReplay>,
    /// Its next events, and up to where they were read.
    next: VecDeque<(Position, OrderNumber)>,
    read: Position,
    /// The last one that is done: it is written down a moment later.
    done: i64,
    changes: Vec<ReplayProgress>,
}

impl Replaying {
    /// Whether nothing is to be sent again.
    pub(super) const fn is_empty(&self) -> bool {
        self.now.is_none()
    }

    /// What is to be written down.
    pub(super) fn take_changes(&mut self) -> Vec<ReplayProgress> {
        std::mem::take(&mut self.changes)
    }

    /// Notes what became of an event: whether it was taken, or when it is sent again.
    pub(super) fn note(&mut self, work: Work, became: Result<bool, DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let Some(replay) = &mut self.now else { return None };
        let (delivered, failed) = (u32::from(became == Ok(true)), u32::from(became == Ok(false)));
        match became {
            Ok(_) => {
                self.next.pop_front();
                (replay.position, replay.attempts, replay.next_attempt_at) = (work.position, 0, None);
            }
            Err(again) => (replay.attempts, replay.next_attempt_at) = (work.attempt, Some(again)),
        }
        let next = replay.next_attempt_at;
        self.changes.push(progress(replay, (delivered, failed), None));
        next
    }
}

fn progress(
    replay: &WebhookReplay,
    (delivered, failed): (u32, u32),
    finished_at: Option<DateTime<Utc>>,
) -> ReplayProgress {
    ReplayProgress {
        id: replay.id,
        position: replay.position,
        attempts: replay.attempts,
        next_attempt_at: replay.next_attempt_at,
        delivered,
        failed,
        finished_at,
    }
}

impl Runner {
    /// The next event that is to be sent again, if it may be sent now.
    pub(super) async fn next_replay(&mut self, scope: &Scope, now: DateTime<Utc>) -> Result<Option<Work>, AppError> {
        let store = self.webhooks.0.store.clone();
        if self.replaying.now.is_none() {
            let open = store.in_time(store.list_open_webhook_replays(self.endpoint.id)).await?;
            let done = self.replaying.done;
            self.replaying.now = open.into_iter().find(|replay| replay.id > done);
            self.replaying.next.clear();
            self.replaying.read = self.replaying.now.as_ref().map_or(Position::START, |replay| replay.position);
        }
        let Some(replay) = self.replaying.now.clone() else { return Ok(None) };
        if replay.next_attempt_at.is_some_and(|again| now < again) {
            return Ok(None);
        }
        if self.replaying.next.is_empty() && self.replaying.read < replay.until {
            let after = self.replaying.read;
            let near = replay.until.min(Position::new(after.get() + NEAR));
            let until = if replay.order.is_some() { replay.until } else { near };
            let kinds = &self.endpoint.settings.kinds;
            let reading = store.list_webhook_events(scope, (kinds, replay.order), (after, until), READY);
            let events = store.in_time(reading).await?;
            let is_full = events.len() == READY;
            self.replaying.read = events.last().filter(|_| is_full).map_or(until, |(last, _)| *last);
            self.replaying.next.extend(events);
        }
        // What waits for another event of its order is new to the endpoint: it comes by itself.
        while self.replaying.next.front().is_some_and(|next| self.lane.is_behind(*next)) {
            self.replaying.next.pop_front();
        }
        let Some(&next) = self.replaying.next.front() else {
            if self.replaying.read >= replay.until {
                let done = WebhookReplay { position: replay.until, ..replay };
                self.replaying.changes.push(progress(&done, (0, 0), Some(now)));
                (self.replaying.now, self.replaying.done) = (None, done.id);
            }
            return Ok(None);
        };
        Ok(self.lane.begin_replay(now, next, replay.attempts + 1))
    }
}
