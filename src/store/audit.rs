//! The log of what was done to clients. The database refuses to change an entry.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
};

use super::clients::parse_client_id;
use super::connect::{Store, instant, micros};
use super::entity::client_audit_log::{ActiveModel, Column, Entity, Model};
use super::error::{StoreError, StoreResult};
use crate::domain::audit::{Actor, AuditEntry, NewAuditEntry};
use crate::domain::page::Span;

impl Store {
    /// Entries, the newest first: of one client or of all, those of a span, counted from its own end, and one more.
    pub async fn list_audit_entries(&self, client_id: Option<&str>, span: &Span<i64>) -> StoreResult<Vec<AuditEntry>> {
        let order = if span.from_end { Order::Asc } else { Order::Desc };
        let mut query = Entity::find().order_by(Column::Id, order).limit(span.limit as u64 + 1);
        if let Some(client_id) = client_id {
            query = query.filter(Column::ClientId.eq(client_id));
        }
        if let Some(newer) = span.after {
            query = query.filter(Column::Id.lt(newer));
        }
        if let Some(older) = span.before {
            query = query.filter(Column::Id.gt(older));
        }
        query.all(&self.read).await?.into_iter().map(AuditEntry::try_from).collect()
    }

    /// Those of these entries that there are.
    pub async fn list_audit_entries_by_id(&self, ids: &[i64]) -> StoreResult<Vec<AuditEntry>> {
        let query = Entity::find().filter(Column::Id.is_in(ids.iter().copied()));
        query.all(&self.read).await?.into_iter().map(AuditEntry::try_from).collect()
    }
}

/// Writes an entry, together with the change that it tells of.
pub(super) async fn append(tx: &DatabaseTransaction, entry: NewAuditEntry) -> StoreResult<()> {
    Entity::insert(ActiveModel {
        id: NotSet,
        client_id: Set(entry.client_id.to_string()),
        action: Set(entry.action.as_str().to_owned()),
        via: Set(entry.actor.via.as_str().to_owned()),
        actor: Set(entry.actor.name),
        host: Set(entry.actor.host),
        detail: Set(serde_json::Value::from(
            entry.detail.into_iter().map(|(k, v)| (k, v.into())).collect::<serde_json::Map<_, _>>(),
        )
        .to_string()),
        created_at: Set(micros(entry.at)),
    })
    .exec_without_returning(tx)
    .await?;
    Ok(())
}

impl TryFrom<Model> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let detail: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&row.detail)
            .map_err(|_| StoreError::Unreadable { what: "audit detail", value: row.detail.clone() })?;
        let text = |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let unreadable = |what, value| move |_| StoreError::Unreadable { what, value };
        Ok(Self {
            id: row.id,
            entry: NewAuditEntry {
                actor: Actor {
                    via: row.via.parse().map_err(unreadable("audit channel", row.via))?,
                    name: row.actor,
                    host: row.host,
                },
                action: row.action.parse().map_err(unreadable("audit action", row.action))?,
                client_id: parse_client_id(&row.client_id)?,
                detail: detail.into_iter().map(|(name, value)| (name, text(value))).collect(),
                at: instant(row.created_at)?,
            },
        })
    }
}
