//! A receiving system says that it has an order.

use chrono::{DateTime, Utc};

use super::fields::{Fields, Text};
use crate::error::FieldError;

/// The acknowledgement of an order by a receiving system, as input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcknowledgementInput {
    /// Which order, as sent; whether there is one is not known yet.
    pub order_number: String,
    /// The receiving system, such as `erp`.
    pub system: String,
    /// The order's number there.
    pub external_number: Option<String>,
}

/// A stored acknowledgement. One for each system and order.
#[derive(Debug, Clone)]
pub struct Acknowledgement {
    /// The receiving system.
    pub system: String,
    /// The order's number there.
    pub external_number: Option<String>,
    /// The client that acknowledged.
    pub actor: String,
    /// The time of the acknowledgement.
    pub created_at: DateTime<Utc>,
}

impl AcknowledgementInput {
    /// Reads an acknowledgement, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let order_number = fields.text("order_number", Text::line(64));
        let system = fields.text("system", Text::line(64));
        let external_number = fields.optional_text("external_number", Text::line(64));
        fields.finish()?;
        match (order_number, system) {
            (Some(order_number), Some(system)) => Ok(Self { order_number, system, external_number }),
            _ => Err(Vec::new()),
        }
    }
}
