use async_graphql::parser::types::Field;
use async_graphql::{Enum, Object, SimpleObject};

use crate::domain::order_change::{self, ChangedLine, FieldChange, OrderChange, RemovedLine};
use crate::domain::order_input::LineContent;
use crate::graphql::output::scalars::{Date, Decimal};
use crate::graphql::output::written::{Plain, Plan, Step, optional_text, text, value};

// What its lines cost is taken when the request is read (`preload`): most changes name few.
pub struct SalesOrderRequestedChange(pub(super) OrderChange);

/// A line of which another quantity is to be ordered.
#[derive(SimpleObject)]
pub struct SalesOrderChangedLine {
    /// Number of the line in the order, from 1.
    line_no: i32,
    /// Quantity that is to be ordered in all, such as `5`.
    quantity: i32,
}

/// A line that is no longer wanted.
#[derive(SimpleObject)]
pub struct SalesOrderRemovedLine {
    /// Number of the line in the order, from 1.
    line_no: i32,
}

pub struct SalesOrderAddedLine(LineContent);

/// A new line. It has no number before it is in the order.
#[Object]
impl SalesOrderAddedLine {
    /// Product code, such as `HD9650`.
    async fn product_code(&self) -> &str {
        &self.0.product_code
    }

    /// Product name, such as `Airfryer XXL`; null when the sender gave none.
    async fn product_name(&self) -> Option<&str> {
        self.0.product_name.as_deref()
    }

    /// Quantity in `unit`, such as `2`.
    async fn quantity(&self) -> i32 {
        self.0.quantity
    }

    /// Unit of the quantity, such as `PCS`; null when the sender gave none.
    async fn unit(&self) -> Option<&str> {
        self.0.unit.as_deref()
    }

    /// Price of one unit in the order's currency, such as `125000`; null when the sender gave none.
    async fn unit_price(&self) -> Option<Decimal> {
        self.0.unit_price.map(Decimal::from)
    }

    /// Free text of the sender; null when there is none.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// Reference of the line in the sender's system, such as `10` or `PO-4711-10`; null when the sender gave none.
    async fn reference(&self) -> Option<&str> {
        self.0.reference.as_deref()
    }
}

/// What a change asks for. What it does not name stays as it is.
#[Object]
impl SalesOrderRequestedChange {
    /// Day on which delivery is asked for, such as `2026-12-24`; null when it stays.
    async fn requested_delivery_date(&self) -> Option<Date> {
        self.0.requested_delivery_date.map(Date)
    }

    /// Delivery address, such as `Jl. Thamrin No. 5, Jakarta`; null when it stays.
    async fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// Lines of which another quantity is to be ordered, sorted by their numbers, such as `[]`.
    async fn changed_lines(&self) -> Vec<SalesOrderChangedLine> {
        let line = |line: &ChangedLine| SalesOrderChangedLine { line_no: line.line_no, quantity: line.quantity };
        self.0.changed_lines.iter().map(line).collect()
    }

    /// Lines that are no longer wanted, sorted by their numbers, such as `[]`.
    async fn removed_lines(&self) -> Vec<SalesOrderRemovedLine> {
        self.0.removed_lines.iter().map(|line| SalesOrderRemovedLine { line_no: line.line_no }).collect()
    }

    /// New lines, in the sequence in which they were sent, such as `[]`.
    async fn added_lines(&self) -> Vec<SalesOrderAddedLine> {
        self.0.added_lines.iter().cloned().map(SalesOrderAddedLine).collect()
    }
}

/// The same fields as text.
impl Plain for OrderChange {
    const TYPE_NAME: &'static str = "SalesOrderRequestedChange";

    fn step(field: &Field) -> Option<Step<Self>> {
        let selected = &field.selection_set.node;
        Some(match field.name.node.as_str() {
            "requestedDeliveryDate" => value(|it| it.requested_delivery_date),
            "address" => optional_text(|it| it.address.as_deref()),
            "changedLines" => {
                let plan = Plan::<ChangedLine>::of(selected)?;
                Box::new(move |it, out| plan.write_list(&it.changed_lines, out))
            }
            "removedLines" => {
                let plan = Plan::<RemovedLine>::of(selected)?;
                Box::new(move |it, out| plan.write_list(&it.removed_lines, out))
            }
            "addedLines" => {
                let plan = Plan::<LineContent>::of(selected)?;
                Box::new(move |it, out| plan.write_list(&it.added_lines, out))
            }
            _ => return None,
        })
    }
}

impl Plain for ChangedLine {
    const TYPE_NAME: &'static str = "SalesOrderChangedLine";

    fn step(field: &Field) -> Option<Step<Self>> {
        Some(match field.name.node.as_str() {
            "lineNo" => value(|it| it.line_no),
            "quantity" => value(|it| it.quantity),
            _ => return None,
        })
    }
}

impl Plain for RemovedLine {
    const TYPE_NAME: &'static str = "SalesOrderRemovedLine";

    fn step(field: &Field) -> Option<Step<Self>> {
        (field.name.node == "lineNo").then(|| value(|it: &Self| it.line_no))
    }
}

impl Plain for LineContent {
    const TYPE_NAME: &'static str = "SalesOrderAddedLine";

    fn step(field: &Field) -> Option<Step<Self>> {
        Some(match field.name.node.as_str() {
            "productCode" => text(|it| &it.product_code),
            "productName" => optional_text(|it| it.product_name.as_deref()),
            "quantity" => value(|it| it.quantity),
            "unit" => optional_text(|it| it.unit.as_deref()),
            "unitPrice" => value(|it| it.unit_price.map(|price| price.to_string())),
            "note" => optional_text(|it| it.note.as_deref()),
            "reference" => optional_text(|it| it.reference.as_deref()),
            _ => return None,
        })
    }
}

/// What of an order, or of a line of it, a change can make another.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "order_change::ChangeableField")]
pub enum SalesOrderChangeableField {
    /// The delivery address.
    Address,
    /// The day on which the sender asks for delivery.
    RequestedDeliveryDate,
    /// The product of a line, which a new line has.
    ProductCode,
    /// The quantity of a line.
    Quantity,
    /// The quantity of a line that is cancelled, as all of a removed line is.
    CancelledQuantity,
    /// The sum of the lines' quantities.
    TotalQuantity,
    /// The sum of the lines' amounts.
    TotalAmount,
}

/// One difference that a change made.
#[derive(SimpleObject)]
pub struct SalesOrderFieldChange {
    /// What became another.
    field: SalesOrderChangeableField,
    /// Number of the line; null of the order itself.
    line_no: Option<i32>,
    /// What it was, such as `2`; null where there was nothing.
    before: Option<String>,
    /// What it is, such as `5`; null where there is nothing.
    after: Option<String>,
}

impl From<FieldChange> for SalesOrderFieldChange {
    fn from(change: FieldChange) -> Self {
        let FieldChange { field, line_no, before, after } = change;
        Self { field: field.into(), line_no, before, after }
    }
}
