//! How long entries are kept, and what becomes of them when they cannot be written.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sales_order_api::domain::request_log::{LogScope, RequestLogInput};
use serde_json::json;

use super::{read, staff};
use crate::support::{Database, Process, Remote, TestApp, on_postgres, order, until};

const DAY: Duration = Duration::from_hours(24);

fn whole_page() -> RequestLogInput {
    RequestLogInput { limit: 100, ..RequestLogInput::default() }
}

const PARTITIONS: &str = "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'api_requests'::regclass AND relname <> 'api_requests_default' ORDER BY relname";

fn partition(at: DateTime<Utc>) -> String {
    format!("api_requests_{}", at.timestamp() / 86_400)
}

#[tokio::test]
async fn entries_are_dropped_when_they_were_kept_for_long_enough() {
    let app = TestApp::new().await;
    let (then, keep) = (app.clock.now(), 30 * DAY);
    if on_postgres().is_some() {
        app.store.tend_request_log(then, then - keep).await.unwrap();
        let ahead: Vec<_> = (0..=3).map(|days| partition(then + days * DAY)).collect();
        assert_eq!(app.database.db_last_texts(PARTITIONS).await, ahead, "made ahead of time");
    }
    let partner = app.partner().await;
    app.state.request_log().flush().await.unwrap();
    app.clock.advance(31 * DAY);
    let again = partner.log_in_again().await;
    assert_eq!(read(&again, "").await.len(), 2, "two logins");
    let now = app.clock.now();
    assert!(!app.store.tend_request_log(now, now - keep).await.unwrap(), "nothing more to drop");
    // The login, and the look at the log.
    assert_eq!(read(&again, "").await.len(), 2);
}

#[tokio::test]
async fn without_a_retention_there_is_no_log() {
    let app = TestApp::with(|config| config.request_log.retention = Duration::ZERO).await;
    let partner = app.partner().await;
    partner.create(&order()).await.expect(201);
    let refused = partner.get("/api/v1/requests").await.expect_problem(404, "NOT_FOUND");
    assert!(refused["detail"].as_str().unwrap().contains("request_log.retention"), "{refused}");
    app.state.request_log().flush().await.unwrap();
    if on_postgres().is_some() {
        assert_eq!(app.database.db_number("SELECT count(*) FROM api_requests").await, 0);
    } else {
        assert!(!app.database.folder.path().join("orders-requests.db").exists());
    }
}

#[tokio::test]
async fn what_was_kept_before_the_log_was_switched_off_is_dropped() {
    let app = TestApp::new().await;
    app.partner().await;
    app.state.request_log().flush().await.unwrap();
    let off = TestApp::state_in(&app.store, &app.clock, &[], |config| config.request_log.retention = Duration::ZERO);
    app.clock.advance(4 * DAY);
    let log = app.state.request_log();
    tokio::select! {
        () = off.request_log().keep() => {}
        () = until("the log is empty", async || {
            log.page(&LogScope::All, &whole_page(), None).await.unwrap().entries.is_empty()
        }) => {}
    }
}

#[tokio::test]
async fn orders_are_taken_while_the_log_cannot_be_written() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    if on_postgres().is_some() {
        app.database.break_table("api_requests").await;
    } else {
        for entry in std::fs::read_dir(app.database.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().contains("-requests") {
                std::fs::remove_file(path).unwrap();
            }
        }
        let log = std::fs::read_dir(app.database.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let database = log.into_iter().find(|path| path.extension().is_some_and(|end| end == "db")).unwrap();
        let name = format!("{}-requests.db", database.file_stem().unwrap().to_string_lossy());
        std::fs::create_dir(database.with_file_name(name)).unwrap();
    }
    for _ in 0..3 {
        partner.create(&order()).await.expect(201);
        app.state.request_log().flush().await.unwrap();
    }
    app.state.request_log().page(&LogScope::All, &whole_page(), None).await.err().expect("it is broken");
    assert_eq!(app.database.whole_orders(2).await, 1, "the same order, three times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_last_is_in_the_log_after_a_stop() {
    let database = Database::new().await;
    let process = Process::serve(database.folder.path(), &database.url, |_| {});
    let secret = Remote::register(&database, "versuni-client-001").await;
    let partner = Remote::log_in(&process.base, "versuni-client-001", &secret).await;
    let created = partner.create(&partner.sign(), None, &order()).await.unwrap();
    assert_eq!(created.status, 201);
    process.stop();
    let printed = crate::support::command(database.folder.path())
        .args(["requests", "tail", "--json", "--filter", "order_number=SO-0000000001", "--database-url", &database.url])
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let entry: serde_json::Value = serde_json::from_str(printed.trim_end()).unwrap_or_else(|_| panic!("{printed}"));
    assert_eq!((&entry["status"], &entry["client_id"]), (&json!(201), &json!("versuni-client-001")));
}

#[tokio::test]
async fn what_is_not_utf_8_or_has_a_nul_is_logged_too() {
    let app = TestApp::new().await;
    let staff = staff(&app).await;
    for body in [&b"\xff\xfe\x00"[..], b"{\"partner_reference\":\"a\\u0000b\"}", b"{\"partner_reference\":\"\x00\"}"] {
        let request = TestApp::post_request("/api/v1/sales-orders", &[("user-agent", "a\u{e9}")], body.to_vec());
        app.send(request).await.expect(401);
    }
    assert_eq!(read(&staff, "status=401").await.len(), 3);
}
