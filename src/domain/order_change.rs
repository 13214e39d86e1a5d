//! Changes of orders that were taken: what is asked for, and what it makes of the order.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::fields::{Fields, Naming};
use super::fulfilment::{Fulfilment, Refused, Remaining};
use super::line_answer::AnsweredLine;
use super::line_answers::{MAX_QUANTITY, line_number};
use super::names::names;
use super::order::{SalesOrder, SalesOrderLine};
use super::order_input::{ADDRESS, LineContent, MAX_LINES, NewOrder, OrderContent, TOTAL_TOO_LARGE};
use super::order_request::{Asked, CancellationReason, NOTE, RequestInput};
use crate::error::{FieldError, FieldErrorCode};

/// What is to be changed. What it does not name stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrderChange {
    /// Another day on which delivery is asked for.
    pub requested_delivery_date: Option<NaiveDate>,
    /// Another delivery address.
    pub address: Option<String>,
    /// Lines of which another quantity is ordered.
    pub changed_lines: Vec<ChangedLine>,
    /// Lines that are no longer wanted.
    pub removed_lines: Vec<RemovedLine>,
    /// New lines, which get the numbers behind those there are.
    pub added_lines: Vec<LineContent>,
}

/// A line with its new quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangedLine {
    /// The line's number in the order.
    pub line_no: i32,
    /// How much of it is ordered in all.
    pub quantity: i32,
}

/// A line that is no longer wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RemovedLine {
    /// The line's number in the order.
    pub line_no: i32,
}

names! {
    /// What of an order, or of a line of it, a change can make another.
    ChangeableField {
        /// The delivery address.
        Address = "ADDRESS",
        /// The day on which delivery is asked for.
        RequestedDeliveryDate = "REQUESTED_DELIVERY_DATE",
        /// Which product a line is of.
        ProductCode = "PRODUCT_CODE",
        /// How much of a line is ordered.
        Quantity = "QUANTITY",
        /// How much of a line is cancelled.
        CancelledQuantity = "CANCELLED_QUANTITY",
        /// The sum of the lines' quantities.
        TotalQuantity = "TOTAL_QUANTITY",
        /// The sum of the lines' amounts.
        TotalAmount = "TOTAL_AMOUNT",
    }
}

/// One difference that a change made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// What became another.
    pub field: ChangeableField,
    /// Of which line; none is the order itself.
    pub line_no: Option<i32>,
    /// What it was; none where there was nothing.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

/// What a change makes of an order.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Its fields and the contents of its lines.
    pub amended: NewOrder,
    /// How far it is.
    pub fulfilment: Fulfilment,
    /// The lines whose answers or quantities changed, new ones among them.
    pub lines: Vec<AnsweredLine>,
    /// Every difference.
    pub differences: Vec<FieldChange>,
}

const PARTS: [&str; 5] = ["requested_delivery_date", "address", "changed_lines", "removed_lines", "added_lines"];

impl OrderChange {
    /// Reads a change, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<RequestInput, Vec<FieldError>> {
        let naming = fields.naming();
        let expected_version = fields.integer("expected_version", &(1..=i32::MAX));
        let reason = fields.optional_parsed("reason", str::parse);
        let note = fields.optional_text("note", NOTE);
        let requested_delivery_date = fields.optional_date("requested_delivery_date");
        let address = fields.optional_text("address", ADDRESS);
        let mut named = BTreeSet::new();
        let changed_lines = fields.optional_list("changed_lines", &(1..=MAX_LINES), |line| {
            let line_no = line_number(line, &mut named);
            let quantity = line.integer("quantity", &(1..=MAX_QUANTITY));
            Some(ChangedLine { line_no: line_no?, quantity: quantity? })
        });
        let removed_lines = fields.optional_list("removed_lines", &(1..=MAX_LINES), |line| {
            Some(RemovedLine { line_no: line_number(line, &mut named)? })
        });
        let added_lines = fields.optional_list("added_lines", &(1..=MAX_LINES), LineContent::read);
        if fields.lacks(&PARTS) {
            let message = format!("asks for nothing; give one of {}", PARTS.map(|part| naming.spell(part)).join(", "));
            fields.refuse_here::<()>(FieldErrorCode::Required, message);
        }
        fields.finish()?;
        let change = Self {
            requested_delivery_date,
            address,
            changed_lines: changed_lines.unwrap_or_default(),
            removed_lines: removed_lines.unwrap_or_default(),
            added_lines: added_lines.unwrap_or_default(),
        };
        let asked = Asked::Change { change: Box::new(change) };
        let reason = reason.unwrap_or(CancellationReason::Other);
        expected_version
            .map(|version| RequestInput { reason, note, expected_version: Some(version), asked, naming })
            .ok_or_else(Vec::new)
    }

    /// The same with lines in the sequence of their numbers; new ones have none yet.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.changed_lines.sort_unstable();
        self.removed_lines.sort_unstable();
        self
    }

    /// How many lines it names.
    #[must_use]
    pub const fn named_lines(&self) -> usize {
        self.changed_lines.len() + self.removed_lines.len() + self.added_lines.len()
    }

    /// What it makes of an order with these lines, or every reason why it cannot be done.
    pub fn apply(
        &self,
        order: &SalesOrder,
        lines: &[SalesOrderLine],
        mut fulfilment: Fulfilment,
        naming: Naming,
    ) -> Result<Changed, Refused> {
        let before = fulfilment.lines().to_vec();
        let answered = fulfilment.change(self, naming)?;
        let content = OrderContent {
            address: self.address.clone().unwrap_or_else(|| order.content.address.clone()),
            requested_delivery_date: self.requested_delivery_date.or(order.content.requested_delivery_date),
            ..order.content.clone()
        };
        let contents = lines.iter().map(|line| &line.content).chain(&self.added_lines);
        let products = contents
            .zip(fulfilment.lines())
            .map(|(content, line)| LineContent { quantity: line.answer.ordered(), ..content.clone() });
        let Some(amended) = NewOrder::amended(content, products.collect()) else {
            let list = if self.added_lines.is_empty() { "changed_lines" } else { "added_lines" };
            let (pointer, message) = (format!("/{}", naming.spell(list)), TOTAL_TOO_LARGE.to_owned());
            let errors = vec![FieldError { pointer, code: FieldErrorCode::Range, message }];
            return Err(Refused { errors, is_conflict: false });
        };
        let differences = differences(order, &amended, &before, &answered);
        Ok(Changed { amended, fulfilment, lines: answered, differences })
    }

    /// What is left to do of it with an order that is as this.
    #[must_use]
    pub fn remaining(&self, order: &SalesOrder, lines: &[SalesOrderLine], fulfilment: &Fulfilment) -> Remaining {
        let is_changeable = fulfilment.is_changeable();
        match self.apply(order, lines, fulfilment.clone(), Naming::SnakeCase) {
            Ok(changed) if changed.differences.is_empty() => Remaining::Done,
            Ok(_) if is_changeable => Remaining::Something,
            _ => Remaining::Gone,
        }
    }
}

/// Every difference, of the order and then of its lines.
fn differences(
    order: &SalesOrder,
    amended: &NewOrder,
    before: &[AnsweredLine],
    changed: &[AnsweredLine],
) -> Vec<FieldChange> {
    use ChangeableField::{
        Address, CancelledQuantity, ProductCode, Quantity, RequestedDeliveryDate, TotalAmount, TotalQuantity,
    };
    let (was, now) = (&order.content, amended.content());
    let day = |content: &OrderContent| content.requested_delivery_date.map(|day| day.to_string());
    let mut all = vec![
        (None, Address, Some(was.address.clone()), Some(now.address.clone())),
        (None, RequestedDeliveryDate, day(was), day(now)),
        (None, TotalQuantity, Some(order.total_quantity.to_string()), Some(amended.total_quantity().to_string())),
        (
            None,
            TotalAmount,
            order.total_amount.map(|amount| amount.to_string()),
            amended.total_amount().map(|amount| amount.to_string()),
        ),
    ];
    for line in changed {
        let known = before.iter().find(|known| known.line_no == line.line_no);
        let text = |quantity: i32| Some(quantity.to_string());
        if known.is_none() {
            let index = usize::try_from(line.line_no - 1).unwrap_or_default();
            let code = amended.products().get(index).map(|content| content.product_code.clone());
            all.push((Some(line.line_no), ProductCode, None, code));
        }
        let ordered = known.and_then(|known| text(known.answer.ordered()));
        all.push((Some(line.line_no), Quantity, ordered, text(line.answer.ordered())));
        let cancelled = known.map_or(0, |known| known.answer.cancelled);
        all.push((Some(line.line_no), CancelledQuantity, text(cancelled), text(line.answer.cancelled)));
    }
    let differing = all.into_iter().filter(|(_, _, before, after)| before != after);
    differing.map(|(line_no, field, before, after)| FieldChange { field, line_no, before, after }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::order::OrderNumber;

    fn read(input: &Value) -> Result<RequestInput, Vec<(String, FieldErrorCode)>> {
        let read = OrderChange::read(Fields::new(input, Naming::SnakeCase));
        read.map_err(|faults| faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect())
    }

    #[test]
    fn every_fault_of_a_change_is_named_and_one_that_asks_for_nothing_is_one() {
        let faulty = json!({"reason": "NONE", "note": "\u{7}", "requested_delivery_date": "soon", "address": "x".repeat(1001),
            "changed_lines": [{"line_no": 1, "quantity": 0}, {"line_no": 1, "quantity": 1}], "removed_lines": [{"line_no": 1}],
            "added_lines": [{"product_code": " ", "quantity": 1, "expected_line_amount": 1}], "typo": 1});
        let expected = [
            ("/expected_version", FieldErrorCode::Required),
            ("/reason", FieldErrorCode::Value),
            ("/note", FieldErrorCode::ControlCharacter),
            ("/requested_delivery_date", FieldErrorCode::Format),
            ("/address", FieldErrorCode::TooLong),
            ("/changed_lines/0/quantity", FieldErrorCode::Range),
            ("/changed_lines/1/line_no", FieldErrorCode::Conflict),
            ("/removed_lines/0/line_no", FieldErrorCode::Conflict),
            ("/added_lines/0/product_code", FieldErrorCode::Blank),
            ("/added_lines/0/expected_line_amount", FieldErrorCode::Unknown),
            ("/typo", FieldErrorCode::Unknown),
        ];
        assert_eq!(read(&faulty).unwrap_err(), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
        let nothing = [("/expected_version", FieldErrorCode::Required), ("", FieldErrorCode::Required)];
        assert_eq!(read(&json!({})).unwrap_err(), nothing.map(|(pointer, code)| (pointer.to_owned(), code)));
        let empty = read(&json!({"expected_version": 1, "changed_lines": []})).unwrap_err();
        assert_eq!(empty, [("/changed_lines".to_owned(), FieldErrorCode::Length)]);
    }

    #[test]
    fn a_change_is_the_same_whatever_the_sequence_of_its_lines_and_another_one_of_another_version() {
        let digest = |input: Value| read(&input).unwrap().digest(OrderNumber::from_id(1));
        let line = |line_no: i32| json!({"line_no": line_no, "quantity": 1});
        let one = digest(json!({"expected_version": 1, "changed_lines": [line(1), line(2)]}));
        let same = json!({"expected_version": 1, "reason": "OTHER", "note": " ", "changed_lines": [line(2), line(1)]});
        assert_eq!(one, digest(same));
        assert_ne!(one, digest(json!({"expected_version": 2, "changed_lines": [line(1), line(2)]})));
        assert_ne!(
            one,
            digest(json!({"expected_version": 1, "changed_lines": [line(1)], "removed_lines": [{"line_no": 2}]}))
        );
    }
}
