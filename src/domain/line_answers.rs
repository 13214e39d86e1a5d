//! Answering lines of an order: what an operator says of each line that it names.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::fields::{Fields, Naming, Text};
use super::line_answer::{AnswerReason, UnknownReason};
use crate::error::{FieldError, FieldErrorCode};

/// The answers to lines of an order, as input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineAnswersInput {
    /// Which order, as sent; whether there is one is not known yet.
    pub order_number: String,
    /// The version the caller saw, if it minds changes since then.
    pub expected_version: Option<i32>,
    /// What is said of which line.
    pub lines: Vec<GivenAnswer>,
    /// How the caller spells fields.
    pub naming: Naming,
}

/// What is said of one line: quantities that hold from now on, not what is added to those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenAnswer {
    /// The line's number in the order.
    pub line_no: i32,
    /// How much will be supplied.
    pub confirmed: i32,
    /// How much will be supplied later.
    pub back_ordered: i32,
    /// How much will not be supplied.
    pub rejected: i32,
    /// The day on which it is promised to arrive.
    pub promised_on: Option<NaiveDate>,
    /// Why it is not confirmed as it was ordered.
    pub reason: Option<AnswerReason>,
}

/// The numbers that a line may have.
pub(super) const LINE_NUMBERS: std::ops::RangeInclusive<i32> = 1..=500;

/// The most that may be ordered by one line.
pub(super) const MAX_QUANTITY: i32 = 1_000_000;

impl LineAnswersInput {
    /// Reads answers, or describes them.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let naming = fields.naming();
        let order_number = fields.text("order_number", Text::line(64));
        let expected_version = fields.optional_integer("expected_version", &(1..=i32::MAX));
        let mut named = BTreeSet::new();
        let lines = fields.list("lines", &(1..=500), |line| GivenAnswer::read(line, &mut named));
        fields.finish()?;
        match (order_number, lines) {
            (Some(order_number), Some(lines)) => Ok(Self { order_number, expected_version, lines, naming }),
            _ => Err(Vec::new()),
        }
    }
}

impl GivenAnswer {
    fn read(fields: &mut Fields<'_>, named: &mut BTreeSet<i32>) -> Option<Self> {
        let line_no = line_number(fields, named);
        let confirmed = fields.integer("confirmed_quantity", &(0..=MAX_QUANTITY));
        let back_ordered = fields.optional_integer("back_ordered_quantity", &(0..=MAX_QUANTITY));
        let rejected = fields.optional_integer("rejected_quantity", &(0..=MAX_QUANTITY));
        let promised_on = fields.optional_date("promised_on");
        let reason = fields.optional_text("reason", Text::line(32)).and_then(|name| {
            let known: Result<_, UnknownReason> = name.parse();
            known
                .or_else(|unknown| fields.refuse("reason", FieldErrorCode::Unknown, unknown.to_string()).ok_or(()))
                .ok()
        });
        Some(Self {
            line_no: line_no?,
            confirmed: confirmed?,
            back_ordered: back_ordered.unwrap_or(0),
            rejected: rejected.unwrap_or(0),
            promised_on,
            reason,
        })
    }
}

/// The number of a line that no other item of the list names.
pub(super) fn line_number(fields: &mut Fields<'_>, named: &mut BTreeSet<i32>) -> Option<i32> {
    let line_no = fields.integer("line_no", &LINE_NUMBERS)?;
    if named.insert(line_no) {
        return Some(line_no);
    }
    fields.refuse("line_no", FieldErrorCode::Conflict, format!("names line {line_no} again; name each line once"))
}
