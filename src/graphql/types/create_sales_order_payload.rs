use std::sync::Arc;

use async_graphql::SimpleObject;

use super::SalesOrder;
use crate::graphql::output::in_order::InOrder;
use crate::graphql::types::reader::Reader;
use crate::service::intake::TakenOrder;

/// The answer to a created order.
#[derive(SimpleObject)]
pub struct CreateSalesOrderPayload {
    /// One sentence for people, such as `Sales order created successfully`.
    message: &'static str,
    /// The order as it is now.
    sales_order: InOrder<SalesOrder>,
    /// Whether the order was there already, so that this request changed nothing.
    replayed: bool,
}

impl CreateSalesOrderPayload {
    /// The answer to an order that was taken.
    pub fn new(taken: TakenOrder, reader: &Arc<Reader>) -> Self {
        Self {
            message: "Sales order created successfully",
            sales_order: InOrder(SalesOrder { lines: taken.lines, ..SalesOrder::new(taken.order, reader) }),
            replayed: taken.replayed,
        }
    }
}
