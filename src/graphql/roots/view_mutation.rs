//! Mutations of views of the list of orders.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use crate::graphql::inputs::{DeleteViewInput, Raw, SaveViewInput, SetDefaultViewInput};
use crate::graphql::types::SavedView;
use crate::graphql::types::reader::{actor, principal};
use crate::service::Services;

#[derive(Default)]
pub struct ViewMutation;

#[Object]
impl ViewMutation {
    /// Saves a view of the list of orders, or makes it. What it can show is checked as by `salesOrders`. Saving the same again changes
    /// nothing. A view that another client shares is for scopes `clients:manage` and `orders:read`.
    async fn save_view(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The view.")] input: Raw<SaveViewInput>,
    ) -> Result<SavedView> {
        let views = &ctx.data::<Arc<Services>>()?.saved_views;
        Ok(SavedView(views.save(principal(ctx)?, actor(ctx)?, input.read(ctx)?).await?))
    }

    /// Deletes a view. NOT_FOUND when there is none of this name. A view that another client shares is for scopes
    /// `clients:manage` and `orders:read`.
    async fn delete_view(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which view.")] input: Raw<DeleteViewInput>,
    ) -> Result<bool> {
        let views = &ctx.data::<Arc<Services>>()?.saved_views;
        views.delete(principal(ctx)?, actor(ctx)?, input.read(ctx)?).await?;
        Ok(true)
    }

    /// Lets the caller's list begin with a view of its own or, with scopes `clients:manage` and `orders:read`, the lists of all who have a scope with a
    /// shared view; without a name they begin with none any more. A client's own default comes before that of a scope.
    async fn set_default_view(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which view, and for whom.")] input: Raw<SetDefaultViewInput>,
    ) -> Result<Option<SavedView>> {
        let views = &ctx.data::<Arc<Services>>()?.saved_views;
        Ok(views.set_default(principal(ctx)?, actor(ctx)?, input.read(ctx)?).await?.map(SavedView))
    }
}
