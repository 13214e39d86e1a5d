use std::sync::Arc;

use async_graphql::SimpleObject;

use super::SalesOrder;
use super::sales_order_request_details::SalesOrderRequestDetails;
use crate::domain::order_request::RequestState;
use crate::graphql::output::in_order::InOrder;
use crate::graphql::types::reader::Reader;
use crate::service::TakenRequest;

/// The answer to a change.
#[derive(SimpleObject)]
pub struct ChangeSalesOrderPayload {
    /// One sentence for people, such as `Sales order changed as requested`.
    message: &'static str,
    /// The order as it is now.
    sales_order: InOrder<SalesOrder>,
    /// The request as it is now.
    request: Option<SalesOrderRequestDetails>,
    /// Whether this request changed nothing, because it came before.
    replayed: bool,
}

impl ChangeSalesOrderPayload {
    /// The answer to a change that was taken.
    pub fn new(taken: TakenRequest, reader: &Arc<Reader>) -> Self {
        let TakenRequest { order, request, is_replayed } = taken;
        let message = match request.as_ref().map(|request| request.state) {
            None | Some(RequestState::Accepted) => "Sales order changed as requested",
            Some(RequestState::Pending) => "Change requested; it is done when it is accepted",
            Some(RequestState::Rejected) => "Change was rejected",
            Some(RequestState::Superseded) => "Change came to nothing; what it asks for has left or will not come",
        };
        Self {
            message,
            sales_order: InOrder(SalesOrder::new(order, reader)),
            request: request.map(|request| SalesOrderRequestDetails::own(request, reader)),
            replayed: is_replayed,
        }
    }
}
