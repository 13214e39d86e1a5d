//! The schema: its root types, behind the gate.

use async_graphql::parser::types::OperationType;
use async_graphql::{MergedObject, SDLExportOptions, Schema, SchemaBuilder};

use super::gate::{Gated, RootType};
use super::subscription::Subscription;
use super::{
    client_mutation, client_query, erasure_mutation, instance_query, mutation, query, request_log_query, view_mutation,
    view_query, webhook_mutation, webhook_query,
};
use crate::graphql::cost::Limits;

/// Queries. Every client may read its own orders; scope `orders:read` allows to read all of them.
#[derive(MergedObject, Default)]
pub struct Query(
    query::OrderQuery,
    client_query::ClientQuery,
    webhook_query::WebhookQuery,
    request_log_query::RequestLogQuery,
    view_query::ViewQuery,
    instance_query::InstanceQuery,
);

/// Mutations. Those of one document run one after another; one that fails is null, `errors` says why, and the others are done all
/// the same. A document creates at most one order (ONE_ORDER_PER_REQUEST).
#[derive(MergedObject, Default)]
pub struct Mutation(
    mutation::OrderMutation,
    erasure_mutation::ErasureMutation,
    client_mutation::ClientMutation,
    webhook_mutation::WebhookMutation,
    view_mutation::ViewMutation,
);

impl RootType for Query {
    const KIND: OperationType = OperationType::Query;
}

impl RootType for Mutation {
    const KIND: OperationType = OperationType::Mutation;
}

impl RootType for Subscription {
    const KIND: OperationType = OperationType::Subscription;
}

pub type ApiSchema = Schema<Gated<Query>, Gated<Mutation>, Gated<Subscription>>;
pub type ApiSchemaBuilder = SchemaBuilder<Gated<Query>, Gated<Mutation>, Gated<Subscription>>;

/// The description of the schema, for whoever introspects it and for what generators make of it.
pub const DESCRIPTION: &str = "Sales orders of partners, and what becomes of them. Partners send orders with \
    `createSalesOrder` or over REST; dashboards read, add up and follow them; operators manage clients. `login` gives the \
    bearer token that the other fields need.";

/// The schema in the GraphQL schema definition language, as committed in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    definitions().replacen("\nschema {", &format!("\n\"\"\"\n{DESCRIPTION}\n\"\"\"\nschema {{"), 1)
}

/// The same without a description of the schema itself, which async-graphql's own parser does not read.
#[must_use]
pub fn definitions() -> String {
    schema().finish().sdl_with_options(SDLExportOptions::new().include_specified_by())
}

/// One definition for everybody: without data, so that it can be exported and tested alone.
pub fn schema() -> ApiSchemaBuilder {
    Schema::build(Gated::default(), Gated::default(), Gated(Subscription))
}

/// The schema as clients see it.
pub fn finish(builder: ApiSchemaBuilder, limits: Limits) -> ApiSchema {
    if limits.introspection { builder.finish() } else { builder.disable_introspection().disable_suggestions().finish() }
}
