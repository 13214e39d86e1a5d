//! Whether orders can be stored at the moment: known from the last one, or else found out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::AppError;

/// So long the last success says that the next one is likely. It also limits what it costs to be asked: health checks have no
/// limit of requests, and each proof is a write.
const FRESH: Duration = Duration::from_secs(1);

/// The outcome of the last transaction. Cloning shares it.
#[derive(Clone, Default)]
pub(super) struct Proof(Arc<Inner>);

#[derive(Default)]
struct Inner {
    last: watch::Sender<Option<(Instant, Result<(), AppError>)>>,
    is_asked: AtomicBool,
}

impl Proof {
    /// Notes how a transaction ended.
    pub(super) fn note(&self, outcome: Result<(), AppError>) {
        self.0.is_asked.store(false, Ordering::Release);
        self.0.last.send_replace(Some((Instant::now(), outcome)));
    }

    /// Fails with what the next transaction fails with, unless one succeeded a moment ago; `ask` has one begun, if nobody
    /// did. Waits for as long as that takes.
    pub(super) async fn ensure(&self, ask: impl FnOnce() -> Result<(), AppError>) -> Result<(), AppError> {
        let mut last = self.0.last.subscribe();
        if matches!(&*last.borrow_and_update(), Some((at, Ok(()))) if at.elapsed() < FRESH) {
            return Ok(());
        }
        if !self.0.is_asked.swap(true, Ordering::AcqRel) {
            ask().inspect_err(|_| self.0.is_asked.store(false, Ordering::Release))?;
        }
        // The sender lives as long as this.
        let _ = last.changed().await;
        let outcome = last.borrow();
        outcome.as_ref().map_or(Ok(()), |(_, outcome)| outcome.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::error::ErrorCode;

    #[tokio::test(start_paused = true)]
    async fn however_many_ask_one_write_a_second_answers_them_and_a_failure_is_not_remembered() {
        let (proof, asked) = (Proof::default(), Arc::new(AtomicU32::new(0)));
        let ask = |outcome: Result<(), AppError>| {
            let (proof, writes, asked) = (proof.clone(), proof.clone(), Arc::clone(&asked));
            async move {
                proof
                    .ensure(|| {
                        asked.fetch_add(1, Ordering::Relaxed);
                        tokio::spawn(async move { writes.note(outcome) });
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
        let away = || Err(AppError::new(ErrorCode::DatabaseUnavailable, "away"));
        for writes in 2..5 {
            ask(away()).await.unwrap_err();
            assert_eq!(asked.load(Ordering::Relaxed), writes);
        }
        ask(Ok(())).await.unwrap();
    }
}
