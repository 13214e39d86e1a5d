//! Logs that are kept for some days only.

use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;

use crate::error::AppError;
use crate::store::Outage;
use crate::telemetry;

/// How often a log is looked through for what is too old.
const EVERY: Duration = Duration::from_hours(1);

/// The pause between two parts of what is too old.
const PAUSE: Duration = Duration::from_millis(200);

/// Drops what is too old in parts, for as long as it is polled. `drop_part` gives whether there is more of it; `log` names the log to the
/// operator.
pub(super) async fn keep_short<F>(log: &'static str, drop_part: impl Fn() -> F)
where
    F: Future<Output = Result<bool, AppError>>,
{
    let mut outage = Outage::default();
    loop {
        let mut pause = EVERY;
        match drop_part().await {
            Ok(has_more) => {
                outage.end();
                if has_more {
                    pause = PAUSE;
                }
            }
            Err(error) => {
                let error = telemetry::causes(&error);
                if outage.is_news(&error) {
                    warn!(error, log, "a log could not be shortened; trying again");
                }
            }
        }
        sleep(pause).await;
    }
}
