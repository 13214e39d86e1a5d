//! Gathers the orders that wait into one transaction: while one is on its way to the disk, the next ones gather. Nobody
//! waits for company: an order that comes alone goes alone, at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};

use crate::error::{AppError, ErrorCode};
use crate::store::{Created, OrderToInsert, Store, StoreError};
use crate::telemetry;

/// Where orders wait for their transaction.
pub struct IntakeQueue {
    waiting: mpsc::Sender<Job>,
}

struct Job {
    order: OrderToInsert,
    answer: oneshot::Sender<Result<(Created, u32), AppError>>,
}

/// The most orders of one transaction. More of them make everybody in it wait for longer and save next to nothing.
const MAX_BATCH: usize = 64;

impl IntakeQueue {
    /// A queue in which so many orders may wait.
    #[must_use]
    pub fn start(store: &Store, max_waiting: usize) -> Self {
        let (waiting, jobs) = mpsc::channel(max_waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..store.writers() {
            tokio::spawn(work(store.clone(), Arc::clone(&jobs)));
        }
        Self { waiting }
    }

    /// Stores an order; gives what became of it once that is on the disk.
    pub async fn insert(&self, order: OrderToInsert) -> Result<Created, AppError> {
        let (answer, outcome) = oneshot::channel();
        self.waiting.try_send(Job { order, answer }).map_err(|_| overloaded())?;
        self.note_waiting();
        let outcome = outcome.await;
        // Once more, or the last one of a rush would stay noted as waiting.
        self.note_waiting();
        // Without an answer the transaction was given up in the middle, and nothing is stored.
        let (created, statements) = outcome.map_err(AppError::internal)??;
        telemetry::count_statements(statements);
        Ok(created)
    }

    fn note_waiting(&self) {
        telemetry::note_waiting(self.waiting.max_capacity() - self.waiting.capacity());
    }
}

fn overloaded() -> AppError {
    let message = "More orders are waiting than can be taken right now; send the same request again shortly";
    AppError::new(ErrorCode::Overloaded, message).retry_after(Duration::from_secs(1))
}

/// Stores what waits, until nobody can send any more.
async fn work(store: Store, jobs: Arc<Mutex<mpsc::Receiver<Job>>>) {
    loop {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        let mut jobs = jobs.lock().await;
        if jobs.recv_many(&mut batch, MAX_BATCH).await == 0 {
            return;
        }
        telemetry::note_waiting(jobs.len());
        drop(jobs);
        // A task of its own: should it panic, its orders are not stored, and the next ones are.
        let _ = tokio::spawn(take(store.clone(), batch)).await;
    }
}

/// Stores orders together. When that fails for another reason than the database being away, each for itself: one that
/// cannot be stored must not take its neighbours with it.
async fn take(store: Store, batch: Vec<Job>) {
    let (orders, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.order, job.answer)).unzip();
    telemetry::count_batch(orders.len());
    let orders: Arc<[_]> = orders.into();
    let (outcome, statements) = telemetry::counting(store.insert_orders(Arc::clone(&orders))).await;
    match outcome {
        Ok(created) => {
            for (answer, created) in answers.into_iter().zip(created) {
                // Who hung up meanwhile finds the order when it asks again.
                let _ = answer.send(Ok((created, statements)));
            }
        }
        Err(error) if orders.len() == 1 || matches!(error, StoreError::Unavailable(_)) => {
            let error = AppError::from(error);
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
        Err(_) => {
            for (order, answer) in orders.iter().zip(answers) {
                let alone = Arc::from([order.clone()]);
                let (outcome, statements) = telemetry::counting(store.insert_orders(alone)).await;
                let outcome = outcome.map_err(AppError::from).and_then(|created| {
                    let created = created.into_iter().next();
                    created.ok_or_else(|| AppError::internal("an order was lost on its way into the database"))
                });
                let _ = answer.send(outcome.map(|created| (created, statements)));
            }
        }
    }
}
