use std::borrow::Cow;

use async_graphql::Object;

use crate::domain::order;
use crate::graphql::scalars::Decimal;

pub struct SalesOrderLine<'a>(pub(super) Cow<'a, order::SalesOrderLine>);

/// One line of a sales order.
#[Object]
impl SalesOrderLine<'_> {
    /// Its position in the order, from 1.
    async fn line_no(&self) -> i32 {
        self.0.line_no
    }

    /// Product code, such as `HD9650`.
    async fn product_code(&self) -> &str {
        &self.0.product_code
    }

    /// Product name, such as `Airfryer XXL`; null when its sender gave none.
    async fn product_name(&self) -> Option<&str> {
        self.0.product_name.as_deref()
    }

    /// How many, such as `2`.
    async fn quantity(&self) -> i32 {
        self.0.quantity
    }

    /// Unit, such as `PCS`; null when its sender gave none.
    async fn unit(&self) -> Option<&str> {
        self.0.unit.as_deref()
    }

    /// Price of one in the order's currency, such as `125000`; null when its sender gave none.
    async fn unit_price(&self) -> Option<Decimal> {
        self.0.unit_price.map(Decimal::from)
    }

    /// Free text of the order's sender; null when there is none.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }
}
