//! Gathers the orders that wait into one transaction: while one is on its way to the disk, the next ones gather. Nobody
//! waits for company: an order that comes alone goes alone, at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::error::{AppError, ErrorCode};
use crate::store::{Created, OrderToInsert, Store, StoreError};
use crate::telemetry;

/// Where orders wait for their transaction.
pub struct IntakeQueue {
    waiting: mpsc::Sender<Job>,
    /// Told when a whole transaction's orders wait.
    crowded: Arc<Notify>,
}

struct Job {
    order: OrderToInsert,
    answer: oneshot::Sender<Outcome>,
}

/// The most orders of one transaction. More of them make everybody in it wait for longer and save next to nothing.
const MAX_BATCH: usize = 32;

/// How long a transaction keeps others waiting that are fewer than that. It takes a few milliseconds, unless it waits for
/// another instance (`an_order_overtakes_one_that_waits_for_another_instance`).
const PATIENCE: Duration = Duration::from_millis(100);

impl IntakeQueue {
    /// A queue in which so many orders may wait.
    #[must_use]
    pub fn start(store: &Store, max_waiting: usize) -> Self {
        let (waiting, jobs) = mpsc::channel(max_waiting);
        let crowded = Arc::new(Notify::new());
        tokio::spawn(work(store.clone(), jobs, Arc::clone(&crowded)));
        Self { waiting, crowded }
    }

    /// Stores an order; gives what became of it once that is on the disk.
    pub async fn insert(&self, order: OrderToInsert) -> Result<Created, AppError> {
        let (answer, outcome) = oneshot::channel();
        self.waiting.try_send(Job { order, answer }).map_err(|_| overloaded())?;
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
async fn work(store: Store, mut jobs: mpsc::Receiver<Job>, crowded: Arc<Notify>) {
    let mut on_their_way = JoinSet::new();
    let mut stored = Vec::new();
    let mut patience_is_over = false;
    loop {
        // One transaction of many is cheaper than two of half as many, so a second one waits until it would be full.
        while on_their_way.is_empty()
            || on_their_way.len() < store.writers() && (patience_is_over || jobs.len() >= MAX_BATCH)
        {
            let mut batch = Vec::with_capacity(MAX_BATCH);
            if on_their_way.is_empty() && stored.is_empty() {
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
            on_their_way.spawn(take(store.clone(), batch));
        }
        // Whose order is stored is answered while the next ones are on their way.
        for Stored { answer, outcome } in stored.drain(..) {
            // Who hung up meanwhile finds the order when it asks again.
            let _ = answer.send(outcome);
        }
        if on_their_way.is_empty() {
            continue;
        }
        let may_have_another = on_their_way.len() < store.writers();
        patience_is_over = false;
        tokio::select! {
            done = on_their_way.join_next() => stored = done.and_then(Result::ok).unwrap_or_default(),
            () = crowded.notified(), if may_have_another => {}
            () = tokio::time::sleep(PATIENCE), if may_have_another => patience_is_over = true,
        }
    }
}

/// What became of an order, and who is to be told.
struct Stored {
    answer: oneshot::Sender<Outcome>,
    outcome: Outcome,
}

type Outcome = Result<(Created, u32), AppError>;

/// Stores orders together; gives whom to answer. When that fails for another reason than the database being away, each is
/// stored for itself and answered at once: one that cannot be stored must not take its neighbours with it.
async fn take(store: Store, batch: Vec<Job>) -> Vec<Stored> {
    let (orders, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.order, job.answer)).unzip();
    telemetry::count_batch(orders.len());
    let orders: Arc<[_]> = orders.into();
    let (outcome, statements) = telemetry::counting(store.insert_orders(Arc::clone(&orders))).await;
    let outcomes: Vec<_> = match outcome {
        Ok(created) => created.into_iter().map(|created| Ok((created, statements))).collect(),
        Err(error) if orders.len() == 1 || matches!(error, StoreError::Unavailable(_)) && !error.is_rolled_back() => {
            let error = AppError::from(error);
            orders.iter().map(|_| Err(error.clone())).collect()
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
            return Vec::new();
        }
    };
    answers.into_iter().zip(outcomes).map(|(answer, outcome)| Stored { answer, outcome }).collect()
}
