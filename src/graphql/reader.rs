//! Who reads an answer.

use std::sync::Arc;

use async_graphql::{Context, Result};

use crate::domain::permission::Scope;
use crate::service::{Caller, Sealing, Services};

/// What whoever reads an answer may see, and how cursors and ids are sealed for it. Every order and event carries it along,
/// so that what hangs on them is shown to no other eyes than they are themselves; in a subscription a caller may lose a
/// scope on the way.
pub struct Reader {
    /// Which orders, and whose work on them.
    pub scope: Scope,
    /// Seals cursors and ids. Its key is read when the first of them is asked for: an order can be sent without.
    pub sealing: Arc<Sealing>,
}

impl Reader {
    /// The caller of this request.
    pub async fn of(ctx: &Context<'_>) -> Result<Arc<Self>> {
        let scope = ctx.data::<Caller>()?.principal().await?.scope();
        Ok(Arc::new(Self { scope, sealing: sealing(ctx)? }))
    }
}

/// Seals cursors and ids.
pub fn sealing(ctx: &Context<'_>) -> Result<Arc<Sealing>> {
    Ok(Arc::clone(&ctx.data::<Arc<Services>>()?.sealing))
}
