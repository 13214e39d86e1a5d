use async_graphql::parser::types::Field;
use async_graphql::{Object, SimpleObject};

use crate::domain::shipment::{Shipment, ShipmentLine};
use crate::graphql::cost::points::LINES_PER_ORDER;
use crate::graphql::output::scalars::DateTime;
use crate::graphql::output::written::{Plain, Plan, Step, optional_text, text, value};

pub struct SalesOrderShipment(pub(super) Shipment);

/// What a shipment holds of a line of its order.
#[derive(SimpleObject)]
pub struct SalesOrderShipmentLine {
    /// Number of the line in the order, from 1.
    line_no: i32,
    /// Quantity of the line in the shipment, such as `2`.
    quantity: i32,
}

/// Goods of an order that left together.
#[Object]
impl SalesOrderShipment {
    /// Number of the shipment, such as `SHP-4711`; the order has no other one with it.
    async fn shipment_number(&self) -> &str {
        &self.0.number
    }

    /// Carrier, such as `JNE`; null when none was told.
    async fn carrier(&self) -> Option<&str> {
        self.0.carrier.as_deref()
    }

    /// Tracking number at the carrier, such as `JNE0012345678`; null when none was told.
    async fn tracking_number(&self) -> Option<&str> {
        self.0.tracking_number.as_deref()
    }

    /// Time at which the shipment left.
    async fn shipped_at(&self) -> DateTime {
        DateTime(self.0.shipped_at)
    }

    /// Time at which the shipment arrived; null while it is on its way.
    async fn delivered_at(&self) -> Option<DateTime> {
        self.0.delivered_at.map(DateTime)
    }

    /// Lines of the order that are in the shipment, sorted by their numbers.
    #[graphql(complexity = "1 + LINES_PER_ORDER * child_complexity")]
    async fn lines(&self) -> Vec<SalesOrderShipmentLine> {
        let line = |line: &ShipmentLine| SalesOrderShipmentLine { line_no: line.line_no, quantity: line.quantity };
        self.0.lines.iter().map(line).collect()
    }
}

/// The same fields as text.
impl Plain for Shipment {
    const TYPE_NAME: &'static str = "SalesOrderShipment";

    fn step(field: &Field) -> Option<Step<Self>> {
        Some(match field.name.node.as_str() {
            "shipmentNumber" => text(|it| &it.number),
            "carrier" => optional_text(|it| it.carrier.as_deref()),
            "trackingNumber" => optional_text(|it| it.tracking_number.as_deref()),
            "shippedAt" => value(|it| DateTime(it.shipped_at).to_string()),
            "deliveredAt" => value(|it| it.delivered_at.map(|at| DateTime(at).to_string())),
            "lines" => {
                let plan = Plan::<ShipmentLine>::of(&field.selection_set.node)?;
                Box::new(move |it, out| plan.write_list(&it.lines, out))
            }
            _ => return None,
        })
    }
}

impl Plain for ShipmentLine {
    const TYPE_NAME: &'static str = "SalesOrderShipmentLine";

    fn step(field: &Field) -> Option<Step<Self>> {
        Some(match field.name.node.as_str() {
            "lineNo" => value(|it| it.line_no),
            "quantity" => value(|it| it.quantity),
            _ => return None,
        })
    }
}
