//! What reads the log and the output of a service may be gone, stall, or have no room: the service goes on.

use std::fs::File;
use std::io::{PipeReader, Read as _, pipe};
use std::os::fd::OwnedFd;
use std::panic::catch_unwind;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use sales_order_api::telemetry;
use serde_json::Value;

use crate::support::{Database, Process, Remote, command, found, order, stalled, until};

/// A service whose log goes there, with the least room for what waits.
fn serve(database: &Database, stderr: impl Into<Stdio>) -> Process {
    Process::serve(database.folder.path(), &database.url, |command| {
        command.env("SALES_ORDER_LOG__MAX_BUFFER_BYTES", "65536").stderr(stderr);
    })
}

/// Whether it lives, and takes an order.
async fn works(database: &Database, service: &Process, client_id: &str) -> Remote {
    let secret = Remote::register(database, client_id).await;
    let partner = Remote::log_in(&service.base, client_id, &secret).await;
    partner.create(&partner.sign(), None, &order()).await.unwrap().expect(201);
    partner.get("/health/live").await.expect(200);
    partner
}

/// How many lines were dropped.
async fn dropped(partner: &Remote) -> u64 {
    let metrics = partner.get("/metrics").await.text;
    let count = metrics.lines().find_map(|line| line.strip_prefix("log_lines_dropped_total "));
    count.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

/// Sends requests until the buffer of the log is full and lines are dropped.
async fn fill(partner: &Remote) -> u64 {
    let mut lost = 0;
    until("a dropped line", async || {
        for _ in 0..50 {
            partner.get("/health/live").await.expect(200);
        }
        lost = dropped(partner).await;
        lost > 0
    })
    .await;
    lost
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_gets_its_order_taken_where_the_log_cannot_be_written() {
    let closed = pipe().unwrap().1;
    let full = File::options().write(true).open("/dev/full").unwrap();
    let read_only = File::open("/dev/null").unwrap();
    for (what, stderr) in [("closed", OwnedFd::from(closed)), ("full", full.into()), ("read-only", read_only.into())] {
        let database = Database::new().await;
        let service = serve(&database, stderr);
        let partner = works(&database, &service, "partner").await;
        assert!(dropped(&partner).await > 0, "{what}");
        service.ask_to_stop();
        assert!(service.ended().await.success(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_gets_its_order_taken_where_nobody_reads_the_log_and_the_operator_can_stop_the_service() {
    let database = Database::new().await;
    let (reader, writer) = pipe().unwrap();
    let service = serve(&database, writer);
    let partner = works(&database, &service, "partner").await;
    fill(&partner).await;
    works(&database, &service, "another").await;
    service.ask_to_stop();
    assert!(service.ended().await.success());
    drop(reader);
}

/// Reads all there is and all that comes.
fn read_on(mut reader: PipeReader) -> Arc<Mutex<Vec<u8>>> {
    let read = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&read);
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut piece) {
            into.lock().unwrap().extend_from_slice(&piece[..count]);
        }
    });
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_whose_log_reader_stalled_is_told_how_many_lines_are_missing_and_gets_the_later_ones() {
    let database = Database::new().await;
    let (reader, writer) = pipe().unwrap();
    let service = serve(&database, writer);
    let partner = works(&database, &service, "partner").await;
    fill(&partner).await;
    let log = read_on(reader);
    let lines = || {
        let text = String::from_utf8(log.lock().unwrap().clone()).unwrap();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("torn: {line}"))).collect()
    };
    let told = |lines: &[Value]| -> u64 {
        let told = lines.iter().filter(|line| line["target"] == "log");
        told.map(|line| line["lines"].as_u64().unwrap()).sum()
    };
    until("the line that tells", async || {
        let lines: Vec<Value> = lines();
        told(&lines) > 0
    })
    .await;
    // Nothing is dropped any more, so what was told is all there was, and later lines are whole.
    let lost = dropped(&partner).await;
    works(&database, &service, "another").await;
    assert_eq!(dropped(&partner).await, lost);
    service.ask_to_stop();
    assert!(service.ended().await.success());
    until("the last line", async || {
        let lines: Vec<Value> = lines();
        lines.last().is_some_and(|line| line["message"] == "stopped")
    })
    .await;
    let lines: Vec<Value> = lines();
    assert_eq!(told(&lines), lost);
    assert!(lines.iter().any(|line| line["principal"] == "another"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_gets_its_order_taken_where_the_log_file_may_not_grow() {
    let database = Database::new().await;
    let path = database.folder.path().join("large.log");
    let large = File::create(&path).unwrap();
    // Beyond the limit from the beginning; no block of it is on a disk.
    large.set_len(1 << 42).unwrap();
    let stderr = File::options().append(true).open(&path).unwrap();
    let service = Process::serve(database.folder.path(), &database.url, |command| {
        let mut under = Command::new("sh");
        under.arg("-c").arg("ulimit -f 4194304 && exec \"$0\" \"$@\"");
        under.arg(command.get_program()).args(command.get_args());
        under.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        under.current_dir(database.folder.path()).stdout(Stdio::piped()).stderr(stderr);
        *command = under;
    });
    let partner = works(&database, &service, "partner").await;
    assert!(dropped(&partner).await > 0);
    service.ask_to_stop();
    assert!(service.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_gets_its_order_taken_where_nobody_hears_what_the_service_says() {
    let closed = pipe().unwrap().1;
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (stalled, _far) = stalled();
    for (what, stdout) in [("closed", OwnedFd::from(closed)), ("full", full.into()), ("stalled", stalled)] {
        let database = Database::new().await;
        let service = Process::serve_unheard(database.folder.path(), &database.url, stdout).await;
        works(&database, &service, "partner").await;
        service.ask_to_stop();
        assert!(service.ended().await.success(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_says_why_and_ends_where_nobody_reads() {
    let database = Database::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (stalled, _far) = stalled();
    let mut start = command(database.folder.path());
    start.args(["serve", "--listen", &address, "--database-url", &database.url]);
    let said = start.output().unwrap();
    assert!(String::from_utf8(said.stderr).unwrap().contains("error: cannot listen on"));
    let mut child = start.stdout(Stdio::null()).stderr(stalled).spawn().unwrap();
    let ended = found("the end of the start", async || child.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(1));
}

/// What the next test runs in a process of its own, whose stderr is full.
#[test]
#[ignore = "run by the test below"]
fn a_task_panics() {
    telemetry::install("info", true, 65536).unwrap();
    assert!(catch_unwind(|| panic!("on purpose")).is_err());
}

#[test]
fn a_panic_ends_its_task_alone_where_the_log_cannot_be_written() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let closed = pipe().unwrap().1;
    for stderr in [OwnedFd::from(full), closed.into()] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--ignored", "--exact", "log_readers::a_task_panics"]).stdout(Stdio::piped()).stderr(stderr);
        let ran = child.output().unwrap();
        let said = String::from_utf8(ran.stdout).unwrap();
        assert!(ran.status.success() && said.contains("1 passed"), "{}: {said}", ran.status);
    }
}
