//! Objects and lists whose fields are resolved one after another instead of side by side.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_container_serial;
use async_graphql::{ContainerType, ContextSelectionSet, OutputType, Positioned, ServerError, ServerResult, Value};
use futures_util::FutureExt as _;

use crate::error::AppError;
use crate::graphql::cost::budget::Budget;

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
        resolve(ctx, &self.0, plain_fields(&ctx.item.node).as_deref()).await
    }
}

/// A list of such objects, taken one after the other as well.
pub struct ListInOrder<T>(pub Vec<T>);

impl<T: ContainerType> OutputType for ListInOrder<T> {
    fn type_name() -> Cow<'static, str> {
        Vec::<T>::type_name()
    }

    fn qualified_type_name() -> String {
        <Vec<T> as OutputType>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Vec<T> as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        let fields = plain_fields(&ctx.item.node);
        // In an allocation of its own, as everything that is large (`fields_are_small_enough_to_be_moved`).
        let items = async {
            let mut items = Vec::with_capacity(self.0.len());
            for (index, item) in self.0.iter().enumerate() {
                let ctx = ctx.with_index(index);
                let value = resolve(&ctx, item, fields.as_deref()).await;
                items.push(value.map_err(|error| ctx.set_error_path(error))?);
            }
            Ok(Value::List(items))
        };
        items.boxed().await
    }
}

/// Resolves these fields of an object, or what its selection asks for when they are not known.
async fn resolve<T: ContainerType>(
    ctx: &ContextSelectionSet<'_>,
    object: &T,
    fields: Option<&[&Positioned<Field>]>,
) -> ServerResult<Value> {
    let Some(fields) = fields else {
        return resolve_container_serial(ctx, object).await;
    };
    let budget = ctx.data_opt::<Arc<Budget>>();
    let mut members = IndexMap::with_capacity(fields.len());
    for field in fields {
        let name = field.node.response_key().node.clone();
        if field.node.name.node == "__typename" {
            members.insert(name, Value::from(object.introspection_type_name()));
            continue;
        }
        let ctx = ctx.with_field(field);
        match object.resolve_field(&ctx).await {
            Ok(value) => {
                let value = value.unwrap_or_default();
                if let Some(budget) = budget {
                    budget.value(&name, &value).await.map_err(|error| error_at(error, field))?;
                }
                members.insert(name, value);
            }
            Err(error) => ctx.add_error(error),
        }
    }
    Ok(if members.is_empty() { Value::Null } else { Value::Object(members) })
}

fn error_at(error: AppError, field: &Positioned<Field>) -> ServerError {
    async_graphql::Error::from(error).into_server_error(field.pos)
}

/// The fields of a set that is nothing but fields, each once and without directives.
pub fn plain_fields(set: &SelectionSet) -> Option<Vec<&Positioned<Field>>> {
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
