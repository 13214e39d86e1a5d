use async_graphql::Enum;

use crate::domain::page::{Sort, SortKey};
use crate::domain::saved_view::ListSort;

/// Sort order of a list of orders. Orders with the same time are sorted by order number.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "ListSort")]
pub enum SalesOrderSort {
    /// By time received, the oldest first.
    CreatedAtAsc,
    /// By time received, the newest first.
    CreatedAtDesc,
    /// By time of the last change, the oldest first.
    UpdatedAtAsc,
    /// By time of the last change, the newest first.
    UpdatedAtDesc,
    /// By order number, the lowest first.
    OrderNumberAsc,
    /// By order number, the highest first.
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
