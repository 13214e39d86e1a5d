//! Events that are sent again because somebody asked for it: behind everything else, and never ahead of what comes by itself.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::{Lane, OUR_FAULT, Settled, Work};
use crate::domain::event::Position;
use crate::domain::order::OrderNumber;
use crate::domain::webhook::{AttemptOutcome, AttemptTrigger};
use crate::domain::webhook_schedule::pause_after;

impl Lane {
    /// Whether an event is not sent before another one of its order: it comes by itself, and sooner it must not.
    #[must_use]
    pub fn is_behind(&self, (position, order): (Position, OrderNumber)) -> bool {
        self.orders.get(&order).and_then(VecDeque::front).is_some_and(|first| first.position < position)
    }

    /// An event that is to be sent again, if it may be sent now. Ask when nothing else can be sent.
    pub fn begin_replay(
        &mut self,
        now: DateTime<Utc>,
        (position, order): (Position, OrderNumber),
        attempt: u32,
    ) -> Option<Work> {
        let trigger = AttemptTrigger::Replay;
        let work = Work { position, order, attempt, trigger, is_retry: false, is_probe: false };
        let is_free = !self.is_gone
            && self.rest_until.is_none_or(|until| until <= now)
            && self.in_flight < self.slots()
            && !self.busy.contains(&order)
            && !self.is_behind((position, order));
        is_free.then(|| self.begin(work))
    }

    /// Notes what became of an event that is sent again; gives whether it is done with, and else when it is sent once more.
    pub fn settle_replay(&mut self, work: Work, settled: Settled, now: DateTime<Utc>) -> Result<bool, DateTime<Utc>> {
        self.end(work);
        let Settled { outcome, retry_after, chance } = settled;
        if outcome.is_delivered() {
            self.note_taken(work, now);
            self.unpark(work.position, work.order, now);
            return Ok(true);
        }
        if outcome == AttemptOutcome::Gone {
            (self.is_gone, self.changes.is_gone, self.changes.is_changed) = (true, true, true);
            return Err(now);
        }
        if outcome.is_ours() {
            return Err(now + OUR_FAULT);
        }
        if self.note_failed(work, retry_after, now) {
            return Err(self.rest_until.unwrap_or(now));
        }
        pause_after(work.attempt, chance).map_or(Ok(false), |pause| Err(now + retry_after.unwrap_or(pause)))
    }
}
