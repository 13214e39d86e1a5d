//! The root fields: one row for each in [`table`], and the gate that every one of them stands behind.
//!
//! To add a root field: its row in `table.rs`, its resolver, a row in `tests/it/permissions.rs`, then `make contracts`.
//! A field without a row, and a row without a field, keep the service from starting ([`check::check`]).

pub mod catalog;
mod check;
mod client_mutation;
mod client_query;
mod erasure_mutation;
mod gate;
mod instance_query;
mod mutation;
mod query;
mod request_log_query;
mod schema;
mod subscription;
mod table;
mod view_mutation;
mod view_query;
mod webhook_mutation;
mod webhook_query;

pub use check::{Misfit, check};
pub use gate::pass;
pub use schema::{ApiSchema, DESCRIPTION, definitions, finish, schema, sdl};
pub use table::{MUTATIONS, QUERIES, Root, SUBSCRIPTIONS, authenticating, find, takes_secret, type_name};
