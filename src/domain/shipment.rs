//! What leaves for the customer, and when it has arrived.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::fields::{Fields, Naming, Text};
use super::fulfilment::Refused;
use super::line_answers::{MAX_QUANTITY, line_number};
use crate::error::{FieldError, FieldErrorCode};

/// How many shipments an order may have. Each answer that shows the order shows all of them.
pub const MAX_SHIPMENTS: usize = 200;

/// How many lines they may have together.
pub const MAX_SHIPMENT_LINES: usize = 5_000;

/// A shipment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// Its number, which no other shipment of the order has.
    pub number: String,
    /// Who carries it.
    pub carrier: Option<String>,
    /// Its number there.
    pub tracking_number: Option<String>,
    /// The time at which it left.
    pub shipped_at: DateTime<Utc>,
    /// The time at which it arrived.
    pub delivered_at: Option<DateTime<Utc>>,
    /// What is in it, sorted by line.
    pub lines: Vec<ShipmentLine>,
}

/// What a shipment holds of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShipmentLine {
    /// The line's number in the order.
    pub line_no: i32,
    /// How much of it.
    pub quantity: i32,
}

/// A shipment as input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentInput {
    /// Which order, as sent; whether there is one is not known yet.
    pub order_number: String,
    /// The shipment's number.
    pub shipment_number: String,
    /// Who carries it.
    pub carrier: Option<String>,
    /// Its number there.
    pub tracking_number: Option<String>,
    /// The time at which it left; none is the time at which it is recorded.
    pub shipped_at: Option<DateTime<Utc>>,
    /// What is in it, in the sequence in which it was sent.
    pub lines: Vec<ShipmentLine>,
    /// How the caller spells fields.
    pub naming: Naming,
}

/// The arrival of a shipment as input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryInput {
    /// Which order, as sent; whether there is one is not known yet.
    pub order_number: String,
    /// Which of its shipments.
    pub shipment_number: String,
    /// The time at which it arrived; none is the time at which that is recorded.
    pub delivered_at: Option<DateTime<Utc>>,
    /// How the caller spells fields.
    pub naming: Naming,
}

const NUMBER: Text = Text::line(64);

impl Shipment {
    /// How much is in it.
    #[must_use]
    pub fn quantity(&self) -> i64 {
        self.lines.iter().map(|line| i64::from(line.quantity)).sum()
    }
}

impl ShipmentInput {
    /// Reads a shipment, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let naming = fields.naming();
        let order_number = fields.text("order_number", NUMBER);
        let shipment_number = fields.text("shipment_number", NUMBER);
        let carrier = fields.optional_text("carrier", Text::line(64));
        let tracking_number = fields.optional_text("tracking_number", NUMBER);
        let shipped_at = fields.optional_instant("shipped_at");
        let mut named = BTreeSet::new();
        let lines = fields.list("lines", &(1..=500), |line| {
            let line_no = line_number(line, &mut named);
            let quantity = line.integer("quantity", &(1..=MAX_QUANTITY));
            Some(ShipmentLine { line_no: line_no?, quantity: quantity? })
        });
        fields.finish()?;
        match (order_number, shipment_number, lines) {
            (Some(order_number), Some(shipment_number), Some(lines)) => {
                Ok(Self { order_number, shipment_number, carrier, tracking_number, shipped_at, lines, naming })
            }
            _ => Err(Vec::new()),
        }
    }

    /// The shipment that is recorded now.
    #[must_use]
    pub fn recorded(&self, now: DateTime<Utc>) -> Shipment {
        let mut lines = self.lines.clone();
        lines.sort_unstable();
        Shipment {
            number: self.shipment_number.clone(),
            carrier: self.carrier.clone(),
            tracking_number: self.tracking_number.clone(),
            shipped_at: self.shipped_at.unwrap_or(now),
            delivered_at: None,
            lines,
        }
    }

    /// Whether this tells of the very shipment that is known already.
    #[must_use]
    pub fn tells_of(&self, known: &Shipment) -> bool {
        let told = self.recorded(known.shipped_at);
        told == Shipment { delivered_at: None, ..known.clone() }
    }
}

impl DeliveryInput {
    /// Reads an arrival, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let naming = fields.naming();
        let order_number = fields.text("order_number", NUMBER);
        let shipment_number = fields.text("shipment_number", NUMBER);
        let delivered_at = fields.optional_instant("delivered_at");
        fields.finish()?;
        match (order_number, shipment_number) {
            (Some(order_number), Some(shipment_number)) => {
                Ok(Self { order_number, shipment_number, delivered_at, naming })
            }
            _ => Err(Vec::new()),
        }
    }

    /// Refuses a shipment that arrives before it left.
    pub fn ensure_after(&self, shipment: &Shipment) -> Result<(), Refused> {
        if self.delivered_at.is_none_or(|at| at >= shipment.shipped_at) {
            return Ok(());
        }
        let left = shipment.shipped_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let pointer = format!("/{}", self.naming.spell("delivered_at"));
        let message = format!("must not be before {left}, when the shipment left");
        Err(Refused { errors: vec![FieldError { pointer, code: FieldErrorCode::Range, message }], is_conflict: false })
    }
}
