//! What of an order can still be changed, and what that makes of its lines.

use super::{Faults, Fulfilment, Refused};
use crate::domain::fields::Naming;
use crate::domain::line_answer::{AnsweredLine, LineAnswer};
use crate::domain::order_change::OrderChange;
use crate::domain::order_input::MAX_LINES;
use crate::error::FieldErrorCode;

impl Fulfilment {
    /// Whether something of the order has neither left nor is rejected or cancelled.
    #[must_use]
    pub fn is_changeable(&self) -> bool {
        self.lines.iter().any(|line| line.answer.cancellable() > 0)
    }

    /// Changes quantities, removes lines and adds some; gives the lines that changed. A removed line stays, all of it cancelled, so that
    /// its number is not used again and all that was said of it is kept.
    pub fn change(&mut self, change: &OrderChange, naming: Naming) -> Result<Vec<AnsweredLine>, Refused> {
        let before = self.lines.clone();
        let mut faults = Faults::of("changed_lines", naming);
        for (index, wanted) in change.changed_lines.iter().enumerate() {
            let Some(line) = faults.line(&mut self.lines, index, wanted.line_no) else { continue };
            let LineAnswer { shipped, rejected, cancelled, .. } = line.answer;
            if wanted.quantity == line.answer.ordered() {
                continue;
            }
            if is_gone(line) {
                let message = format!("nothing is left of line {}; add its product as a new line", wanted.line_no);
                faults.note(index, Some("line_no"), (FieldErrorCode::Conflict, true), message);
            } else if wanted.quantity < line.answer.settled() {
                let message = format!(
                    "must be at least {}: of line {} have {shipped} left, {rejected} are rejected and {cancelled} cancelled",
                    line.answer.settled(),
                    wanted.line_no
                );
                faults.note(index, Some("quantity"), (FieldErrorCode::Conflict, true), message);
            } else {
                line.answer.order(wanted.quantity);
            }
        }
        let mut faults = faults.about("removed_lines");
        for (index, removed) in change.removed_lines.iter().enumerate() {
            let Some(line) = faults.line(&mut self.lines, index, removed.line_no) else { continue };
            if line.answer.shipped > 0 {
                let message = format!(
                    "names line {}, of which {} have left; change its quantity to {} instead",
                    removed.line_no,
                    line.answer.shipped,
                    line.answer.settled()
                );
                faults.note(index, Some("line_no"), (FieldErrorCode::Conflict, true), message);
            } else {
                line.answer.cancel(line.answer.cancellable());
            }
        }
        let (lines, added) = (self.lines.len(), change.added_lines.len());
        if lines + added > MAX_LINES {
            let message = format!(
                "makes {} lines of the {lines} of the order, removed ones included; an order has at most {MAX_LINES}",
                lines + added
            );
            faults.note_list("added_lines", FieldErrorCode::Length, message);
        }
        faults.finish()?;
        let numbers = self.lines.last().map_or(0, |line| line.line_no) + 1..;
        self.lines.extend(
            numbers
                .zip(&change.added_lines)
                .map(|(line_no, content)| AnsweredLine { line_no, answer: LineAnswer::none(content.quantity) }),
        );
        self.settle();
        Ok(self.lines.iter().filter(|line| !before.contains(line)).copied().collect())
    }
}

/// Whether all of a line is rejected or cancelled.
fn is_gone(line: &AnsweredLine) -> bool {
    line.answer.cancellable() == 0 && line.answer.shipped == 0
}
