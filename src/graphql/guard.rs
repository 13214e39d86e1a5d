//! Coarse gates in front of fields. The row gate is the caller's `Scope`.

use async_graphql::{Context, Guard, Result};

use crate::domain::permission::Permission;
use crate::service::Caller;

/// An active client with a valid bearer token.
pub struct LoggedIn;

impl Guard for LoggedIn {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        ctx.data::<Caller>()?.principal().await?;
        Ok(())
    }
}

/// An active client with a valid bearer token and the scope.
pub struct Permitted(pub Permission);

impl Guard for Permitted {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        ctx.data::<Caller>()?.permitted_principal(self.0).await?;
        Ok(())
    }
}

/// An active client with a valid bearer token, a true signature of this request, and the scope.
pub struct Signed(pub Permission);

impl Guard for Signed {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        ctx.data::<Caller>()?.signed_principal(self.0).await?;
        Ok(())
    }
}
