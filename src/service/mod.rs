//! Use cases: what the service does for partners, dashboards and operators.
//!
//! What belongs here: the order of steps, rules that need data, the caches. What does not: SQL, HTTP, GraphQL.
//! To add a use case: a method named after the business on the struct of its area; the CLI and the GraphQL resolvers
//! call the same one.

pub mod archiving;
pub mod bodies;
pub mod buckets;
pub mod caller;
pub mod clients;
pub mod clock_skew;
pub mod directory;
pub mod erasure;
pub mod events;
pub mod evidence;
pub mod fairness;
pub mod instances;
pub mod intake;
pub mod known_addresses;
pub mod lifecycle;
pub mod login_queue;
pub mod needs;
pub mod orders;
pub mod people;
pub mod rate_limit;
pub mod request_log;
pub mod saved_views;
pub mod sealing;
pub mod sessions;
pub mod signature_check;
pub mod slots;
mod tending;
pub mod turns;
pub mod webhooks;

pub use archiving::Archiving;
pub use caller::{Caller, Principal};
pub use clients::Clients;
pub use clock_skew::ClockSkew;
pub use erasure::Erasure;
pub use events::Events;
pub use instances::Instances;
pub use intake::OrderIntake;
pub use lifecycle::Lifecycle;
pub use needs::Needs;
pub use orders::Orders;
pub use people::People;
pub use request_log::RequestLog;
pub use saved_views::SavedViews;
pub use sealing::Sealing;
pub use sessions::Sessions;
pub use signature_check::SignatureChecker;
pub use webhooks::Webhooks;

pub use crate::store::{PERIOD_KEY, TakenRequest, TotalFigures, WrongTotals};

/// How much each address and client may hold at once.
pub struct Occupancy {
    /// WebSockets from an address that have brought no valid token yet.
    pub anonymous_sockets: slots::Slots<std::net::IpAddr>,
    /// WebSockets of a client.
    pub client_sockets: slots::Slots<crate::domain::client::ClientId>,
    /// Large bodies from an address without a valid token.
    pub anonymous_bodies: slots::Slots<std::net::IpAddr>,
}

/// The end of work that no request ends.
pub struct Patience(crate::store::Store);

impl Patience {
    /// As long as this store has.
    #[must_use]
    pub const fn of(store: crate::store::Store) -> Self {
        Self(store)
    }

    /// Gives work up that takes too long. What is not there in time may pass.
    pub async fn limit<T>(
        &self,
        work: impl Future<Output = Result<T, crate::error::AppError>>,
    ) -> Result<T, crate::error::AppError> {
        self.0.in_time(work).await
    }
}

/// Every use case, as the composition root wires them.
pub struct Services {
    /// Logging in, refreshing, finding out who calls.
    pub sessions: std::sync::Arc<Sessions>,
    /// Managing clients.
    pub clients: Clients,
    /// Explaining signatures.
    pub signature_checker: SignatureChecker,
    /// Comparing this instance's clock with the database's.
    pub clock_skew: std::sync::Arc<ClockSkew>,
    /// Taking orders in.
    pub intake: OrderIntake,
    /// Reading orders.
    pub orders: Orders,
    /// What happened to orders.
    pub events: Events,
    /// Moving orders through their life.
    pub lifecycle: Lifecycle,
    /// Erasing what is personal in orders.
    pub erasure: Erasure,
    /// Telling endpoints what happens to orders.
    pub webhooks: Webhooks,
    /// People who sign in with their browsers, where they do.
    pub people: Option<People>,
    /// The log of requests.
    pub request_log: RequestLog,
    /// Views of the list of orders that people keep.
    pub saved_views: SavedViews,
    /// Instances on this database.
    pub instances: Instances,
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
    /// The end of work that no request ends.
    pub patience: Patience,
}
