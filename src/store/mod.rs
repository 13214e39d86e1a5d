//! The database, and the only user of `SeaORM`.
//!
//! What belongs here: connecting, migrating, entities (private) and queries that give domain types.
//! What does not: rules, sessions, HTTP, GraphQL. Every function that finds orders takes a [`Scope`]: whose rows may be
//! seen. One that reads what belongs to orders already found takes none, and says so.
//! To add a query: a method of [`Store`] in the file of its table, named `find_…`, `list_…`, `insert_…` or `update_…`.
//!
//! [`Scope`]: crate::domain::permission::Scope

mod address;
mod addresses;
mod audit;
mod backup;
mod checks;
mod clients;
mod clock;
mod commit_time;
mod connect;
mod consumers;
mod entity;
mod error;
mod events;
mod filter;
mod folding;
mod grants;
mod horizon;
mod inspection;
mod instances;
mod keys;
mod liveness;
mod locks;
mod migrating;
mod online_indexes;
mod options;
mod orders;
mod outage;
mod patience;
mod people;
mod pooler;
mod pools;
mod postgres;
mod probe;
mod reach;
mod replica;
mod report;
mod request_log;
mod restore;
mod saved_views;
mod sealing;
mod secrets;
mod signal;
mod sqlite_file;
mod summary;
mod totals;
mod unreachable;
mod wal;
mod webhooks;

pub use address::{Address, TargetSession};
pub use backup::{Copied, Original, read_copy};
pub use checks::{Findings, examine, find_pooler};
pub use clients::NewClient;
pub use clock::ClockReading;
pub use connect::Store;
pub use error::{StoreError, StoreResult};
pub use events::NEAR;
pub use folding::Folded;
pub use grants::{RoleName, Roles, Uses};
pub use horizon::{ExpiredPart, LastReader};
pub use inspection::{Inspection, Numbering, ServerConnections};
pub use instances::InstanceToNote;
pub use keys::{NewPublicKey, StoredPublicKey};
pub use migrating::MigrationState;
pub use options::{DatabaseOptions, ReplicaOptions};
pub use orders::{
    Acknowledged, ArchivingTurn, Created, Erased, Examined, Fulfilled, NewReceipt, OrderToInsert, Passed,
    RequestAnswered, RequestKey, Requested, StatusOutcome, TakenRequest,
};
pub use outage::Outage;
pub use people::NewPersonSession;
pub use pooler::Pooler;
pub use pools::PoolState;
pub use reach::{Unreachable, check_replica_url, check_url, wait_for_database};
pub use replica::{ReplicaSeen, Route};
pub use restore::Adopted;
pub use saved_views::{ViewKey, ViewOutcome, ViewToSave};
pub use secrets::{Rotated, StoredSecret};
pub use signal::{EventSignal, Telling};
pub use sqlite_file::{SqliteState, look as look_at_sqlite, path as sqlite_path};
pub use summary::{Grouping, SummaryRow, SummarySnapshot};
pub use totals::{PERIOD_KEY, TOTALS_KEY, TotalFigures, WrongTotals};
pub use webhooks::{
    EndpointProgress, HeldEndpoint, NewSigningKey, ReplayProgress, SavedEndpoint, SealedSecret, SigningKeyRow,
    WebhookEventKey,
};
