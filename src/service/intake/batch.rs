//! One transaction: the orders that are stored in it, and what they are told.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::proof::{Proof, Question};
use crate::error::AppError;
use crate::store::{Created, OrderToInsert, Store, StoreError, StoreResult};
use crate::telemetry::{self, Shared, SpanContext};

/// A job of a batch.
#[expect(clippy::large_enum_variant, reason = "nearly all are orders")]
pub(super) enum Job {
    /// To store an order, and to tell its outcome; the span of its request, where that is traced.
    Order(OrderToInsert, oneshot::Sender<Outcome>, Option<SpanContext>),
    /// To prove that one could be stored.
    Probe(Question),
}

/// What became of an order, and who is to be told.
pub(super) struct Stored {
    pub answer: oneshot::Sender<Outcome>,
    pub outcome: Outcome,
}

/// An order, and what its transaction took, which its orders have in common.
pub(super) type Outcome = Result<(Created, Arc<Shared>), AppError>;

/// The result of a transaction.
#[derive(Default)]
pub(super) struct Ended {
    /// Whether the database did what it was asked.
    pub is_success: bool,
    /// The answers that are still to be sent.
    pub stored: Vec<Stored>,
}

/// Stores orders together, and proves it. When that fails for another reason than the database being away, each is stored for
/// itself and answered at once: one that cannot be stored must not take its neighbours with it.
pub(super) async fn take(store: Store, jobs: Vec<Job>, proof: Proof, given_up: oneshot::Receiver<()>) -> Ended {
    let given_up = given_up.map(drop).shared();
    let insert = async |orders: &Arc<[OrderToInsert]>, spans: &[SpanContext]| {
        tokio::select! {
            done = telemetry::counting("store orders", orders.len(), spans, insert(&store, orders, &proof)) => done,
            () = given_up.clone() => (Err(StoreError::no_answer()), Shared::default()),
        }
    };
    let (mut orders, mut answers, mut questions) = (Vec::new(), Vec::new(), Vec::new());
    let mut spans = Vec::new();
    for job in jobs {
        match job {
            Job::Order(order, answer, span) => {
                orders.push(order);
                answers.push(answer);
                spans.extend(span);
            }
            Job::Probe(question) => questions.push(question),
        }
    }
    // Of many orders in one request each has the same.
    let mut seen = HashSet::new();
    spans.retain(|span: &SpanContext| seen.insert(span.span_id()));
    let orders: Arc<[_]> = orders.into();
    let (outcome, shared) = insert(&orders, &spans).await;
    let is_refused = |error: &StoreError| matches!(error, StoreError::Unavailable(_)) && !error.is_rolled_back();
    let outcomes: Vec<Outcome> = match outcome {
        Ok(created) => {
            if orders.is_empty() {
                proof.note(Ok(()));
            } else {
                proof.note_stored();
            }
            let shared = Arc::new(shared);
            created.into_iter().map(|created| Ok((created, Arc::clone(&shared)))).collect()
        }
        Err(error) if orders.len() <= 1 || is_refused(&error) => {
            let is_success = !is_refused(&error);
            if let Some(order) = orders.first().filter(|_| !is_success) {
                proof.note_failed(order);
            }
            let error = AppError::from(error);
            // An order that cannot be stored says nothing of others.
            if !is_success || orders.is_empty() {
                proof.note(Err(error.clone()));
            } else if !questions.is_empty() {
                proof.note(insert(&Arc::default(), &[]).await.0.map(drop).map_err(AppError::from));
            }
            let stored = answers.into_iter().map(|answer| Stored { answer, outcome: Err(error.clone()) }).collect();
            return Ended { is_success, stored };
        }
        Err(_) => {
            for (order, answer) in orders.iter().zip(answers) {
                let (outcome, shared) = insert(&Arc::from([order.clone()]), &[]).await;
                match &outcome {
                    Ok(_) => proof.note_stored(),
                    Err(error) if is_refused(error) => proof.note_failed(order),
                    Err(_) => {}
                }
                let outcome = outcome.map_err(AppError::from).and_then(|created| {
                    let created = created.into_iter().next();
                    created.ok_or_else(|| AppError::internal("an order was lost on its way into the database"))
                });
                let _ = answer.send(outcome.map(|created| (created, Arc::new(shared))));
            }
            let proven = insert(&Arc::default(), &[]).await.0.map(drop).map_err(AppError::from);
            let is_success = proven.is_ok();
            proof.note(proven);
            return Ended { is_success, stored: Vec::new() };
        }
    };
    let stored = answers.into_iter().zip(outcomes).map(|(answer, outcome)| Stored { answer, outcome }).collect();
    Ended { is_success: true, stored }
}

async fn insert(store: &Store, orders: &Arc<[OrderToInsert]>, proof: &Proof) -> StoreResult<Vec<Created>> {
    if orders.is_empty() {
        return store.probe(proof.failed_order()).await.map(|()| Vec::new());
    }
    telemetry::count_batch(orders.len());
    store.insert_orders(Arc::clone(orders)).await
}
