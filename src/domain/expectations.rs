//! What an order and its lines come to by their sender's own figures, compared with what is computed. They are neither stored nor part
//! of the digest: the same order without them is the same order.

use super::fields::Naming;
use super::money::Money;
use super::order_input::LineContent;
use crate::error::{FieldError, FieldErrorCode};

/// An amount that is not the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch {
    /// The index of the line; `None` for the whole order.
    line: Option<usize>,
    expected: Money,
    computed: Money,
}

impl Mismatch {
    /// A JSON pointer to the expected amount, in the caller's spelling.
    #[must_use]
    pub fn pointer(&self, naming: Naming) -> String {
        match self.line {
            None => format!("/{}", naming.spell("expected_total")),
            Some(index) => format!("/products/{index}/{}", naming.spell("expected_line_amount")),
        }
    }

    /// What is wrong, and what to do: a sentence without its subject.
    #[must_use]
    pub fn message(&self) -> String {
        let Self { line, expected, computed } = self;
        let what = if line.is_some() { "line" } else { "order" };
        format!("is {expected}, but the {what} comes to {computed}; correct it, or the prices and quantities")
    }

    /// The same as the fault of a field.
    #[must_use]
    pub fn fault(&self, naming: Naming) -> FieldError {
        FieldError { pointer: self.pointer(naming), code: FieldErrorCode::Mismatch, message: self.message() }
    }
}

/// Compares what is expected of an order, and of each of its lines, with what they come to. A line without a price comes to 0.
pub(super) fn compare(
    expected: Option<Money>,
    total: Money,
    lines: impl IntoIterator<Item = Option<Money>>,
    products: &[LineContent],
) -> Vec<Mismatch> {
    let whole = expected.map(|expected| Mismatch { line: None, expected, computed: total });
    let each = lines.into_iter().zip(products).enumerate().filter_map(|(index, (expected, line))| {
        let quantity = line.quantity.into();
        // An order whose total is in range has no line that is not.
        let computed = line.unit_price.and_then(|price| price.times(quantity)).unwrap_or(Money::ZERO);
        Some(Mismatch { line: Some(index), expected: expected?, computed })
    });
    whole.into_iter().chain(each).filter(|it| it.expected != it.computed).collect()
}
