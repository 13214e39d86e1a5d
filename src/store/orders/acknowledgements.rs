//! Which receiving systems have an order.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::lifecycle::locked;
use crate::domain::acknowledgement::{Acknowledgement, AcknowledgementInput};
use crate::domain::client::ClientId;
use crate::domain::event::EventKind;
use crate::domain::order::{OrderNumber, SalesOrder};
use crate::domain::permission::Scope;
use crate::store::connect::{Store, instant, micros};
use crate::store::entity::sales_order_acknowledgements::{ActiveModel, Column, Entity, Model};
use crate::store::error::{StoreError, StoreResult};
use crate::store::events;

/// What became of an acknowledgement.
#[derive(Debug, Clone)]
pub enum Acknowledged {
    /// The system has the order, now or since before, under this number.
    Accepted(SalesOrder),
    /// The system said before that it has the order under another number, which stays.
    Otherwise(Acknowledgement),
}

impl Store {
    /// Notes that a receiving system has an order, with its event, in one transaction. `None` when the scope holds no
    /// such order.
    pub async fn insert_acknowledgement(
        &self,
        scope: &Scope,
        number: OrderNumber,
        input: AcknowledgementInput,
        actor: ClientId,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<Acknowledged>> {
        let scope = scope.clone();
        self.transaction(move |tx| {
            Box::pin(async move {
                let Some(order) = locked(tx, &scope, number).await? else { return Ok(None) };
                let AcknowledgementInput { order_number: _, system, external_number } = input;
                if let Some(known) = Entity::find_by_id((number.id(), system.clone())).one(tx).await? {
                    if known.external_number == external_number {
                        return Ok(Some(Acknowledged::Accepted(order)));
                    }
                    return Ok(Some(Acknowledged::Otherwise(known.try_into()?)));
                }
                let row = ActiveModel {
                    order_id: Set(number.id()),
                    system: Set(system.clone()),
                    external_number: Set(external_number.clone()),
                    actor: Set(actor.to_string()),
                    created_at: Set(micros(now)),
                };
                Entity::insert(row).exec_without_returning(tx).await?;
                let kind = EventKind::Acknowledged { system, external_number };
                events::append_next(tx, number, &kind, &actor, now).await?;
                Ok(Some(Acknowledged::Accepted(order)))
            })
        })
        .await
    }

    /// Who has these orders, in the order of the systems' names. Takes no scope: whoever holds an order's number got it
    /// from a query that did.
    pub async fn list_acknowledgements(
        &self,
        orders: &[OrderNumber],
    ) -> StoreResult<HashMap<OrderNumber, Vec<Acknowledgement>>> {
        let rows = Entity::find()
            .filter(Column::OrderId.is_in(orders.iter().map(|number| number.id())))
            .order_by_asc(Column::OrderId)
            .order_by_asc(Column::System)
            .all(&self.read)
            .await?;
        let mut found: HashMap<_, Vec<_>> = orders.iter().map(|number| (*number, Vec::new())).collect();
        for row in rows {
            found.entry(OrderNumber::from_id(row.order_id)).or_default().push(row.try_into()?);
        }
        Ok(found)
    }
}

impl TryFrom<Model> for Acknowledgement {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            system: row.system,
            external_number: row.external_number,
            actor: row.actor,
            created_at: instant(row.created_at)?,
        })
    }
}
