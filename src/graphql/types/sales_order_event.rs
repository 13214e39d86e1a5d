use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result};

use super::node::event_id;
use super::sales_order::{OrderStatus, SalesOrder};
use crate::domain::event::{Happening, OrderEvent};
use crate::domain::permission::Scope;
use crate::error::AppError;
use crate::graphql::output::scalars::DateTime;
use crate::graphql::types::loaders::Loaders;
use crate::graphql::types::reader::Reader;
use crate::service::Sealing;

/// Something that happened to an order.
pub struct SalesOrderEvent {
    event: OrderEvent,
    reader: Arc<Reader>,
    /// At hand already on a page; loaded otherwise.
    order: Option<SalesOrder>,
}

impl SalesOrderEvent {
    /// An event whose order is not at hand.
    pub fn new(event: OrderEvent, reader: &Arc<Reader>) -> Self {
        Self { event, reader: Arc::clone(reader), order: None }
    }

    /// An event of a subscription, with what its reader may see now.
    pub fn told((event, scope): (OrderEvent, Scope), sealing: &Arc<Sealing>) -> Self {
        Self::new(event, &Arc::new(Reader { scope, sealing: Arc::clone(sealing) }))
    }

    /// The event with its order at hand.
    pub fn with_order(self, order: Option<SalesOrder>) -> Self {
        Self { order, ..self }
    }

    /// Whether the reader may see who did it and what they left with it.
    fn shows_work(&self) -> bool {
        self.reader.scope.shows_work_of(&self.event.actor)
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

/// Something that happened to an order. Whoever may read the order sees what happened and when. `actor`, `note`, `system`
/// and `externalNumber` are shown with scope `orders:read`, and to the client that did it.
#[Object]
impl SalesOrderEvent {
    /// Names it among everything that `node` finds. Opaque.
    pub(super) async fn id(&self) -> Result<ID, AppError> {
        event_id(self.event.position, self.reader.sealing.sealer().await?)
    }

    /// Its place in the feed of all orders: what comes after it is read, or followed, with `after`. Opaque.
    async fn cursor(&self) -> Result<String, AppError> {
        Ok(self.event.position.seal(self.reader.sealing.sealer().await?)?)
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

    /// Which client did it; null without scope `orders:read` when it was another client.
    async fn actor(&self) -> Option<&str> {
        self.shows_work().then_some(&*self.event.actor)
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
            None => {
                let order = ctx.data::<Loaders>()?.orders.load_one(self.event.number).await?;
                order.map(|order| SalesOrder::new(order, &self.reader))
            }
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

    /// Why the status was changed, for us; null without scope `orders:read` when another client wrote it.
    async fn note(&self) -> Option<&str> {
        match &self.event.happening {
            Happening::StatusChanged { note, .. } if self.shows_work() => note.as_deref(),
            _ => None,
        }
    }

    /// Why the status was changed, for the order's sender: shown to everybody who may read the order.
    async fn partner_note(&self) -> Option<&str> {
        match &self.event.happening {
            Happening::StatusChanged { partner_note, .. } => partner_note.as_deref(),
            _ => None,
        }
    }

    /// The receiving system that has the order; null without scope `orders:read` when another client said so.
    async fn system(&self) -> Option<&str> {
        match &self.event.happening {
            Happening::Acknowledged { system, .. } if self.shows_work() => Some(system),
            _ => None,
        }
    }

    /// The order's number in that system; null without scope `orders:read` when another client said so.
    async fn external_number(&self) -> Option<&str> {
        match &self.event.happening {
            Happening::Acknowledged { external_number, .. } if self.shows_work() => external_number.as_deref(),
            _ => None,
        }
    }
}
