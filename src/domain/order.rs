//! Sales orders as they are kept.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::client::ClientId;
use super::line_answer::LineAnswer;
use super::money::Money;
use super::order_input::{LineContent, NewOrder, OrderContent};

/// An order's public number, `SO-` and at least ten digits. It is the row's id in other clothes. Which numbers are given is said in
/// `numbers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderNumber(i64);

/// The text is not an order number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an order number looks like SO-0000000042")]
pub struct InvalidOrderNumber;

impl OrderNumber {
    /// How a number is spelled (ECMA-262).
    pub const PATTERN: &str = "^SO-[0-9]{10,19}$";
    /// Of an order that is not stored yet.
    pub const NONE: Self = Self(0);

    /// The number of the row with this id.
    #[must_use]
    pub const fn from_id(id: i64) -> Self {
        Self(id)
    }

    /// The id of the row with this number.
    #[must_use]
    pub const fn id(self) -> i64 {
        self.0
    }
}

impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SO-{:010}", self.0)
    }
}

impl FromStr for OrderNumber {
    type Err = InvalidOrderNumber;

    /// Only the one spelling that [`fmt::Display`] gives is accepted.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("SO-").filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let number = digits.and_then(|digits| digits.parse().ok()).map(Self).ok_or(InvalidOrderNumber)?;
        if number.0 > 0 && number.to_string() == text { Ok(number) } else { Err(InvalidOrderNumber) }
    }
}

/// The status of an order in its lifecycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Received and stored; not yet accepted.
    Received,
    /// Accepted, if only a part of it; not all of that has left yet.
    Confirmed,
    /// All that is confirmed has left.
    Shipped,
    /// It has arrived. Final, unless more is confirmed that was to come later.
    Delivered,
    /// Cancelled or rejected as a whole: nothing is delivered. Final.
    Cancelled,
}

impl OrderStatus {
    /// Every status there is.
    pub const ALL: [Self; 5] = [Self::Received, Self::Confirmed, Self::Shipped, Self::Delivered, Self::Cancelled];

    /// The status' name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "RECEIVED",
            Self::Confirmed => "CONFIRMED",
            Self::Shipped => "SHIPPED",
            Self::Delivered => "DELIVERED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Where a whole order may go from here: `RECEIVED → CONFIRMED → SHIPPED → DELIVERED`, and `CANCELLED` from any status
    /// before `SHIPPED`. What its lines and shipments make of it is said in `fulfilment`.
    #[must_use]
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Received => &[Self::Confirmed, Self::Cancelled],
            Self::Confirmed => &[Self::Shipped, Self::Cancelled],
            Self::Shipped => &[Self::Delivered],
            Self::Delivered | Self::Cancelled => &[],
        }
    }

    /// Where else answers to its lines and shipments may bring an order: `fulfilment` says how
    /// (`lines_and_shipments_bring_an_order_where_its_picture_says_and_nowhere_else`).
    #[must_use]
    pub const fn by_lines(self) -> &'static [Self] {
        match self {
            Self::Confirmed => &[Self::Received, Self::Delivered],
            Self::Shipped | Self::Delivered => &[Self::Confirmed],
            Self::Received | Self::Cancelled => &[],
        }
    }
}

/// The text names no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be one of {}", OrderStatus::ALL.map(OrderStatus::as_str).join(", "))]
pub struct UnknownStatus;

impl FromStr for OrderStatus {
    type Err = UnknownStatus;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == name).ok_or(UnknownStatus)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An order as stored, without its lines.
#[derive(Debug, Clone)]
pub struct SalesOrder {
    /// Order number.
    pub number: OrderNumber,
    /// The client that sent it.
    pub client_id: ClientId,
    /// The fields that its sender gave.
    pub content: OrderContent,
    /// Its status.
    pub status: OrderStatus,
    /// Counts its changes, from 1.
    pub version: i32,
    /// Sum of the lines' quantities.
    pub total_quantity: i64,
    /// Sum of the lines' amounts; `None` when a line has no price.
    pub total_amount: Option<Money>,
    /// How many lines it has.
    pub line_count: i32,
    /// The time at which it was received.
    pub created_at: DateTime<Utc>,
    /// The time of its last change.
    pub updated_at: DateTime<Utc>,
}

impl SalesOrder {
    /// A new order as it is stored first, with its lines. Where it has no number, the database gives it one.
    #[must_use]
    pub fn taken(
        new: &NewOrder,
        number: OrderNumber,
        client_id: ClientId,
        at: DateTime<Utc>,
    ) -> (Self, Vec<SalesOrderLine>) {
        let order = Self {
            number,
            client_id,
            content: new.content().clone(),
            status: OrderStatus::Received,
            version: 1,
            total_quantity: new.total_quantity(),
            total_amount: new.total_amount(),
            line_count: new.line_count(),
            created_at: at,
            updated_at: at,
        };
        let lines = new.products().iter().cloned().zip(1..);
        (order, lines.map(|(content, line_no)| SalesOrderLine { line_no, content, answer: None }).collect())
    }

    /// Whether it may have shipments: there are none of what is not confirmed.
    #[must_use]
    pub const fn may_have_shipments(&self) -> bool {
        matches!(self.status, OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered)
    }

    /// Whether its sender may have asked for something to be done with it: each such request is a change.
    #[must_use]
    pub const fn may_have_requests(&self) -> bool {
        self.version > 1
    }

    /// Whether some of it may have left, and the rest not.
    #[must_use]
    pub const fn may_be_partly_shipped(&self) -> bool {
        matches!(self.status, OrderStatus::Confirmed)
    }

    /// The order as a change leaves it.
    #[must_use]
    pub fn amended(self, order: &NewOrder) -> Self {
        Self {
            content: order.content().clone(),
            total_quantity: order.total_quantity(),
            total_amount: order.total_amount(),
            line_count: order.line_count(),
            ..self
        }
    }

    /// The order with another status, as the change that `at` makes leaves it.
    #[must_use]
    pub fn moved(&self, status: OrderStatus, at: DateTime<Utc>) -> Self {
        // A clock that was set back must not let an order change before it was made.
        Self { status, version: self.version + 1, updated_at: at.max(self.updated_at), ..self.clone() }
    }
}

/// One line of an order.
#[derive(Debug, Clone)]
pub struct SalesOrderLine {
    /// Its number in the order, from 1.
    pub line_no: i32,
    /// The fields that its sender gave.
    pub content: LineContent,
    /// What was answered to it. None where it follows the status of its order, or was not read.
    pub answer: Option<LineAnswer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_number_has_exactly_one_spelling() {
        assert_eq!(OrderNumber::from_id(42).to_string(), "SO-0000000042");
        assert_eq!("SO-0000000042".parse(), Ok(OrderNumber::from_id(42)));
        assert_eq!("SO-12345678901".parse(), Ok(OrderNumber::from_id(12_345_678_901)));
        for text in ["", "42", "SO-42", "so-0000000042", "SO-00000000042", "SO-0000000000", "SO-+000000042", "SO-０"] {
            assert_eq!(text.parse::<OrderNumber>(), Err(InvalidOrderNumber), "{text}");
        }
    }
}
