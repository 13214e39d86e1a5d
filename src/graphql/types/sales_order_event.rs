use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result};

use super::node::event_id;
use super::preload;
use super::sales_order::{OrderStatus, SalesOrder};
use super::sales_order_change::SalesOrderFieldChange;
use super::sales_order_line_answer::SalesOrderAnsweredLine;
use super::sales_order_request_details::SalesOrderRequestDetails;
use super::sales_order_shipment::SalesOrderShipment;
use crate::domain::event::{EventKind, OrderEvent};
use crate::domain::order_request::OrderRequest;
use crate::domain::permission::Scope;
use crate::error::AppError;
use crate::graphql::cost::points::LINES_PER_ORDER;
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

    /// Whether the reader may see what the sender of the order sent.
    async fn shows_content(&self, ctx: &Context<'_>) -> Result<bool> {
        if self.reader.scope == Scope::All {
            return Ok(true);
        }
        Ok(self.sales_order(ctx).await?.is_some_and(|order| order.sent().is_ok()))
    }

    /// Whether the reader may see who did it and what they left with it.
    fn shows_work(&self) -> bool {
        self.reader.scope.shows_work_of(&self.event.actor)
    }
}

/// A kind of event.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::event::EventName")]
pub enum SalesOrderEventKind {
    /// The order was received and stored.
    Created,
    /// The order's status was changed.
    StatusChanged,
    /// Lines of the order were answered. Where that gave the order another status, STATUS_CHANGED follows.
    LinesConfirmed,
    /// A shipment left. Where that gave the order another status, STATUS_CHANGED follows.
    ShipmentRecorded,
    /// A shipment arrived. Where that gave the order another status, STATUS_CHANGED follows.
    ShipmentDelivered,
    /// The order's sender asked for something that waits for its answer.
    RequestReceived,
    /// What the order's sender asked for was done, at once or when it was accepted, or it was not. Where that gave the order another
    /// status, STATUS_CHANGED follows.
    RequestAnswered,
    /// A change that the order's sender asked for was done. Behind its REQUEST_ANSWERED, with the same version.
    OrderChanged,
    /// A receiving system acknowledged the order.
    Acknowledged,
    /// Sales name, address and all notes of the order were erased, in its history too. Whoever keeps a copy erases them there as well.
    PersonalDataErased,
}

/// One change of an order. Everybody who may read the order sees what changed and when. `actor`, `note`, `system` and
/// `externalNumber` are shown with scope `orders:read`, and to the client that made the change.
#[Object]
#[expect(clippy::unused_async, reason = "what may cost too much is at hand all the same")]
impl SalesOrderEvent {
    /// Global id, for `node` and `nodes`. Opaque.
    pub(super) async fn id(&self) -> Result<ID, AppError> {
        event_id(self.event.position, self.reader.sealing.sealer().await?)
    }

    /// Cursor of the event in the feed of all orders, for `after` of the query and of the subscription. Opaque. That of an event
    /// in the last second may be the cursor of an earlier one, after which the event is read again.
    async fn cursor(&self) -> Result<String, AppError> {
        Ok(self.event.cursor.seal(self.reader.sealing.sealer().await?)?)
    }

    /// Number of the event in the history of its order, from 1.
    async fn sequence(&self) -> i32 {
        self.event.sequence
    }

    /// Kind of the event.
    async fn kind(&self) -> SalesOrderEventKind {
        self.event.kind.event_name().into()
    }

    /// Client id of the client that made the change; null without scope `orders:read` when it is another client.
    async fn actor(&self) -> Option<&str> {
        self.shows_work().then_some(&*self.event.actor)
    }

    /// Time of the event.
    async fn created_at(&self) -> DateTime {
        DateTime(self.event.created_at)
    }

    /// Order number, such as `SO-0000000042`.
    async fn order_number(&self) -> String {
        self.event.number.to_string()
    }

    /// Number of the order in the system of its sender, such as `4500012345`; null when it gave none.
    async fn partner_reference(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let Some(order) = self.sales_order(ctx).await? else { return Ok(None) };
        Ok(order.sent()?.content.partner_reference.clone())
    }

    /// The order in its present state.
    async fn sales_order(&self, ctx: &Context<'_>) -> Result<Option<SalesOrder>> {
        Ok(match &self.order {
            Some(order) => Some(order.clone()),
            None => {
                let order = ctx.data::<Loaders>()?.orders.load_one(self.event.number).await?;
                order.map(|order| SalesOrder::new(order, &self.reader))
            }
        })
    }

    /// New status of the order: RECEIVED for CREATED; null unless the kind is CREATED or STATUS_CHANGED.
    async fn status(&self) -> Option<OrderStatus> {
        match &self.event.kind {
            EventKind::Created => Some(OrderStatus::Received),
            EventKind::StatusChanged { status, .. } => Some((*status).into()),
            _ => None,
        }
    }

    /// Previous status of the order; null unless the kind is STATUS_CHANGED.
    async fn previous_status(&self) -> Option<OrderStatus> {
        match &self.event.kind {
            EventKind::StatusChanged { from, .. } => Some((*from).into()),
            _ => None,
        }
    }

    /// Version of the order after the event, which a STATUS_CHANGED that follows from it shares; null for ACKNOWLEDGED, which does not change the version.
    async fn version(&self) -> Option<i32> {
        self.event.kind.version()
    }

    /// Internal reason for the change of status; null when none was given, and without scope `orders:read` when another
    /// client wrote it.
    async fn note(&self) -> Option<&str> {
        match &self.event.kind {
            EventKind::StatusChanged { note, .. } if self.shows_work() => note.as_deref(),
            _ => None,
        }
    }

    /// Reason for the change of status that the order's sender may read; null when none was given.
    async fn partner_note(&self) -> Option<&str> {
        match &self.event.kind {
            EventKind::StatusChanged { partner_note, .. } => partner_note.as_deref(),
            _ => None,
        }
    }

    /// Lines whose answers changed, as they were after the event; null unless the kind is LINES_CONFIRMED or
    /// REQUEST_ANSWERED.
    #[graphql(complexity = "1 + LINES_PER_ORDER * child_complexity")]
    async fn lines(&self, ctx: &Context<'_>) -> Result<Option<Vec<SalesOrderAnsweredLine>>> {
        let (EventKind::LinesConfirmed { lines, .. } | EventKind::RequestAnswered { lines, .. }) = &self.event.kind
        else {
            return Ok(None);
        };
        preload::charge_event(ctx, lines.len())?;
        Ok(Some(lines.iter().copied().map(SalesOrderAnsweredLine::from).collect()))
    }

    /// Shipment, as it was after the event; null unless the kind is SHIPMENT_RECORDED or SHIPMENT_DELIVERED.
    async fn shipment(&self, ctx: &Context<'_>) -> Result<Option<SalesOrderShipment>> {
        let (EventKind::ShipmentRecorded { shipment, .. } | EventKind::ShipmentDelivered { shipment, .. }) =
            &self.event.kind
        else {
            return Ok(None);
        };
        preload::charge_event(ctx, shipment.lines.len())?;
        Ok(Some(SalesOrderShipment(shipment.clone())))
    }

    /// Request, as it was after the event; null unless the kind is REQUEST_RECEIVED or REQUEST_ANSWERED.
    async fn request(&self, ctx: &Context<'_>) -> Result<Option<SalesOrderRequestDetails>> {
        let (EventKind::RequestReceived { request, .. } | EventKind::RequestAnswered { request, .. }) =
            &self.event.kind
        else {
            return Ok(None);
        };
        preload::charge_event(ctx, request.asked.named_lines())?;
        let shows_content = request.asked.change().is_none() || self.shows_content(ctx).await?;
        Ok(Some(SalesOrderRequestDetails::new(OrderRequest::clone(request), &self.reader, shows_content)))
    }

    /// Every difference that a change made, of the order and then of its lines; null unless the kind is ORDER_CHANGED, and of another
    /// client's order without scope `orders:read`.
    #[graphql(complexity = "1 + LINES_PER_ORDER * child_complexity")]
    async fn changes(&self, ctx: &Context<'_>) -> Result<Option<Vec<SalesOrderFieldChange>>> {
        let EventKind::OrderChanged { changes, .. } = &self.event.kind else { return Ok(None) };
        if !self.shows_content(ctx).await? {
            return Ok(None);
        }
        preload::charge_event(ctx, changes.len())?;
        Ok(Some(changes.iter().cloned().map(SalesOrderFieldChange::from).collect()))
    }

    /// Name of the receiving system, such as `erp`; null unless the kind is ACKNOWLEDGED, and without scope `orders:read`
    /// when another client acknowledged.
    async fn system(&self) -> Option<&str> {
        match &self.event.kind {
            EventKind::Acknowledged { system, .. } if self.shows_work() => Some(system),
            _ => None,
        }
    }

    /// Number of the order in that system, such as `4500012345`; null when none was given, and without scope `orders:read`
    /// when another client acknowledged.
    async fn external_number(&self) -> Option<&str> {
        match &self.event.kind {
            EventKind::Acknowledged { external_number, .. } if self.shows_work() => external_number.as_deref(),
            _ => None,
        }
    }
}
