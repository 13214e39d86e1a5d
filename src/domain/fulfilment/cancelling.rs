//! What of an order can still be cancelled, and what that makes of its lines.

use super::{Faults, Fulfilment, Refused};
use crate::domain::fields::Naming;
use crate::domain::line_answer::{AnsweredLine, LineAnswer};
use crate::domain::order_request::CancelledLine;
use crate::error::FieldErrorCode;

/// What is left to do of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// It can be done, all of it or what has not left.
    Something,
    /// Nothing: all that it asks for is so.
    Done,
    /// Nothing: what it asks for has left or will not be supplied.
    Gone,
}

impl Fulfilment {
    /// Whether something was promised: it is confirmed, or will come later.
    #[must_use]
    pub fn is_promised(&self) -> bool {
        self.lines.iter().any(|line| line.answer.confirmed > 0 || line.answer.back_ordered > 0)
    }

    /// Refuses a cancellation of more than can be cancelled of a line. One of the whole order is never refused.
    pub fn ensure_cancellable(&mut self, wanted: &[CancelledLine], naming: Naming) -> Result<(), Refused> {
        let mut faults = Faults::of("lines", naming);
        for (index, CancelledLine { line_no, cancelled }) in wanted.iter().copied().enumerate() {
            let Some(line) = faults.line(&mut self.lines, index, line_no) else { continue };
            let (ordered, most) = (line.answer.ordered(), line.answer.cancelled + line.answer.cancellable());
            let field = Some("cancelled_quantity");
            if cancelled > ordered {
                let message = format!("must be at most {ordered}, which were ordered of line {line_no}");
                faults.note(index, field, (FieldErrorCode::Range, false), message);
            } else if cancelled > most {
                let LineAnswer { shipped, rejected, .. } = line.answer;
                let message = format!(
                    "must be at most {most}: of the {ordered} of line {line_no} have {shipped} left, and {rejected} are rejected"
                );
                faults.note(index, field, (FieldErrorCode::Conflict, true), message);
            }
        }
        faults.finish()
    }

    /// What is left to do of a cancellation of these lines, or of the whole order.
    #[must_use]
    pub fn remaining(&self, wanted: Option<&[CancelledLine]>) -> Remaining {
        let parts = self.lines.iter().map(|line| (line.answer, cancelled_of(line, wanted)));
        let (mut is_done, mut is_something) = (true, false);
        for (answer, cancelled) in parts {
            let missing = cancelled.saturating_sub(answer.cancelled).max(0);
            is_done &= missing == 0;
            is_something |= missing.min(answer.cancellable()) > 0;
        }
        match (is_something, is_done) {
            (true, _) => Remaining::Something,
            (false, true) => Remaining::Done,
            (false, false) => Remaining::Gone,
        }
    }

    /// Cancels what has not left of these lines, or of the whole order; gives the lines that changed. First goes what nobody promised.
    pub fn cancel(&mut self, wanted: Option<&[CancelledLine]>) -> Vec<AnsweredLine> {
        let mut changed = Vec::new();
        for line in &mut self.lines {
            let missing = cancelled_of(line, wanted).saturating_sub(line.answer.cancelled).max(0);
            let quantity = missing.min(line.answer.cancellable());
            if quantity > 0 {
                line.answer.cancel(quantity);
                changed.push(*line);
            }
        }
        self.settle();
        changed
    }
}

/// How much of a line is to be cancelled in all. Of a whole order that is all but what is rejected.
fn cancelled_of(line: &AnsweredLine, wanted: Option<&[CancelledLine]>) -> i32 {
    let Some(wanted) = wanted else { return line.answer.ordered() - line.answer.rejected };
    wanted.iter().find(|it| it.line_no == line.line_no).map_or(0, |it| it.cancelled)
}
