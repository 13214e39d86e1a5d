//! Whatever receivers answer, and whenever the service is killed: the order of each order's events holds, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::webhook::{EndpointSettings, EndpointState, PayloadForm};

const ORDERS: i64 = 3;

fn endpoint(on_exhausted: OnExhausted, max_in_flight: u16) -> WebhookEndpoint {
    let settings = EndpointSettings {
        url: "https://erp.example.com/hooks".to_owned(),
        kinds: Vec::new(),
        payload: PayloadForm::Thin,
        signatures: Vec::new(),
        on_exhausted,
        max_in_flight,
    };
    let start = DateTime::UNIX_EPOCH;
    WebhookEndpoint {
        id: 1,
        client_id: "partner".parse().unwrap(),
        name: "erp".parse().unwrap(),
        settings,
        version: 1,
        state: EndpointState::Active,
        position: Position::START,
        rest_until: None,
        trips: 0,
        failing_since: None,
        created_at: start,
        updated_at: start,
        verified_at: None,
    }
}

/// What became of an attempt, as the receiver sees it.
#[derive(Debug, Clone, Copy)]
enum Became {
    Delivered,
    Refused,
    TimedOut,
    /// 429 with `Retry-After`, in seconds.
    TooMany(u64),
    Gone,
    Postponed,
    /// It was not even sent.
    GivenBack,
}

#[derive(Debug, Clone)]
enum Step {
    /// Something happens to an order.
    Happens(i64),
    Read,
    Send,
    /// One of those under way comes to its end.
    Settle(usize, Became, f64),
    Wait(u32),
    Write,
    /// The instance is killed; for each attempt under way it says whether its receiver took it.
    Kill([bool; 4]),
    /// Everything is refused for so many days.
    Refuse(u32),
    /// Sending an event again is asked for.
    Replay(usize),
    /// The owner resumes the endpoint.
    Resume,
}

/// Everything there is beside the lane.
struct World {
    lane: Lane,
    now: DateTime<Utc>,
    /// The order of each event, by position.
    feed: Vec<OrderNumber>,
    under_way: Vec<Work>,
    /// The database.
    stored: WebhookEndpoint,
    rows: BTreeMap<Position, ParkedEvent>,
    delivered: BTreeSet<Position>,
    exhausted: BTreeSet<Position>,
    /// How often each event was sent in vain, as far as it counts.
    counted: BTreeMap<Position, u32>,
    cursor: Position,
}

impl World {
    fn new(on_exhausted: OnExhausted, max_in_flight: u16) -> Self {
        let stored = endpoint(on_exhausted, max_in_flight);
        Self {
            lane: Lane::new(&stored, Vec::new()),
            now: DateTime::UNIX_EPOCH,
            feed: Vec::new(),
            under_way: Vec::new(),
            stored,
            rows: BTreeMap::new(),
            delivered: BTreeSet::new(),
            exhausted: BTreeSet::new(),
            counted: BTreeMap::new(),
            cursor: Position::START,
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Happens(order) => self.feed.push(OrderNumber::from_id(order)),
            Step::Read => self.read(),
            Step::Send => while self.send_next() {},
            Step::Settle(which, became, chance) if !self.under_way.is_empty() => {
                let work = self.under_way.remove(which % self.under_way.len());
                self.settle(work, became, chance);
            }
            Step::Settle(..) => {}
            Step::Wait(seconds) => self.now += TimeDelta::seconds(seconds.into()),
            Step::Write => self.write(),
            Step::Kill(taken) => self.kill(taken),
            Step::Refuse(days) => (0..days).for_each(|_| self.refuse_for_a_day()),
            Step::Replay(which) => self.replay(which),
            Step::Resume => self.resume(),
        }
        self.check();
    }

    fn resume(&mut self) {
        (self.stored.rest_until, self.stored.trips) = (None, 0);
        self.lane.wake();
        // An endpoint that is gone is sent to anew once what is under way has come to its end.
        if self.lane.is_gone {
            while let Some(work) = self.under_way.pop() {
                self.settle(work, Became::Refused, 0.5);
            }
            self.write();
            self.kill([false; 4]);
        }
    }

    /// Reads as much as there is room for.
    fn read(&mut self) {
        let after = self.lane.read().get();
        let new = self.feed.iter().enumerate().map(|(at, order)| (position_at(at), *order));
        let new: Vec<_> = new.filter(|(position, _)| position.get() > after).take(self.lane.room()).collect();
        if let Some((last, _)) = new.last() {
            self.lane.add(&new, *last);
        }
    }

    fn send_next(&mut self) -> bool {
        let is_resting = self.lane.rest_until.is_some_and(|until| until > self.now);
        let Next::Send(work) = self.lane.next(self.now) else { return false };
        assert!(!is_resting, "nothing is sent in a rest: {work:?}");
        let counted = self.counted.get(&work.position).copied().unwrap_or_default();
        assert_eq!(work.attempt, counted + 1, "{work:?}");
        assert!(work.attempt <= 10, "{work:?}");
        assert!(self.before(work.position).is_none_or(|before| self.is_done(before)), "too early: {work:?}");
        self.begin(work);
        true
    }

    fn begin(&mut self, work: Work) {
        assert!(self.under_way.iter().all(|other| other.order != work.order), "two of one order: {work:?}");
        assert!(!work.is_probe || self.under_way.iter().all(|other| !other.is_probe), "two probes: {work:?}");
        self.under_way.push(work);
        let most = usize::from(self.stored.settings.max_in_flight);
        let retries = self.under_way.iter().filter(|work| work.is_retry).count();
        assert!(self.under_way.len() <= most && retries <= (most / 2).max(1), "{:?}", self.under_way);
    }

    /// The event of the same order before it.
    fn before(&self, position: Position) -> Option<Position> {
        let order = self.order_of(position);
        (1..position.get()).rev().map(Position::new).find(|other| self.order_of(*other) == order)
    }

    fn order_of(&self, position: Position) -> OrderNumber {
        self.feed[usize::try_from(position.get() - 1).unwrap()]
    }

    /// Whether the next event of its order may be sent.
    fn is_done(&self, position: Position) -> bool {
        let goes_on = self.stored.settings.on_exhausted == OnExhausted::Continue;
        self.delivered.contains(&position) || goes_on && self.exhausted.contains(&position)
    }

    fn settle(&mut self, work: Work, became: Became, chance: f64) {
        let (outcome, retry_after) = match became {
            Became::Delivered => (AttemptOutcome::Delivered, None),
            Became::Refused => (AttemptOutcome::Refused, None),
            Became::TimedOut => (AttemptOutcome::Timeout, None),
            Became::TooMany(seconds) => (AttemptOutcome::Refused, Some(Duration::from_secs(seconds))),
            Became::Gone => (AttemptOutcome::Gone, None),
            Became::Postponed => (AttemptOutcome::Postponed, None),
            Became::GivenBack => return self.lane.give_back(work, self.now),
        };
        let settled = Settled { outcome, retry_after, chance };
        let asked = retry_after.map(|after| self.now + after);
        let (rest, was_probing) = (self.lane.rest_until.max(asked), self.lane.is_probing);
        if outcome.is_delivered() {
            self.delivered.insert(work.position);
        }
        if work.trigger == AttemptTrigger::Replay {
            let _ = self.lane.settle_replay(work, settled, self.now);
        } else {
            let again = self.lane.settle(work, settled, self.now);
            let counts = !outcome.is_delivered() && !outcome.is_ours() && outcome != AttemptOutcome::Gone;
            if counts && !work.is_probe {
                self.counted.insert(work.position, work.attempt);
                if again.is_none() {
                    self.exhausted.insert(work.position);
                }
            }
        }
        // Nobody but who was sent to see if it helped ends a rest, and what was asked for is obeyed.
        if outcome != AttemptOutcome::Delivered || (rest > Some(self.now) && was_probing && !work.is_probe) {
            assert!(self.lane.rest_until >= rest, "{rest:?} is over after {work:?}: {:?}", self.lane.rest_until);
        }
    }

    fn refuse_for_a_day(&mut self) {
        while self.send_next() {}
        for work in std::mem::take(&mut self.under_way) {
            self.settle(work, Became::Refused, 0.5);
        }
        self.now += TimeDelta::hours(30);
    }

    fn replay(&mut self, which: usize) {
        let written = usize::try_from(self.stored.position.get()).unwrap();
        if written == 0 {
            return;
        }
        let position = position_at(which % written);
        if let Some(work) = self.lane.begin_replay(self.now, (position, self.order_of(position)), 1) {
            let was_sent = self.delivered.contains(&position) || self.counted.contains_key(&position);
            let is_next = self.before(position).is_none_or(|before| self.is_done(before));
            assert!(was_sent || is_next, "an order is overtaken by a replay: {work:?}");
            self.begin(work);
        }
    }

    fn write(&mut self) {
        let cursor = self.lane.cursor();
        let changes = self.lane.take_changes().unwrap_or_default();
        for (position, event) in changes.parked {
            match event {
                Some(event) => self.rows.insert(position, event),
                None => self.rows.remove(&position),
            };
        }
        self.stored.position = self.stored.position.max(cursor);
        self.stored.rest_until = self.lane.rest_until;
        (self.stored.trips, self.stored.failing_since) = (self.lane.trips, self.lane.failing_since);
        for position in (1..=self.stored.position.get()).map(Position::new) {
            let is_kept = self.delivered.contains(&position) || self.rows.contains_key(&position);
            assert!(is_kept, "{position:?} is lost: {:?}", self.rows);
        }
    }

    fn kill(&mut self, taken: [bool; 4]) {
        for (work, is_taken) in std::mem::take(&mut self.under_way).iter().zip(taken.iter().cycle()) {
            if *is_taken {
                self.delivered.insert(work.position);
            }
        }
        self.lane = Lane::new(&self.stored, self.rows.values().cloned().collect());
        self.cursor = self.stored.position;
        let counted = self.rows.values().map(|row| (row.position, row.attempts));
        self.counted = counted.collect();
    }

    fn check(&mut self) {
        let cursor = self.lane.cursor();
        assert!(self.cursor <= cursor, "the cursor went back from {:?} to {cursor:?}", self.cursor);
        self.cursor = cursor;
        let orders = &self.lane.orders;
        assert_eq!(self.lane.parked, orders.values().map(VecDeque::len).sum::<usize>());
        for (order, events) in orders {
            let positions: Vec<_> = events.iter().map(|event| event.position).collect();
            assert!(positions.is_sorted_by(|one, next| one < next), "{positions:?}");
            let times = self.lane.due.iter().filter(|(_, other)| other == order).count();
            let is_under_way = self.under_way.iter().any(|work| work.order == *order && work.is_retry);
            let is_held = events[0].state == ParkedState::Exhausted;
            assert_eq!(times, usize::from(!is_held && !is_under_way), "{order:?}: {events:?}");
        }
    }

    /// From now on everything is taken: then everything was, but for what was given up and what is held behind it.
    fn drain(&mut self) {
        self.take(&Step::Resume);
        let mut idle = 0;
        while idle < 2 {
            self.read();
            while self.send_next() {}
            if self.under_way.is_empty() {
                self.now += TimeDelta::hours(30);
                idle += 1;
            }
            while let Some(work) = self.under_way.pop() {
                self.settle(work, Became::Delivered, 0.5);
                idle = 0;
            }
            self.write();
            self.check();
        }
        let holds = self.stored.settings.on_exhausted == OnExhausted::Hold;
        let given_up = self.rows.values().filter(|row| holds && row.state == ParkedState::Exhausted);
        let held: BTreeSet<_> = given_up.map(|row| row.order).collect();
        for position in (0..self.feed.len()).map(position_at) {
            let is_settled = self.delivered.contains(&position) || self.exhausted.contains(&position);
            assert!(is_settled || held.contains(&self.order_of(position)), "{position:?} is lost: {:?}", self.lane);
        }
        assert_eq!(self.lane.cursor().get(), i64::try_from(self.feed.len()).unwrap());
        let waiting = self.rows.values().filter(|row| row.state != ParkedState::Exhausted);
        assert!(waiting.clone().all(|row| held.contains(&row.order)), "{:?}", waiting.collect::<Vec<_>>());
    }
}

fn position_at(index: usize) -> Position {
    Position::new(i64::try_from(index).unwrap() + 1)
}

fn outcomes() -> impl Strategy<Value = Became> {
    prop_oneof![
        4 => Just(Became::Delivered),
        6 => Just(Became::Refused),
        2 => Just(Became::TimedOut),
        1 => prop_oneof![Just(0), Just(30), Just(4000)].prop_map(Became::TooMany),
        1 => Just(Became::Gone),
        1 => Just(Became::Postponed),
        1 => Just(Became::GivenBack),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let waits = prop_oneof![Just(1), Just(6), Just(40), Just(700), Just(4000), Just(120_000)];
    prop_oneof![
        6 => (1..=ORDERS).prop_map(Step::Happens),
        4 => Just(Step::Read),
        8 => Just(Step::Send),
        8 => (any::<usize>(), outcomes(), 0.0..=1.0).prop_map(|(which, became, chance)| Step::Settle(which, became, chance)),
        4 => waits.prop_map(Step::Wait),
        3 => Just(Step::Write),
        1 => any::<[bool; 4]>().prop_map(Step::Kill),
        1 => (8_u32..12).prop_map(Step::Refuse),
        1 => any::<usize>().prop_map(Step::Replay),
        1 => Just(Step::Resume),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_event_is_taken_or_given_up_in_the_order_of_its_order_whatever_happens_whenever(
        holds in any::<bool>(),
        max_in_flight in 1_u16..=4,
        steps in vec(steps(), 0..200),
    ) {
        let on_exhausted = if holds { OnExhausted::Hold } else { OnExhausted::Continue };
        let mut world = World::new(on_exhausted, max_in_flight);
        for step in &steps {
            world.take(step);
        }
        world.drain();
    }
}

/// A lane whose first event was given up and is held, with another one of its order behind it.
fn held() -> World {
    let mut world = World::new(OnExhausted::Hold, 4);
    for step in [Step::Happens(1), Step::Read, Step::Refuse(10), Step::Happens(1), Step::Read, Step::Write] {
        world.take(&step);
    }
    assert_eq!(world.exhausted, BTreeSet::from([position_at(0)]));
    assert!(!world.send_next(), "it is held");
    world
}

#[test]
fn orders_that_are_held_go_on_when_their_endpoint_no_longer_holds_them() {
    let mut world = held();
    world.stored.settings.on_exhausted = OnExhausted::Continue;
    world.lane.set(&world.stored);
    world.drain();
    assert_eq!(world.delivered, BTreeSet::from([position_at(1)]));
}

#[test]
fn an_event_that_waits_is_not_replayed_before_the_one_that_it_waits_for() {
    let mut world = held();
    let [first, next] = [0, 1].map(|at| (position_at(at), OrderNumber::from_id(1)));
    assert!(world.lane.is_behind(next) && !world.lane.is_behind(first));
    assert_eq!(world.lane.begin_replay(world.now, next, 1), None);
    world.replay(0);
    world.take(&Step::Settle(0, Became::Delivered, 0.5));
    world.drain();
    assert_eq!(world.delivered, BTreeSet::from([first.0, next.0]));
}

/// The cursor stands before another order's event, which is under way when the instance is killed.
#[test]
fn what_was_taken_at_its_second_attempt_is_not_sent_again_after_a_crash_when_what_waited_for_it_is_parked() {
    let mut world = World::new(OnExhausted::Continue, 2);
    let before = [Step::Happens(2), Step::Happens(1), Step::Happens(1), Step::Read, Step::Send];
    for step in &before {
        world.take(step);
    }
    let refused = [Step::Settle(1, Became::Refused, 0.5), Step::Wait(6), Step::Send];
    for step in &refused {
        world.take(step);
    }
    let taken = [Step::Settle(1, Became::Delivered, 0.5), Step::Write, Step::Kill([false; 4]), Step::Read, Step::Send];
    for step in &taken {
        world.take(step);
    }
    let sent: BTreeSet<_> = world.under_way.iter().map(|work| work.position).collect();
    assert_eq!(sent, BTreeSet::from([position_at(0), position_at(2)]));
    world.take(&Step::Settle(0, Became::Delivered, 0.5));
    world.take(&Step::Settle(0, Became::Delivered, 0.5));
    assert!(!world.send_next() && world.lane.is_empty());
}
