//! What is sent to an endpoint, and in which order: of one order one event at a time, and no event before those that it follows.
//!
//! Pure: whoever sends asks [`Lane::next`], says what became of it with [`Lane::settle`], and writes down [`Lane::take_changes`].

mod replay;
mod window;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};

use self::window::Window;
use super::event::Position;
use super::order::OrderNumber;
use super::webhook::{AttemptOutcome, AttemptTrigger, OnExhausted, ParkedEvent, ParkedState, WebhookEndpoint};
use super::webhook_schedule::{Breaker, pause_after, rest_after};

/// An endpoint that has so many events parked is told of nothing new.
pub const MAX_PARKED: usize = 10_000;

/// How many events wait to be sent.
pub const READY: usize = 64;

/// How long nothing is sent when the service itself is at fault.
const OUR_FAULT: Duration = Duration::from_secs(30);

/// An event to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Its position in the feed.
    pub position: Position,
    /// Its order.
    pub order: OrderNumber,
    /// How often it was sent, this time included.
    pub attempt: u32,
    /// Why it is sent.
    pub trigger: AttemptTrigger,
    /// Whether it was sent before in vain.
    is_retry: bool,
    /// Whether it is to show if a rest helped.
    is_probe: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send this, and ask again.
    Send(Work),
    /// Ask again then, or when something was settled or read.
    At(DateTime<Utc>),
    /// Ask again when something was settled or read.
    Later,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct Settled {
    /// What became of it.
    pub outcome: AttemptOutcome,
    /// How long the answer asks to wait.
    pub retry_after: Option<Duration>,
    /// A number from 0 to 1, by chance.
    pub chance: f64,
}

/// What changed since it was last written down.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Events that are parked, or parked otherwise; `None` where they are no more.
    pub parked: BTreeMap<Position, Option<ParkedEvent>>,
    /// Whether the endpoint answered that it is gone.
    pub is_gone: bool,
    /// Whether something else changed.
    pub is_changed: bool,
}

/// One endpoint's events on their way.
#[derive(Debug)]
pub struct Lane {
    max_in_flight: usize,
    on_exhausted: OnExhausted,
    window: Window,
    ready: VecDeque<(Position, OrderNumber)>,
    busy: HashSet<OrderNumber>,
    /// The parked events of each order, by position.
    orders: HashMap<OrderNumber, VecDeque<ParkedEvent>>,
    /// When the first parked event of each order is sent again.
    due: BTreeSet<(DateTime<Utc>, OrderNumber)>,
    parked: usize,
    in_flight: usize,
    retries_in_flight: usize,
    /// What was sent last: of fresh events and retries neither keeps the other from the only slot.
    was_retry: bool,
    breaker: Breaker,
    /// Until then nothing is sent.
    pub rest_until: Option<DateTime<Utc>>,
    /// How many rests in a row ended with a failure.
    pub trips: u32,
    /// Since when nothing was taken.
    pub failing_since: Option<DateTime<Utc>>,
    /// Whether one attempt is to show if the rest helped.
    is_probing: bool,
    /// Whether the endpoint answered that it is gone: nothing is sent until its owner resumes it.
    is_gone: bool,
    changes: Changes,
}

impl Lane {
    /// The lane of an endpoint as it was written down.
    #[must_use]
    pub fn new(endpoint: &WebhookEndpoint, parked: Vec<ParkedEvent>) -> Self {
        let mut lane = Self {
            max_in_flight: 1,
            on_exhausted: endpoint.settings.on_exhausted,
            window: Window::new(endpoint.position, parked.iter().map(|event| event.position)),
            ready: VecDeque::new(),
            busy: HashSet::new(),
            orders: HashMap::new(),
            due: BTreeSet::new(),
            parked: 0,
            in_flight: 0,
            retries_in_flight: 0,
            was_retry: false,
            breaker: Breaker::default(),
            rest_until: endpoint.rest_until,
            trips: endpoint.trips,
            failing_since: endpoint.failing_since,
            is_probing: endpoint.rest_until.is_some(),
            is_gone: false,
            changes: Changes::default(),
        };
        lane.set(endpoint);
        for event in parked {
            // Of those that were given up, only one whose order waits for it is of interest.
            if event.state != ParkedState::Exhausted || lane.on_exhausted == OnExhausted::Hold {
                lane.parked += 1;
                lane.orders.entry(event.order).or_default().push_back(event);
            }
        }
        let orders: Vec<_> = lane.orders.keys().copied().collect();
        for order in orders {
            lane.activate(order, endpoint.updated_at, false);
        }
        lane
    }

    /// Takes over what the endpoint's owner decided anew.
    pub fn set(&mut self, endpoint: &WebhookEndpoint) {
        self.max_in_flight = usize::from(endpoint.settings.max_in_flight.max(1));
        self.on_exhausted = endpoint.settings.on_exhausted;
        if self.on_exhausted == OnExhausted::Continue {
            let held = self.orders.iter().filter(|(_, events)| events[0].state == ParkedState::Exhausted);
            for order in held.map(|(order, _)| *order).collect::<Vec<_>>() {
                self.leave_first(order, endpoint.updated_at);
            }
        }
    }

    /// Everything up to here was read.
    #[must_use]
    pub const fn read(&self) -> Position {
        self.window.read()
    }

    /// Everything up to here was taken or is parked.
    #[must_use]
    pub fn cursor(&self) -> Position {
        self.window.cursor()
    }

    /// How many events may be read now.
    #[must_use]
    pub fn room(&self) -> usize {
        // One page is enough for a probe.
        let is_waiting = self.is_probing && !self.ready.is_empty();
        if self.parked >= MAX_PARKED || self.window.is_full() || is_waiting {
            return 0;
        }
        READY.saturating_sub(self.ready.len())
    }

    /// Whether nothing waits to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.window.is_settled() && self.parked == 0
    }

    /// Notes the events that were read, up to a position.
    pub fn add(&mut self, events: &[(Position, OrderNumber)], until: Position) {
        for &(position, order) in events {
            let first = self.orders.get(&order).and_then(VecDeque::front).map(|first| first.position);
            match first {
                // It was read before a crash: it is parked, or what waited for it is.
                _ if self.window.is_parked(position) => {}
                Some(first) if position < first => {}
                Some(_) => self.wait_behind(position, order),
                None => {
                    self.window.add(position);
                    self.ready.push_back((position, order));
                }
            }
        }
        self.window.read_up_to(until);
    }

    /// What is to be done now.
    pub fn next(&mut self, now: DateTime<Utc>) -> Next {
        if let Some(until) = self.rest_until.filter(|until| *until > now) {
            return if self.is_empty() { Next::Later } else { Next::At(until) };
        }
        if self.is_gone || self.in_flight >= self.slots() {
            return Next::Later;
        }
        let work = if self.was_retry {
            self.fresh().or_else(|| self.retry(now))
        } else {
            self.retry(now).or_else(|| self.fresh())
        };
        if let Some(work) = work {
            self.was_retry = work.is_retry;
            return Next::Send(self.begin(work));
        }
        let retries_full = self.retries_in_flight >= self.most_retries();
        let next_due = self.due.iter().find(|(_, order)| !self.busy.contains(order)).filter(|_| !retries_full);
        next_due.map_or(Next::Later, |(due, _)| Next::At(*due))
    }

    /// How many events may be under way at once.
    const fn slots(&self) -> usize {
        if self.is_probing { 1 } else { self.max_in_flight }
    }

    fn begin(&mut self, mut work: Work) -> Work {
        work.is_probe = self.is_probing;
        self.busy.insert(work.order);
        self.in_flight += 1;
        if work.is_retry {
            self.retries_in_flight += 1;
        }
        work
    }

    /// Retries have half of the slots, and at least one.
    fn most_retries(&self) -> usize {
        (self.max_in_flight / 2).max(1)
    }

    fn fresh(&mut self) -> Option<Work> {
        let at = self.ready.iter().position(|(_, order)| !self.busy.contains(order))?;
        let (position, order) = self.ready.remove(at)?;
        Some(Work { position, order, attempt: 1, trigger: AttemptTrigger::Auto, is_retry: false, is_probe: false })
    }

    fn retry(&mut self, now: DateTime<Utc>) -> Option<Work> {
        if self.retries_in_flight >= self.most_retries() {
            return None;
        }
        let due = *self.due.iter().take_while(|(due, _)| *due <= now).find(|(_, order)| !self.busy.contains(order))?;
        self.due.remove(&due);
        let first = self.orders.get(&due.1)?.front()?;
        let (position, attempt) = (first.position, first.attempts + 1);
        Some(Work { position, order: due.1, attempt, trigger: AttemptTrigger::Auto, is_retry: true, is_probe: false })
    }

    /// Notes that something could not be sent, and that nothing is known of the endpoint: it is sent again.
    pub fn give_back(&mut self, work: Work, now: DateTime<Utc>) {
        self.end(work);
        if work.trigger != AttemptTrigger::Replay {
            self.put_back(work, now);
        }
    }

    /// Ends a rest: the endpoint's owner wants to know now if it helped.
    pub const fn wake(&mut self) {
        self.rest_until = None;
    }

    /// Whether the endpoint answered that it is gone, so that nothing more is sent.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Notes what became of an attempt; gives when the event is sent again.
    pub fn settle(&mut self, work: Work, settled: Settled, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.end(work);
        let Settled { outcome, retry_after, chance } = settled;
        if outcome.is_delivered() {
            self.note_taken(work, now);
            self.take(work, now);
            return None;
        }
        if outcome.is_ours() || outcome == AttemptOutcome::Gone {
            self.put_back(work, now);
            self.changes.is_changed = true;
            if outcome == AttemptOutcome::Gone {
                (self.is_gone, self.changes.is_gone) = (true, true);
                return None;
            }
            let until = now + OUR_FAULT;
            self.rest_until = Some(self.rest_until.map_or(until, |known| known.max(until)));
            return Some(until);
        }
        // One that shows that the rest did not help uses up no attempt of the event.
        if self.note_failed(work, retry_after, now) {
            self.put_back(work, now);
            return self.rest_until;
        }
        let again = pause_after(work.attempt, chance).map(|pause| now + retry_after.unwrap_or(pause));
        self.park(work, outcome, again, now)
    }

    /// What changed since this was last asked for; `None` where nothing did.
    pub fn take_changes(&mut self) -> Option<Changes> {
        let changes = std::mem::take(&mut self.changes);
        (changes.is_changed || !changes.parked.is_empty()).then_some(changes)
    }

    fn end(&mut self, work: Work) {
        self.busy.remove(&work.order);
        self.in_flight = self.in_flight.saturating_sub(1);
        if work.is_retry {
            self.retries_in_flight = self.retries_in_flight.saturating_sub(1);
        }
    }

    fn note_taken(&mut self, work: Work, now: DateTime<Utc>) {
        self.breaker.note(now, true);
        self.changes.is_changed |= self.failing_since.take().is_some();
        // What was under way when the rest began does not end it: the endpoint may have asked for it since.
        let is_asked = self.is_probing && !work.is_probe && self.rest_until.is_some_and(|until| now < until);
        if !is_asked && (self.is_probing || self.rest_until.is_some()) {
            (self.rest_until, self.trips, self.is_probing) = (None, 0, false);
            self.changes.is_changed = true;
        }
    }

    /// Whether the attempt was a probe.
    fn note_failed(&mut self, work: Work, retry_after: Option<Duration>, now: DateTime<Utc>) -> bool {
        self.failing_since.get_or_insert(now);
        self.changes.is_changed = true;
        let asked = retry_after.unwrap_or_default();
        if work.is_probe {
            self.trips = self.trips.saturating_add(1);
            self.rest(now + rest_after(self.trips).max(asked));
        } else if !self.is_probing && self.breaker.note(now, false) {
            self.rest(now + rest_after(self.trips).max(asked));
        } else if retry_after.is_some() {
            self.rest(now + asked);
        }
        work.is_probe
    }

    fn rest(&mut self, until: DateTime<Utc>) {
        self.rest_until = Some(self.rest_until.map_or(until, |known| known.max(until)));
        self.is_probing = true;
        self.breaker.reset();
    }

    /// It was taken.
    fn take(&mut self, work: Work, now: DateTime<Utc>) {
        if work.is_retry {
            self.unpark(work.position, work.order, now);
        } else {
            self.window.take(work.position);
            self.changes.is_changed = true;
        }
    }

    /// It is to be sent again as if it had not been sent.
    fn put_back(&mut self, work: Work, now: DateTime<Utc>) {
        if work.is_retry {
            self.activate(work.order, now, true);
        } else {
            self.ready.push_front((work.position, work.order));
        }
    }

    /// It was not taken.
    fn park(
        &mut self,
        work: Work,
        outcome: AttemptOutcome,
        next_attempt_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let Work { position, order, attempt, .. } = work;
        let state = if next_attempt_at.is_some() { ParkedState::Retrying } else { ParkedState::Exhausted };
        let event = ParkedEvent { position, order, state, attempts: attempt, next_attempt_at, outcome: Some(outcome) };
        if !work.is_retry {
            self.window.park(position);
            self.parked += 1;
            self.orders.entry(order).or_default().push_front(event.clone());
            // What was read of its order comes behind it.
            let (behind, ready) = self.ready.drain(..).partition(|(_, other)| *other == order);
            self.ready = ready;
            let behind: VecDeque<(Position, OrderNumber)> = behind;
            for (position, order) in behind {
                self.window.park(position);
                self.wait_behind(position, order);
            }
        } else if let Some(first) = self.orders.get_mut(&order).and_then(VecDeque::front_mut) {
            *first = event.clone();
        }
        self.changes.parked.insert(position, Some(event));
        match next_attempt_at {
            Some(due) => {
                self.due.insert((due, order));
            }
            None if self.on_exhausted == OnExhausted::Continue => self.leave_first(order, now),
            None => {}
        }
        next_attempt_at
    }

    fn wait_behind(&mut self, position: Position, order: OrderNumber) {
        let state = ParkedState::Waiting;
        let event = ParkedEvent { position, order, state, attempts: 0, next_attempt_at: None, outcome: None };
        self.parked += 1;
        self.orders.entry(order).or_default().push_back(event.clone());
        self.changes.parked.insert(position, Some(event));
    }

    /// An event is parked no more: it was taken.
    fn unpark(&mut self, position: Position, order: OrderNumber, now: DateTime<Utc>) {
        self.changes.parked.insert(position, None);
        let Some(events) = self.orders.get_mut(&order) else { return };
        let Some(at) = events.iter().position(|event| event.position == position) else { return };
        if at == 0 {
            self.leave_first(order, now);
        } else {
            events.remove(at);
            self.parked -= 1;
        }
    }

    /// The first parked event of an order is done with; the next one is due.
    fn leave_first(&mut self, order: OrderNumber, now: DateTime<Utc>) {
        self.due.retain(|(_, other)| *other != order);
        let Some(events) = self.orders.get_mut(&order) else { return };
        if events.pop_front().is_some() {
            self.parked -= 1;
        }
        if events.is_empty() {
            self.orders.remove(&order);
        } else {
            self.activate(order, now, true);
        }
    }

    /// Has the first parked event of an order sent when it is due, or now where nothing says when.
    fn activate(&mut self, order: OrderNumber, now: DateTime<Utc>, is_new: bool) {
        let Some(first) = self.orders.get_mut(&order).and_then(VecDeque::front_mut) else { return };
        if first.state == ParkedState::Exhausted {
            return;
        }
        let due = if is_new { now } else { first.next_attempt_at.unwrap_or(now) };
        if first.state == ParkedState::Waiting {
            (first.state, first.next_attempt_at) = (ParkedState::Retrying, Some(due));
            let (position, event) = (first.position, first.clone());
            self.changes.parked.insert(position, Some(event));
        }
        self.due.insert((due, order));
    }
}

#[cfg(test)]
#[path = "webhook_lane_tests.rs"]
mod tests;
