//! What a running service does when an operator, or something else, sends it a signal.

use crate::support::{Database, Process, Remote, order, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn signals_that_are_not_to_stop_a_service_do_not() {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |_| {});
    let secret = Remote::register(&database, "partner").await;
    let partner = Remote::log_in(&service.base, "partner", &secret).await;
    let mut names = vec!["HUP", "USR1", "USR2", "PIPE", "XFSZ", "XCPU", "ALRM", "VTALRM", "PROF", "IO"];
    if cfg!(target_os = "linux") {
        names.extend(["PWR", "STKFLT", "RTMIN", "RTMIN+3", "64"]);
    }
    for name in names {
        for _ in 0..3 {
            service.signal(name);
        }
        partner.create(&partner.sign(), Some(name), &order()).await.unwrap().expect(201);
    }
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_has_rotated_secrets_read_by_sighup() {
    let database = Database::new().await;
    let file = database.folder.path().join("jwt");
    std::fs::write(&file, "a secret of tokens of more than 32 bytes").unwrap();
    let service = Process::serve(database.folder.path(), &database.url, |command| {
        command.env("SALES_ORDER_AUTH__JWT_SECRET_FILE", &file);
    });
    std::fs::write(&file, "another secret of tokens of more than 32 bytes").unwrap();
    service.signal("HUP");
    until("the new secret", async || service.log().contains("the JWT secrets were read anew")).await;
    until("the line that names the signal", async || service.log().contains("SIGHUP: reading")).await;
    service.stop();
}

/// A request that keeps the service from ending.
async fn half_a_request(service: &Process) -> TcpStream {
    let mut wire = TcpStream::connect(service.base.trim_start_matches("http://")).await.unwrap();
    let head = "POST /graphql HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\
                expect: 100-continue\r\n\r\n";
    wire.write_all(head.as_bytes()).await.unwrap();
    // It waits for the body.
    let mut answer = [0; 25];
    wire.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    wire
}

#[tokio::test(flavor = "multi_thread")]
async fn each_signal_to_stop_lets_the_requests_under_way_finish() {
    for name in ["TERM", "INT", "QUIT"] {
        let database = Database::new().await;
        let service = Process::serve(database.folder.path(), &database.url, |_| {});
        let mut wire = half_a_request(&service).await;
        service.signal(name);
        until("the stop", async || service.log().contains("stopping: finishing the requests under way")).await;
        wire.write_all(b"[        ").await.unwrap();
        let log = service.wait();
        assert!(log.contains("MALFORMED_BODY") && log.contains("stopped"), "{name}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_to_stop_ends_the_service_at_once() {
    for names in [["TERM", "TERM"], ["TERM", "INT"], ["INT", "QUIT"]] {
        let database = Database::new().await;
        let service = Process::serve(database.folder.path(), &database.url, |command| {
            command.env("SALES_ORDER_HTTP__SHUTDOWN_TIMEOUT", "1h");
        });
        let _wire = half_a_request(&service).await;
        service.signal(names[0]);
        until("the stop", async || service.log().contains("stopping: finishing the requests under way")).await;
        service.signal(names[1]);
        assert_eq!(service.ended().await.code(), Some(130), "{names:?}");
    }
}
