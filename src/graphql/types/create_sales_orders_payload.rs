use std::sync::Arc;

use async_graphql::SimpleObject;

use super::create_sales_order_payload::{CreateSalesOrderPayload, SalesOrderWarning};
use super::sales_order::SalesOrder;
use crate::domain::fields::Naming;
use crate::error::AppError;
use crate::graphql::output::in_order::{InOrder, ListInOrder};
use crate::graphql::types::reader::Reader;
use crate::service::intake::BulkOutcome;
use crate::telemetry::{self, Wire};

/// The answer to many orders.
#[derive(SimpleObject)]
pub struct CreateSalesOrdersPayload {
    /// What became of each order, in the sequence in which they were sent.
    orders: ListInOrder<SalesOrderOutcome>,
}

/// What became of one order of many.
#[derive(SimpleObject)]
pub struct SalesOrderOutcome {
    /// HTTP status that the order would be answered with if it were sent alone, such as `201`.
    status: i32,
    /// Idempotency key of the order, such as `po-4711`; null when it has none that can be one.
    idempotency_key: Option<String>,
    /// The order as it is now; null when there is a problem.
    sales_order: Option<InOrder<SalesOrder>>,
    /// Whether the order was there already, so that this request changed nothing about it.
    replayed: bool,
    /// What its sender should look at. The order is stored all the same.
    warnings: Vec<SalesOrderWarning>,
    /// Why there is no order; null when there is one. Nothing was stored of it, and its key is free.
    problem: Option<SalesOrderProblem>,
}

/// Why one order of many was refused, in the words in which it would be refused alone.
#[derive(SimpleObject)]
pub struct SalesOrderProblem {
    /// Error code, such as `VALIDATION_FAILED`.
    code: &'static str,
    /// One sentence for people: what is wrong, and what to do.
    message: String,
    /// Every faulty field of the order.
    errors: Vec<SalesOrderFault>,
    /// Number of the order that has the key or the reference, such as `SO-0000000042`; null when it is about no other.
    order_number: Option<String>,
    /// After so many seconds the order may be sent again as it is; null when that would not help.
    retry_after: Option<i32>,
}

/// A faulty field of one order of many.
#[derive(SimpleObject)]
pub struct SalesOrderFault {
    /// JSON pointer into the input, such as `/orders/3/products/0/quantity`.
    pointer: String,
    /// Code of the fault, such as `range`.
    code: &'static str,
    /// What is wrong and what would be right, for people.
    message: String,
}

impl CreateSalesOrdersPayload {
    /// The answer to orders, to somebody who spells fields in this way.
    pub fn new(outcomes: Vec<BulkOutcome>, reader: &Arc<Reader>, naming: Naming) -> Self {
        let outcome = |(index, outcome)| SalesOrderOutcome::new(index, outcome, reader, naming);
        Self { orders: ListInOrder(outcomes.into_iter().enumerate().map(outcome).collect()) }
    }
}

impl SalesOrderOutcome {
    fn new(index: usize, outcome: BulkOutcome, reader: &Arc<Reader>, naming: Naming) -> Self {
        let BulkOutcome { idempotency_key, outcome } = outcome;
        match outcome {
            Ok(taken) => {
                let CreateSalesOrderPayload { sales_order, replayed, mut warnings, .. } =
                    CreateSalesOrderPayload::new(taken, reader, naming);
                for warning in &mut warnings {
                    warning.place_below(&format!("/orders/{index}"));
                }
                let sales_order = Some(sales_order);
                Self { status: 201, idempotency_key, sales_order, replayed, warnings, problem: None }
            }
            Err(error) => {
                // The request as a whole succeeds, so nothing else notes it.
                telemetry::note_failure(if naming == Naming::SnakeCase { Wire::Rest } else { Wire::Graphql }, &error);
                let (status, warnings) = (i32::from(error.code.status()), Vec::new());
                let problem = Some(SalesOrderProblem::new(index, &error));
                Self { status, idempotency_key, sales_order: None, replayed: false, warnings, problem }
            }
        }
    }
}

impl SalesOrderProblem {
    fn new(index: usize, error: &AppError) -> Self {
        // What was read by itself says where it stands; what an order comes to does not.
        let at = format!("/orders/{index}");
        let errors = error.errors.iter().map(|fault| SalesOrderFault {
            pointer: if fault.pointer.starts_with("/orders/") {
                fault.pointer.clone()
            } else {
                format!("{at}{}", fault.pointer)
            },
            code: fault.code.as_str(),
            message: fault.message.clone(),
        });
        Self {
            code: error.code.as_str(),
            message: error.message.to_string(),
            errors: errors.collect(),
            order_number: error.details.get("order_number").and_then(|number| number.as_str()).map(str::to_owned),
            retry_after: error.retry_after_seconds().and_then(|seconds| i32::try_from(seconds).ok()),
        }
    }
}
