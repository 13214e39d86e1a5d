//! The gate in front of every root field. The root types themselves are wrapped, so no resolver can do without it.

use std::sync::Arc;

use std::borrow::Cow;
use std::pin::Pin;

use async_graphql::parser::types::{Field, OperationType};
use async_graphql::registry::{MetaType, Registry};
use async_graphql::resolver_utils::resolve_container;
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, Response, ServerError,
    ServerResult, SubscriptionType, Value,
};
use futures_util::stream::{self, Stream, StreamExt as _};

use super::table::{find, rows, type_name};
use crate::error::AppError;
use crate::service::{Caller, Needs};

/// Lets a caller through to a root field that has what its row asks for.
pub async fn pass(kind: OperationType, name: &str, caller: &Caller) -> Result<(), AppError> {
    caller.admit(needs(kind, name)?).await
}

/// What a root field needs. A field without a row is refused to everybody.
fn needs(kind: OperationType, name: &str) -> Result<Needs, AppError> {
    match find(kind, name) {
        Some(root) => Ok(root.needs),
        // What tells of the schema is everybody's.
        None if name.starts_with("__") => Ok(Needs::Nothing),
        None => Err(AppError::internal(format!("{}.{name} has no row in the table of root fields", type_name(kind)))),
    }
}

/// A root type.
pub trait RootType {
    /// The operations that begin in it.
    const KIND: OperationType;
}

/// A root type behind the gate. It also ends each field's description with what the field needs, and lets each mutation be
/// null: of several in one document one may fail, and the answer still tells what the others did (GraphQL §6.2.2).
#[derive(Default)]
pub struct Gated<T>(pub T);

async fn pass_field(kind: OperationType, ctx: &Context<'_>) -> ServerResult<()> {
    let passed = match ctx.data::<Arc<Caller>>() {
        Ok(caller) => pass(kind, ctx.field().name(), caller).await.map_err(async_graphql::Error::from),
        Err(no_caller) => Err(no_caller),
    };
    passed.map_err(|error| ctx.set_error_path(error.into_server_error(ctx.item.pos)))
}

fn describe(registry: &mut Registry, kind: OperationType) {
    let Some(MetaType::Object { fields, .. }) = registry.types.get_mut(type_name(kind)) else { return };
    for root in rows(kind) {
        let Some(field) = fields.get_mut(root.name) else { continue };
        let (text, sentence) = (field.description.get_or_insert_default(), root.sentence());
        // The type may be described more than once.
        if !text.ends_with(&sentence) {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(&sentence);
        }
        if kind == OperationType::Mutation && field.ty.ends_with('!') {
            field.ty.pop();
        }
    }
}

impl<T: RootType + ObjectType> ContainerType for Gated<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        pass_field(T::KIND, ctx).await?;
        self.0.resolve_field(ctx).await
    }
}

impl<T: RootType + ObjectType> OutputType for Gated<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let type_name = T::create_type_info(registry);
        describe(registry, T::KIND);
        type_name
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl<T: RootType + ObjectType> ObjectType for Gated<T> {}

impl<T: RootType + SubscriptionType> SubscriptionType for Gated<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let type_name = T::create_type_info(registry);
        describe(registry, T::KIND);
        type_name
    }

    fn create_field_stream<'a>(
        &'a self,
        ctx: &'a Context<'_>,
    ) -> Option<Pin<Box<dyn Stream<Item = Response> + Send + 'a>>> {
        let events = self.0.create_field_stream(ctx)?;
        let gated = async move {
            match pass_field(T::KIND, ctx).await {
                Ok(()) => events,
                Err(error) => refused(error),
            }
        };
        Some(stream::once(gated).flatten().boxed())
    }
}

fn refused<'a>(error: ServerError) -> Pin<Box<dyn Stream<Item = Response> + Send + 'a>> {
    stream::once(async { Response::from_errors(vec![error]) }).boxed()
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};

    use super::*;
    use crate::error::ErrorCode;

    struct Query;

    #[Object]
    impl Query {
        async fn unlisted(&self) -> bool {
            true
        }

        async fn viewer(&self) -> bool {
            true
        }
    }

    impl RootType for Query {
        const KIND: OperationType = OperationType::Query;
    }

    #[test]
    fn a_field_without_a_row_is_refused_to_everybody() {
        let refusal = needs(OperationType::Query, "unlisted").unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InternalError);
        assert_eq!(
            refusal.source.as_ref().unwrap().to_string(),
            "Query.unlisted has no row in the table of root fields"
        );
        assert_eq!(needs(OperationType::Mutation, "viewer").unwrap_err().code, ErrorCode::InternalError);
        assert_eq!(needs(OperationType::Query, "__typename").unwrap(), Needs::Nothing);
    }

    #[tokio::test]
    async fn no_field_is_reached_past_the_gate() {
        let schema = Schema::new(Gated(Query), EmptyMutation, EmptySubscription);
        // There is no caller to let through either.
        for field in ["unlisted", "viewer"] {
            let response = schema.execute(format!("{{ {field} }}")).await;
            assert_eq!(response.errors.len(), 1, "{field}");
            assert!(!response.data.to_string().contains("true"), "{field}: {}", response.data);
        }
    }
}
