//! How long the database is waited for by what no request limits.

use std::future::pending;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{sleep, timeout};

use super::connect::Store;
use super::error::StoreError;

impl Store {
    /// How long work may take that no request waits for: a connection and a lock are each waited for half as long.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// Gives work up that no request limits. Its connection is tested before anything else uses it.
    pub async fn in_time<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let outcome = timeout(self.patience, work).await;
        // Whatever failed: looking for another host costs little, and reading tells of its absence before writing does.
        outcome.unwrap_or_else(|_| Err(StoreError::no_answer().into())).inspect_err(|_| self.doubt())
    }

    /// The same for a read that many wait for together: it is hedged.
    pub async fn in_time_hedged<T, E, F>(&self, read: impl Fn() -> F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: Future<Output = Result<T, E>>,
    {
        self.in_time(hedged(self.patience / 4, read)).await
    }
}

/// A hedged request (Dean and Barroso, The Tail at Scale): without an answer for a while it is made once more. The connection
/// it went over, or that is being opened for it, may lead to a server that is gone, and the next one elsewhere. The last two
/// go on, so that a server that is only slow has time. What the earlier one fails of says nothing of the latest.
async fn hedged<T, E, F: Future<Output = Result<T, E>>>(after: Duration, request: impl Fn() -> F) -> Result<T, E> {
    let mut earlier = pending::<Result<T, E>>().left_future();
    loop {
        let mut latest = Box::pin(request());
        tokio::select! {
            answer = &mut earlier => return if answer.is_ok() { answer } else { latest.await },
            answer = &mut latest => return answer,
            () = sleep(after) => earlier = latest.right_future(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const AFTER: Duration = Duration::from_secs(1);

    /// Which request is answered, and when, where each takes so many milliseconds.
    async fn answer(millis: &[u64]) -> (usize, Duration) {
        answer_where(millis, |_| true).await
    }

    /// The same where only some of them succeed.
    async fn answer_where(millis: &[u64], succeeds: fn(usize) -> bool) -> (usize, Duration) {
        let (begun, made) = (tokio::time::Instant::now(), AtomicU32::new(0));
        let number = hedged(AFTER, async || {
            let number = made.fetch_add(1, Ordering::Relaxed) as usize;
            sleep(Duration::from_millis(millis[number])).await;
            if succeeds(number) { Ok(number) } else { Err(()) }
        });
        (number.await.unwrap(), begun.elapsed())
    }

    const NEVER: u64 = 1_000_000_000;

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_of_a_server_that_is_gone_is_asked_again_and_a_slow_one_has_time() {
        assert_eq!(answer(&[0]).await, (0, Duration::ZERO), "at once, and once");
        assert_eq!(answer(&[NEVER, 0]).await, (1, AFTER));
        assert_eq!(answer(&[NEVER, NEVER, NEVER, 0]).await, (3, AFTER * 3));
        assert_eq!(answer(&[1_900, NEVER]).await, (0, Duration::from_millis(1_900)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_reset_does_not_fail_what_was_asked_again_elsewhere() {
        assert_eq!(answer_where(&[1_500, 700], |number| number > 0).await, (1, Duration::from_millis(1_700)));
    }
}
