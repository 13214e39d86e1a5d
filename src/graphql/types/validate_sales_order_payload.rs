use std::borrow::Cow;

use async_graphql::{Object, SimpleObject};

use super::create_sales_order_payload::SalesOrderWarning;
use super::sales_order_line::SalesOrderLine;
use crate::domain::fields::Naming;
use crate::domain::order;
use crate::graphql::cost::points::LINES_PER_ORDER;
use crate::graphql::output::in_order::{InOrder, ListInOrder};
use crate::graphql::output::scalars::{Date, Decimal};
use crate::service::intake::ValidOrder;

/// The answer to an order that was validated: `createSalesOrder` would take it now. Nothing was stored.
#[derive(SimpleObject)]
pub struct ValidateSalesOrderPayload {
    /// One sentence for people, such as `The sales order is valid; nothing was stored`.
    message: &'static str,
    /// The order as it would be stored.
    sales_order: InOrder<ValidatedSalesOrder>,
    /// Whether the order is there already, so that sending it would create none and be answered with that one.
    replayed: bool,
    /// Number of the order that is there already, such as `SO-0000000042`; null when there is none.
    order_number: Option<String>,
    /// What its sender should look at. The order would be stored all the same.
    warnings: Vec<SalesOrderWarning>,
}

pub struct ValidatedSalesOrder {
    order: order::SalesOrder,
    lines: Vec<order::SalesOrderLine>,
}

impl ValidateSalesOrderPayload {
    /// The answer to an order that would be taken, to somebody who spells fields in this way.
    pub fn new(valid: ValidOrder, naming: Naming) -> Self {
        let ValidOrder { order, lines, replays, same_reference, mismatches } = valid;
        Self {
            message: match replays {
                None => "The sales order is valid; nothing was stored",
                Some(_) => "This very sales order is there already; sending it again would create no other one",
            },
            sales_order: InOrder(ValidatedSalesOrder { order, lines }),
            replayed: replays.is_some(),
            order_number: replays.map(|number| number.to_string()),
            warnings: SalesOrderWarning::all(same_reference, &mismatches, naming),
        }
    }
}

/// A sales order that was validated and not stored: it has no number, no status and no times.
#[Object]
impl ValidatedSalesOrder {
    /// Client id of the order's sender, such as `versuni-client-001`.
    async fn client_id(&self) -> &str {
        self.order.client_id.as_str()
    }

    /// Customer code, such as `CUST-001`.
    async fn customer_code(&self) -> &str {
        &self.order.content.customer_code
    }

    /// Site code, such as `SITE-001`.
    async fn site_code(&self) -> &str {
        &self.order.content.site_code
    }

    /// Sales person's name, such as `John Doe`.
    async fn sales_name(&self) -> &str {
        &self.order.content.sales_name
    }

    /// Delivery address, such as `Jl. Sudirman No. 1, Jakarta`; it may hold line breaks and tabs.
    async fn address(&self) -> &str {
        &self.order.content.address
    }

    /// Free text of the sender; null when there is none.
    async fn note(&self) -> Option<&str> {
        self.order.content.note.as_deref()
    }

    /// Number of the order in the sender's system, such as `4500012345`; null when the sender gave none.
    async fn partner_reference(&self) -> Option<&str> {
        self.order.content.partner_reference.as_deref()
    }

    /// Day on which the sender asks for delivery, such as `2026-12-24`; null when the sender gave none.
    async fn requested_delivery_date(&self) -> Option<Date> {
        self.order.content.requested_delivery_date.map(Date)
    }

    /// ISO 4217 code of the order's currency, such as `IDR`.
    async fn currency(&self) -> &str {
        &self.order.content.currency
    }

    /// Lines of the order, in the sequence in which they were sent.
    #[graphql(complexity = "1 + LINES_PER_ORDER * child_complexity")]
    async fn products(&self) -> ListInOrder<SalesOrderLine<'_>> {
        ListInOrder(self.lines.iter().map(|line| SalesOrderLine(Cow::Borrowed(line))).collect())
    }

    /// Sum of the lines' quantities, such as `2`.
    async fn total_quantity(&self) -> i64 {
        self.order.total_quantity
    }

    /// Sum of the lines' amounts, such as `250000`; null when a line has no price.
    async fn total_amount(&self) -> Option<Decimal> {
        self.order.total_amount.map(Decimal::from)
    }
}
