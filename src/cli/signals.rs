//! What a running service does when it gets a signal.
//!
//! SIGTERM, SIGINT and SIGQUIT stop it, and a second one of them ends it at once; SIGHUP reads again what may change
//! while it runs. Any other that would end a process by default, and that somebody or something may send to a service,
//! does nothing. SIGPIPE is ignored already: Rust's start-up code does it.

use std::future::Future;

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::app::AppState;
use crate::telemetry;

/// Signals that do nothing, for as long as the process lives: the runtime never takes a handler back. SIGXFSZ comes when
/// a file reaches the size that the process may write (`ulimit -f`); the write then fails like any other. SIGXCPU comes
/// when its processor time reaches the soft limit (`ulimit -t`). Not among them are the signals of faults of the program
/// itself, such as SIGSEGV.
pub fn ignore() -> Result<()> {
    let mut ignored = vec![
        libc::SIGHUP,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGALRM,
        libc::SIGVTALRM,
        libc::SIGPROF,
        libc::SIGIO,
        libc::SIGXCPU,
        libc::SIGXFSZ,
    ];
    #[cfg(target_os = "linux")]
    ignored.extend([libc::SIGPWR, libc::SIGSTKFLT].into_iter().chain(libc::SIGRTMIN()..=libc::SIGRTMAX()));
    for number in ignored {
        // What it would give is not asked for.
        drop(signal(SignalKind::from_raw(number))?);
    }
    Ok(())
}

/// Every SIGHUP from now on: to be had before the service says that it listens, or one that comes at once is lost.
pub fn hangups() -> Result<Signal> {
    Ok(signal(SignalKind::hangup())?)
}

/// Reads again what may change while the service runs, on each SIGHUP; to be polled for as long as it runs.
pub async fn reload_on_hangup(state: AppState, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        info!("SIGHUP: reading the files of the JWT secrets again");
        state.read_jwt_secrets_again();
    }
}

/// Resolves on the first signal to stop; a second one ends the process at once.
pub fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut stops = Stops {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
        quit: signal(SignalKind::quit())?,
    };
    Ok(async move {
        stops.next().await;
        tokio::spawn(async move {
            stops.next().await;
            warn!("told to stop again: stopping at once");
            telemetry::flush_log();
            std::process::exit(130);
        });
    })
}

struct Stops {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

impl Stops {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }
}
