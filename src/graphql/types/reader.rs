//! Who reads an answer.

use std::sync::Arc;

use async_graphql::{Context, Result};

use crate::domain::audit::{Actor, Via};
use crate::domain::permission::{Permission, Scope};
use crate::error::AppError;
use crate::service::{Caller, Principal, Sealing, Services, caller};

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
    pub fn of(ctx: &Context<'_>) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { scope: principal(ctx)?.scope(), sealing: sealing(ctx)? }))
    }

    /// Refuses who may not read every client's orders.
    pub fn ensure_reads_all(&self) -> Result<(), AppError> {
        if self.scope == Scope::All { Ok(()) } else { Err(caller::lacks(Permission::OrdersRead)) }
    }
}

/// The client that the gate let through to the field under way.
pub fn principal<'c>(ctx: &Context<'c>) -> Result<&'c Principal> {
    Ok(ctx.data::<Arc<Caller>>()?.admitted()?)
}

/// The caller, as logs of changes name it.
pub fn actor(ctx: &Context<'_>) -> Result<Actor> {
    let (caller, name) = (ctx.data::<Arc<Caller>>()?, principal(ctx)?.client_id().to_string());
    Ok(Actor { via: Via::Api, name, host: caller.credentials.address.to_string() })
}

/// Seals cursors and ids.
pub fn sealing(ctx: &Context<'_>) -> Result<Arc<Sealing>> {
    Ok(Arc::clone(&ctx.data::<Arc<Services>>()?.sealing))
}
