use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::{Context, Enum, ID, Object, Result};

use super::acknowledgement::Acknowledgement;
use super::node::order_id;
use super::sales_order_event::SalesOrderEvent;
use super::sales_order_line::SalesOrderLine;
use super::sales_order_receipt::SalesOrderReceipt;
use super::sales_order_request_details::SalesOrderRequestDetails;
use super::sales_order_shipment::SalesOrderShipment;
use crate::domain::event::OrderEvent;
use crate::domain::order_request::OrderRequest;
use crate::domain::permission::Permission;
use crate::domain::receipt::Receipt;
use crate::domain::shipment::Shipment;
use crate::domain::{acknowledgement, fulfilment, order};
use crate::error::{AppError, ErrorCode};
use crate::graphql::cost::points::{EVENTS_PER_ORDER, LINES_PER_ORDER, REQUESTS_PER_ORDER, SHIPMENTS_PER_ORDER};
use crate::graphql::output::in_order::ListInOrder;
use crate::graphql::output::scalars::{Date, DateTime, Decimal};
use crate::graphql::output::written::{Plain, Plan, Step, fallible, optional_text, text, value};
use crate::graphql::types::loaders::Loaders;
use crate::graphql::types::preload;
use crate::graphql::types::reader::Reader;

#[derive(Clone)]
pub struct SalesOrder {
    pub(super) order: order::SalesOrder,
    pub(super) reader: Arc<Reader>,
    // What is at hand already, on a page or when the order was just made; loaded otherwise.
    pub(super) lines: Option<Vec<order::SalesOrderLine>>,
    pub(super) shipments: Option<Vec<Shipment>>,
    pub(super) requests: Option<Vec<OrderRequest>>,
    /// Whether something of it has left.
    pub(super) has_left: Option<bool>,
    pub(super) acknowledgements: Option<Vec<acknowledgement::Acknowledgement>>,
    pub(super) events: Option<Vec<OrderEvent>>,
    pub(super) receipt: Option<Receipt>,
}

impl SalesOrder {
    /// An order of which nothing else is at hand.
    pub fn new(order: order::SalesOrder, reader: &Arc<Reader>) -> Self {
        let reader = Arc::clone(reader);
        Self {
            order,
            reader,
            lines: None,
            shipments: None,
            requests: None,
            has_left: None,
            acknowledgements: None,
            events: None,
            receipt: None,
        }
    }

    /// What the sender sent, for those who may read its orders. Queries find no others; a mutation answers with an order of
    /// any client.
    pub(super) fn sent(&self) -> Result<&order::SalesOrder, AppError> {
        if self.reader.scope.holds(&self.order.client_id) {
            return Ok(&self.order);
        }
        let needed = Permission::OrdersRead;
        let message = format!(
            "Of another client's order this needs the scope {needed}, which this client does not have; without it select {}",
            OPEN_FIELDS.join(", ")
        );
        Err(AppError::new(ErrorCode::InsufficientScope, message).detail("scope", needed.as_str()))
    }
}

/// What the answer of a mutation shows of an order that its caller may not read.
pub const OPEN_FIELDS: [&str; 11] = [
    "id",
    "orderNumber",
    "status",
    "nextStatuses",
    "version",
    "shipments",
    "requests",
    "acknowledgements",
    "events",
    "createdAt",
    "updatedAt",
];

/// Status of an order in its life cycle.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "order::OrderStatus")]
pub enum OrderStatus {
    /// Received and stored; not yet accepted.
    Received,
    /// Accepted, if only a part of it; not all of that has left yet.
    Confirmed,
    /// All that is confirmed has left.
    Shipped,
    /// It has arrived. Final, unless more is confirmed that was to come later.
    Delivered,
    /// Cancelled or rejected as a whole: nothing is delivered. Final.
    Cancelled,
}

/// A sales order.
///
/// In the answer of a mutation without scope `orders:read`, another client's order shows `id`, `orderNumber`, `status`,
/// `nextStatuses`, `version`, `shipments`, `requests`, `acknowledgements`, `events`, `createdAt` and `updatedAt`; selecting more is
/// INSUFFICIENT_SCOPE, and then nothing is changed.
#[Object]
#[expect(clippy::unused_async, reason = "what may be refused is at hand all the same")]
impl SalesOrder {
    /// Global id, for `node` and `nodes`. Opaque.
    pub(super) async fn id(&self) -> Result<ID, AppError> {
        order_id(self.order.number, self.reader.sealing.sealer().await?)
    }

    /// Order number, such as `SO-0000000042`.
    async fn order_number(&self) -> String {
        self.order.number.to_string()
    }

    /// Status of the order, such as `RECEIVED`.
    async fn status(&self) -> OrderStatus {
        self.order.status.into()
    }

    /// Statuses that `updateSalesOrderStatus` may set next; empty when the present one is final. What has left in part can no longer
    /// be cancelled.
    async fn next_statuses(&self, ctx: &Context<'_>) -> Result<Vec<OrderStatus>> {
        let has_left = match self.has_left {
            Some(known) => known,
            None if self.order.may_be_partly_shipped() => {
                ctx.data::<Loaders>()?.partly_shipped.load_one(self.order.number).await?.unwrap_or_default()
            }
            None => false,
        };
        let next = fulfilment::next_statuses(self.order.status, has_left);
        Ok(next.into_iter().map(OrderStatus::from).collect())
    }

    /// Version of the order: `1` for a new order, one more after each change.
    async fn version(&self) -> i32 {
        self.order.version
    }

    /// Client id of the order's sender, such as `versuni-client-001`.
    async fn client_id(&self) -> Result<&str, AppError> {
        Ok(self.sent()?.client_id.as_str())
    }

    /// Customer code, such as `CUST-001`.
    async fn customer_code(&self) -> Result<&str, AppError> {
        Ok(&self.sent()?.content.customer_code)
    }

    /// Site code, such as `SITE-001`.
    async fn site_code(&self) -> Result<&str, AppError> {
        Ok(&self.sent()?.content.site_code)
    }

    /// Sales person's name, such as `John Doe`; empty once it was erased.
    async fn sales_name(&self) -> Result<&str, AppError> {
        Ok(&self.sent()?.content.sales_name)
    }

    /// Delivery address, such as `Jl. Sudirman No. 1, Jakarta`; it may hold line breaks and tabs, and is empty once it was erased.
    async fn address(&self) -> Result<&str, AppError> {
        Ok(&self.sent()?.content.address)
    }

    /// Free text of the sender; null when there is none.
    async fn note(&self) -> Result<Option<&str>, AppError> {
        Ok(self.sent()?.content.note.as_deref())
    }

    /// Number of the order in the sender's system, such as `4500012345`; null when the sender gave none.
    async fn partner_reference(&self) -> Result<Option<&str>, AppError> {
        Ok(self.sent()?.content.partner_reference.as_deref())
    }

    /// Day on which the sender asks for delivery, such as `2026-12-24`; null when the sender gave none.
    async fn requested_delivery_date(&self) -> Result<Option<Date>, AppError> {
        Ok(self.sent()?.content.requested_delivery_date.map(Date))
    }

    /// ISO 4217 code of the order's currency, such as `IDR`.
    async fn currency(&self) -> Result<&str, AppError> {
        Ok(&self.sent()?.content.currency)
    }

    /// Lines of the order, in the sequence in which they were sent.
    #[graphql(complexity = "1 + LINES_PER_ORDER * child_complexity")]
    async fn products(&self, ctx: &Context<'_>) -> Result<ListInOrder<SalesOrderLine<'_>>> {
        self.sent()?;
        let lines = match &self.lines {
            Some(lines) => lines.iter().map(|line| SalesOrderLine(Cow::Borrowed(line))).collect(),
            None => {
                let lines = preload::lines_of_one(ctx, &self.order).await?;
                lines.into_iter().map(|line| SalesOrderLine(Cow::Owned(line))).collect()
            }
        };
        Ok(ListInOrder(lines))
    }

    /// Sum of the lines' quantities, such as `2`.
    async fn total_quantity(&self) -> Result<i64, AppError> {
        Ok(self.sent()?.total_quantity)
    }

    /// Sum of the lines' amounts, such as `250000`; null when a line has no price.
    async fn total_amount(&self) -> Result<Option<Decimal>, AppError> {
        Ok(self.sent()?.total_amount.map(Decimal::from))
    }

    /// Shipments of the order, in the sequence in which they were recorded, such as `[]` of a new order. What left when the whole order
    /// was set to SHIPPED is in none.
    #[graphql(complexity = "1 + SHIPMENTS_PER_ORDER * child_complexity")]
    async fn shipments(&self, ctx: &Context<'_>) -> Result<Vec<SalesOrderShipment>> {
        let shipments = match &self.shipments {
            Some(known) => known.clone(),
            None => preload::shipments_of_one(ctx, &self.order).await?,
        };
        Ok(shipments.into_iter().map(SalesOrderShipment).collect())
    }

    /// What the sender of the order asked to be done with it, the oldest first, such as `[]`. One at most is pending.
    #[graphql(complexity = "1 + REQUESTS_PER_ORDER * child_complexity")]
    async fn requests(&self, ctx: &Context<'_>) -> Result<Vec<SalesOrderRequestDetails>> {
        let requests = match &self.requests {
            Some(known) => known.clone(),
            None => preload::requests_of_one(ctx, &self.order).await?,
        };
        let shows_content = self.sent().is_ok();
        let seen = |request| SalesOrderRequestDetails::new(request, &self.reader, shows_content);
        Ok(requests.into_iter().map(seen).collect())
    }

    /// Acknowledgements of receiving systems, sorted by the system's name.
    #[graphql(complexity = "1 + LINES_PER_ORDER * child_complexity")]
    async fn acknowledgements(&self, ctx: &Context<'_>) -> Result<Vec<Acknowledgement>> {
        let found = match &self.acknowledgements {
            Some(known) => known.clone(),
            None => ctx.data::<Loaders>()?.acknowledgements.load_one(self.order.number).await?.unwrap_or_default(),
        };
        Ok(found.into_iter().map(|known| Acknowledgement::seen(known, &self.reader)).collect())
    }

    /// Events of the order, the oldest first.
    #[graphql(complexity = "1 + EVENTS_PER_ORDER * child_complexity")]
    async fn events(&self, ctx: &Context<'_>) -> Result<Vec<SalesOrderEvent>> {
        let found = match &self.events {
            Some(events) => events.clone(),
            None => ctx.data::<Loaders>()?.histories.load_one(self.order.number).await?.unwrap_or_default(),
        };
        Ok(found.into_iter().map(|event| SalesOrderEvent::new(event, &self.reader)).collect())
    }

    /// Signed text and signature of the order; null for sample orders. Needs scope `orders:read`.
    #[graphql(complexity = "2 + child_complexity")]
    async fn receipt(&self, ctx: &Context<'_>) -> Result<Option<SalesOrderReceipt>> {
        self.reader.ensure_reads_all()?;
        let receipt = match &self.receipt {
            Some(known) => Some(known.clone()),
            None => ctx.data::<Loaders>()?.receipts.load_one(self.order.number).await?,
        };
        Ok(receipt.map(SalesOrderReceipt::from))
    }

    /// Time at which the order was received.
    async fn created_at(&self) -> DateTime {
        DateTime(self.order.created_at)
    }

    /// Time of the last change.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.order.updated_at)
    }
}

/// The same fields as text.
impl Plain for SalesOrder {
    const TYPE_NAME: &'static str = "SalesOrder";

    fn step(field: &Field) -> Option<Step<Self>> {
        Some(match field.name.node.as_str() {
            "id" => fallible(|it| order_id(it.order.number, it.reader.sealing.known()?).ok()),
            "orderNumber" => value(|it| it.order.number.to_string()),
            "status" => text(|it| it.order.status.as_str()),
            "version" => value(|it| it.order.version),
            "clientId" => text(|it| it.order.client_id.as_str()),
            "customerCode" => text(|it| &it.order.content.customer_code),
            "siteCode" => text(|it| &it.order.content.site_code),
            "salesName" => text(|it| &it.order.content.sales_name),
            "address" => text(|it| &it.order.content.address),
            "note" => optional_text(|it| it.order.content.note.as_deref()),
            "partnerReference" => optional_text(|it| it.order.content.partner_reference.as_deref()),
            "requestedDeliveryDate" => value(|it| it.order.content.requested_delivery_date),
            "currency" => text(|it| &it.order.content.currency),
            "products" => {
                let plan = Plan::<order::SalesOrderLine>::of(&field.selection_set.node)?;
                Box::new(move |it, out| plan.write_list(it.lines.as_ref()?, out))
            }
            "shipments" => {
                let plan = Plan::<Shipment>::of(&field.selection_set.node)?;
                Box::new(move |it, out| plan.write_list(it.shipments.as_ref()?, out))
            }
            "requests" => {
                let plan = Plan::<OrderRequest>::of(&field.selection_set.node)?;
                Box::new(move |it, out| plan.write_list(it.requests.as_ref()?, out))
            }
            "totalQuantity" => value(|it| it.order.total_quantity),
            "totalAmount" => value(|it| it.order.total_amount.map(|amount| amount.to_string())),
            "createdAt" => value(|it| DateTime(it.order.created_at).to_string()),
            "updatedAt" => value(|it| DateTime(it.order.updated_at).to_string()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::ContainerType;

    use super::*;

    #[test]
    fn what_is_open_to_everybody_who_changes_an_order_is_what_its_description_says() {
        let sdl = include_str!("../../../schema.graphql");
        let (before, _) = sdl.split_once("type SalesOrder ").unwrap();
        let description = before.rsplit("\"\"\"").nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        let names = OPEN_FIELDS.map(|name| format!("`{name}`")).join(", ");
        let (names, last) = names.rsplit_once(", ").unwrap();
        assert!(description.contains(&format!("another client's order shows {names} and {last};")), "{description}");
    }

    fn size<'a, T, F>(_: fn(&'a T, &'a Context<'a>) -> F) -> usize {
        size_of::<F>()
    }

    /// A page resolves thousands. Something large that one of them keeps while it waits makes each of them that large; what
    /// they take by themselves (some hundred bytes) is the compiler's affair.
    #[test]
    fn fields_are_small_enough_to_be_moved() {
        assert!(size(SalesOrder::resolve_field) < 2048);
        assert!(size(SalesOrderLine::resolve_field) < 2048);
    }
}
