use std::borrow::Cow;

use async_graphql::Object;
use async_graphql::parser::types::Field;

use super::sales_order_line_answer::SalesOrderLineAnswer;
use crate::domain::line_answer::LineAnswer;
use crate::domain::order;
use crate::graphql::output::scalars::Decimal;
use crate::graphql::output::written::{Plain, Plan, Step, optional_text, text, value};

pub struct SalesOrderLine<'a>(pub(super) Cow<'a, order::SalesOrderLine>);

/// One line of a sales order.
#[Object]
impl SalesOrderLine<'_> {
    /// Number of the line in the order, from 1.
    async fn line_no(&self) -> i32 {
        self.0.line_no
    }

    /// Product code, such as `HD9650`.
    async fn product_code(&self) -> &str {
        &self.0.content.product_code
    }

    /// Product name, such as `Airfryer XXL`; null when the sender gave none.
    async fn product_name(&self) -> Option<&str> {
        self.0.content.product_name.as_deref()
    }

    /// Quantity in `unit`, such as `2`.
    async fn quantity(&self) -> i32 {
        self.0.content.quantity
    }

    /// Unit of the quantity, such as `PCS`; null when the sender gave none.
    async fn unit(&self) -> Option<&str> {
        self.0.content.unit.as_deref()
    }

    /// Price of one unit in the order's currency, such as `125000`; null when the sender gave none.
    async fn unit_price(&self) -> Option<Decimal> {
        self.0.content.unit_price.map(Decimal::from)
    }

    /// Free text of the sender; null when there is none.
    async fn note(&self) -> Option<&str> {
        self.0.content.note.as_deref()
    }

    /// Reference of the line in the sender's system, such as `10` or `PO-4711-10`; null when the sender gave none.
    async fn reference(&self) -> Option<&str> {
        self.0.content.reference.as_deref()
    }

    /// Answer to the line; null while all of it is open and nothing was said of it.
    async fn answer(&self) -> Option<SalesOrderLineAnswer> {
        answer(&self.0).map(SalesOrderLineAnswer)
    }
}

/// What is shown of an answer.
fn answer(line: &order::SalesOrderLine) -> Option<LineAnswer> {
    line.answer.filter(|answer| !answer.is_none())
}

/// The same fields as text.
impl Plain for order::SalesOrderLine {
    const TYPE_NAME: &'static str = "SalesOrderLine";

    fn step(field: &Field) -> Option<Step<Self>> {
        Some(match field.name.node.as_str() {
            "lineNo" => value(|it| it.line_no),
            "productCode" => text(|it| &it.content.product_code),
            "productName" => optional_text(|it| it.content.product_name.as_deref()),
            "quantity" => value(|it| it.content.quantity),
            "unit" => optional_text(|it| it.content.unit.as_deref()),
            "unitPrice" => value(|it| it.content.unit_price.map(|price| price.to_string())),
            "note" => optional_text(|it| it.content.note.as_deref()),
            "reference" => optional_text(|it| it.content.reference.as_deref()),
            "answer" => {
                let plan = Plan::<LineAnswer>::of(&field.selection_set.node)?;
                Box::new(move |it, out| plan.write_optional(answer(it).as_ref(), out))
            }
            _ => return None,
        })
    }
}
