use std::sync::Arc;

use async_graphql::{Enum, SimpleObject};

use super::SalesOrder;
use crate::domain::expectations::Mismatch;
use crate::domain::fields::Naming;
use crate::domain::order::OrderNumber;
use crate::graphql::output::in_order::InOrder;
use crate::graphql::types::reader::Reader;
use crate::service::intake::TakenOrder;

/// The answer to a created order.
#[derive(SimpleObject)]
pub struct CreateSalesOrderPayload {
    /// One sentence for people, such as `Sales order created successfully`.
    message: &'static str,
    /// The order as it is now.
    pub(super) sales_order: InOrder<SalesOrder>,
    /// Whether the order was there already, so that this request changed nothing.
    pub(super) replayed: bool,
    /// What its sender should look at. The order is stored all the same.
    pub(super) warnings: Vec<SalesOrderWarning>,
}

/// The kind of a warning.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum SalesOrderWarningCode {
    /// Another order of the client that is not cancelled has the same partner reference.
    DuplicatePartnerReference,
    /// The order or a line does not come to the amount that its sender expects.
    AmountMismatch,
}

/// Something about an order that its sender should look at.
#[derive(SimpleObject)]
pub struct SalesOrderWarning {
    /// The kind of the warning, for programs.
    code: SalesOrderWarningCode,
    /// One sentence for people: what is the matter, and what to do.
    message: String,
    /// The field that it is about: a JSON pointer into the order as it was sent, such as `/partner_reference`.
    pointer: String,
    /// Number of the other order that it is about, such as `SO-0000000042`; null when it is about no other.
    order_number: Option<String>,
}

impl CreateSalesOrderPayload {
    /// The answer to an order that was taken, to somebody who spells fields in this way.
    pub fn new(taken: TakenOrder, reader: &Arc<Reader>, naming: Naming) -> Self {
        Self {
            message: "Sales order created successfully",
            sales_order: InOrder(SalesOrder { lines: taken.lines, ..SalesOrder::new(taken.order, reader) }),
            replayed: taken.replayed,
            warnings: SalesOrderWarning::all(taken.same_reference, &taken.mismatches, naming),
        }
    }
}

impl SalesOrderWarning {
    /// All that the sender of an order should look at.
    pub(super) fn all(same_reference: Option<OrderNumber>, mismatches: &[Mismatch], naming: Naming) -> Vec<Self> {
        let reference = same_reference.map(|number| Self::same_reference(number, naming));
        let amounts = mismatches.iter().map(|mismatch| Self::amount(mismatch, naming));
        reference.into_iter().chain(amounts).collect()
    }

    /// Says where in the whole input the order stands.
    pub(super) fn place_below(&mut self, order: &str) {
        self.pointer.insert_str(0, order);
    }

    /// That an amount is not the expected one.
    fn amount(mismatch: &Mismatch, naming: Naming) -> Self {
        let pointer = mismatch.pointer(naming);
        Self {
            code: SalesOrderWarningCode::AmountMismatch,
            message: format!("{} {}", pointer.trim_start_matches('/'), mismatch.message()),
            pointer,
            order_number: None,
        }
    }

    /// That another order has the same partner reference.
    fn same_reference(number: OrderNumber, naming: Naming) -> Self {
        let field = naming.spell("partner_reference");
        Self {
            code: SalesOrderWarningCode::DuplicatePartnerReference,
            message: format!(
                "{field}: your order {number} has the same one and is not cancelled; is this the same order?"
            ),
            pointer: format!("/{field}"),
            order_number: Some(number.to_string()),
        }
    }
}
