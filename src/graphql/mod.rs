//! The schema: the one core behind both wires.
//!
//! What belongs here: types, guards, loaders, limits, and resolvers of under ten lines that call `service`.
//! What does not: rules, SQL, HTTP. To add a field: the resolver with its doc comment (it is the schema's description),
//! its guard, a row in `tests/it/permissions.rs`, then `make contracts`.

mod api;
mod arrange;
mod authenticating;
mod budget;
mod catalog;
mod checker;
mod client_mutation;
mod client_query;
mod error;
mod faults;
mod guard;
mod in_order;
mod inputs;
mod introspection;
mod known;
mod lexical;
mod limits;
mod loaders;
mod mutation;
mod normal;
mod nulls;
mod preload;
mod prepared;
mod query;
mod read;
mod reader;
mod scalars;
mod selected;
mod selection;
mod shape;
mod subscription;
mod types;
mod valid;
mod validation;
mod values;
mod written;

use async_graphql::{MergedObject, Schema, SchemaBuilder};

pub use api::Api;
pub use async_graphql::{Request, Response};
pub use authenticating::only_authenticates;
pub use error::{into_app_error, is_request_error, refusal};
pub use limits::Limits;
pub use prepared::PreparedOperation;
pub use read::Read;
pub use shape::{Content, Member, Shape};
pub use values::variables;
pub use written::{holds_text, to_json};

/// What can be read. Every client reads its own orders; scope `orders:read` reads all of them.
#[derive(MergedObject, Default)]
struct Query(query::OrderQuery, client_query::ClientQuery);

/// What can be changed.
#[derive(MergedObject, Default)]
struct Mutation(mutation::OrderMutation, client_mutation::ClientMutation);

type ApiSchema = Schema<Query, Mutation, subscription::Subscription>;

/// The schema in the GraphQL schema definition language, as committed in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    schema().finish().sdl()
}

/// One definition for everybody: without data, so that it can be exported and tested alone.
fn schema() -> SchemaBuilder<Query, Mutation, subscription::Subscription> {
    Schema::build(Query::default(), Mutation::default(), subscription::Subscription)
}

/// The schema as clients see it.
fn finish(builder: SchemaBuilder<Query, Mutation, subscription::Subscription>, limits: Limits) -> ApiSchema {
    if limits.introspection { builder.finish() } else { builder.disable_introspection().disable_suggestions().finish() }
}
