//! Batches waiting orders into transactions: the orders that arrive while one transaction commits share the next. When no
//! transaction is running, an order is stored at once, unless commits take long ([`Pace`]).

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::batch::{self, Job, Outcome, Stored};
use super::pace::Pace;
use super::proof::Proof;
use super::transactions::{Event, Transactions};
use crate::error::{AppError, ErrorCode};
use crate::store::{Created, OrderToInsert, Store};
use crate::telemetry;

/// The part of a request in which its order waits until it is stored.
const WAIT: &str = "wait for the commit";

/// The queue of orders that wait for their transaction.
pub struct IntakeQueue {
    waiting: mpsc::Sender<Job>,
    /// Notified when a full batch of orders waits.
    crowded: Arc<Notify>,
    proof: Proof,
}

/// The most orders of one batch. A larger one takes longer for every order in it and saves next to nothing.
const MAX_BATCH: usize = 32;

impl IntakeQueue {
    /// A queue in which so many orders may wait.
    #[must_use]
    pub fn start(store: &Store, max_waiting: usize) -> Self {
        let (waiting, jobs) = mpsc::channel(max_waiting);
        let crowded = Arc::new(Notify::new());
        let proof = Proof::default();
        tokio::spawn(work(store.clone(), jobs, Arc::clone(&crowded), proof.clone()));
        Self { waiting, crowded, proof }
    }

    /// Stores an order; returns the outcome after the commit.
    pub async fn insert(&self, order: OrderToInsert) -> Result<Created, AppError> {
        let began = telemetry::begin_part();
        let outcome = self.wait(order)?.await;
        let outcome = self.outcome(outcome);
        telemetry::end_part(WAIT, began, outcome.as_ref().ok().and_then(|(_, shared)| shared.span.clone()));
        let (created, shared) = outcome?;
        telemetry::count_statements(shared.statements);
        Ok(created)
    }

    /// Stores orders that wait together; returns the outcome of each after its commit. Those that there is no room for are refused,
    /// and each of them alone.
    pub async fn insert_all(&self, orders: Vec<OrderToInsert>) -> Vec<Result<Created, AppError>> {
        let began = telemetry::begin_part();
        let waiting: Vec<_> = orders.into_iter().map(|order| self.wait(order)).collect();
        let (mut outcomes, mut transactions) = (Vec::with_capacity(waiting.len()), HashMap::new());
        for outcome in waiting {
            let outcome = match outcome {
                Ok(outcome) => self.outcome(outcome.await),
                Err(refused) => Err(refused),
            };
            outcomes.push(outcome.map(|(created, shared)| {
                transactions.insert(Arc::as_ptr(&shared).addr(), shared);
                created
            }));
        }
        for shared in transactions.values() {
            telemetry::count_statements(shared.statements);
            telemetry::end_part(WAIT, began, shared.span.clone());
        }
        outcomes
    }

    /// Lets an order wait for its transaction.
    fn wait(&self, order: OrderToInsert) -> Result<oneshot::Receiver<Outcome>, AppError> {
        let (answer, outcome) = oneshot::channel();
        self.waiting.try_send(Job::Order(order, answer, telemetry::span())).map_err(|_| overloaded())?;
        if self.note_waiting() >= MAX_BATCH {
            self.crowded.notify_one();
        }
        Ok(outcome)
    }

    /// What became of an order that waited.
    fn outcome(&self, outcome: Result<Outcome, oneshot::error::RecvError>) -> Outcome {
        // Noted again, or the last order of a burst would stay counted as waiting.
        self.note_waiting();
        // No answer means that the batch panicked. If the order was stored nevertheless, the retry finds it.
        outcome.map_err(AppError::internal)?
    }

    /// Whether an order could be stored now: one was a moment ago, or the same statement runs without any order.
    pub async fn ensure_stores(&self) -> Result<(), AppError> {
        self.proof.ensure(|question| self.waiting.try_send(Job::Probe(question)).map_err(|_| overloaded())).await
    }

    /// How many orders wait.
    pub fn waiting(&self) -> usize {
        self.waiting.max_capacity() - self.waiting.capacity()
    }

    fn note_waiting(&self) -> usize {
        let waiting = self.waiting();
        telemetry::note_waiting(waiting);
        waiting
    }
}

fn overloaded() -> AppError {
    let message = "More orders are waiting than can be taken right now; send the same request again shortly";
    AppError::new(ErrorCode::Overloaded, message).retry_after(Duration::from_secs(1))
}

/// Stores what waits, until nobody can send any more.
async fn work(store: Store, mut jobs: mpsc::Receiver<Job>, crowded: Arc<Notify>, proof: Proof) {
    let (mut transactions, mut pace) = (Transactions::new(&store), Pace::default());
    let (mut batch, mut stored) = (Vec::new(), Vec::new());
    let mut have_waited = false;
    loop {
        // One transaction of many is cheaper than two of half as many, so a second one waits until it would be full.
        while transactions.may_have_another()
            && (transactions.all_are_overdue() || have_waited || jobs.len() >= MAX_BATCH)
        {
            if transactions.is_empty() && stored.is_empty() && batch.is_empty() {
                if jobs.recv_many(&mut batch, MAX_BATCH).await == 0 {
                    return;
                }
            } else {
                let room = MAX_BATCH - batch.len();
                batch.extend(std::iter::from_fn(|| jobs.try_recv().ok()).take(room));
            }
            telemetry::note_waiting(jobs.len());
            if batch.is_empty() {
                break;
            }
            // A task of its own: should it panic, the next ones are stored nevertheless.
            let (store, proof, batch) = (store.clone(), proof.clone(), mem::take(&mut batch));
            transactions.begin(batch.len(), |given_up| batch::take(store, batch, proof, given_up));
        }
        // The answers are sent while the next batch is being stored.
        answer(&mut stored);
        if transactions.is_empty() {
            continue;
        }
        let alone = pace.alone(transactions.orders(), jobs.len());
        let event = transactions.wait(&crowded, alone).await;
        have_waited = matches!(event, Event::Waited);
        if let Event::Ended { stored: ended, took } = event {
            stored = ended;
            if let Some((took, orders)) = took {
                pace.note(took, orders, store.commit_time());
            }
            let all = (stored.len() + jobs.len()).min(MAX_BATCH);
            if transactions.is_empty()
                && let Some(patience) = pace.patience(all)
            {
                answer(&mut stored);
                let _ = timeout(patience, gather(&mut jobs, &mut batch, all)).await;
            }
        }
    }
}

fn answer(stored: &mut Vec<Stored>) {
    for Stored { answer, outcome } in stored.drain(..) {
        // A client that has disconnected finds the order when it retries.
        let _ = answer.send(outcome);
    }
}

async fn gather(jobs: &mut mpsc::Receiver<Job>, batch: &mut Vec<Job>, all: usize) {
    while batch.len() < all && jobs.recv_many(batch, all - batch.len()).await > 0 {}
}
