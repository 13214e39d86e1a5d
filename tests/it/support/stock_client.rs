use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Partner, in_time, set_deadline};

/// A dashboard that follows the feed with a client from npm (`tests/node/follow.mjs`), killed with this value.
pub struct StockClient {
    child: Child,
    lines: mpsc::UnboundedReceiver<Value>,
}

impl StockClient {
    /// Follows at this service from the first event on until so many came.
    pub fn follow(base: &str, transport: &str, dashboard: &Partner<'_>, query: &str, count: usize) -> Self {
        set_deadline();
        let root = env!("CARGO_MANIFEST_DIR");
        let told = json!({
            "base": base, "transport": transport, "clientId": dashboard.client_id,
            "secret": dashboard.secret.expose_secret(), "query": query, "variables": {"after": "ZTA"}, "count": count,
        });
        let mut child = Command::new("node")
            .arg("tests/node/follow.mjs")
            .current_dir(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(told.to_string().as_bytes()).unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// What it says next, if it says anything more.
    pub async fn next(&mut self) -> Option<Value> {
        in_time("what the client says", self.lines.recv()).await
    }

    /// The number of the next order it is told of, and what it said before that.
    pub async fn next_order(&mut self) -> (String, Vec<Value>) {
        let mut before = Vec::new();
        loop {
            let Some(said) = self.next().await else { panic!("it has ended after {before:?}") };
            assert!(said.get("failed").is_none() && said.get("completed").is_none(), "{said} after {before:?}");
            match said["order"].as_str() {
                Some(number) => return (number.to_owned(), before),
                None => before.push(said),
            }
        }
    }
}

impl Drop for StockClient {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
