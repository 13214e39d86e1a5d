//! Which events an endpoint is to be told of.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::domain::client::ClientId;
use crate::domain::event::{EventName, Position};
use crate::domain::order::OrderNumber;
use crate::domain::permission::Scope;
use crate::store::connect::Store;
use crate::store::entity::sales_order_events::{Column, Entity};
use crate::store::entity::sales_orders;
use crate::store::error::StoreResult;
use crate::store::filter::in_scope;
use crate::store::horizon;

/// An event to be sent, and the order that it is of.
pub type WebhookEventKey = (Position, OrderNumber);

impl Store {
    /// Events in a range of positions, start excluded and end included, of the kinds that are asked for (none are all) and of one order
    /// or of all in the scope, by position. The range is at most [`super::NEAR`](crate::store::NEAR) long, unless it is of one order.
    pub async fn list_webhook_events(
        &self,
        scope: &Scope,
        (kinds, order): (&[EventName], Option<OrderNumber>),
        (after, until): (Position, Position),
        limit: usize,
    ) -> StoreResult<Vec<WebhookEventKey>> {
        let mut query = Entity::find()
            .select_only()
            .column(Column::Position)
            .column(Column::OrderId)
            .filter(Column::Position.gt(after.get()))
            .filter(Column::Position.lte(until.get()))
            .order_by_asc(Column::Position)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX));
        if !kinds.is_empty() {
            query = query.filter(Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())));
        }
        if let Some(order) = order {
            query = query.filter(Column::OrderId.eq(order.id()));
        }
        if *scope != Scope::All {
            query = self.with_orders(query).filter(in_scope(scope));
        }
        let rows: Vec<(i64, i64)> = query.into_tuple().all(&self.read).await?;
        if order.is_none() {
            horizon::ensure_kept(&self.read, after).await?;
        }
        Ok(rows.into_iter().map(|(position, order)| (Position::new(position), OrderNumber::from_id(order))).collect())
    }

    /// Whose orders the events of a range of positions are of.
    pub async fn list_clients_of_events(&self, (after, until): (Position, Position)) -> StoreResult<HashSet<ClientId>> {
        let clients: Vec<String> = self
            .with_orders(Entity::find())
            .select_only()
            .distinct()
            .column(sales_orders::Column::ClientId)
            .filter(Column::Position.gt(after.get()))
            .filter(Column::Position.lte(until.get()))
            .into_tuple()
            .all(&self.read)
            .await?;
        clients.iter().map(|client| super::endpoints::read("client id", client)).collect()
    }
}
