use std::sync::Arc;

use async_graphql::SimpleObject;

use super::SalesOrder;
use super::sales_order_request_details::SalesOrderRequestDetails;
use crate::domain::order_request::RequestState;
use crate::graphql::output::in_order::InOrder;
use crate::graphql::types::reader::Reader;
use crate::service::TakenRequest;

/// The answer to a cancellation.
#[derive(SimpleObject)]
pub struct CancelSalesOrderPayload {
    /// One sentence for people, such as `Sales order cancelled as requested`.
    message: &'static str,
    /// The order as it is now.
    sales_order: InOrder<SalesOrder>,
    /// The request as it is now; null when all that is asked for was so already.
    request: Option<SalesOrderRequestDetails>,
    /// Whether this request changed nothing, because it came before or all was so already.
    replayed: bool,
}

impl CancelSalesOrderPayload {
    /// The answer to a cancellation that was taken.
    pub fn new(taken: TakenRequest, reader: &Arc<Reader>) -> Self {
        let TakenRequest { order, request, is_replayed } = taken;
        let message = match request.as_ref().map(|request| request.state) {
            None => "Sales order was cancelled as requested before",
            Some(RequestState::Accepted) => "Sales order cancelled as requested",
            Some(RequestState::Pending) => "Cancellation requested; it is done when it is accepted",
            Some(RequestState::Rejected) => "Cancellation was rejected",
            Some(RequestState::Superseded) => {
                "Cancellation came to nothing; what it asks for has left or will not come"
            }
        };
        Self {
            message,
            sales_order: InOrder(SalesOrder::new(order, reader)),
            request: request.map(|request| SalesOrderRequestDetails::own(request, reader)),
            replayed: is_replayed,
        }
    }
}
