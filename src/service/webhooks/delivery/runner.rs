//! Sends to one endpoint.

mod outcome;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::fan::LaneFeed;
use super::ledger::Ledger;
use super::replay::Replaying;
use crate::domain::event::Position;
use crate::domain::permission::Scope;
use crate::domain::sealer::Purpose;
use crate::domain::webhook::{
    AttemptOutcome, EndpointState, OnExhausted, PayloadForm, WebhookAttempt, WebhookEndpoint,
};
use crate::domain::webhook_lane::{Lane, MAX_PARKED, Next, READY, Work};
use crate::error::AppError;
use crate::outgoing::TargetUrl;
use crate::service::caller::Principal;
use crate::service::webhooks::message::{Envelope, Sent};
use crate::service::webhooks::signing::Signer;
use crate::service::webhooks::{Payload, Payloads, Webhooks};
use crate::store::{HeldEndpoint, NEAR, Outage};
use crate::telemetry;

/// A lease, as its runner sees it.
pub(super) struct Lease {
    /// When it was taken, and when all were last renewed.
    pub taken: Instant,
    pub renewed: watch::Receiver<Instant>,
    /// How long it lasts from then on.
    pub lasts: Duration,
    /// Whether the ledger found that it is another instance's.
    pub lost: Arc<AtomicBool>,
}

/// How often a runner looks whether a time has come.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The pause after something failed that is not the endpoint's.
const PAUSE: Duration = Duration::from_secs(1);

/// How long nothing is looked at where nothing is to be sent and nobody says anything.
const IDLE: Duration = Duration::from_mins(1);

/// How often it is looked what the endpoint's client may read where nothing is to be sent.
const PERMISSIONS_EVERY: Duration = Duration::from_secs(5);

/// After how long keys are read anew: one that is new is published before it is the only one.
const MEANS_LAST: Duration = Duration::from_mins(1);

/// How far the feed is read at once in search of events for the endpoint.
const LOOKS: usize = 5;

type Finished = (Work, Result<Sent, AppError>);

/// Sends to one endpoint, for as long as this instance has its lease.
pub(super) struct Runner {
    pub(super) webhooks: Webhooks,
    payloads: Arc<dyn Payloads>,
    slots: Arc<Semaphore>,
    ledger: Ledger,
    feed: Arc<LaneFeed>,
    control: watch::Receiver<Option<HeldEndpoint>>,
    lease: Lease,
    generation: i64,
    pub(super) endpoint: WebhookEndpoint,
    pub(super) lane: Lane,
    /// Bodies of events that are about to be sent.
    bodies: HashMap<Position, Payload>,
    under_way: JoinSet<Finished>,
    pub(super) replaying: Replaying,
    attempts: Vec<WebhookAttempt>,
    /// The cursor as it was last reported, and when.
    reported: (Position, DateTime<Utc>),
    is_loaded: bool,
    /// Whether the endpoint's client is not there or disabled: its cursor stays, and nobody calls that late.
    is_silenced: bool,
    /// Whether it was paused or disabled before this runner began.
    is_over: bool,
}

/// What it takes to send, as the endpoint's owner has it now.
struct Means {
    signer: Arc<Signer>,
    /// `None` where the operator's rules no longer allow the URL.
    target: Option<TargetUrl>,
    made: Instant,
}

impl Runner {
    pub(super) fn new(
        (webhooks, payloads): (Webhooks, Arc<dyn Payloads>),
        (slots, ledger): (Arc<Semaphore>, Ledger),
        (feed, control, lease): (Arc<LaneFeed>, watch::Receiver<Option<HeldEndpoint>>, Lease),
        HeldEndpoint { endpoint, generation, .. }: HeldEndpoint,
    ) -> Self {
        let (lane, reported) = (Lane::new(&endpoint, Vec::new()), (endpoint.position, webhooks.0.clock.now()));
        Self {
            webhooks,
            payloads,
            slots,
            ledger,
            feed,
            control,
            lease,
            generation,
            endpoint,
            lane,
            bodies: HashMap::new(),
            under_way: JoinSet::new(),
            replaying: Replaying::default(),
            attempts: Vec::new(),
            reported,
            is_loaded: false,
            is_silenced: false,
            is_over: false,
        }
    }

    /// Sends until it is told to end, or the lease is another's.
    pub(super) async fn run(mut self) {
        let (mut outage, mut means) = (Outage::default(), None);
        loop {
            if self.lease.lost.load(Ordering::Acquire) {
                return;
            }
            let ends = self.take_control(&mut means) || self.lane.is_gone() || self.is_over;
            let mut wait = None;
            if !ends && self.has_lease() {
                match self.advance(&mut means).await {
                    Ok(until) => {
                        outage.end();
                        wait = until;
                    }
                    Err(error) => {
                        let (error, name) = (telemetry::causes(&error), self.endpoint.name.as_str());
                        if outage.is_news(&error) {
                            warn!(error, client_id = %self.endpoint.client_id, endpoint = name, "webhooks cannot be sent; trying again");
                        }
                        wait = Some(PAUSE);
                    }
                }
            }
            let is_last = ends && self.under_way.is_empty();
            self.report(is_last).await;
            if is_last {
                return;
            }
            tokio::select! {
                Some(done) = self.under_way.join_next() => {
                    let mut next = Some(done);
                    // All that are done at once: each look at the feed and each report costs as much for one as for many.
                    while let Some(done) = next {
                        // It panicked: this runner no longer knows what is under way, and the next one begins anew.
                        let Ok((work, sent)) = done else { return };
                        self.settle(work, sent);
                        next = self.under_way.try_join_next();
                    }
                }
                () = self.feed.woken(), if !ends => {}
                // Without it nothing was looked at.
                _ = self.lease.renewed.changed(), if !ends => {}
                changed = self.control.changed(), if !ends => if changed.is_err() { return },
                () = sleep(wait.unwrap_or(IDLE)), if !ends => {}
            }
        }
    }

    fn has_lease(&self) -> bool {
        let since = (*self.lease.renewed.borrow()).max(self.lease.taken);
        since.elapsed() < self.lease.lasts
    }

    /// Takes over what changed; true where it is to end.
    fn take_control(&mut self, means: &mut Option<Means>) -> bool {
        if !self.control.has_changed().unwrap_or(true) {
            return self.control.borrow().is_none();
        }
        let Some(held) = self.control.borrow_and_update().clone() else { return true };
        if held.endpoint.updated_at != self.endpoint.updated_at {
            // Also where only a setting changed: it may be the one that was wrong.
            self.lane.wake();
            self.lane.set(&held.endpoint);
            self.endpoint = held.endpoint;
            self.bodies.clear();
            *means = None;
        }
        false
    }

    /// Reads and sends what can be read and sent now; gives how long nothing else is to be done.
    async fn advance(&mut self, means: &mut Option<Means>) -> Result<Option<Duration>, AppError> {
        self.load().await?;
        if self.is_over {
            return Ok(None);
        }
        // Permissions change without a word; who was disabled is told nothing. Before it is looked which events are for others: to
        // whoever reads all orders, none are (`an_endpoint_of_who_reads_all_orders_is_told_of_everybodys`).
        let reader = self.webhooks.reader(&self.endpoint.client_id).await?;
        self.is_silenced = reader.is_none();
        let Some(reader) = reader else { return Ok(Some(PERMISSIONS_EVERY)) };
        self.feed.set_reads_all(reader.scope() == Scope::All);
        if !self.has_work() {
            return Ok(Some(PERMISSIONS_EVERY));
        }
        means.take_if(|means| means.made.elapsed() >= MEANS_LAST);
        let Means { signer, target, .. } = match means {
            Some(means) => means,
            None => means.insert(self.means().await?),
        };
        let (signer, target) = (Arc::clone(signer), target.clone());
        let has_more = self.fill(&reader).await?;
        let now = self.webhooks.0.clock.now();
        let (mut works, mut until) = (Vec::new(), None);
        loop {
            match self.lane.next(now) {
                Next::Send(work) => works.push(work),
                Next::At(time) => {
                    until = Some(time);
                    break;
                }
                Next::Later => break,
            }
        }
        let replays = self.feed.has_replays() || !self.replaying.is_empty();
        if works.is_empty()
            && replays
            && let Some(work) = self.next_replay(&reader.scope(), now).await?
        {
            works.push(work);
        }
        match target {
            Some(target) => self.send(works, (&reader, &signer, &target)).await?,
            None => {
                for work in works {
                    self.refuse(work);
                }
            }
        }
        if has_more && self.lane.room() > 0 {
            return Ok(Some(Duration::ZERO));
        }
        let wait = until.map(|until| (until - now).to_std().unwrap_or_default().min(LOOK_EVERY));
        Ok(Some(wait.unwrap_or(if replays { LOOK_EVERY } else { PAUSE })))
    }

    /// Whether there is anything to read or to send; past events for others the cursor goes without a look.
    fn has_work(&mut self) -> bool {
        let (last, is_concerned) = self.feed.look(self.lane.read());
        if !is_concerned && self.lane.room() > 0 {
            self.lane.add(&[], last);
        }
        is_concerned || !self.lane.is_empty() || self.feed.has_replays() || !self.replaying.is_empty()
    }

    /// Reads what was parked and what is to be sent again, once.
    async fn load(&mut self) -> Result<(), AppError> {
        let store = &self.webhooks.0.store;
        if !self.is_loaded {
            let most = 2 * MAX_PARKED as u64;
            // A database that was restored may have lost what was sent; those positions get other events.
            let (id, given) = (self.endpoint.id, store.in_time(store.find_last_given_position()).await?);
            store.in_time(store.rewind_webhook_endpoint(id, self.generation, given)).await?;
            // The runner before it may have ended a moment ago.
            if let Some(endpoint) = store.in_time(store.find_webhook_endpoint_by_id(id)).await? {
                self.reported.0 = endpoint.position;
                self.is_over = endpoint.state != EndpointState::Active;
                self.endpoint = endpoint;
            }
            // Of those that were given up, only one whose order waits for it is of interest.
            let holds = self.endpoint.settings.on_exhausted == OnExhausted::Hold;
            let parked = store.in_time(store.list_webhook_parked(id, holds, most)).await?;
            self.lane = Lane::new(&self.endpoint, parked);
            self.is_loaded = true;
        }
        Ok(())
    }

    async fn means(&self) -> Result<Means, AppError> {
        let target = self.webhooks.0.outgoing.target(&self.endpoint.settings.url).ok();
        let signer = Arc::new(self.webhooks.signer(&self.endpoint).await?);
        Ok(Means { signer, target, made: Instant::now() })
    }

    /// Reads events for which there is room; true where there may be more.
    async fn fill(&mut self, reader: &Principal) -> Result<bool, AppError> {
        let (form, store) = (self.endpoint.settings.payload, self.webhooks.0.store.clone());
        for _ in 0..LOOKS {
            let (after, room) = (self.lane.read(), self.lane.room());
            let (last, is_concerned) = self.feed.look(after);
            // A page at a time: to read one event costs as much as to read many.
            if after >= last || room < READY / 2 {
                return Ok(false);
            }
            if !is_concerned {
                return Ok(false);
            }
            let until = last.min(Position::new(after.get() + NEAR));
            let scope = reader.scope();
            let reading =
                store.list_webhook_events(&scope, (&self.endpoint.settings.kinds, None), (after, until), room);
            let events = store.in_time(reading).await?;
            let until = if events.len() == room { events.last().map_or(until, |(last, _)| *last) } else { until };
            // Whole orders are large: they are made when they are sent.
            if form == PayloadForm::Thin && !events.is_empty() {
                let positions: Vec<_> = events.iter().map(|(position, _)| *position).collect();
                self.bodies.extend(self.payloads.of(reader.clone(), form, &positions).await?);
            }
            self.lane.add(&events, until);
            // Of those that wait behind a parked one the bodies are made again when they are sent.
            if self.bodies.len() > 2 * READY {
                self.bodies.clear();
            }
            if !events.is_empty() {
                return Ok(until < last);
            }
        }
        Ok(true)
    }

    async fn send(
        &mut self,
        works: Vec<Work>,
        (reader, signer, target): (&Principal, &Arc<Signer>, &TargetUrl),
    ) -> Result<(), AppError> {
        let missing: Vec<_> =
            works.iter().map(|work| work.position).filter(|position| !self.bodies.contains_key(position)).collect();
        let sealing = Arc::clone(&self.webhooks.0.sealing);
        let prepared = async {
            let sealer = sealing.sealer().await?;
            let seal = |work: &Work| sealer.seal(Purpose::WebhookId, [self.endpoint.id, work.position.get()]);
            let ids: Vec<_> = works.iter().map(seal).collect::<Result<_, _>>()?;
            if missing.is_empty() {
                return Ok((ids, HashMap::new()));
            }
            let form = self.endpoint.settings.payload;
            Ok::<_, AppError>((ids, self.payloads.of(reader.clone(), form, &missing).await?))
        };
        let (ids, made) = match prepared.await {
            Ok(prepared) => prepared,
            Err(error) => {
                let now = self.webhooks.0.clock.now();
                for work in works {
                    self.lane.give_back(work, now);
                }
                return Err(error);
            }
        };
        self.bodies.extend(made);
        for (work, id) in works.into_iter().zip(ids) {
            let Some(Payload { body, cursor, sequence }) = self.bodies.remove(&work.position) else {
                // Its client may not see it any more.
                self.finish(work, AttemptOutcome::Delivered, None);
                continue;
            };
            let envelope = Envelope {
                id: format!("msg_{id}"),
                attempt: work.attempt,
                trigger: work.trigger,
                version: self.endpoint.version,
                event: Some((cursor, sequence)),
            };
            let (webhooks, slots) = (self.webhooks.clone(), Arc::clone(&self.slots));
            let (signer, target) = (Arc::clone(signer), target.clone());
            self.under_way.spawn(async move {
                let _slot = slots.acquire_owned().await;
                (work, webhooks.send(&target, signer, envelope, body).await)
            });
        }
        Ok(())
    }
}
