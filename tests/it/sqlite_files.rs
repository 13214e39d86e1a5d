//! The operator's SQLite files: one URL names one file, nobody else reads it, and no order is answered that it does not keep.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sales_order_api::domain::numbers::{NumberFormat, Numbers};
use sales_order_api::store::{DatabaseOptions, Store};
use sea_orm::ConnectionTrait as _;

use crate::support::{Database, Partner, Process, Remote, TestApp, command, options, order, plain_http, until};

fn file(database: &Database, suffix: &str) -> PathBuf {
    database.folder.path().join(format!("orders.db{suffix}"))
}

fn names_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

async fn connect(url: String) -> Result<Store, sales_order_api::store::StoreError> {
    let options = DatabaseOptions { max_connections: 2, report_connections: 1, ..options(&url) };
    Store::connect(&options).await
}

#[tokio::test]
async fn a_url_makes_one_database_that_only_its_owner_reads_however_its_name_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for (written, name) in
        [("my%20orders.db", "my orders.db"), ("a%23b%3Fc.db", "a#b?c.db"), ("plain#x.db?mode=rwc", "plain#x.db")]
    {
        let folder = folder.path().join(hex::encode(name));
        let store = connect(format!("sqlite://{}/{written}", folder.display())).await.unwrap();
        store.migrate_up().await.unwrap();
        assert_eq!(names_in(&folder), [name.to_owned(), format!("{name}-shm"), format!("{name}-wal")]);
        for name in names_in(&folder) {
            let mode = fs::metadata(folder.join(&name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        store.close().await;
    }
}

#[tokio::test]
async fn a_url_that_would_be_read_in_two_ways_is_refused_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for written in ["orders.db?mode=ro", "orders.db?cach=shared", "orders.db?mode=memory", "a%00b.db", ""] {
        let url = format!("sqlite://{}/{written}", folder.path().display());
        assert!(connect(url).await.is_err(), "{written}");
    }
    assert_eq!(names_in(folder.path()), Vec::<String>::new());
}

#[test]
fn config_check_reads_a_url_as_the_service_does() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], url: &str| {
        let output = command(folder.path()).args(arguments).args(["--database-url", url]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for written in ["", ":memory:", "a.db?mode=memory", "a.db?mode=ro", "a%00b.db", "file:a.db", "%FF.db", "data/"] {
        let url = format!("sqlite://{written}");
        let (checked, listed) = (run(&["config", "check"], &url), run(&["client", "list"], &url));
        assert_eq!(checked, listed, "{url}");
        assert_eq!(checked.0, Some(1), "{url}");
        assert!(
            checked.1.starts_with("error: cannot open the database (database.url): the SQLite URL "),
            "{checked:?}"
        );
    }
    assert_eq!(run(&["config", "check"], "sqlite://my%20orders.db"), (Some(0), String::new()));
    assert_eq!(names_in(folder.path()), Vec::<String>::new(), "checking makes nothing");
    assert_eq!(run(&["client", "list"], "sqlite://my%20orders.db").0, Some(0));
    assert!(names_in(folder.path()).contains(&"my orders.db".to_owned()));
}

/// An order that is refused because the database would not keep it.
async fn refused(partner: &Partner<'_>) {
    let answer = partner.create(&order()).await;
    answer.expect_problem(503, "DATABASE_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some());
    // An order that was stored a moment ago says for a second that the next one can be.
    until("the service is not ready", async || partner.app.get("/health/ready").await.status == 503).await;
}

#[tokio::test]
async fn an_order_is_not_taken_into_a_database_file_that_was_removed_moved_or_replaced() {
    only_on!(Sqlite);
    for suffix in ["", "-wal"] {
        let app = TestApp::new().await;
        let partner = app.partner().await;
        let (path, aside) = (file(&app.database, suffix), file(&app.database, "-aside"));
        partner.create(&order()).await.expect(201);

        app.clock.advance(Duration::from_secs(1));
        fs::rename(&path, &aside).unwrap();
        refused(&partner).await;
        // Another file in its place is not it.
        fs::copy(&aside, &path).unwrap();
        refused(&partner).await;
        // The very file is.
        fs::rename(&aside, &path).unwrap();
        // A connection that was opened meanwhile may see another file until it fails once.
        until("orders are taken", async || partner.create_with_key("again", &order()).await.status == 201).await;
        until("the service is ready", async || app.get("/health/ready").await.status == 200).await;
        assert_eq!(app.database.db_number("SELECT count(*) FROM sales_orders").await, 2, "{suffix}");

        app.clock.advance(Duration::from_secs(1));
        fs::remove_file(&path).unwrap();
        refused(&partner).await;
    }
}

#[tokio::test]
async fn the_log_names_the_file_that_was_removed_and_a_restart_takes_orders_again() {
    only_on!(Sqlite);
    let database = Database::new().await;
    let secret = Remote::register(&database, "partner").await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    partner.create(&partner.sign(), Some("1"), &order()).await.unwrap().expect(201);
    let moved = file(&database, "-moved");
    fs::rename(file(&database, ""), &moved).unwrap();
    for _ in 0..3 {
        let answer = partner.create(&partner.sign(), Some("2"), &order()).await.unwrap();
        answer.expect_problem(503, "DATABASE_UNAVAILABLE");
        assert!(answer.header("retry-after").is_some());
    }
    partner.get("/health/ready").await.expect_problem(503, "DATABASE_UNAVAILABLE");
    let log = service.stop();
    let told: Vec<_> = log.lines().filter(|line| line.contains("until that very file is back")).collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(told[0].contains("orders.db was replaced or removed") && told[0].contains("\"ERROR\""), "{}", told[0]);

    fs::rename(&moved, file(&database, "")).unwrap();
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let partner = partner.at(&service.base);
    partner.create(&partner.sign(), Some("2"), &order()).await.unwrap().expect(201);
    service.stop();
    assert_eq!(database.db_number("SELECT count(*) FROM sales_orders").await, 2);
}

#[tokio::test]
async fn no_order_is_taken_into_a_database_file_that_a_backup_was_copied_over() {
    only_on!(Sqlite);
    none_is_taken_after_a_copy(TestApp::new().await).await;
    // The order that was stored last has the least number.
    let left = AtomicU64::new(1_000);
    let app =
        TestApp::numbering(Numbers::new(NumberFormat::Random, move || left.fetch_sub(1, Ordering::Relaxed))).await;
    none_is_taken_after_a_copy(app).await;
}

async fn none_is_taken_after_a_copy(app: TestApp) {
    let partner = app.partner().await;
    let backup = fs::read(file(&app.database, "")).unwrap();
    for n in 0..50 {
        partner.create_with_key(&format!("before-{n}"), &order()).await.expect(201);
    }
    assert_eq!(app.database.db_number("PRAGMA wal_checkpoint(TRUNCATE)").await, 0, "the log was not emptied");
    // The same file, as `cp` leaves it.
    fs::write(file(&app.database, ""), backup).unwrap();
    let mut sent = 0;
    // At once, unless it was looked less than a second ago.
    until("orders are refused", async || {
        sent += 1;
        partner.create_with_key(&format!("after-{sent}"), &order()).await.status != 201
    })
    .await;
    for n in 0..3 {
        // The token was given out by the database that is gone.
        assert_ne!(partner.create_with_key(&format!("later-{n}"), &order()).await.status, 201);
        until("the service is not ready", async || app.get("/health/ready").await.status == 503).await;
    }
}

#[tokio::test]
async fn no_order_is_mixed_with_those_of_a_backup_that_was_copied_over_the_file() {
    only_on!(Sqlite);
    none_is_mixed(TestApp::new().await).await;
    let next = AtomicU64::new(1);
    let app = TestApp::numbering(Numbers::new(NumberFormat::Random, move || next.fetch_add(1, Ordering::Relaxed)));
    none_is_mixed(app.await).await;
}

async fn none_is_mixed(app: TestApp) {
    let partner = app.partner().await;
    let orders = async |name: &str| {
        for n in 0..10 {
            partner.create_with_key(&format!("{name}-{n}"), &order()).await.expect(201);
        }
        assert_eq!(app.database.db_number("PRAGMA wal_checkpoint(TRUNCATE)").await, 0, "the log was not emptied");
    };
    // One that is whole: with the partner, its session and orders.
    orders("backed-up").await;
    let backup = fs::read(file(&app.database, "")).unwrap();
    orders("lost").await;
    // Whatever looks after the file saw it so large.
    app.store.tend_log().await.unwrap();
    fs::write(file(&app.database, ""), backup).unwrap();
    for _ in 0..3 {
        refused(&partner).await;
    }
}

/// Many pages of the log.
const GROW: &str = "INSERT INTO bulk SELECT randomblob(1000000) FROM (
    WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 80) SELECT x FROM n)";

#[tokio::test]
async fn a_log_that_a_long_reader_let_grow_is_emptied_when_the_reader_is_gone_while_orders_are_taken() {
    only_on!(Sqlite);
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let size = || fs::metadata(file(&app.database, "-wal")).unwrap().len();
    let (reader, writer) = (app.database.db_connect().await, app.database.db_connect().await);
    writer.execute_unprepared("CREATE TABLE bulk (b)").await.unwrap();
    reader.execute_unprepared("BEGIN; SELECT count(*) FROM sales_orders").await.unwrap();
    writer.execute_unprepared(GROW).await.unwrap();
    writer.close().await.unwrap();
    let grown = size();
    assert!(grown > 64 << 20, "{grown}");
    // Nothing can be done yet, and nothing waits for it.
    assert_eq!(app.store.tend_log().await.unwrap(), Some(grown));
    partner.create(&order()).await.expect(201);
    reader.execute_unprepared("ROLLBACK").await.unwrap();
    assert_eq!(app.store.tend_log().await.unwrap(), Some(0));
    assert_eq!(size(), 0);
    app.clock.advance(Duration::from_secs(1));
    partner.create(&order()).await.expect(201);
    app.database.whole_orders(2).await;
    reader.close().await.unwrap();
}

#[tokio::test]
async fn the_size_of_the_log_is_among_the_metrics() {
    only_on!(Sqlite);
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let http = plain_http().build().unwrap();
    until("sqlite_wal_bytes", async || {
        let metrics = http.get(format!("{}/metrics", service.base)).send().await.unwrap().text().await.unwrap();
        metrics.lines().any(|line| line.starts_with("sqlite_wal_bytes "))
    })
    .await;
    service.stop();
}
