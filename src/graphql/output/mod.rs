//! How answers are written: scalars, failures, and lists that become JSON while they are resolved.

pub mod error;
pub mod in_order;
pub mod scalars;
pub mod shared;
pub mod values;
pub mod written;

/// The types of the schema as it is committed, for tests of rooms that may not use the schema itself.
#[cfg(test)]
pub fn committed_types() -> async_graphql::parser::types::ServiceDocument {
    // Without the description of the schema itself, which async-graphql's parser does not read.
    let (types, _) = include_str!("../../../schema.graphql").rsplit_once("\"\"\"\nschema {").unwrap();
    let (types, _) = types.rsplit_once("\"\"\"").unwrap();
    async_graphql::parser::parse_schema(types).unwrap()
}
