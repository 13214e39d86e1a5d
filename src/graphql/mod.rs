//! The schema: the one core behind both wires.
//!
//! What belongs here: types, guards, loaders, limits, and resolvers of under ten lines that call `service`.
//! What does not: rules, SQL, HTTP. To add a field: the resolver with its doc comment (it is the schema's description),
//! its row in `roots/table.rs`, a row in `tests/it/permissions.rs`, then `make contracts`.

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
mod roots;
mod scalars;
mod selected;
mod selection;
mod subscription;
mod types;
mod valid;
mod validation;
mod values;
mod written;

use async_graphql::parser::types::OperationType;
use async_graphql::{MergedObject, Schema, SchemaBuilder};

use roots::{Gated, RootType};
use subscription::Subscription;

pub use api::Api;
pub use async_graphql::{Request, Response};
pub use authenticating::only_authenticates;
pub use error::{into_app_error, is_request_error, refusal};
pub use limits::Limits;
pub use prepared::{PreparedOperation, Sender};
pub use read::Read;
pub use roots::{MUTATIONS, Misfit, QUERIES, Root, SUBSCRIPTIONS};
pub use values::variables;
pub use written::{holds_text, to_json};

/// What can be read. Every client reads its own orders; scope `orders:read` reads all of them.
#[derive(MergedObject, Default)]
struct Query(query::OrderQuery, client_query::ClientQuery);

/// What can be changed.
#[derive(MergedObject, Default)]
struct Mutation(mutation::OrderMutation, client_mutation::ClientMutation);

impl RootType for Query {
    const KIND: OperationType = OperationType::Query;
}

impl RootType for Mutation {
    const KIND: OperationType = OperationType::Mutation;
}

impl RootType for Subscription {
    const KIND: OperationType = OperationType::Subscription;
}

type ApiSchema = Schema<Gated<Query>, Gated<Mutation>, Gated<Subscription>>;
type ApiSchemaBuilder = SchemaBuilder<Gated<Query>, Gated<Mutation>, Gated<Subscription>>;

/// The schema in the GraphQL schema definition language, as committed in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    schema().finish().sdl()
}

/// One definition for everybody: without data, so that it can be exported and tested alone.
fn schema() -> ApiSchemaBuilder {
    Schema::build(Gated::default(), Gated::default(), Gated(Subscription))
}

/// The schema as clients see it.
fn finish(builder: ApiSchemaBuilder, limits: Limits) -> ApiSchema {
    if limits.introspection { builder.finish() } else { builder.disable_introspection().disable_suggestions().finish() }
}
