//! What a connection is doing, shared by its socket, which keeps the time limits, by the answers on it, and by whoever
//! looks for one that can be closed.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::connections::Refused;

/// How long a connection may do nothing, by what it is doing.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From the first byte of a request's head to its last; for the first request, from the connection's beginning.
    pub header: Duration,
    /// Between requests.
    pub idle: Duration,
    /// While something waits to be sent and the other end accepts no byte of it.
    pub write: Duration,
}

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The rest of a request's head.
    Head,
    /// The answer to a request.
    Answer,
    /// The next request.
    Idle,
    /// Nothing: it speaks another protocol, which has limits of its own.
    Upgraded,
    /// The next stream of HTTP/2, whatever else comes and goes meanwhile.
    Streamless,
}

impl Phase {
    /// Whether it is the pause between two requests.
    pub const fn is_pause(self) -> bool {
        matches!(self, Self::Idle | Self::Streamless)
    }
}

const PHASES: [Phase; 5] = [Phase::Head, Phase::Answer, Phase::Idle, Phase::Upgraded, Phase::Streamless];

/// How much longer than announced an idle connection stays: a client that keeps to what was announced never sends a request
/// into the moment of closing.
const IDLE_MARGIN: Duration = Duration::from_secs(1);

/// How long a head may still take once the service closes its connections: it comes in one piece, or nearly so.
pub const LAST_HEAD: Duration = Duration::from_secs(2);

/// Of `closing_since`: the service does not close its connections.
const NEVER: u64 = u64::MAX;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// The holder, for the limits.
    pub network: IpAddr,
    /// The limit beyond which it was opened, if it was: it is for health checks only.
    pub beyond: Option<Refused>,
    timeouts: Timeouts,
    opened: Instant,
    phase: AtomicU8,
    /// Milliseconds from `opened` to the beginning of the phase.
    since: AtomicU64,
    /// Milliseconds.
    write_timeout: AtomicU64,
    is_stalled: AtomicBool,
    is_evicted: AtomicBool,
    is_last: AtomicBool,
    /// Streams of HTTP/2 that hold a slot; changed while the list of connections is locked.
    streams: AtomicUsize,
    /// Milliseconds from `opened` to when the service began to close its connections.
    closing_since: AtomicU64,
    /// Kept when it is woken: who reads may be woken often before it reads again.
    reader: Mutex<Option<Waker>>,
}

impl Connection {
    /// A connection that waits for its first request.
    pub fn new(network: IpAddr, beyond: Option<Refused>, timeouts: Timeouts) -> Self {
        Self {
            network,
            beyond,
            timeouts,
            opened: Instant::now(),
            phase: AtomicU8::new(Phase::Head as u8),
            since: AtomicU64::new(0),
            write_timeout: AtomicU64::new(millis(timeouts.write)),
            is_stalled: AtomicBool::new(false),
            is_evicted: AtomicBool::new(false),
            is_last: AtomicBool::new(beyond.is_some()),
            streams: AtomicUsize::new(0),
            closing_since: AtomicU64::new(NEVER),
            reader: Mutex::default(),
        }
    }

    /// What it is waiting for.
    pub fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Ordering::Acquire)) % PHASES.len()]
    }

    /// The start of the present phase.
    pub fn since(&self) -> Instant {
        self.opened + Duration::from_millis(self.since.load(Ordering::Acquire))
    }

    fn enter(&self, phase: Phase) {
        self.since.store(millis(self.opened.elapsed()), Ordering::Release);
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Bytes arrived: after a pause, a head begins with them.
    pub fn received(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// Bytes were sent: a pause begins after the last of them.
    pub fn sent(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Idle);
        }
        if self.is_stalled.swap(false, Ordering::AcqRel) {
            self.wake_reader();
        }
    }

    /// Something waits to be sent, and the other end accepts nothing.
    pub fn stalled(&self) {
        self.is_stalled.store(true, Ordering::Release);
    }

    /// Whether something waits to be sent: an answer that was handed over need not have left yet.
    pub fn is_stalled(&self) -> bool {
        self.is_stalled.load(Ordering::Acquire)
    }

    /// A request's head is complete.
    pub fn begin_answer(&self) {
        self.write_timeout.store(millis(self.timeouts.write), Ordering::Release);
        self.enter(Phase::Answer);
    }

    /// An answer was handed over to its end. Who reads is woken, because hyper does not read again by itself, and the limit
    /// of the pause would not be kept.
    pub fn end_answer(&self) {
        self.enter(Phase::Idle);
        self.wake_reader();
    }

    /// The last stream of HTTP/2 has ended.
    pub fn end_streams(&self) {
        self.enter(Phase::Streamless);
    }

    /// How many streams of HTTP/2 hold a slot. The first one's is the connection's own.
    pub fn streams(&self) -> usize {
        self.streams.load(Ordering::Acquire)
    }

    /// Sets how many hold one.
    pub fn set_streams(&self, streams: usize) {
        self.streams.store(streams, Ordering::Release);
    }

    /// When a connection of HTTP/2 without a stream ends.
    pub fn stream_deadline(&self) -> Instant {
        match self.phase() {
            Phase::Streamless => self.since() + self.timeouts.idle + IDLE_MARGIN,
            _ => self.opened + self.timeouts.header,
        }
    }

    /// The connection speaks another protocol from here on.
    pub fn upgrade(&self) {
        self.enter(Phase::Upgraded);
    }

    /// The deadline for the next byte, if there is one.
    pub fn read_deadline(&self) -> Option<Instant> {
        let closing = self.closing_since();
        match self.phase() {
            Phase::Head => {
                let deadline = self.since() + self.timeouts.header;
                Some(closing.map_or(deadline, |closing| deadline.min(closing.max(self.since()) + LAST_HEAD)))
            }
            Phase::Idle => Some(closing.unwrap_or_else(|| self.since() + self.timeouts.idle + IDLE_MARGIN)),
            Phase::Answer | Phase::Upgraded | Phase::Streamless => None,
        }
    }

    /// The longest time for which the peer may accept no bytes.
    pub fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout.load(Ordering::Acquire))
    }

    /// Lets the answer under way have another limit.
    pub fn set_write_timeout(&self, timeout: Duration) {
        self.write_timeout.store(millis(timeout), Ordering::Release);
    }

    /// Closes it as soon as it waits for a request, as it does now.
    pub fn evict(&self) {
        self.is_evicted.store(true, Ordering::Release);
        self.wake_reader();
    }

    /// Whether it has to make room for another one.
    pub fn is_evicted(&self) -> bool {
        self.is_evicted.load(Ordering::Acquire)
    }

    /// The next answer is the last one.
    pub fn end_after_answer(&self) {
        self.is_last.store(true, Ordering::Release);
    }

    /// The next answer is the last one, and none is waited for: between requests it ends at once.
    pub fn close(&self) {
        self.end_after_answer();
        self.closing_since.store(millis(self.opened.elapsed()), Ordering::Release);
        self.wake_reader();
    }

    /// When the service began to close it, if it did.
    pub fn closing_since(&self) -> Option<Instant> {
        let since = self.closing_since.load(Ordering::Acquire);
        (since != NEVER).then(|| self.opened + Duration::from_millis(since))
    }

    /// Whether the next answer is the last one.
    pub fn ends_after_answer(&self) -> bool {
        self.is_last.load(Ordering::Acquire) || self.is_evicted()
    }

    /// How long it waits between requests, as clients are told: whole seconds.
    pub fn announced_idle_seconds(&self) -> u64 {
        self.timeouts.idle.as_secs()
    }

    /// Who is to be woken when there is another limit to keep, or none: when it has to make room.
    pub fn register_reader(&self, waker: &Waker) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if !reader.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *reader = Some(waker.clone());
        }
    }

    fn wake_reader(&self) {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
