//! What is said of a line of an order: how much of it will be supplied, when, and why not all.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::order::OrderStatus;

/// Why a line is not confirmed as it was ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AnswerReason {
    /// There is none, or too little, for now.
    OutOfStock,
    /// It is made no more.
    Discontinued,
    /// It is not for this customer.
    NotInAssortment,
    /// No product has this code.
    UnknownProduct,
    /// It is not sold by this unit.
    WrongUnit,
    /// Its price is another.
    PriceDiffers,
    /// Not as much is sold at once.
    QuantityLimited,
    /// It comes on another day.
    DateChanged,
    /// Another reason.
    Other,
}

impl AnswerReason {
    /// Every reason there is.
    pub const ALL: [Self; 9] = [
        Self::OutOfStock,
        Self::Discontinued,
        Self::NotInAssortment,
        Self::UnknownProduct,
        Self::WrongUnit,
        Self::PriceDiffers,
        Self::QuantityLimited,
        Self::DateChanged,
        Self::Other,
    ];

    /// Its name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfStock => "OUT_OF_STOCK",
            Self::Discontinued => "DISCONTINUED",
            Self::NotInAssortment => "NOT_IN_ASSORTMENT",
            Self::UnknownProduct => "UNKNOWN_PRODUCT",
            Self::WrongUnit => "WRONG_UNIT",
            Self::PriceDiffers => "PRICE_DIFFERS",
            Self::QuantityLimited => "QUANTITY_LIMITED",
            Self::DateChanged => "DATE_CHANGED",
            Self::Other => "OTHER",
        }
    }
}

/// The text names no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be one of {}", AnswerReason::ALL.map(AnswerReason::as_str).join(", "))]
pub struct UnknownReason;

impl FromStr for AnswerReason {
    type Err = UnknownReason;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name).ok_or(UnknownReason)
    }
}

impl fmt::Display for AnswerReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was answered to a line, and what has left of it. Open, confirmed, back-ordered, rejected and cancelled add up to what was
/// ordered; what has left is part of what is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineAnswer {
    /// Not answered yet.
    pub open: i32,
    /// Will be supplied, or has been.
    pub confirmed: i32,
    /// Will be supplied later.
    pub back_ordered: i32,
    /// Will not be supplied.
    pub rejected: i32,
    /// Is no longer wanted.
    pub cancelled: i32,
    /// Has left.
    pub shipped: i32,
    /// The day on which it is promised to arrive.
    pub promised_on: Option<NaiveDate>,
    /// Why it is not confirmed as it was ordered.
    pub reason: Option<AnswerReason>,
}

impl LineAnswer {
    /// Nothing was answered.
    #[must_use]
    pub const fn none(ordered: i32) -> Self {
        Self {
            open: ordered,
            confirmed: 0,
            back_ordered: 0,
            rejected: 0,
            cancelled: 0,
            shipped: 0,
            promised_on: None,
            reason: None,
        }
    }

    /// That of a line that follows the status of its order.
    #[must_use]
    pub const fn following(status: OrderStatus, ordered: i32) -> Self {
        let mut answer = Self::none(ordered);
        answer.go_to(status);
        answer
    }

    /// How much was ordered.
    #[must_use]
    pub const fn ordered(&self) -> i32 {
        self.open + self.confirmed + self.back_ordered + self.rejected + self.cancelled
    }

    /// Whether there is anything to tell.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::none(self.ordered())
    }

    /// How much of it can still be cancelled.
    #[must_use]
    pub const fn cancellable(&self) -> i32 {
        self.open + self.back_ordered + self.confirmed - self.shipped
    }

    /// Cancels so much of it, at most what can be: first what is open, last what is confirmed.
    pub(super) fn cancel(&mut self, quantity: i32) {
        let open = quantity.min(self.open);
        let later = (quantity - open).min(self.back_ordered);
        self.open -= open;
        self.back_ordered -= later;
        self.confirmed -= quantity - open - later;
        self.cancelled += quantity;
    }

    /// How much of it must stay ordered: what has left, and what was settled otherwise.
    #[must_use]
    pub const fn settled(&self) -> i32 {
        self.shipped + self.rejected + self.cancelled
    }

    /// Orders so much of it, at least what is settled. What is added is open; taken away is first what is open, last what is confirmed.
    pub(super) fn order(&mut self, quantity: i32) {
        let ordered = self.ordered();
        if quantity >= ordered {
            self.open += quantity - ordered;
        } else {
            self.cancel(ordered - quantity);
            self.cancelled -= ordered - quantity;
        }
    }

    /// What a change of the whole order does to the line: `CONFIRMED` confirms what is open, `SHIPPED` lets all leave that is neither
    /// rejected nor cancelled, and `CANCELLED` cancels what has not left.
    pub(super) const fn go_to(&mut self, status: OrderStatus) {
        match status {
            OrderStatus::Received => {}
            OrderStatus::Confirmed => {
                self.confirmed += self.open;
                self.open = 0;
            }
            OrderStatus::Shipped | OrderStatus::Delivered => {
                self.confirmed += self.open + self.back_ordered;
                self.open = 0;
                self.back_ordered = 0;
                self.shipped = self.confirmed;
            }
            OrderStatus::Cancelled => {
                self.cancelled += self.open + self.back_ordered + self.confirmed - self.shipped;
                self.open = 0;
                self.back_ordered = 0;
                self.confirmed = self.shipped;
            }
        }
    }
}

/// A line with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredLine {
    /// Its number in the order.
    pub line_no: i32,
    /// Its answer.
    #[serde(flatten)]
    pub answer: LineAnswer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_read_by_its_name() {
        for reason in AnswerReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        assert_eq!("out_of_stock".parse::<AnswerReason>(), Err(UnknownReason));
    }
}
