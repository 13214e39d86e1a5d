//! Actors and the stage they stand on.

mod actors;
mod answer;
mod app;
mod clock;
mod database;
mod link;
mod metrics;
mod process;
mod remote;
mod socket;
mod wire;

pub use actors::{Partner, Signed, order};
pub use answer::Answer;
pub use app::{JWT_SECRET, TestApp};
pub use clock::TestClock;
pub use database::{Database, on_postgres, options};
pub use link::Link;
pub use metrics::{keep_metrics, metric};
pub use process::{Process, command, stalled};
pub use remote::Remote;
pub use socket::{Socket, Told};
pub use wire::Wire;

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use sales_order_api::auth::private_key::PrivateKey;

/// The partner's key. Made once: making an RSA key is slow.
pub static PARTNER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
/// Somebody else's key.
pub static OTHER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

/// How long a test waits for what must come, and how long a service of a test gives a request or a lock: no machine is so slow,
/// however much else it does, so what fails then never comes. A test that asks about a limit of time sets its own.
pub const PATIENCE: Duration = Duration::from_mins(10);

/// Waits for something that must come.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        while !is_so().await {
            pause.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "it never came: {what}");
}

/// The key of a client: each has its own, for one key is one client's.
pub fn key_of(client_id: &str) -> &'static PrivateKey {
    static KEYS: LazyLock<Mutex<HashMap<String, &'static PrivateKey>>> = LazyLock::new(Mutex::default);
    match client_id {
        "versuni-client-001" | "partner" => &PARTNER_KEY,
        _ => KEYS
            .lock()
            .unwrap()
            .entry(client_id.to_owned())
            .or_insert_with(|| Box::leak(Box::new(PrivateKey::generate().unwrap()))),
    }
}
