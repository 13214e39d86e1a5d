//! The time that a request may take, and what does not count.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

tokio::task_local! {
    /// When the request that this task answers is given up.
    static DEADLINE: Arc<Mutex<Instant>>;
}

/// Does the work of a request; `None` when it took longer than its limit.
pub async fn limited<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let deadline = Arc::new(Mutex::new(Instant::now() + limit));
    let mut work = Box::pin(DEADLINE.scope(Arc::clone(&deadline), work));
    loop {
        let until = *lock(&deadline);
        match timeout_at(until, &mut work).await {
            Ok(done) => return Some(done),
            Err(_) if *lock(&deadline) > until => {}
            Err(_) => return None,
        }
    }
}

/// Waits for something that the caller asked to wait for, so long at most; `None` when it did not come. The time does not count as the
/// request's.
pub async fn awaited<T>(longest: Duration, what: impl Future<Output = T>) -> Option<T> {
    let began = Instant::now();
    let move_deadline = |change: fn(&mut Instant, Duration), by| {
        let _ = DEADLINE.try_with(|deadline| change(&mut lock(deadline), by));
    };
    move_deadline(|deadline, by| *deadline += by, longest);
    let came = timeout(longest, what).await.ok();
    move_deadline(|deadline, by| *deadline -= by, longest.saturating_sub(began.elapsed()));
    came
}

fn lock(deadline: &Mutex<Instant>) -> MutexGuard<'_, Instant> {
    deadline.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn what_a_caller_asked_to_wait_for_does_not_count_as_its_requests_time() {
        let waits = async |longest, comes_after| awaited(longest, sleep(comes_after)).await;
        let began = Instant::now();
        let long = limited(LIMIT, async {
            sleep(LIMIT / 2).await;
            let came = waits(LIMIT * 3, LIMIT * 2).await;
            sleep(LIMIT / 3).await;
            (came, waits(LIMIT, LIMIT * 2).await)
        });
        assert_eq!(long.await, Some((Some(()), None)));
        assert!(began.elapsed() > LIMIT * 3);
        let slow_after_it = limited(LIMIT, async {
            waits(LIMIT * 3, LIMIT).await;
            pending::<()>().await;
        });
        let began = Instant::now();
        assert_eq!(slow_after_it.await, None);
        assert!(began.elapsed() < LIMIT * 2 + Duration::from_secs(1), "{:?}", began.elapsed());
    }
}
