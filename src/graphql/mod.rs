//! The schema: the one core behind both wires.
//!
//! What belongs here: types, root fields, loaders, limits, and resolvers of under ten lines that call `service`.
//! What does not: rules, SQL, HTTP. Each room uses those above it in this list and no others (`tests/architecture.rs`):
//!
//! - [`cost`]: what a request may cost.
//! - [`output`]: how answers are written.
//! - [`types`]: what can be answered.
//! - [`inputs`]: what can be sent.
//! - [`roots`]: the root fields, the gate and the schema.
//! - [`run`]: how documents are run.
//!
//! To add a root field see docs/architecture.md.

mod cost;
mod inputs;
mod output;
mod roots;
mod run;
mod types;

pub use crate::service::Needs;
pub use async_graphql::{Request, Response};
pub use cost::Limits;
pub use output::error::{interruption, into_app_error, is_request_error, refusal};
pub use output::values::variables;
pub use output::written::{holds_text, to_json};
pub use roots::{MUTATIONS, Misfit, QUERIES, Root, SUBSCRIPTIONS, definitions, sdl};
pub use run::{
    Api, Content, Member, PERSISTED_QUERY, PreparedOperation, Read, Sender, Shape, name_persisted_query,
    only_authenticates,
};
