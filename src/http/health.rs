//! Health: alive (the process answers) and ready (it can do its work).

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::AppState;
use crate::error::{AppError, ErrorCode};
use crate::rest::problem::Problem;

/// The process runs. Says nothing of the database, so that an outage there does not restart every instance.
pub async fn live() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// The database answers and has every migration this version needs.
pub async fn ready(State(state): State<AppState>) -> Result<Json<Value>, Problem> {
    // Health counts for no limit of requests, and a flood of it must not take the connections of the database.
    let _turn = state.health_checks().acquire().await.map_err(AppError::internal)?;
    let store = state.store();
    store.ping().await.map_err(AppError::from)?;
    let pending = store.migrations().await.map_err(AppError::from)?.iter().filter(|m| !m.applied).count();
    if pending > 0 {
        let message = "The database lacks migrations; run `sales-order-api migrate up`";
        let error = AppError::new(ErrorCode::DatabaseUnavailable, message);
        return Err(error.detail("pending_migrations", pending).retry_after(std::time::Duration::from_secs(5)).into());
    }
    Ok(Json(json!({"status": "ok"})))
}
