//! What a mutation's answer may show, asked before the mutation changes anything.

use std::sync::Arc;

use async_graphql::{Context, Result, SelectionField};

use super::reader::Reader;
use crate::domain::permission::{Permission, Scope};
use crate::error::{AppError, ErrorCode};
use crate::graphql::types::OPEN_FIELDS;
use crate::service::Services;

/// Refuses a mutation whose selection asks for more of another client's order than the caller may read. Refused afterwards,
/// a change that was made would look as if it had failed: the field that holds the order may not be null.
pub async fn ensure_readable(ctx: &Context<'_>, reader: &Reader, order_number: &str) -> Result<()> {
    if reader.scope == Scope::All {
        return Ok(());
    }
    let hidden = hidden(ctx.field().selection_set());
    if hidden.is_empty() {
        return Ok(());
    }
    let own = ctx.data::<Arc<Services>>()?.orders.sales_order(&reader.scope, order_number).await?;
    if own.is_some() {
        return Ok(());
    }
    let needed = Permission::OrdersRead;
    let message = format!(
        "Nothing was changed: of another client's order {} needs the scope {needed}, which this client does not have; \
         select only {}",
        hidden.join(", "),
        OPEN_FIELDS.join(", ")
    );
    let refusal = AppError::new(ErrorCode::InsufficientScope, message).detail("scope", needed.as_str());
    Err(refusal.detail("fields", hidden).into())
}

/// The selected fields that not every caller may read, each once; of events also those of their order.
fn hidden<'a>(order: impl Iterator<Item = SelectionField<'a>>) -> Vec<String> {
    let mut names = Vec::new();
    for field in order {
        let found = match field.name() {
            "events" => {
                let orders = field.selection_set().filter(|field| field.name() == "salesOrder");
                orders.flat_map(|order| hidden(order.selection_set())).collect()
            }
            "__typename" => Vec::new(),
            name if OPEN_FIELDS.contains(&name) => Vec::new(),
            name => vec![name.to_owned()],
        };
        names.extend(found);
    }
    names.sort();
    names.dedup();
    names
}
