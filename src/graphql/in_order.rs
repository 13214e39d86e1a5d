//! Objects that are resolved in place.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_container_serial;
use async_graphql::{ContainerType, ContextSelectionSet, OutputType, Positioned, ServerResult, Value};

/// An object whose fields are, nearly always, at hand: they are taken one after the other. async-graphql runs the fields
/// of an object side by side, each in allocations of its own.
pub struct InOrder<T>(pub T);

impl<T: ContainerType> OutputType for InOrder<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        let Some(fields) = plain_fields(&ctx.item.node) else {
            return resolve_container_serial(ctx, &self.0).await;
        };
        let mut object = IndexMap::with_capacity(fields.len());
        for field in fields {
            let name = field.node.response_key().node.clone();
            if field.node.name.node == "__typename" {
                object.insert(name, Value::from(self.0.introspection_type_name()));
                continue;
            }
            let ctx = ctx.with_field(field);
            match self.0.resolve_field(&ctx).await {
                Ok(value) => drop(object.insert(name, value.unwrap_or_default())),
                Err(error) => ctx.add_error(error),
            }
        }
        Ok(if object.is_empty() { Value::Null } else { Value::Object(object) })
    }
}

/// The fields of a set that is nothing but fields, each once and without directives.
fn plain_fields(set: &SelectionSet) -> Option<Vec<&Positioned<Field>>> {
    let mut fields: Vec<&Positioned<Field>> = Vec::with_capacity(set.items.len());
    for item in &set.items {
        let Selection::Field(field) = &item.node else { return None };
        let key = &field.node.response_key().node;
        if !field.node.directives.is_empty() || fields.iter().any(|other| other.node.response_key().node == *key) {
            return None;
        }
        fields.push(field);
    }
    Some(fields)
}
