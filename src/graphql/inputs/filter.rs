//! Which orders are meant, and in which order.

use async_graphql::{Context, Enum, InputObject};

use super::{Input, Raw};
use crate::domain::fields::Naming;
use crate::domain::order_filter::OrderFilter;
use crate::domain::page::{Sort, SortKey};
use crate::error::FieldError;
use crate::graphql::output::scalars::{Date, DateTime};
use crate::graphql::types::OrderStatus;

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

/// Which orders are meant: every part that is given must hold.
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
    /// The order's number at its sender.
    pub partner_reference: Option<TextFilter>,
    /// Product code of one of the lines.
    pub product_code: Option<TextFilter>,
    /// Client that sent the order.
    pub client_id: Option<CodeFilter>,
    /// When the order was taken.
    pub created_at: Option<TimeFilter>,
    /// The day for which the order's sender asks.
    pub requested_delivery_date: Option<DateFilter>,
    /// Words that must all occur, in any case: in the customer code, site code, sales person's name, address, the
    /// order's number at its sender, or a product's code or name. A word may also be an order number, `SO-0000000042` or just `42`. At most 10 words.
    pub search: Option<String>,
    /// A receiving system that has not acknowledged the order. Needs scope `orders:read`.
    pub not_acknowledged_by: Option<String>,
}

/// What a code must be.
#[derive(InputObject)]
pub struct CodeFilter {
    /// This one.
    pub eq: Option<String>,
    /// One of these, at most 100.
    #[graphql(name = "in")]
    pub any_of: Option<Vec<String>>,
}

/// What a text must be.
#[derive(InputObject)]
pub struct TextFilter {
    /// This one.
    pub eq: Option<String>,
    /// One of these, at most 100.
    #[graphql(name = "in")]
    pub any_of: Option<Vec<String>>,
    /// A text with this in it, whatever the case of its letters.
    pub contains: Option<String>,
}

/// What a status must be.
#[derive(InputObject)]
pub struct StatusFilter {
    /// This one.
    pub eq: Option<OrderStatus>,
    /// One of these.
    #[graphql(name = "in")]
    pub any_of: Option<Vec<OrderStatus>>,
}

/// When something must have been.
#[derive(InputObject)]
pub struct TimeFilter {
    /// At this instant or later.
    pub gte: Option<DateTime>,
    /// Before this instant.
    pub lt: Option<DateTime>,
}

/// On which days something must have been.
#[derive(InputObject)]
pub struct DateFilter {
    /// On this day or later.
    pub gte: Option<Date>,
    /// Before this day.
    pub lt: Option<Date>,
}

/// How a list of orders is sorted. Orders of the same instant are sorted by their numbers.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum SalesOrderSort {
    /// The first taken first.
    CreatedAtAsc,
    /// The last taken first.
    CreatedAtDesc,
    /// The longest unchanged first.
    UpdatedAtAsc,
    /// The last changed first.
    UpdatedAtDesc,
    /// The lowest number first.
    OrderNumberAsc,
    /// The highest number first.
    OrderNumberDesc,
}

impl From<SalesOrderSort> for Sort {
    fn from(sort: SalesOrderSort) -> Self {
        let (key, descending) = match sort {
            SalesOrderSort::CreatedAtAsc => (SortKey::CreatedAt, false),
            SalesOrderSort::CreatedAtDesc => (SortKey::CreatedAt, true),
            SalesOrderSort::UpdatedAtAsc => (SortKey::UpdatedAt, false),
            SalesOrderSort::UpdatedAtDesc => (SortKey::UpdatedAt, true),
            SalesOrderSort::OrderNumberAsc => (SortKey::OrderNumber, false),
            SalesOrderSort::OrderNumberDesc => (SortKey::OrderNumber, true),
        };
        Self { key, descending }
    }
}
