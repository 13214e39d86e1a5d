//! Actors and the stage they stand on.

mod actors;
mod answer;
mod app;
mod clock;
mod database;
mod process;
mod remote;
mod socket;
mod wire;

pub use actors::{Partner, Signed, order};
pub use answer::Answer;
pub use app::{JWT_SECRET, TestApp};
pub use clock::TestClock;
pub use database::{Database, on_postgres};
pub use process::{Process, command};
pub use remote::Remote;
pub use socket::{Socket, Told};
pub use wire::Wire;

use std::sync::LazyLock;

use sales_order_api::auth::private_key::PrivateKey;

/// The partner's key. Made once: making an RSA key is slow.
pub static PARTNER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
/// Somebody else's key.
pub static OTHER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
