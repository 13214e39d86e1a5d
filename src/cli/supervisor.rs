//! Tells systemd how the service is, where it was started by it with `Type=notify` (sd_notify(3)); nobody else is told anything.

use std::future::pending;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// The most messages that wait for systemd to read. Beyond it they are dropped; it has missed the watchdog by then.
const WAITING: usize = 8;

/// What is said at once.
type Said = &'static [NotifyState<'static>];

/// Whoever started the service. Cloning is cheap.
#[derive(Clone)]
pub struct Supervisor(SyncSender<Said>);

/// What the service does.
#[derive(Debug, Clone, Copy)]
pub enum Doing {
    /// It has its port, and answers 503 until the database is there.
    Waiting,
    /// It serves.
    Serving,
    /// It was told to stop.
    Stopping,
}

impl Supervisor {
    /// Says it from a thread that nobody waits for: a supervisor that does not read stops no request, and not the end of the process
    /// (`a_supervisor_that_does_not_read_or_is_gone_keeps_nobody_from_serving_and_stopping`).
    pub fn start() -> Result<Self> {
        let (sender, said) = sync_channel::<Said>(WAITING);
        thread::Builder::new().name("supervisor".to_owned()).spawn(move || {
            for states in said {
                if let Err(error) = sd_notify::notify(states) {
                    warn!(%error, "systemd could not be told how the service is");
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// Tells what the service does from now on. Whoever starts services after this one waits until it serves.
    pub fn tell(&self, doing: Doing) {
        self.say(match doing {
            Doing::Waiting => &[NotifyState::Status("waiting for the database")],
            Doing::Serving => &[NotifyState::Ready, NotifyState::Status("serving")],
            Doing::Stopping => &[NotifyState::Stopping, NotifyState::Status("finishing requests")],
        });
    }

    /// Says that the program lives, twice as often as `WatchdogSec` asks for. It is said by a task like those that answer requests: where
    /// these come to a standstill, systemd starts the service anew. A database that is away is no reason to.
    pub async fn keep_watchdog_calm(&self) {
        let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
            return pending().await;
        };
        let mut ticks = interval((limit / 2).max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.say(&[NotifyState::Watchdog]);
        }
    }

    fn say(&self, states: Said) {
        // Full where nobody reads.
        let _ = self.0.try_send(states);
    }
}
