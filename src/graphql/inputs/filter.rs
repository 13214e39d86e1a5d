//! Which orders are meant, and in which order.

use async_graphql::{Context, InputObject};

use super::{Input, Raw};
use crate::domain::fields::Naming;
use crate::domain::order_filter::OrderFilter;
use crate::error::FieldError;
use crate::graphql::output::scalars::{Date, DateTime};
use crate::graphql::types::{OrderStatus, SalesOrderRequestState};

/// The filter an argument holds, read in the caller's spelling.
pub fn read_filter(ctx: &Context<'_>, filter: Option<&Raw<SalesOrderFilter>>) -> Result<OrderFilter, Vec<FieldError>> {
    let naming = ctx.data_opt::<Naming>().copied().unwrap_or(Naming::CamelCase);
    filter.map_or_else(|| Ok(OrderFilter::default()), |filter| SalesOrderFilter::read(&filter.json, naming))
}

/// Both, or every fault of both.
pub fn both<A, B>(a: Result<A, Vec<FieldError>>, b: Result<B, Vec<FieldError>>) -> Result<(A, B), Vec<FieldError>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err([a.err(), b.err()].into_iter().flatten().flatten().collect()),
    }
}

/// Conditions on orders. An order matches when it meets every condition that is given.
#[derive(InputObject)]
pub struct SalesOrderFilter {
    /// Order number.
    pub order_number: Option<CodeFilter>,
    /// Status.
    pub status: Option<StatusFilter>,
    /// Customer code.
    pub customer_code: Option<TextFilter>,
    /// Site code.
    pub site_code: Option<TextFilter>,
    /// Sales person's name.
    pub sales_name: Option<TextFilter>,
    /// Number of the order in the sender's system.
    pub partner_reference: Option<TextFilter>,
    /// Product code of one of the lines.
    pub product_code: Option<TextFilter>,
    /// Client id of the order's sender.
    pub client_id: Option<CodeFilter>,
    /// Time at which the order was received.
    pub created_at: Option<TimeFilter>,
    /// Time of the order's last change: of its receipt, or of its latest status.
    pub updated_at: Option<TimeFilter>,
    /// Day on which the sender asks for delivery.
    pub requested_delivery_date: Option<DateFilter>,
    /// Words that must all occur, whatever the case of letters and the encoding of accents: in the customer code, site code,
    /// sales person's name, address, number in the sender's system, or in a product's code or name. A word may also be an
    /// order number, `SO-0000000042` or just `42`. At most 10 words.
    pub search: Option<String>,
    /// State of a request of its sender: an order that waits for an answer has one that is PENDING.
    pub request_state: Option<RequestStateFilter>,
    /// Name of a receiving system that has not acknowledged the order, such as `erp`. Needs scope `orders:read`.
    pub not_acknowledged_by: Option<String>,
}

/// Conditions on a code.
#[derive(InputObject)]
pub struct CodeFilter {
    /// Equals this value.
    pub eq: Option<String>,
    /// Equals one of these values, at most 100.
    #[graphql(name = "in")]
    pub any_of: Option<Vec<String>>,
}

/// Conditions on a text.
#[derive(InputObject)]
pub struct TextFilter {
    /// Equals this value.
    pub eq: Option<String>,
    /// Equals one of these values, at most 100.
    #[graphql(name = "in")]
    pub any_of: Option<Vec<String>>,
    /// Contains this text, whatever the case of letters and the encoding of accents.
    pub contains: Option<String>,
}

/// Conditions on a status.
#[derive(InputObject)]
pub struct StatusFilter {
    /// Equals this value.
    pub eq: Option<OrderStatus>,
    /// Equals one of these values.
    #[graphql(name = "in")]
    pub any_of: Option<Vec<OrderStatus>>,
}

/// Conditions on the state of a request.
#[derive(InputObject)]
pub struct RequestStateFilter {
    /// Equals this value.
    pub eq: Option<SalesOrderRequestState>,
    /// Equals one of these values.
    #[graphql(name = "in")]
    pub any_of: Option<Vec<SalesOrderRequestState>>,
}

/// Conditions on a time: a span that includes its start and excludes its end.
#[derive(InputObject)]
pub struct TimeFilter {
    /// At this instant or later.
    pub gte: Option<DateTime>,
    /// Before this instant.
    pub lt: Option<DateTime>,
}

/// Conditions on a day: a span that includes its start and excludes its end.
#[derive(InputObject)]
pub struct DateFilter {
    /// On this day or later.
    pub gte: Option<Date>,
    /// Before this day.
    pub lt: Option<Date>,
}

/// Which orders to list by their last change, and where the list goes on.
#[derive(InputObject)]
pub struct SalesOrderChangesInput {
    /// Number of the order in the sender's system, exactly, such as `4500012345`.
    pub partner_reference: Option<String>,
    /// Status that the order has now: one of these.
    pub status: Option<Vec<OrderStatus>>,
    /// The order's last change is of this time or later.
    pub changed_after: Option<DateTime>,
    /// The order was received at this time or later.
    pub created_after: Option<DateTime>,
    /// Number of orders; 50 when absent.
    pub limit: Option<i32>,
    /// Cursor of the page before; absent, the list begins with the orders there are.
    pub cursor: Option<String>,
}

/// Where the feed of events goes on, and how much of it to read.
#[derive(InputObject)]
pub struct SalesOrderEventFeedInput {
    /// Cursor of an event, or of the page before; absent, the feed begins with the first event that is kept.
    pub after: Option<String>,
    /// Number of events; 100 when absent.
    pub limit: Option<i32>,
}
