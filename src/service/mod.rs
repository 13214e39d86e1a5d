//! Use cases: what the service does for partners, dashboards and operators.
//!
//! What belongs here: the order of steps, rules that need data, the caches. What does not: SQL, HTTP, GraphQL.
//! To add a use case: a method named after the business on the struct of its area; the CLI and the GraphQL resolvers
//! call the same one.

pub mod bodies;
pub mod buckets;
pub mod caller;
pub mod clients;
pub mod directory;
pub mod doctor;
pub mod events;
pub mod evidence;
pub mod intake;
pub mod known_addresses;
pub mod lifecycle;
pub mod orders;
pub mod sealing;
pub mod sessions;
pub mod slots;
pub mod strangers;
pub mod throttle;
pub mod turns;

pub use caller::{Caller, Principal};
pub use clients::Clients;
pub use doctor::Doctor;
pub use events::Events;
pub use intake::OrderIntake;
pub use lifecycle::Lifecycle;
pub use orders::Orders;
pub use sealing::Sealing;
pub use sessions::Sessions;

pub use crate::store::{TOTALS_KEY, TotalFigures, WrongTotals};

/// How much each address and client may hold at once.
pub struct Occupancy {
    /// WebSockets from an address that have brought no valid token yet.
    pub anonymous_sockets: slots::Slots<std::net::IpAddr>,
    /// WebSockets of a client.
    pub client_sockets: slots::Slots<crate::domain::client::ClientId>,
    /// Large bodies from an address without a valid token.
    pub anonymous_bodies: slots::Slots<std::net::IpAddr>,
}

/// Every use case, as the composition root wires them.
pub struct Services {
    /// Logging in, refreshing, finding out who calls.
    pub sessions: std::sync::Arc<Sessions>,
    /// Managing clients.
    pub clients: Clients,
    /// Explaining signatures.
    pub doctor: Doctor,
    /// Taking orders in.
    pub intake: OrderIntake,
    /// Reading orders.
    pub orders: Orders,
    /// What happened to orders.
    pub events: Events,
    /// Moving orders through their life.
    pub lifecycle: Lifecycle,
    /// Turns of clients' queries.
    pub queries: turns::Turns<crate::domain::client::ClientId>,
    /// Turns of the queries of those who have no valid token.
    pub anonymous_queries: turns::Turns<std::net::IpAddr>,
    /// Sealing cursors and ids.
    pub sealing: std::sync::Arc<Sealing>,
    /// How much each address and client may hold at once.
    pub occupancy: Occupancy,
    /// Memory for bodies under way.
    pub bodies: bodies::Bodies,
}
