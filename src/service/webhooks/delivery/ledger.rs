//! Writes down how far endpoints are, and the attempts, of all of them together.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use crate::domain::webhook::WebhookAttempt;
use crate::service::webhooks::Webhooks;
use crate::store::{EndpointProgress, Outage};
use crate::telemetry;

/// How long reports are gathered: what was sent in it is sent again after a crash.
const GATHER: Duration = Duration::from_millis(200);

/// So many attempts are not gathered further.
const MOST_ATTEMPTS: usize = 2000;

/// Reports that wait to be written. Who has more to say waits, and sends nothing meanwhile.
const WAITING: usize = 1024;

/// The pause after a write that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What is to be written of an endpoint.
pub(super) struct Report {
    pub progress: EndpointProgress,
    pub attempts: Vec<WebhookAttempt>,
    /// Becomes true when the endpoint is another instance's.
    pub lost: Arc<AtomicBool>,
    /// Told when it is written.
    pub written: Option<oneshot::Sender<()>>,
}

/// Takes reports.
#[derive(Clone)]
pub(super) struct Ledger {
    reports: mpsc::Sender<(u64, Report)>,
    /// How often everything that was not written was dropped.
    era: Arc<AtomicU64>,
}

type Gathered = HashMap<(i64, i64), (EndpointProgress, Arc<AtomicBool>)>;

impl Ledger {
    /// A ledger, and the task that writes it until nobody can report any more.
    pub(super) fn open(webhooks: &Webhooks) -> (Self, JoinHandle<()>) {
        let (reports, receiver) = mpsc::channel(WAITING);
        let era = Arc::new(AtomicU64::new(0));
        let writing = tokio::spawn(write(webhooks.clone(), receiver, Arc::clone(&era)));
        (Self { reports, era }, writing)
    }

    /// Has something written.
    pub(super) async fn report(&self, report: Report) {
        // It is open for as long as somebody could report.
        let _ = self.reports.send((self.era.load(Ordering::Acquire), report)).await;
    }

    /// Drops everything that is not written: the database was restored, and it is of another past.
    pub(super) fn forget(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
    }
}

async fn write(webhooks: Webhooks, mut reports: mpsc::Receiver<(u64, Report)>, era: Arc<AtomicU64>) {
    let mut outage = Outage::default();
    while let Some(first) = reports.recv().await {
        let until = Instant::now() + GATHER;
        let (mut gathered, mut attempts, mut waiting) = (Gathered::new(), Vec::new(), Vec::new());
        let mut next = Some(first);
        let began = era.load(Ordering::Acquire);
        while let Some((of_era, mut report)) = next {
            if of_era != began {
                next = timeout_at(until, reports.recv()).await.ok().flatten();
                continue;
            }
            waiting.extend(report.written.take());
            gather(&mut gathered, &mut attempts, report);
            // Whoever waits for it does nothing else.
            if attempts.len() >= MOST_ATTEMPTS || !waiting.is_empty() {
                break;
            }
            next = timeout_at(until, reports.recv()).await.ok().flatten();
        }
        while era.load(Ordering::Acquire) == began {
            let progress: Vec<_> = gathered.values().map(|(progress, _)| progress.clone()).collect();
            match webhooks.0.store.update_webhook_progress(progress, attempts.clone(), webhooks.0.clock.now()).await {
                Ok(held) => {
                    outage.end();
                    let lost = gathered.iter().filter(|(key, _)| !held.contains(key));
                    lost.for_each(|(_, (_, lost))| lost.store(true, Ordering::Release));
                    for written in waiting {
                        let _ = written.send(());
                    }
                    break;
                }
                Err(error) => {
                    let error = telemetry::causes(&error);
                    if outage.is_news(&error) {
                        warn!(error, "how far webhooks are could not be written down; trying again");
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Of what is said several times of an endpoint the last counts.
fn gather(gathered: &mut Gathered, attempts: &mut Vec<WebhookAttempt>, report: Report) {
    attempts.extend(report.attempts);
    let (key, mut new) = ((report.progress.endpoint_id, report.progress.generation), report.progress);
    if let Some((before, _)) = gathered.remove(&key) {
        let mut parked: BTreeMap<_, _> = before.parked;
        parked.extend(std::mem::take(&mut new.parked));
        new.parked = parked;
        new.is_gone |= before.is_gone;
        new.replays = [before.replays, new.replays].concat();
    }
    gathered.insert(key, (new, report.lost));
}
