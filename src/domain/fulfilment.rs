//! How far an order is, line by line: what was answered to it, what of it has left, and the status that follows from that.
//!
//! An order whose lines were never answered one by one has none of this stored: its lines follow its status. Once one line is
//! answered by itself, or a shipment is recorded, all of them are written down, and the status follows from them.

mod cancelling;
mod changing;

pub use cancelling::Remaining;

use super::fields::Naming;
use super::line_answer::{AnsweredLine, LineAnswer};
use super::line_answers::GivenAnswer;
use super::order::{OrderStatus, SalesOrderLine};
use super::shipment::{Shipment, ShipmentLine};
use crate::error::{FieldError, FieldErrorCode};

/// Of a shipment what the status of its order depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    number: String,
    quantity: i64,
    is_delivered: bool,
}

/// How far an order is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfilment {
    status: OrderStatus,
    lines: Vec<AnsweredLine>,
    shipments: Vec<Sent>,
}

/// What cannot be done to lines of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The faulty fields, all of them.
    pub errors: Vec<FieldError>,
    /// Whether the same input could be right at another time.
    pub is_conflict: bool,
}

/// The status that follows from the lines of an order and its shipments, and the only place that says so:
///
/// 1. all of it is rejected or cancelled: `CANCELLED`;
/// 2. nothing is confirmed or back-ordered: `RECEIVED`;
/// 3. something is confirmed, all of that has left, and nothing is open: `DELIVERED` when each shipment has arrived, else `SHIPPED`;
/// 4. anything else: `CONFIRMED`.
///
/// What left without a shipment of ours arrives when the whole order is said to be delivered, which `before`, its status until now,
/// tells.
fn status_of(lines: &[AnsweredLine], shipments: &[Sent], before: OrderStatus) -> OrderStatus {
    let sum = |part: fn(&LineAnswer) -> i32| lines.iter().map(|line| i64::from(part(&line.answer))).sum::<i64>();
    let (confirmed, shipped) = (sum(|it| it.confirmed), sum(|it| it.shipped));
    if sum(|it| it.rejected + it.cancelled) == sum(LineAnswer::ordered) {
        return OrderStatus::Cancelled;
    }
    if confirmed == 0 && sum(|it| it.back_ordered) == 0 {
        return OrderStatus::Received;
    }
    if confirmed == 0 || shipped < confirmed || sum(|it| it.open) > 0 {
        return OrderStatus::Confirmed;
    }
    let in_shipments: i64 = shipments.iter().map(|sent| sent.quantity).sum();
    let is_told = before == OrderStatus::Delivered || in_shipments == shipped;
    if is_told && shipments.iter().all(|sent| sent.is_delivered) {
        OrderStatus::Delivered
    } else {
        OrderStatus::Shipped
    }
}

/// Gives lines that follow the status of their order the answers that this means.
pub fn follow(status: OrderStatus, lines: &mut [SalesOrderLine]) {
    let mut answered: Vec<_> = lines.iter().map(|line| answered(status, line)).collect();
    catch_up(status, &mut answered);
    for (line, AnsweredLine { answer, .. }) in lines.iter_mut().zip(answered) {
        line.answer = Some(answer);
    }
}

fn answered(status: OrderStatus, line: &SalesOrderLine) -> AnsweredLine {
    let answer = line.answer.unwrap_or_else(|| LineAnswer::following(status, line.content.quantity));
    AnsweredLine { line_no: line.line_no, answer }
}

/// Instances of the version before change the status of an order and know nothing of its lines: they are taken along.
fn catch_up(status: OrderStatus, lines: &mut [AnsweredLine]) {
    let is_behind = match (status_of(lines, &[], OrderStatus::Received), status) {
        (is, stored) if is == stored => false,
        (OrderStatus::Shipped, OrderStatus::Delivered) => false,
        (is, stored) => stored == OrderStatus::Cancelled || rank(is) < rank(stored),
    };
    if is_behind {
        for line in lines {
            line.answer.go_to(status);
        }
    }
}

/// How far on its way an order of a status is.
const fn rank(status: OrderStatus) -> u8 {
    match status {
        OrderStatus::Received => 0,
        OrderStatus::Confirmed => 1,
        OrderStatus::Shipped => 2,
        OrderStatus::Delivered => 3,
        OrderStatus::Cancelled => 4,
    }
}

impl Fulfilment {
    /// How far an order with this status, these lines and these shipments is.
    #[must_use]
    pub fn new(status: OrderStatus, lines: &[SalesOrderLine], shipments: &[Shipment]) -> Self {
        let mut lines: Vec<_> = lines.iter().map(|line| answered(status, line)).collect();
        catch_up(status, &mut lines);
        let sent = |shipment: &Shipment| Sent {
            number: shipment.number.clone(),
            quantity: shipment.quantity(),
            is_delivered: shipment.delivered_at.is_some(),
        };
        Self { status, lines, shipments: shipments.iter().map(sent).collect() }
    }

    /// The status of the order.
    #[must_use]
    pub const fn status(&self) -> OrderStatus {
        self.status
    }

    /// Its lines.
    #[must_use]
    pub fn lines(&self) -> &[AnsweredLine] {
        &self.lines
    }

    /// Whether something has left.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.lines.iter().any(|line| line.answer.shipped > 0)
    }

    /// Answers lines of the order; gives those that changed.
    pub fn answer(&mut self, given: &[GivenAnswer], naming: Naming) -> Result<Vec<AnsweredLine>, Refused> {
        let (mut faults, mut changed) = (Faults::of("lines", naming), Vec::new());
        for (index, new) in given.iter().enumerate() {
            let Some(line) = faults.line(&mut self.lines, index, new.line_no) else { continue };
            let AnsweredLine { line_no, answer: was } = *line;
            let (ordered, told) = (was.ordered(), new.confirmed + new.back_ordered + new.rejected);
            if told + was.cancelled > ordered {
                let cancelled =
                    if was.cancelled > 0 { format!(", {} of them cancelled", was.cancelled) } else { String::new() };
                let message = format!("answers {told} of line {line_no}, of which {ordered} were ordered{cancelled}");
                faults.note(index, None, (FieldErrorCode::Range, false), message);
            } else if new.confirmed < was.shipped {
                let message = format!("must be at least {}, which have left", was.shipped);
                faults.note(index, Some("confirmed_quantity"), (FieldErrorCode::Conflict, true), message);
            } else {
                line.answer = LineAnswer {
                    open: ordered - told - was.cancelled,
                    confirmed: new.confirmed,
                    back_ordered: new.back_ordered,
                    rejected: new.rejected,
                    promised_on: new.promised_on,
                    reason: new.reason,
                    ..was
                };
                if line.answer != was {
                    changed.push(*line);
                }
            }
        }
        faults.finish()?;
        self.settle();
        Ok(changed)
    }

    /// Lets a new shipment leave.
    pub fn ship(&mut self, number: &str, parts: &[ShipmentLine], naming: Naming) -> Result<(), Refused> {
        let mut faults = Faults::of("lines", naming);
        for (index, part) in parts.iter().enumerate() {
            let Some(line) = faults.line(&mut self.lines, index, part.line_no) else { continue };
            let LineAnswer { confirmed, shipped, .. } = line.answer;
            if part.quantity > confirmed - shipped {
                let message = format!(
                    "must be at most {}: of line {} are {confirmed} confirmed, and {shipped} of them have left",
                    confirmed - shipped,
                    part.line_no
                );
                faults.note(index, Some("quantity"), (FieldErrorCode::Conflict, true), message);
            } else {
                line.answer.shipped += part.quantity;
            }
        }
        faults.finish()?;
        let quantity = parts.iter().map(|part| i64::from(part.quantity)).sum();
        self.shipments.push(Sent { number: number.to_owned(), quantity, is_delivered: false });
        self.settle();
        Ok(())
    }

    /// Lets a shipment arrive.
    pub fn deliver(&mut self, number: &str) {
        for sent in &mut self.shipments {
            sent.is_delivered |= sent.number == number;
        }
        self.settle();
    }

    /// Moves the whole order, and all of its lines with it. False where it may not go there: what has left is cancelled no more.
    pub fn go_to(&mut self, status: OrderStatus) -> bool {
        if !self.next_statuses().contains(&status) {
            return false;
        }
        for line in &mut self.lines {
            line.answer.go_to(status);
        }
        if status == OrderStatus::Delivered {
            self.shipments.iter_mut().for_each(|sent| sent.is_delivered = true);
        }
        self.status = status;
        self.settle();
        true
    }

    /// Where the whole order may go from here.
    #[must_use]
    pub fn next_statuses(&self) -> Vec<OrderStatus> {
        next_statuses(self.status, self.has_left())
    }

    fn settle(&mut self) {
        self.status = status_of(&self.lines, &self.shipments, self.status);
    }
}

/// Where a whole order may go from a status, of which something has left or nothing.
#[must_use]
pub fn next_statuses(status: OrderStatus, has_left: bool) -> Vec<OrderStatus> {
    status.next().iter().copied().filter(|next| !(has_left && *next == OrderStatus::Cancelled)).collect()
}

/// Gathers what is wrong with a list of lines.
struct Faults {
    list: &'static str,
    naming: Naming,
    errors: Vec<FieldError>,
    is_conflict: bool,
}

impl Faults {
    const fn of(list: &'static str, naming: Naming) -> Self {
        Self { list, naming, errors: Vec::new(), is_conflict: true }
    }

    /// Finds the line that an item of the list names.
    fn line<'l>(&mut self, lines: &'l mut [AnsweredLine], index: usize, line_no: i32) -> Option<&'l mut AnsweredLine> {
        let last = lines.len();
        let found = lines.iter_mut().find(|line| line.line_no == line_no);
        if found.is_none() {
            let message = format!("must be from 1 to {last}, the lines of the order");
            self.note(index, Some("line_no"), (FieldErrorCode::Range, false), message);
        }
        found
    }

    fn note(
        &mut self,
        index: usize,
        field: Option<&str>,
        (code, is_conflict): (FieldErrorCode, bool),
        message: String,
    ) {
        let Self { list, naming, .. } = self;
        let (list, field) = (naming.spell(list), field.map(|field| format!("/{}", naming.spell(field))));
        let field = field.unwrap_or_default();
        self.errors.push(FieldError { pointer: format!("/{list}/{index}{field}"), code, message });
        self.is_conflict &= is_conflict;
    }

    /// Goes on with another list.
    const fn about(mut self, list: &'static str) -> Self {
        self.list = list;
        self
    }

    /// Notes a fault of a whole list, which no other state of the order would mend.
    fn note_list(&mut self, list: &str, code: FieldErrorCode, message: String) {
        self.errors.push(FieldError { pointer: format!("/{}", self.naming.spell(list)), code, message });
        self.is_conflict = false;
    }

    fn finish(self) -> Result<(), Refused> {
        let Self { errors, is_conflict, .. } = self;
        if errors.is_empty() { Ok(()) } else { Err(Refused { errors, is_conflict }) }
    }
}

#[cfg(test)]
#[path = "fulfilment_tests.rs"]
mod tests;
