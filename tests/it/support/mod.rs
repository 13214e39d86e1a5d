//! Actors and the stage they stand on.

mod actors;
mod answer;
mod app;
mod clock;
mod database;
mod described;
pub mod frames;
#[macro_use]
mod left_out;
mod link;
mod log;
mod metrics;
mod patience;
mod process;
mod receiver;
mod remote;
mod socket;
mod spelling;
mod standby;
mod stock_client;
mod storing;
mod wire;

pub use actors::{Partner, Signed, order};
pub use answer::Answer;
pub use app::{JWT_SECRET, TestApp};
pub use clock::TestClock;
pub use database::{Database, on_postgres, options, take_back_to};
pub use left_out::{installed, is_of_other, leave_out, or_left_out};
pub use link::Link;
pub use log::MemoryLog;
pub use metrics::{keep_metrics, metric};
pub use patience::{PATIENCE, found, in_time, set_deadline, until};
pub use process::{Process, command, stalled};
pub use receiver::{Received, Receiver, Reply};
pub use remote::{Remote, plain_http};
pub use socket::{Socket, Told};
pub use spelling::{camel_case, respelled, snake_case};
pub use standby::{Cluster, connect as connect_with_replica};
pub use stock_client::StockClient;
pub use storing::{insert, to_insert, told};
pub use wire::Wire;

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use sales_order_api::auth::private_key::PrivateKey;

/// The partner's key. Made once: making an RSA key is slow.
pub static PARTNER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
/// Somebody else's key.
pub static OTHER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

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
