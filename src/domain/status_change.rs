//! Moving an order through its life: what an operator asks for and whether the order may go there.

use super::fields::{Fields, Text};
use super::order::{OrderStatus, SalesOrder, UnknownStatus};
use crate::error::{FieldError, FieldErrorCode};

/// A change of status as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// Which order, as sent; whether there is one is not known yet.
    pub order_number: String,
    /// The new status.
    pub status: OrderStatus,
    /// The version the caller saw, if it minds changes since then.
    pub expected_version: Option<i32>,
    /// Why, for those who read every order.
    pub note: Option<String>,
    /// Why, for the order's sender too.
    pub partner_note: Option<String>,
}

/// The effect of a change on an order in its present state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes there.
    Move,
    /// It is there already, so a repeated request changes nothing.
    Already,
    /// It changed since the caller saw it.
    Stale,
    /// It may not go there from where it is.
    Illegal,
}

impl StatusChange {
    /// Reads a change, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let order_number = fields.text("order_number", Text::line(64));
        let name = fields.text("status", Text::line(16));
        let status = name.and_then(|name| {
            let known: Result<_, UnknownStatus> = name.parse();
            known.or_else(|unknown| fields.refuse("status", FieldErrorCode::Status, unknown.to_string()).ok_or(())).ok()
        });
        let expected_version = fields.optional_integer("expected_version", &(1..=i32::MAX));
        let note = fields.optional_text("note", Text::lines(1000));
        let partner_note = fields.optional_text("partner_note", Text::lines(1000));
        fields.finish()?;
        match (order_number, status) {
            (Some(order_number), Some(status)) => {
                Ok(Self { order_number, status, expected_version, note, partner_note })
            }
            _ => Err(Vec::new()),
        }
    }

    /// What this change means for an order. Being there already comes first: a caller that repeats its request after a
    /// lost answer knows only the version before.
    #[must_use]
    pub fn verdict(&self, order: &SalesOrder) -> Verdict {
        if order.status == self.status {
            Verdict::Already
        } else if self.expected_version.is_some_and(|version| version != order.version) {
            Verdict::Stale
        } else if order.status.next().contains(&self.status) {
            Verdict::Move
        } else {
            Verdict::Illegal
        }
    }
}
