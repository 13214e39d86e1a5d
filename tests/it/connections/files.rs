//! A service that may have only so many files open.

use std::process::{Command, Stdio};

use tokio::net::TcpSocket;

use super::Wire;
use crate::support::{Database, PATIENCE, Process};

/// Runs the command under a limit of open files, as the shell sets it.
fn limited(command: &mut Command, limit: &str) {
    let mut under = Command::new("sh");
    under.arg("-c").arg(format!("{limit} && exec \"$0\" \"$@\"")).arg(command.get_program()).args(command.get_args());
    under.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        under.current_dir(folder);
    }
    under.stdout(Stdio::piped()).stderr(Stdio::null());
    *command = under;
}

/// Connections from one address that ask once and stay.
async fn hold(base: &str, count: usize) -> Vec<Wire> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut wire = Wire::open(base).await.unwrap();
        wire.write("GET /health/live HTTP/1.1\r\nhost: test\r\n\r\n").await;
        let head = wire.read_head().await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        wire.read_body(&head).await;
        connections.push(wire);
    }
    connections
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_takes_as_many_files_as_it_may_have() {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |command| limited(command, "ulimit -Sn 64"));
    let mut held = hold(&service.base, 200).await;
    for wire in &mut held {
        wire.write("GET /health/live HTTP/1.1\r\nhost: test\r\n\r\n").await;
        assert!(wire.read_head().await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_may_have_few_one_address_does_not_shut_the_others_out() {
    let database = Database::new().await;
    let service = Process::serve(database.folder.path(), &database.url, |command| {
        // Nothing makes room by waiting too long.
        command.env("SALES_ORDER_HTTP__HEADER_TIMEOUT", format!("{}s", PATIENCE.as_secs()));
        limited(command, "ulimit -n 160");
    });
    let base = service.base.trim_start_matches("http://");
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(Wire::open(&service.base).await.unwrap());
    }
    for _ in 0..50 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut wire = Wire(socket.connect(base.parse().unwrap()).await.unwrap());
        wire.write("GET /health/ready HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
        let answer = wire.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}
