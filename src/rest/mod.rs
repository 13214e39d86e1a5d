//! The published REST endpoints: paths, headers, JSON shapes and status codes.
//!
//! What belongs here: one route and one prepared GraphQL document for each endpoint, problem details, OpenAPI.
//! What does not: rules. A request becomes the variables of its document, and the document's answer is the body.
//! To add an endpoint: a document in `operations/` and its row in `operations.rs`, a route in [`routes`], its path and the status of
//! success in [`openapi`], then `make contracts`. Bodies and failures are described by themselves.

mod bulk;
mod changes;
mod consumers;
mod events;
pub mod export;
pub mod openapi;
mod operations;
mod parameters;
pub mod request_log;
mod routes;
mod spreadsheet;
mod webhook_bodies;
mod webhooks;

pub use operations::{EXPORT_WHOLE_ORDERS, operations};
pub use routes::router;
pub use webhook_bodies::{WebhookBody, webhook_bodies};
