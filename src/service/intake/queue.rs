//! Gathers the orders that wait into one transaction: while one is on its way to the disk, the next ones gather. Nobody
//! waits for company: an order that comes alone goes alone, at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};

use super::batch::{self, Job, Stored};
use super::proof::Proof;
use super::transactions::{Event, Transactions};
use crate::error::{AppError, ErrorCode};
use crate::store::{Created, OrderToInsert, Store};
use crate::telemetry;

/// Where orders wait for their transaction.
pub struct IntakeQueue {
    waiting: mpsc::Sender<Job>,
    /// Told when a whole transaction's orders wait.
    crowded: Arc<Notify>,
    proof: Proof,
}

/// The most orders of one transaction. More of them make everybody in it wait for longer and save next to nothing.
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

    /// Stores an order; gives what became of it once that is on the disk.
    pub async fn insert(&self, order: OrderToInsert) -> Result<Created, AppError> {
        let (answer, outcome) = oneshot::channel();
        self.waiting.try_send(Job::Order(order, answer)).map_err(|_| overloaded())?;
        if self.note_waiting() >= MAX_BATCH {
            self.crowded.notify_one();
        }
        let outcome = outcome.await;
        // Once more, or the last one of a rush would stay noted as waiting.
        self.note_waiting();
        // Without an answer something panicked. Should the order be stored all the same, it is found when it comes again.
        let (created, statements) = outcome.map_err(AppError::internal)??;
        telemetry::count_statements(statements);
        Ok(created)
    }

    /// Whether an order could be stored now: one was a moment ago, or nothing is, by the same way.
    pub async fn ensure_stores(&self) -> Result<(), AppError> {
        self.proof.ensure(|question| self.waiting.try_send(Job::Probe(question)).map_err(|_| overloaded())).await
    }

    fn note_waiting(&self) -> usize {
        let waiting = self.waiting.max_capacity() - self.waiting.capacity();
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
    let mut transactions = Transactions::new(&store);
    let mut stored = Vec::new();
    let mut have_waited = false;
    loop {
        // One transaction of many is cheaper than two of half as many, so a second one waits until it would be full.
        while transactions.may_have_another()
            && (transactions.all_are_overdue() || have_waited || jobs.len() >= MAX_BATCH)
        {
            let mut batch = Vec::with_capacity(MAX_BATCH);
            if transactions.is_empty() && stored.is_empty() {
                if jobs.recv_many(&mut batch, MAX_BATCH).await == 0 {
                    return;
                }
            } else {
                batch.extend(std::iter::from_fn(|| jobs.try_recv().ok()).take(MAX_BATCH));
            }
            telemetry::note_waiting(jobs.len());
            if batch.is_empty() {
                break;
            }
            // A task of its own: should it panic, the next ones are stored nevertheless.
            let (store, proof) = (store.clone(), proof.clone());
            transactions.begin(|given_up| batch::take(store, batch, proof, given_up));
        }
        // Whose order is stored is answered while the next ones are on their way.
        for Stored { answer, outcome } in stored.drain(..) {
            // Who hung up meanwhile finds the order when it asks again.
            let _ = answer.send(outcome);
        }
        if transactions.is_empty() {
            continue;
        }
        let event = transactions.wait(&crowded).await;
        have_waited = matches!(event, Event::Waited);
        if let Event::Ended(ended) = event {
            stored = ended;
        }
    }
}
