//! The gate in front of every root field. The root types themselves are wrapped, so no resolver can do without it.

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

use super::{catalog, find, rows};
use crate::error::AppError;
use crate::service::Caller;

/// Lets a caller through to a root field that has what its row asks for. A field without a row is nobody's.
pub async fn pass(kind: OperationType, name: &str, caller: &Caller) -> Result<(), AppError> {
    match find(kind, name) {
        Some(root) => caller.admit(root.needs).await,
        // What tells of the schema is everybody's.
        None if name.starts_with("__") => Ok(()),
        None => {
            Err(AppError::internal(format!("{}.{name} has no row in the table of root fields", catalog::root(kind))))
        }
    }
}

/// A root type.
pub trait RootType {
    /// The operations that begin in it.
    const KIND: OperationType;
}

/// A root type behind the gate. It also ends each field's description with what the field needs.
#[derive(Default)]
pub struct Gated<T>(pub T);

async fn pass_field(kind: OperationType, ctx: &Context<'_>) -> ServerResult<()> {
    let passed = match ctx.data::<Caller>() {
        Ok(caller) => pass(kind, ctx.field().name(), caller).await.map_err(async_graphql::Error::from),
        Err(no_caller) => Err(no_caller),
    };
    passed.map_err(|error| ctx.set_error_path(error.into_server_error(ctx.item.pos)))
}

fn describe(registry: &mut Registry, kind: OperationType) {
    let Some(MetaType::Object { fields, .. }) = registry.types.get_mut(catalog::root(kind)) else { return };
    for root in rows(kind) {
        let Some(field) = fields.get_mut(root.name) else { continue };
        let (text, sentence) = (field.description.get_or_insert_default(), root.sentence());
        // The type may be described more than once.
        if !text.ends_with(&sentence) {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(&sentence);
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
