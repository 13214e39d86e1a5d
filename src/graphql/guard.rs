//! The gate in front of every root field but the open ones. The row gate is the caller's `Scope`.

use async_graphql::{Context, Guard, Result};

use crate::domain::permission::Permission;
use crate::error::AppError;
use crate::service::Caller;

/// Lets through who may use the field it stands before, as [`check`] says.
pub struct Gate;

impl Guard for Gate {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        Ok(check(ctx.field().name(), ctx.data::<Caller>()?).await?)
    }
}

/// Whether a root field asks for a signature of the request it comes with.
pub fn is_signed(root_field: &str) -> bool {
    matches!(root_field, "createSalesOrder" | "signatureCheck")
}

/// Who may use a root field. By its name, so that a faulty input, which GraphQL refuses before any gate is asked, can be
/// held back from those who would not get through.
pub async fn check(root_field: &str, caller: &Caller) -> Result<(), AppError> {
    match root_field {
        // Whoever logs in or refreshes has no token yet; a signature is explained to anybody who has one.
        "login" | "refresh" | "explainSignature" => Ok(()),
        "createSalesOrder" => caller.signed_principal(Permission::OrdersCreate).await.map(drop),
        "updateSalesOrderStatus" | "acknowledgeSalesOrder" => {
            caller.permitted_principal(Permission::OrdersManage).await.map(drop)
        }
        "client" | "clients" | "clientAuditLog" => caller.permitted_principal(Permission::ClientsRead).await.map(drop),
        "createClient"
        | "updateClient"
        | "disableClient"
        | "enableClient"
        | "revokeClientSessions"
        | "rotateClientSecret"
        | "endOldClientSecrets"
        | "addClientKey"
        | "revokeClientKey" => caller.permitted_principal(Permission::ClientsManage).await.map(drop),
        // What tells of the schema is everybody's.
        introspection if introspection.starts_with("__") => Ok(()),
        _ => caller.principal().await.map(drop),
    }
}
