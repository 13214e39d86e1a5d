use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sales_order_api::clock::Clock;

/// A clock that stands still until it is moved, or one that runs and is wrong.
#[derive(Clone)]
pub struct TestClock {
    /// What it shows or, of one that runs, how far it is ahead.
    micros: Arc<AtomicI64>,
    runs: bool,
}

impl TestClock {
    pub fn new() -> Self {
        let now = "2026-11-23T13:37:16.123456Z".parse::<DateTime<Utc>>().unwrap();
        Self { micros: Arc::new(AtomicI64::new(now.timestamp_micros())), runs: false }
    }

    /// A clock that runs as the machine's does, and is right until it is put ahead or back.
    pub fn running() -> Self {
        Self { micros: Arc::default(), runs: true }
    }

    pub fn clock(&self) -> Clock {
        let (micros, machine) = (Arc::clone(&self.micros), self.runs.then(Clock::system));
        Clock::new(move || {
            let machine = machine.as_ref().map_or(0, |clock| clock.now().timestamp_micros());
            DateTime::from_timestamp_micros(machine + micros.load(Ordering::SeqCst)).unwrap()
        })
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock().now()
    }

    pub fn advance(&self, by: Duration) {
        self.micros.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// Sets a clock that runs so many milliseconds ahead of the machine's, or behind it.
    pub fn put_ahead(&self, millis: i32) {
        assert!(self.runs, "it stands still");
        self.micros.store(i64::from(millis) * 1_000, Ordering::SeqCst);
    }
}
