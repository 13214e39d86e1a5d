//! Whether orders can be stored at present: known from the last transaction, or tested.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{AppError, ErrorCode};
use crate::store::OrderToInsert;

/// So long the last success says that the next one is likely. It also limits what it costs to be asked: health checks have no
/// limit of requests, and each proof is a write.
const FRESH: Duration = Duration::from_secs(1);

/// For how long an order that could not be stored is tried again to find out whether orders can be stored. After that it may
/// be its own fault.
const REMEMBERED: Duration = Duration::from_mins(1);

/// The outcome of the last transaction. Cloning shares it.
#[derive(Clone, Default)]
pub(super) struct Proof(Arc<Inner>);

#[derive(Default)]
struct Inner {
    last: watch::Sender<Option<(Instant, Result<(), AppError>)>>,
    is_asked: AtomicBool,
    failed: Mutex<Option<(Instant, Arc<OrderToInsert>)>>,
}

/// The question whether an order could be stored. When it is dropped without an answer, as by a panic, it counts as
/// answered, so that no caller waits for ever.
pub(super) struct Question(Proof);

impl Drop for Question {
    fn drop(&mut self) {
        if self.0.0.is_asked.load(Ordering::Acquire) {
            self.0.note(Err(AppError::new(ErrorCode::DatabaseUnavailable, "No order could be tried; ask again")));
        }
    }
}

impl Proof {
    /// Notes how a transaction ended.
    pub(super) fn note(&self, outcome: Result<(), AppError>) {
        self.0.is_asked.store(false, Ordering::Release);
        self.0.last.send_replace(Some((Instant::now(), outcome)));
    }

    /// Notes that the database does not store an order. Until it stores one, this one is what is tried.
    pub(super) fn note_failed(&self, order: &OrderToInsert) {
        let mut failed = self.failed();
        // The first one's time counts, however often it is sent again.
        if failed.as_ref().is_none_or(|(at, _)| at.elapsed() >= REMEMBERED) {
            *failed = Some((Instant::now(), Arc::new(order.clone())));
        }
    }

    /// Notes that the database stores orders.
    pub(super) fn note_stored(&self) {
        *self.failed() = None;
        self.note(Ok(()));
    }

    /// The order to try.
    pub(super) fn failed_order(&self) -> Option<Arc<OrderToInsert>> {
        let failed = self.failed();
        failed.as_ref().filter(|(at, _)| at.elapsed() < REMEMBERED).map(|(_, order)| Arc::clone(order))
    }

    /// Fails with what the next transaction fails with, unless one succeeded a moment ago; `ask` has one begun, if nobody
    /// did. Waits for as long as that takes.
    pub(super) async fn ensure(&self, ask: impl FnOnce(Question) -> Result<(), AppError>) -> Result<(), AppError> {
        let mut last = self.0.last.subscribe();
        if matches!(&*last.borrow_and_update(), Some((at, Ok(()))) if at.elapsed() < FRESH) {
            return Ok(());
        }
        if !self.0.is_asked.swap(true, Ordering::AcqRel) {
            ask(Question(self.clone()))?;
        }
        // The sender lives as long as this.
        let _ = last.changed().await;
        let outcome = last.borrow();
        outcome.as_ref().map_or(Ok(()), |(_, outcome)| outcome.clone())
    }

    fn failed(&self) -> MutexGuard<'_, Option<(Instant, Arc<OrderToInsert>)>> {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    fn away() -> AppError {
        AppError::new(ErrorCode::DatabaseUnavailable, "away")
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_ask_one_write_a_second_answers_them_and_a_failure_is_not_remembered() {
        let (proof, asked) = (Proof::default(), Arc::new(AtomicU32::new(0)));
        let ask = |outcome: Result<(), AppError>| {
            let (proof, writes, asked) = (proof.clone(), proof.clone(), Arc::clone(&asked));
            async move {
                proof
                    .ensure(|question| {
                        asked.fetch_add(1, Ordering::Relaxed);
                        tokio::spawn(async move {
                            writes.note(outcome);
                            drop(question);
                        });
                        Ok(())
                    })
                    .await
            }
        };
        for _ in 0..1_000 {
            ask(Ok(())).await.unwrap();
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        tokio::time::advance(FRESH).await;
        for writes in 2..5 {
            ask(Err(away())).await.unwrap_err();
            assert_eq!(asked.load(Ordering::Relaxed), writes);
        }
        ask(Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_question_that_a_panic_took_is_answered_and_can_be_asked_again() {
        let proof = Proof::default();
        let panicking = |question: Question| {
            tokio::spawn(async move {
                let _question = question;
                panic!("on purpose");
            });
            Ok(())
        };
        proof.ensure(panicking).await.unwrap_err();
        let answering = |_question| {
            proof.note(Ok(()));
            Ok(())
        };
        proof.ensure(answering).await.unwrap();
    }
}
