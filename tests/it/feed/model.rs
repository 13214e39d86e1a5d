//! The protocol of the feed's end (`docs/architecture.md`) as a model, of which every interleaving is tried: writers that draw
//! positions and commit in any order, and a reader that works out how far it may read and then reads.
//!
//! One step is what PostgreSQL does at once: a look at the sequence, taking a lock, drawing a number, becoming visible at the
//! commit, letting go of the locks after it.

use std::collections::HashSet;

/// How a writer appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// Shares the lock of appending, and holds the end of the feed.
    Shared,
    /// The same under the exclusive lock, until `migrate finish`.
    Alone,
    /// An instance of the version before: the exclusive lock and nothing else.
    Former,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Writer {
    kind: Kind,
    step: u8,
    /// The last position given out when it looked.
    looked: u8,
    position: u8,
    commits: bool,
}

/// The steps of a writer.
const LOCK: u8 = 0;
const LOOK: u8 = 1;
const HOLD: u8 = 2;
const DRAW: u8 = 3;
const END: u8 = 4;
const LET_GO: u8 = 5;
const DONE: u8 = 6;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Reader {
    step: u8,
    given: u8,
    held: Option<u8>,
    last: u8,
    /// What it read, and up to where.
    read: Vec<u8>,
    end: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    given: u8,
    visible: Vec<u8>,
    writers: Vec<Writer>,
    reader: Reader,
}

/// What the protocol is without one of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    /// The reader looks for holders before the sequence.
    Order,
    /// The reader takes the last position given out, whoever may still commit.
    Holders,
    /// The reader does not look for the last event.
    Last,
    /// Locks are let go before the commit is visible.
    LockToTheEnd,
}

impl State {
    fn has_lock(writer: &Writer) -> bool {
        (LOOK..DONE).contains(&writer.step)
    }

    fn may_lock(&self, kind: Kind) -> bool {
        let mut holders = self.writers.iter().filter(|writer| Self::has_lock(writer));
        match kind {
            Kind::Shared => holders.all(|writer| writer.kind == Kind::Shared),
            Kind::Alone | Kind::Former => holders.next().is_none(),
        }
    }

    /// What may come next.
    fn next(&self, without: Without) -> Vec<Self> {
        let mut next = Vec::new();
        for (index, writer) in self.writers.iter().enumerate() {
            let mut state = self.clone();
            let moved = &mut state.writers[index];
            moved.step += 1;
            match writer.step {
                LOCK if !self.may_lock(writer.kind) => continue,
                LOCK if writer.kind == Kind::Former => moved.step = DRAW,
                LOOK => moved.looked = self.given,
                DRAW => {
                    state.given += 1;
                    state.writers[index].position = state.given;
                }
                END if without == Without::LockToTheEnd => moved.step = LET_GO,
                END if writer.commits => state.visible.push(writer.position),
                LET_GO if without == Without::LockToTheEnd && writer.commits => state.visible.push(writer.position),
                DONE => continue,
                _ => {}
            }
            next.push(state);
        }
        if self.reader.step < 4 {
            let mut state = self.clone();
            state.read_on(without);
            next.push(state);
        }
        next
    }

    fn read_on(&mut self, without: Without) {
        let holds = |writer: &&Writer| {
            let ends = if without == Without::LockToTheEnd { LET_GO } else { DONE };
            writer.kind != Kind::Former && (HOLD + 1..ends).contains(&writer.step)
        };
        let held = self.writers.iter().filter(holds).map(|writer| writer.looked).min();
        let step = match (without, self.reader.step) {
            (Without::Order, 0) => 1,
            (Without::Order, 1) => 0,
            (_, step) => step,
        };
        match step {
            0 => self.reader.given = self.given,
            1 => self.reader.held = held.filter(|_| without != Without::Holders),
            2 => self.reader.last = self.visible.iter().copied().max().unwrap_or(0),
            _ => {
                let Reader { given, held, last, .. } = self.reader;
                let last = if without == Without::Last { u8::MAX } else { last };
                self.reader.end = given.min(held.unwrap_or(u8::MAX)).min(last);
                self.reader.read =
                    self.visible.iter().copied().filter(|position| *position <= self.reader.end).collect();
            }
        }
        self.reader.step += 1;
    }

    /// Whether something became visible that the reader has passed.
    fn is_missed(&self) -> bool {
        let passed = |position: &&u8| **position <= self.reader.end && !self.reader.read.contains(position);
        self.reader.step == 4 && self.visible.iter().any(|position| passed(&position))
    }
}

/// Tries every interleaving; gives whether an event was missed in one, and how many states there are.
fn search(kinds: &[(Kind, bool)], without: Without) -> (bool, usize) {
    let writer = |&(kind, commits)| Writer { kind, step: LOCK, looked: 0, position: 0, commits };
    let writers = kinds.iter().map(writer).collect();
    let first = State { given: 0, visible: Vec::new(), writers, reader: Reader::default() };
    let (mut known, mut open) = (HashSet::from([first.clone()]), vec![first]);
    while let Some(state) = open.pop() {
        if state.is_missed() {
            return (true, known.len());
        }
        open.extend(state.next(without).into_iter().filter(|next| known.insert(next.clone())));
    }
    (false, known.len())
}

fn mixes() -> Vec<Vec<(Kind, bool)>> {
    let each: Vec<_> =
        [Kind::Shared, Kind::Alone, Kind::Former].into_iter().flat_map(|kind| [(kind, true), (kind, false)]).collect();
    let mut mixes = Vec::new();
    for one in &each {
        for two in &each {
            for three in &each {
                mixes.push(vec![*one, *two, *three]);
            }
        }
    }
    mixes
}

#[test]
fn in_no_order_of_events_does_a_reader_pass_one_that_is_still_to_come() {
    let mut states = 0;
    for mix in mixes() {
        let (is_missed, tried) = search(&mix, Without::Nothing);
        assert!(!is_missed, "{mix:?}");
        states += tried;
    }
    assert!(states > 10_000, "{states} states are too few to be all");
}

#[test]
fn without_any_part_of_the_protocol_a_reader_would_miss_an_event() {
    for without in [Without::Order, Without::Holders, Without::Last, Without::LockToTheEnd] {
        assert!(mixes().iter().any(|mix| search(mix, without).0), "{without:?} is not needed");
    }
}
