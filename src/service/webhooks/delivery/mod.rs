//! Sending: which endpoints are this instance's, a runner for each of them, and one ledger that writes down how far they are.

mod fan;
mod ledger;
mod replay;
mod runner;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tracing::warn;

use self::fan::{Fan, LaneFeed};
use self::ledger::Ledger;
use self::runner::{Lease, Runner};
use super::{Payloads, Webhooks};
use crate::clock::random_bytes;
use crate::error::AppError;
use crate::store::{HeldEndpoint, Outage};
use crate::telemetry;

/// How often it is looked whether an endpoint changed, or has nobody who sends to it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often parked events are counted.
const COUNT_EVERY: Duration = Duration::from_secs(15);

/// How long what is under way may take when the service stops.
const AT_END: Duration = Duration::from_secs(5);

/// The endpoints that this instance sends to.
struct Keeper {
    webhooks: Webhooks,
    payloads: Arc<dyn Payloads>,
    /// Tells the leases of this process from those of all others.
    owner: String,
    slots: Arc<Semaphore>,
    ledger: Ledger,
    fan: Fan,
    /// When the leases were last renewed.
    lease: watch::Sender<Instant>,
    counted: Option<Instant>,
    runners: HashMap<i64, Running>,
}

struct Running {
    generation: i64,
    /// `None` has it finish what is under way and end.
    control: watch::Sender<Option<HeldEndpoint>>,
    feed: Arc<LaneFeed>,
    task: JoinHandle<()>,
}

impl Webhooks {
    /// Sends to endpoints until the service stops; then what is under way is finished and written down.
    pub async fn deliver(&self, payloads: Arc<dyn Payloads>, stopping: impl Future<Output = ()>) {
        if !self.0.vault.has_key() {
            return stopping.await;
        }
        let (ledger, writing) = Ledger::open(self);
        let lease = watch::Sender::new(Instant::now());
        let mut keeper = Keeper {
            webhooks: self.clone(),
            payloads,
            owner: hex::encode(random_bytes::<16>()),
            slots: Arc::new(Semaphore::new(self.0.rules.in_flight)),
            ledger,
            fan: Fan::new(self),
            lease,
            counted: None,
            runners: HashMap::new(),
        };
        let mut stopping = std::pin::pin!(stopping);
        let mut outage = Outage::default();
        loop {
            let looked = tokio::select! {
                biased;
                () = &mut stopping => break,
                looked = keeper.look() => looked,
            };
            match looked {
                Ok(()) => {
                    outage.end();
                }
                Err(error) => {
                    let error = telemetry::causes(&error);
                    if outage.is_news(&error) {
                        warn!(error, "webhooks cannot be looked after; trying again");
                    }
                }
            }
            tokio::select! {
                () = &mut stopping => break,
                () = self.0.changed.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY.min(self.0.rules.lease / 3)) => {}
            }
        }
        keeper.end(writing).await;
    }
}

impl Keeper {
    /// Renews leases, takes over what nobody sends to, and has each endpoint sent to as its owner wants now.
    async fn look(&mut self) -> Result<(), AppError> {
        let (store, lease) = (self.webhooks.0.store.clone(), self.webhooks.0.rules.lease);
        let micros = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        if self.fan.went_back() {
            // What was read behind the end of the feed is gone, and how far that was must not be written any more.
            self.runners.drain().for_each(|(_, running)| running.task.abort());
            self.ledger.forget();
            store.in_time(store.end_webhook_leases(&self.owner)).await?;
        }
        let began = Instant::now();
        let renews = !self.runners.is_empty() && self.lease.borrow().elapsed() >= lease / 3;
        if renews {
            store.in_time(store.renew_webhook_leases(&self.owner, micros)).await?;
        }
        store.in_time(store.take_webhook_leases(&self.owner, micros)).await?;
        let held = store.in_time(store.list_webhook_leases(&self.owner)).await?;
        self.reconcile(held, began);
        if renews {
            // Not before those that are others' by now know it.
            self.lease.send_replace(began);
        }
        self.measure(&store).await
    }

    fn reconcile(&mut self, held: Vec<HeldEndpoint>, began: Instant) {
        self.runners.retain(|_, running| !running.task.is_finished());
        let ids: HashMap<_, _> = held.iter().map(|held| (held.endpoint.id, held.generation)).collect();
        for (id, running) in &self.runners {
            if ids.get(id) != Some(&running.generation) {
                running.control.send_replace(None);
            }
        }
        for held in held {
            let id = held.endpoint.id;
            if let Some(running) = self.runners.get(&id) {
                running.feed.set_replays(held.has_replays);
            }
            match self.runners.get(&id) {
                Some(running) if running.generation == held.generation => {
                    running.control.send_if_modified(|known| {
                        let is_new =
                            known.as_ref().is_none_or(|known| known.endpoint.updated_at != held.endpoint.updated_at);
                        if is_new {
                            *known = Some(held);
                        }
                        is_new
                    });
                }
                // The one before ends first.
                Some(_) => {}
                None => {
                    let running = self.start(held, began);
                    self.runners.insert(id, running);
                }
            }
        }
    }

    fn start(&mut self, held: HeldEndpoint, taken: Instant) -> Running {
        let (generation, feed) = (held.generation, self.fan.join(&held.endpoint));
        let (control, controlled) = watch::channel(Some(held.clone()));
        let lasts = self.webhooks.0.rules.lease;
        let lease = Lease { taken, renewed: self.lease.subscribe(), lasts, lost: Arc::default() };
        let runner = Runner::new(
            (self.webhooks.clone(), Arc::clone(&self.payloads)),
            (Arc::clone(&self.slots), self.ledger.clone()),
            (Arc::clone(&feed), controlled, lease),
            held,
        );
        Running { generation, control, feed, task: tokio::spawn(runner.run()) }
    }

    async fn measure(&mut self, store: &crate::store::Store) -> Result<(), AppError> {
        let lags = self.runners.values().filter_map(|running| running.feed.behind());
        telemetry::note_webhook_lag(lags.max().unwrap_or_default());
        if self.counted.is_none_or(|counted| counted.elapsed() >= COUNT_EVERY) {
            self.counted = Some(Instant::now());
            for (state, all, failing) in store.in_time(store.count_webhook_endpoints()).await? {
                telemetry::note_webhook_endpoints(state, all, failing);
            }
            telemetry::note_webhook_parked(store.in_time(store.count_webhook_parked(None)).await?);
        }
        Ok(())
    }

    /// Finishes what is under way, and gives the endpoints to others.
    async fn end(self, writing: JoinHandle<()>) {
        let Self { webhooks, owner, ledger, runners, .. } = self;
        // Nobody waits for a database that is away where there is nothing to hand over.
        if runners.is_empty() {
            return;
        }
        let until = Instant::now() + AT_END;
        for running in runners.values() {
            running.control.send_replace(None);
        }
        for Running { mut task, .. } in runners.into_values() {
            if timeout(until.saturating_duration_since(Instant::now()), &mut task).await.is_err() {
                task.abort();
            }
        }
        // Without anybody who could say more, it writes the rest and ends.
        drop(ledger);
        if timeout(AT_END, writing).await.is_err() {
            warn!("how far webhooks are was not written down; what was sent last is sent again");
        }
        let handed_over = timeout(AT_END, webhooks.0.store.end_webhook_leases(&owner)).await;
        if !matches!(handed_over, Ok(Ok(()))) {
            warn!("webhooks were not handed over; other instances wait for webhooks.lease");
        }
    }
}
