use async_graphql::SimpleObject;

use crate::service::erasure::CustomerErased;

/// The result of an erasure.
#[derive(SimpleObject)]
pub struct EraseCustomerPayload {
    /// Number of orders in which something was erased.
    erased_count: i32,
    /// Order numbers of those that were left as they are, because they may still need their address; at most 100.
    open_order_numbers: Vec<String>,
    /// Order number to go on after; null when all orders of the customer were looked at.
    next_after: Option<String>,
}

impl From<CustomerErased> for EraseCustomerPayload {
    fn from(CustomerErased { erased, open, next_after, .. }: CustomerErased) -> Self {
        Self {
            erased_count: erased,
            open_order_numbers: open.iter().map(ToString::to_string).collect(),
            next_after: next_after.map(|number| number.to_string()),
        }
    }
}
