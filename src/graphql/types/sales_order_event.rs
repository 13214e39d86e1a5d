use async_graphql::{Context, Enum, ID, Object, Result};

use super::node::{GlobalId, global_id};
use super::sales_order::{OrderStatus, SalesOrder};
use crate::domain::event::{Happening, OrderEvent};
use crate::graphql::loaders::Loaders;
use crate::graphql::scalars::DateTime;

/// Something that happened to an order.
pub struct SalesOrderEvent {
    event: OrderEvent,
    /// At hand already on a page; loaded otherwise.
    order: Option<SalesOrder>,
}

impl From<OrderEvent> for SalesOrderEvent {
    fn from(event: OrderEvent) -> Self {
        Self { event, order: None }
    }
}

impl SalesOrderEvent {
    /// An event with its order at hand.
    pub fn with_order(event: OrderEvent, order: Option<SalesOrder>) -> Self {
        Self { event, order }
    }
}

/// What may happen to an order.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum SalesOrderEventKind {
    /// It was taken.
    Created,
    /// It went to another status.
    StatusChanged,
    /// A receiving system has it.
    Acknowledged,
}

/// Something that happened to an order.
#[Object]
impl SalesOrderEvent {
    /// Names it among everything that `node` finds.
    pub(super) async fn id(&self) -> ID {
        global_id(GlobalId::SalesOrderEvent(self.event.position))
    }

    /// Its place in the feed of all orders: what comes after it is read, or followed, with `after`.
    async fn cursor(&self) -> String {
        self.event.position.encode()
    }

    /// Its place in the history of its order, from 1.
    async fn sequence(&self) -> i32 {
        self.event.sequence
    }

    /// What happened.
    async fn kind(&self) -> SalesOrderEventKind {
        match self.event.happening {
            Happening::Created => SalesOrderEventKind::Created,
            Happening::StatusChanged { .. } => SalesOrderEventKind::StatusChanged,
            Happening::Acknowledged { .. } => SalesOrderEventKind::Acknowledged,
        }
    }

    /// Which client did it.
    async fn actor(&self) -> &str {
        &self.event.actor
    }

    /// When.
    async fn created_at(&self) -> DateTime {
        DateTime(self.event.created_at)
    }

    /// Number of its order.
    async fn order_number(&self) -> String {
        self.event.number.to_string()
    }

    /// Its order as it is now.
    async fn sales_order(&self, ctx: &Context<'_>) -> Result<Option<SalesOrder>> {
        Ok(match &self.order {
            Some(order) => Some(order.clone()),
            None => ctx.data::<Loaders>()?.orders.load_one(self.event.number).await?.map(SalesOrder::from),
        })
    }

    /// The status the order went to: RECEIVED when it was taken; null when it was acknowledged.
    async fn status(&self) -> Option<OrderStatus> {
        match &self.event.happening {
            Happening::Created => Some(OrderStatus::Received),
            Happening::StatusChanged { status, .. } => Some((*status).into()),
            Happening::Acknowledged { .. } => None,
        }
    }

    /// The status the order came from.
    async fn previous_status(&self) -> Option<OrderStatus> {
        match &self.event.happening {
            Happening::StatusChanged { from, .. } => Some((*from).into()),
            _ => None,
        }
    }

    /// The order's version since then; null where the event makes none.
    async fn version(&self) -> Option<i32> {
        match &self.event.happening {
            Happening::Created => Some(1),
            Happening::StatusChanged { version, .. } => Some(*version),
            Happening::Acknowledged { .. } => None,
        }
    }

    /// Why the status was changed.
    async fn note(&self) -> Option<&str> {
        match &self.event.happening {
            Happening::StatusChanged { note, .. } => note.as_deref(),
            _ => None,
        }
    }

    /// The receiving system that has the order.
    async fn system(&self) -> Option<&str> {
        match &self.event.happening {
            Happening::Acknowledged { system, .. } => Some(system),
            _ => None,
        }
    }

    /// The order's number in that system.
    async fn external_number(&self) -> Option<&str> {
        match &self.event.happening {
            Happening::Acknowledged { external_number, .. } => external_number.as_deref(),
            _ => None,
        }
    }
}
