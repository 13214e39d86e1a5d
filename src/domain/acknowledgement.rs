//! A receiving system says that it has an order.

use chrono::{DateTime, Utc};

use super::fields::{Fields, Text};
use crate::error::FieldError;

/// What a receiving system says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcknowledgementInput {
    /// Which order, as sent; whether there is one is not known yet.
    pub order_number: String,
    /// Which system has it now, such as `erp`.
    pub system: String,
    /// The order's number there.
    pub external_number: Option<String>,
}

/// A stored acknowledgement. One for each system and order.
#[derive(Debug, Clone)]
pub struct Acknowledgement {
    /// Which system has the order.
    pub system: String,
    /// The order's number there.
    pub external_number: Option<String>,
    /// Which client said so.
    pub actor: String,
    /// Since when.
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
