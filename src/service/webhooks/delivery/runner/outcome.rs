//! What becomes of what was sent: in the lane, in the log, and in the database.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::warn;

use super::Runner;
use crate::clock::random_bytes;
use crate::domain::event::Position;
use crate::domain::webhook::{AttemptOutcome, AttemptTrigger, WebhookAttempt};
use crate::domain::webhook_lane::{Settled, Work};
use crate::error::AppError;
use crate::outgoing::Outcome;
use crate::service::webhooks::delivery::ledger::Report;
use crate::service::webhooks::message::Sent;
use crate::store::EndpointProgress;
use crate::telemetry;

/// A cursor that moved past nothing but events for others is written so often, unless it is as far as `IDLE_POSITIONS` behind.
const IDLE_WRITE: TimeDelta = TimeDelta::seconds(60);
const IDLE_POSITIONS: i64 = 5000;

/// How long a runner that ends waits until that is written down.
const AT_END: Duration = Duration::from_secs(5);

impl Runner {
    pub(super) fn settle(&mut self, work: Work, sent: Result<Sent, AppError>) {
        let now = self.webhooks.0.clock.now();
        let Sent { at, answer, outcome } = match sent {
            Ok(sent) => sent,
            Err(error) => {
                let error = telemetry::causes(&error);
                warn!(error, client_id = %self.endpoint.client_id, "a webhook could not be signed; trying again");
                self.finish(work, AttemptOutcome::Postponed, None);
                return;
            }
        };
        let asks_to_wait = matches!(answer.status, Some(429 | 503));
        let retry_after = answer.retry_after.filter(|_| asks_to_wait).map(|after| after.wait(now));
        let Outcome { status, duration, excerpt, .. } = answer;
        self.note(work, (at, duration), (outcome, status, excerpt), retry_after);
    }

    /// What is not sent, because its URL is none that requests may go to any more.
    pub(super) fn refuse(&mut self, work: Work) {
        let at = self.webhooks.0.clock.now();
        self.note(work, (at, Duration::ZERO), (AttemptOutcome::ForbiddenTarget, None, None), None);
    }

    /// Notes what became of an attempt, in the lane and in the log.
    fn note(
        &mut self,
        work: Work,
        (at, duration): (DateTime<Utc>, Duration),
        (outcome, status, excerpt): (AttemptOutcome, Option<u16>, Option<String>),
        retry_after: Option<Duration>,
    ) {
        let next_attempt_at = self.finish(work, outcome, retry_after);
        telemetry::count_webhook_attempt(outcome, duration);
        self.attempts.push(WebhookAttempt {
            id: 0,
            endpoint_id: self.endpoint.id,
            position: Some(work.position),
            order: Some(work.order),
            attempt: work.attempt,
            trigger: work.trigger,
            at,
            duration_ms: u32::try_from(duration.as_millis()).unwrap_or(u32::MAX),
            status,
            outcome,
            excerpt,
            next_attempt_at,
        });
    }

    pub(super) fn finish(
        &mut self,
        work: Work,
        outcome: AttemptOutcome,
        retry_after: Option<Duration>,
    ) -> Option<DateTime<Utc>> {
        let now = self.webhooks.0.clock.now();
        let settled = Settled { outcome, retry_after, chance: f64::from(random_bytes::<1>()[0]) / f64::from(u8::MAX) };
        if work.trigger == AttemptTrigger::Replay {
            return self.replaying.note(work, self.lane.settle_replay(work, settled, now));
        }
        self.lane.settle(work, settled, now)
    }

    /// Has written what changed.
    pub(super) async fn report(&mut self, is_last: bool) {
        // Before it knows how far the endpoint is, it has nothing to say.
        if !self.is_loaded {
            return;
        }
        let (now, cursor) = (self.webhooks.0.clock.now(), self.lane.cursor());
        let is_behind = !self.lane.is_empty() || self.lane.read() < self.feed.look(Position::START).0;
        self.feed.note_behind(is_behind && !self.is_silenced);
        let (changes, replays) = (self.lane.take_changes(), self.replaying.take_changes());
        let attempts = std::mem::take(&mut self.attempts);
        let (before, at) = self.reported;
        let is_far = cursor.get() - before.get() >= IDLE_POSITIONS || now - at >= IDLE_WRITE || is_last;
        // What was reported a moment ago is not written yet: the last report waits for that too.
        if !is_last && changes.is_none() && replays.is_empty() && attempts.is_empty() && (cursor == before || !is_far) {
            return;
        }
        self.reported = (cursor, now);
        let changes = changes.unwrap_or_default();
        let progress = EndpointProgress {
            endpoint_id: self.endpoint.id,
            generation: self.generation,
            position: cursor,
            rest_until: self.lane.rest_until,
            trips: self.lane.trips,
            failing_since: self.lane.failing_since,
            is_gone: changes.is_gone,
            parked: changes.parked,
            replays,
        };
        let (written, is_written) = oneshot::channel();
        let (written, lost) = (is_last.then_some(written), Arc::clone(&self.lease.lost));
        self.ledger.report(Report { progress, attempts, lost, written }).await;
        // Whoever sends next begins where this one ended.
        if is_last {
            let _ = timeout(AT_END, is_written).await;
        }
    }
}
