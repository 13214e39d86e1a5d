//! A partner-facing sales order service: signed REST over one GraphQL schema, on SQLite or PostgreSQL.
//!
//! ```text
//!          ┌─► rest ─► prepared GraphQL document ─┐
//! http ────┤                                      ├─► graphql (guards, resolvers) ─► service ─► store ─► database
//!          └─► GraphQL transport ─────────────────┘                └─► auth (pure)
//! ```
//!
//! One way only; `tests/architecture.rs` keeps it so.

pub mod app; // the composition root
pub mod auth; // secrets, tokens, signatures: pure verification
pub mod cli; // one file for each command
pub mod clock; // time and randomness, injected
pub mod compute; // long computing, off the threads of the requests
pub mod config; // settings; the only reader of the environment
pub mod domain; // the rules of the business, pure
pub mod error; // ErrorCode, AppError
pub mod graphql; // the schema
pub mod http; // router, GraphQL transport, middleware, server
pub mod outgoing; // requests to addresses that others chose
pub mod rest; // the published endpoints over prepared documents
pub mod service; // use cases
pub mod store; // the database; the only user of SeaORM
pub mod telemetry; // the log and its request lines, metrics
pub mod wire; // what both wires share: requests, strict JSON, problems
