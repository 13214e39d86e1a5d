//! Health: alive (the process answers) and ready (it can do its work).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, WeakShared};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::app::AppState;
use crate::error::{AppError, ErrorCode};
use crate::wire::problem::Problem;

/// The process runs. Says nothing of the database, so that an outage there does not restart every instance.
pub async fn live() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// The look at the database under way. Health counts for no limit of requests, so however many ask, one look at a time
/// answers all who asked while it went on. Nothing is remembered after it, and when nobody waits any more it ends.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Option<WeakShared<Look>>>>);

type Look = BoxFuture<'static, Result<(), AppError>>;

impl Readiness {
    /// Looks, unless somebody does.
    async fn ensure(&self, look: impl Future<Output = Result<(), AppError>> + Send + 'static) -> Result<(), AppError> {
        let looking = {
            let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = under_way.as_ref().and_then(WeakShared::upgrade).filter(|looking| looking.peek().is_none());
            known.unwrap_or_else(|| {
                let looking = look.boxed().shared();
                *under_way = looking.downgrade();
                looking
            })
        };
        looking.await
    }
}

/// When to ask again an instance that is stopping.
const STOPPING_RETRY: Duration = Duration::from_secs(5);

/// An order can be taken: the database has every migration this version needs, a write comes through, and the service is not
/// about to stop.
pub async fn ready(
    State(state): State<AppState>,
    Extension(readiness): Extension<Readiness>,
) -> Result<Json<Value>, Problem> {
    if state.is_leaving() {
        let error = AppError::new(ErrorCode::Stopping, "This instance is stopping; send requests to another one");
        return Err(error.retry_after(STOPPING_RETRY).into());
    }
    let limit = state.config().http.ready_timeout;
    let (asked, doubted) = (state.clone(), state);
    let look = async move { timeout(limit, look(&asked)).await.unwrap_or_else(|_| Err(AppState::no_answer())) };
    readiness.ensure(look).await.inspect_err(|_| doubted.store().doubt())?;
    Ok(Json(json!({"status": "ok"})))
}

async fn look(state: &AppState) -> Result<(), AppError> {
    let pending = state.store().migrations().await.map_err(AppError::from)?.iter().filter(|m| !m.applied).count();
    if pending > 0 {
        let message = "The database lacks migrations; run `sales-order-api migrate up`";
        let error = AppError::new(ErrorCode::DatabaseUnavailable, message);
        return Err(error.detail("pending_migrations", pending).retry_after(Duration::from_secs(5)));
    }
    state.ensure_takes_orders().await
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_while_somebody_looks_shares_the_answer() {
        let (readiness, looks) = (Readiness::default(), Arc::new(AtomicU32::new(0)));
        let ask = |outcome: Result<(), AppError>| {
            let looks = Arc::clone(&looks);
            readiness.ensure(async move {
                looks.fetch_add(1, Ordering::Relaxed);
                // So that all others ask meanwhile.
                tokio::time::sleep(Duration::from_secs(1)).await;
                outcome
            })
        };
        let away = || AppError::new(ErrorCode::DatabaseUnavailable, "away");
        let answers = join_all((0..500).map(|_| ask(Err(away())))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|e| e.code == ErrorCode::DatabaseUnavailable)));
        assert_eq!(looks.load(Ordering::Relaxed), 1);
        // That it was away is not remembered.
        let answers = join_all((0..500).map(|_| ask(Ok(())))).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(looks.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_look_that_nobody_waits_for_any_more_answers_nobody() {
        let readiness = Readiness::default();
        let hung_up = readiness.ensure(pending()).now_or_never();
        assert!(hung_up.is_none());
        readiness.ensure(async { Ok(()) }).now_or_never().unwrap().unwrap();
    }
}
