//! Which view lists begin with.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _};

use super::{ViewKey, ViewOutcome, find, id, lock_owner, lock_shared, note, of};
use crate::domain::audit::NewAuditEntry;
use crate::domain::client::ClientId;
use crate::domain::permission::Permission;
use crate::domain::saved_view::SavedView;
use crate::store::connect::Store;
use crate::store::entity::saved_views::{Column, Entity};
use crate::store::error::StoreResult;

impl Store {
    /// Makes a view the one that lists begin with: those of a scope's holders, or else its owner's.
    pub async fn set_default_view(
        &self,
        key: ViewKey,
        scope: Option<Permission>,
        entry: Option<NewAuditEntry>,
    ) -> StoreResult<ViewOutcome> {
        self.transaction(move |tx| {
            Box::pin(async move {
                lock_owner(tx, &key.owner).await?;
                if scope.is_some() {
                    lock_shared(tx).await?;
                }
                let Some(known) = find(tx, &key).await? else { return Ok(ViewOutcome::Missing) };
                let (column, holder) = holder(&key.owner, scope);
                let present = if scope.is_some() { &known.default_for } else { &known.default_of };
                if present.as_deref() != Some(holder.as_str()) {
                    if let Some(other) = known.default_for.filter(|_| scope.is_some()) {
                        return Ok(ViewOutcome::IsDefaultFor(other));
                    }
                    forget_default(tx, column, &holder).await?;
                    let made = Entity::update_many().filter(of(&key)).col_expr(column, Expr::value(holder));
                    made.exec(tx).await?;
                    note(tx, entry).await?;
                }
                let made = Entity::find_by_id(id(&key)).one(tx).await?.map(SavedView::try_from).transpose()?;
                Ok(made.map_or(ViewOutcome::Missing, |made| ViewOutcome::Done(Box::new(made))))
            })
        })
        .await
    }

    /// Lets the lists of a scope's holders, or else of this client, begin with no view any more. `tell` gives the entry about the view
    /// that it was.
    pub async fn forget_default_view<F>(&self, client: ClientId, scope: Option<Permission>, tell: F) -> StoreResult<()>
    where
        F: FnOnce(&SavedView) -> Option<NewAuditEntry> + Send + 'static,
    {
        self.transaction(move |tx| {
            Box::pin(async move {
                match scope {
                    Some(_) => lock_shared(tx).await?,
                    None => lock_owner(tx, &client).await?,
                }
                let (column, holder) = holder(&client, scope);
                let Some(known) = Entity::find().filter(column.eq(&holder)).one(tx).await? else { return Ok(()) };
                let known = SavedView::try_from(known)?;
                forget_default(tx, column, &holder).await?;
                note(tx, tell(&known)).await
            })
        })
        .await
    }
}

async fn forget_default(tx: &DatabaseTransaction, column: Column, holder: &str) -> StoreResult<()> {
    let none = Expr::value(None::<String>);
    Entity::update_many().filter(column.eq(holder)).col_expr(column, none).exec(tx).await?;
    Ok(())
}

/// Where it stands whose lists begin with a view.
fn holder(client: &ClientId, scope: Option<Permission>) -> (Column, String) {
    match scope {
        Some(scope) => (Column::DefaultFor, scope.to_string()),
        None => (Column::DefaultOf, client.to_string()),
    }
}
