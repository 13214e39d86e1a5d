//! Queries about views of the list of orders.

use async_graphql::{Context, Object, Result};

use crate::domain::saved_view::{MAX_SHARED, MAX_VIEWS};
use crate::graphql::cost::budget;
use crate::graphql::types::SavedView;
use crate::graphql::types::reader::principal;

/// The most that there can be.
#[expect(clippy::cast_possible_truncation, reason = "hundreds")]
const MOST: usize = (MAX_VIEWS + MAX_SHARED) as usize;

#[derive(Default)]
pub struct ViewQuery;

#[Object]
impl ViewQuery {
    /// Views of the list of orders, by name: the caller's own, and with scope `orders:read` those that others share.
    #[graphql(complexity = "1 + MOST * child_complexity")]
    async fn saved_views(&self, ctx: &Context<'_>) -> Result<Vec<SavedView>> {
        let found = budget::read(ctx, 2)?.saved_views.list(principal(ctx)?).await?;
        Ok(found.into_iter().map(SavedView).collect())
    }
}
