use async_graphql::parser::types::Field;
use async_graphql::{Enum, Object, SimpleObject};

use crate::domain::line_answer::{self, LineAnswer};
use crate::graphql::output::scalars::Date;
use crate::graphql::output::written::{Plain, Step, value};

pub struct SalesOrderLineAnswer(pub(super) LineAnswer);

/// Reason why a line is not confirmed as it was ordered.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "line_answer::AnswerReason")]
pub enum SalesOrderLineReason {
    /// There is none of it, or too little, for now.
    OutOfStock,
    /// The product is no longer made or sold.
    Discontinued,
    /// The product is not sold to this customer.
    NotInAssortment,
    /// There is no product with this code.
    UnknownProduct,
    /// The product is not sold by this unit.
    WrongUnit,
    /// The price is another.
    PriceDiffers,
    /// Not as much is sold at once.
    QuantityLimited,
    /// It comes on another day.
    DateChanged,
    /// Another reason.
    Other,
}

/// Answer to a line of an order. The open, confirmed, back-ordered, rejected and cancelled quantities add up to the quantity that was
/// ordered; the shipped quantity is part of the confirmed one.
#[Object]
impl SalesOrderLineAnswer {
    /// Quantity that is not answered yet, such as `0`.
    async fn open_quantity(&self) -> i32 {
        self.0.open
    }

    /// Quantity that will be supplied, or was, such as `2`.
    async fn confirmed_quantity(&self) -> i32 {
        self.0.confirmed
    }

    /// Quantity that will be supplied later, such as `0`.
    async fn back_ordered_quantity(&self) -> i32 {
        self.0.back_ordered
    }

    /// Quantity that will not be supplied, such as `0`.
    async fn rejected_quantity(&self) -> i32 {
        self.0.rejected
    }

    /// Quantity that was cancelled, such as `0`.
    async fn cancelled_quantity(&self) -> i32 {
        self.0.cancelled
    }

    /// Quantity that has left, such as `0`.
    async fn shipped_quantity(&self) -> i32 {
        self.0.shipped
    }

    /// Day on which the confirmed and back-ordered quantity is promised to arrive, such as `2026-12-24`; null when none was told.
    async fn promised_on(&self) -> Option<Date> {
        self.0.promised_on.map(Date)
    }

    /// Reason why the line is not confirmed as it was ordered; null when none was told.
    async fn reason(&self) -> Option<SalesOrderLineReason> {
        self.0.reason.map(Into::into)
    }
}

/// The same fields as text.
impl Plain for LineAnswer {
    const TYPE_NAME: &'static str = "SalesOrderLineAnswer";

    fn step(field: &Field) -> Option<Step<Self>> {
        Some(match field.name.node.as_str() {
            "openQuantity" => value(|it| it.open),
            "confirmedQuantity" => value(|it| it.confirmed),
            "backOrderedQuantity" => value(|it| it.back_ordered),
            "rejectedQuantity" => value(|it| it.rejected),
            "cancelledQuantity" => value(|it| it.cancelled),
            "shippedQuantity" => value(|it| it.shipped),
            "promisedOn" => value(|it| it.promised_on),
            "reason" => value(|it| it.reason),
            _ => return None,
        })
    }
}

/// A line of an order that was answered, as the answer left it.
#[derive(SimpleObject)]
pub struct SalesOrderAnsweredLine {
    /// Number of the line in the order, from 1.
    line_no: i32,
    /// Answer to the line.
    answer: SalesOrderLineAnswer,
}

impl From<line_answer::AnsweredLine> for SalesOrderAnsweredLine {
    fn from(line: line_answer::AnsweredLine) -> Self {
        Self { line_no: line.line_no, answer: SalesOrderLineAnswer(line.answer) }
    }
}
