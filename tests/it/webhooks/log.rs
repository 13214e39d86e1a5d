//! The log of attempts is kept for some days and dropped in time, and neither keeps webhooks waiting.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait as _;

use crate::support::TestApp;

const DAY: Duration = Duration::from_hours(24);

/// The partitions of the log by day, the default one left out.
const PARTITIONS: &str = "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'webhook_attempts'::regclass AND relname <> 'webhook_attempts_default' ORDER BY relname";

/// Notes an attempt of this time.
async fn attempt(app: &TestApp, at: DateTime<Utc>) {
    let sql = format!(
        "INSERT INTO webhook_attempts (endpoint_id, attempt, trigger, at, duration_ms, outcome)
         VALUES (1, 1, 'AUTO', {}, 1, 'DELIVERED')",
        at.timestamp_micros()
    );
    app.database.db_execute(&sql).await.unwrap();
}

async fn kept(app: &TestApp) -> i64 {
    app.database.db_number("SELECT count(*) FROM webhook_attempts").await
}

/// The name of a day's partition.
fn partition(at: DateTime<Utc>) -> String {
    format!("webhook_attempts_{}", at.timestamp() / 86_400)
}

#[tokio::test]
async fn attempts_have_a_partition_a_day_ahead_of_time_which_is_dropped_as_a_whole() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let (now, keep) = (app.clock.now(), 30 * DAY);
    assert!(!app.store.tend_webhook_attempts(now, now - keep).await.unwrap());
    let ahead: Vec<_> = (0..=3).map(|days| partition(now + days * DAY)).collect();
    assert_eq!(app.database.db_last_texts(PARTITIONS).await, ahead);
    attempt(&app, now + DAY).await;
    let place = app.database.db_text("SELECT tableoid::regclass::text FROM webhook_attempts").await;
    assert_eq!(place, ahead[1]);
    // Nothing of a day goes before the whole of it is old enough.
    let late = now + DAY + keep;
    app.store.tend_webhook_attempts(late, late - keep).await.unwrap();
    assert_eq!(kept(&app).await, 1);
    app.store.tend_webhook_attempts(late + DAY, late + DAY - keep).await.unwrap();
    assert_eq!(kept(&app).await, 0);
    let left = app.database.db_last_texts(PARTITIONS).await;
    assert!(!left.contains(&ahead[1]) && left.contains(&ahead[2]), "{left:?}");
}

#[tokio::test]
async fn attempts_of_a_day_that_has_no_partition_are_kept_and_dropped_as_the_others() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let (now, keep) = (app.clock.now(), 30 * DAY);
    attempt(&app, now + DAY).await;
    app.store.tend_webhook_attempts(now, now - keep).await.unwrap();
    let made = app.database.db_last_texts(PARTITIONS).await;
    assert_eq!(made, [0, 2, 3].map(|days| partition(now + days * DAY)));
    attempt(&app, now + DAY).await;
    assert_eq!(kept(&app).await, 2);
    let late = now + 2 * DAY + keep;
    app.store.tend_webhook_attempts(late, late - keep).await.unwrap();
    assert_eq!(kept(&app).await, 0);
    // Its day has a partition from then on.
    app.store.tend_webhook_attempts(now, now - keep).await.unwrap();
    assert!(app.database.db_last_texts(PARTITIONS).await.contains(&partition(now + DAY)));
}

#[tokio::test]
async fn a_long_reader_of_the_log_keeps_no_attempt_from_being_noted() {
    only_on!(Postgres);
    let app = TestApp::new().await;
    let (now, keep) = (app.clock.now(), 30 * DAY);
    let reader = app.database.db_connect().await;
    reader.execute_unprepared("BEGIN; LOCK TABLE webhook_attempts IN ACCESS SHARE MODE").await.unwrap();
    app.store.tend_webhook_attempts(now, now - keep).await.unwrap_err();
    attempt(&app, now).await;
    reader.execute_unprepared("COMMIT").await.unwrap();
    reader.close().await.unwrap();
    app.store.tend_webhook_attempts(now + DAY, now + DAY - keep).await.unwrap();
    assert_eq!(kept(&app).await, 1);
}

#[tokio::test]
async fn old_attempts_are_deleted_in_parts_so_that_no_order_waits_for_long() {
    only_on!(Sqlite);
    let app = TestApp::new().await;
    let (now, keep) = (app.clock.now(), 30 * DAY);
    let sql = format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1500)
         INSERT INTO webhook_attempts (endpoint_id, attempt, trigger, at, duration_ms, outcome)
         SELECT 1, 1, 'AUTO', {}, 1, 'DELIVERED' FROM n",
        (now - keep - DAY).timestamp_micros()
    );
    app.database.db_execute(&sql).await.unwrap();
    attempt(&app, now).await;
    assert!(app.store.tend_webhook_attempts(now, now - keep).await.unwrap(), "there are more");
    assert_eq!(kept(&app).await, 501);
    assert!(!app.store.tend_webhook_attempts(now, now - keep).await.unwrap());
    assert_eq!(kept(&app).await, 1);
}
