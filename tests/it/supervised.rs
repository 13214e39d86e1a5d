//! systemd starts the service, waits until it serves, and watches whether it lives (sd_notify(3)).

use std::os::unix::net::UnixDatagram;

use crate::support::{Database, PATIENCE, Process};

/// The next message that names this state, whatever comes before it.
fn hear(socket: &UnixDatagram, state: &str) -> String {
    let mut bytes = [0; 512];
    let next = || {
        let length = socket.recv(&mut bytes).unwrap_or_else(|error| panic!("{state} never came: {error}"));
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    std::iter::repeat_with(next).find(|text| text.lines().any(|line| line == state)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_when_the_service_waits_serves_lives_and_stops() {
    let database = Database::new().await;
    let path = database.folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let service = Process::serve(database.folder.path(), &database.url, |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "20000");
    });
    hear(&socket, "STATUS=waiting for the database");
    hear(&socket, "READY=1");
    for _ in 0..3 {
        hear(&socket, "WATCHDOG=1");
    }
    service.ask_to_stop();
    hear(&socket, "STOPPING=1");
    service.wait();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_that_does_not_read_or_is_gone_keeps_nobody_from_serving_and_stopping() {
    let database = Database::new().await;
    let [unread, gone] = ["unread", "gone"].map(|name| database.folder.path().join(name));
    let socket = UnixDatagram::bind(&unread).unwrap();
    let filling = UnixDatagram::unbound().unwrap();
    filling.set_nonblocking(true).unwrap();
    let is_full = (0..100_000).any(|_| filling.send_to(b"STATUS=", &unread).is_err());
    assert!(is_full);
    for path in [&unread, &gone] {
        let service = Process::serve(database.folder.path(), &database.url, |command| {
            command.env("NOTIFY_SOCKET", path).env("WATCHDOG_USEC", "2000");
        });
        service.stop();
    }
    drop(socket);
}
