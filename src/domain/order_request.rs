//! What the sender of an order asks to be done with it, and what became of that.
//!
//! As long as nothing was promised it is done at once. Later it is a request that staff answer, one at a time for each order.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::fields::{Fields, Naming, Text};
use super::line_answers::{MAX_QUANTITY, line_number};
use super::names::names;
use super::order::OrderNumber;
use super::order_change::OrderChange;
use crate::error::{FieldError, FieldErrorCode};

/// How many requests of an order are kept, whatever became of them. Each answer that shows the order shows all of them.
pub const MAX_REQUESTS: usize = 20;

/// A request's public number, `RQ-` and at least ten digits. It is the row's id in other clothes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RequestNumber(i64);

/// The text is not the number of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the number of a request looks like RQ-0000000042")]
pub struct InvalidRequestNumber;

impl RequestNumber {
    /// That of the row with this id.
    #[must_use]
    pub const fn from_id(id: i64) -> Self {
        Self(id)
    }

    /// The id of its row.
    #[must_use]
    pub const fn id(self) -> i64 {
        self.0
    }
}

impl fmt::Display for RequestNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RQ-{:010}", self.0)
    }
}

impl From<RequestNumber> for String {
    fn from(id: RequestNumber) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for RequestNumber {
    type Error = InvalidRequestNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for RequestNumber {
    type Err = InvalidRequestNumber;

    /// Only the one spelling that [`fmt::Display`] gives is accepted.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number =
            text.strip_prefix("RQ-").and_then(|digits| digits.parse().ok()).map(Self).ok_or(InvalidRequestNumber)?;
        if number.0 > 0 && number.to_string() == text { Ok(number) } else { Err(InvalidRequestNumber) }
    }
}

names! {
    /// What is asked for.
    RequestKind {
        /// That the order, or quantities of its lines, be cancelled.
        Cancellation = "CANCELLATION",
        /// That the order be changed.
        Change = "CHANGE",
    }

    /// What became of a request. From `PENDING` it goes to any other state, and from there nowhere.
    RequestState {
        /// Nobody answered it yet.
        Pending = "PENDING",
        /// It was done.
        Accepted = "ACCEPTED",
        /// It was not done.
        Rejected = "REJECTED",
        /// Nothing is left that it could be done with.
        Superseded = "SUPERSEDED",
    }

    /// Why an order is to be cancelled or changed.
    CancellationReason {
        /// The customer does not want it any more.
        CustomerRequest = "CUSTOMER_REQUEST",
        /// It was ordered by mistake.
        OrderedByMistake = "ORDERED_BY_MISTAKE",
        /// It was ordered twice.
        DuplicateOrder = "DUPLICATE_ORDER",
        /// Its product, quantity, price or address is wrong.
        WrongData = "WRONG_DATA",
        /// It comes too late.
        TooLate = "TOO_LATE",
        /// Another reason.
        Other = "OTHER",
    }

    /// Why a request was rejected.
    RefusalReason {
        /// It is being packed.
        InPreparation = "IN_PREPARATION",
        /// It has left, or is about to.
        AlreadyShipped = "ALREADY_SHIPPED",
        /// It is made for this order.
        MadeToOrder = "MADE_TO_ORDER",
        /// What was agreed does not allow it.
        NotAgreed = "NOT_AGREED",
        /// Another reason.
        Other = "OTHER",
    }

    /// What staff say to a request.
    Decision {
        /// It is done.
        Accept = "ACCEPT",
        /// It is not done.
        Reject = "REJECT",
    }
}

/// How much of a line is to be cancelled in all, with what is cancelled of it already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CancelledLine {
    /// The line's number in the order.
    pub line_no: i32,
    /// How much of it.
    pub cancelled: i32,
}

/// What is asked for, with what that kind of request needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Asked {
    /// That the order, or quantities of its lines, be cancelled.
    #[serde(rename = "CANCELLATION")]
    Cancellation {
        /// What of which line; none is all of the order.
        lines: Option<Vec<CancelledLine>>,
    },
    /// That the order be changed.
    #[serde(rename = "CHANGE")]
    Change {
        /// What of it.
        change: Box<OrderChange>,
    },
}

impl Asked {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> RequestKind {
        match self {
            Self::Cancellation { .. } => RequestKind::Cancellation,
            Self::Change { .. } => RequestKind::Change,
        }
    }

    /// The lines that are to be cancelled; none of a change, and where it is the whole order.
    #[must_use]
    pub fn cancelled_lines(&self) -> Option<&[CancelledLine]> {
        match self {
            Self::Cancellation { lines } => lines.as_deref(),
            Self::Change { .. } => None,
        }
    }

    /// What is to be changed; none of a cancellation.
    #[must_use]
    pub fn change(&self) -> Option<&OrderChange> {
        match self {
            Self::Cancellation { .. } => None,
            Self::Change { change } => Some(change),
        }
    }

    /// How many lines it names.
    #[must_use]
    pub fn named_lines(&self) -> usize {
        self.cancelled_lines().map_or(0, <[_]>::len) + self.change().map_or(0, OrderChange::named_lines)
    }

    /// The same with lines in the sequence of their numbers.
    #[must_use]
    pub fn sorted(self) -> Self {
        match self {
            Self::Cancellation { lines: Some(mut lines) } => {
                lines.sort_unstable();
                Self::Cancellation { lines: Some(lines) }
            }
            Self::Cancellation { lines: None } => self,
            Self::Change { change } => Self::Change { change: Box::new(change.sorted()) },
        }
    }
}

/// A request as input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestInput {
    /// Why.
    pub reason: CancellationReason,
    /// In the sender's own words.
    pub note: Option<String>,
    /// The version the caller saw, if it minds changes since then.
    pub expected_version: Option<i32>,
    /// What is asked for, lines in the sequence in which they were sent.
    pub asked: Asked,
    /// How the caller spells fields.
    pub naming: Naming,
}

impl RequestInput {
    /// Reads a cancellation, or describes it.
    pub fn read_cancellation(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let naming = fields.naming();
        let reason = fields.parsed_text("reason", str::parse);
        let note = fields.optional_text("note", NOTE);
        let mut named = BTreeSet::new();
        let lines = fields.optional_list("lines", &(1..=500), |line| {
            let line_no = line_number(line, &mut named);
            let cancelled = line.integer("cancelled_quantity", &(1..=MAX_QUANTITY));
            Some(CancelledLine { line_no: line_no?, cancelled: cancelled? })
        });
        fields.finish()?;
        let asked = Asked::Cancellation { lines };
        reason.map(|reason| Self { reason, note, expected_version: None, asked, naming }).ok_or_else(Vec::new)
    }

    /// What makes it this one: two requests of an order with the same digest ask for the same.
    #[must_use]
    pub fn digest(&self, order: OrderNumber) -> String {
        let Self { reason, note, expected_version, .. } = self;
        let content = match self.asked.clone().sorted() {
            Asked::Cancellation { lines } => json!([order.id(), RequestKind::Cancellation, reason, note, lines]),
            Asked::Change { change } => {
                json!([order.id(), RequestKind::Change, reason, note, expected_version, change])
            }
        };
        hex::encode(Sha256::digest(content.to_string()))
    }
}

/// A request of an order's sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Its number.
    pub number: RequestNumber,
    /// What is asked for.
    #[serde(flatten)]
    pub asked: Asked,
    /// What became of it.
    pub state: RequestState,
    /// Why it is asked for.
    pub reason: CancellationReason,
    /// In the sender's own words.
    pub note: Option<String>,
    /// The time at which it came.
    pub requested_at: DateTime<Utc>,
    /// What was said to it; none while it is pending.
    pub answer: Option<RequestAnswer>,
}

/// What was said to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestAnswer {
    /// Why it was rejected.
    pub reason: Option<RefusalReason>,
    /// A word to the order's sender.
    pub note: Option<String>,
    /// The time at which it was said.
    pub at: DateTime<Utc>,
}

impl OrderRequest {
    /// The request as an answer leaves it.
    #[must_use]
    pub fn answered(self, state: RequestState, answer: RequestAnswer) -> Self {
        Self { state, answer: Some(answer), ..self }
    }
}

/// The answer to a request, as input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestAnswerInput {
    /// Which order, as sent; whether there is one is not known yet.
    pub order_number: String,
    /// Which of its requests, as sent.
    pub request_number: String,
    /// What is said.
    pub decision: Decision,
    /// Why it is rejected.
    pub reason: Option<RefusalReason>,
    /// A word to the order's sender.
    pub note: Option<String>,
    /// The version the caller saw, if it minds changes since then.
    pub expected_version: Option<i32>,
}

impl RequestAnswerInput {
    /// Reads an answer, or describes it.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, Vec<FieldError>> {
        let order_number = fields.text("order_number", Text::line(64));
        let request_number = fields.text("request_number", Text::line(64));
        let decision = fields.parsed_text("decision", str::parse);
        let reason = fields.optional_parsed("reason", str::parse);
        let note = fields.optional_text("note", NOTE);
        let expected_version = fields.optional_integer("expected_version", &(1..=i32::MAX));
        match (decision, reason) {
            (Some(Decision::Reject), None) => {
                fields.refuse("reason", FieldErrorCode::Required, "is required to reject a request".to_owned())
            }
            (Some(Decision::Accept), Some(_)) => {
                let message = "is why a request is rejected; leave it out to accept it".to_owned();
                fields.refuse("reason", FieldErrorCode::Conflict, message)
            }
            _ => Some(()),
        };
        fields.finish()?;
        match (order_number, request_number, decision) {
            (Some(order_number), Some(request_number), Some(decision)) => {
                Ok(Self { order_number, request_number, decision, reason, note, expected_version })
            }
            _ => Err(Vec::new()),
        }
    }

    /// Whether this says what was said already.
    #[must_use]
    pub fn repeats(&self, known: &OrderRequest) -> bool {
        let said = match known.state {
            RequestState::Accepted => Decision::Accept,
            RequestState::Rejected => Decision::Reject,
            RequestState::Pending | RequestState::Superseded => return false,
        };
        let is_same = |answer: &RequestAnswer| answer.reason == self.reason && answer.note == self.note;
        self.decision == said && known.answer.as_ref().is_some_and(is_same)
    }
}

/// What a note may be.
pub(super) const NOTE: Text = Text::lines(1000);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults<T>(read: Result<T, Vec<FieldError>>) -> Vec<(String, FieldErrorCode)> {
        read.err().unwrap().into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn a_request_has_one_number_in_one_spelling() {
        assert_eq!("RQ-0000000042".parse(), Ok(RequestNumber(42)));
        assert_eq!(serde_json::to_value(RequestNumber(42)).unwrap(), "RQ-0000000042");
        for text in ["", "42", "RQ-42", "SO-0000000042", "RQ-00000000042", "RQ-0000000000", "RQ-+000000042"] {
            assert_eq!(text.parse::<RequestNumber>(), Err(InvalidRequestNumber), "{text}");
        }
    }

    #[test]
    fn every_name_is_read_back_and_no_other_is_one() {
        for reason in CancellationReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        let unknown = "ACCEPTED".parse::<Decision>().unwrap_err();
        assert_eq!(unknown.to_string(), "must be one of ACCEPT, REJECT");
    }

    #[test]
    fn a_cancellation_is_the_same_whatever_the_sequence_of_its_lines_and_every_fault_of_it_is_named() {
        let read = |input: Value| RequestInput::read_cancellation(Fields::new(&input, Naming::SnakeCase));
        let digest = |input: Value| read(input).unwrap().digest(OrderNumber::from_id(1));
        let line = |line_no: i32| json!({"line_no": line_no, "cancelled_quantity": 1});
        let one = digest(json!({"reason": "OTHER", "lines": [line(1), line(2)]}));
        assert_eq!(one, digest(json!({"reason": "OTHER", "lines": [line(2), line(1)], "note": " "})));
        assert_ne!(one, digest(json!({"reason": "OTHER", "lines": [line(1)]})));
        assert_ne!(one, digest(json!({"reason": "OTHER"})));
        let faulty = json!({"reason": "NONE", "note": "\u{7}", "typo": 1,
                            "lines": [line(1), line(1), {"line_no": 501, "cancelled_quantity": 0}]});
        assert_eq!(
            faults(read(faulty)),
            [
                ("/reason".to_owned(), FieldErrorCode::Value),
                ("/note".to_owned(), FieldErrorCode::ControlCharacter),
                ("/lines/1/line_no".to_owned(), FieldErrorCode::Conflict),
                ("/lines/2/line_no".to_owned(), FieldErrorCode::Range),
                ("/lines/2/cancelled_quantity".to_owned(), FieldErrorCode::Range),
                ("/typo".to_owned(), FieldErrorCode::Unknown),
            ]
        );
        assert_eq!(faults(read(json!({"lines": []})))[1], ("/lines".to_owned(), FieldErrorCode::Length));
    }

    #[test]
    fn a_request_is_rejected_for_a_reason_and_accepted_without_one() {
        let read = |input: Value| RequestAnswerInput::read(Fields::new(&input, Naming::CamelCase));
        let input = |decision: &str, reason: Value| json!({"orderNumber": "SO-0000000001", "requestNumber": "RQ-0000000001", "decision": decision, "reason": reason});
        assert!(read(input("ACCEPT", Value::Null)).is_ok());
        assert!(read(input("REJECT", json!("IN_PREPARATION"))).is_ok());
        let reason = |code| vec![("/reason".to_owned(), code)];
        assert_eq!(faults(read(input("REJECT", Value::Null))), reason(FieldErrorCode::Required));
        assert_eq!(faults(read(input("ACCEPT", json!("OTHER")))), reason(FieldErrorCode::Conflict));
    }
}
