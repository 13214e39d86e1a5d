//! Totals of orders: by what they are grouped, and what is counted.

use std::fmt;

use chrono::{DateTime, Utc};

use super::buckets::Unit;
use super::money::fmt_ten_thousandths;
use super::page::fault;
use super::zone::Zone;
use crate::error::{FieldError, FieldErrorCode};

/// By how many dimensions a summary may be grouped at once.
const MAX_DIMENSIONS: usize = 3;

/// How many groups a summary may show.
pub const MAX_GROUPS: usize = 1000;

/// Into how many buckets of time a summary may be cut: eight years of days, three months of hours.
pub const MAX_BUCKETS: usize = 3000;

/// A property by which orders are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// The time received, cut into buckets.
    Time(Unit),
    /// An attribute of the order or of its lines.
    Attribute(Attribute),
}

/// What orders, or with `Product` their lines, may have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// The status.
    Status,
    /// The client that sent them.
    Client,
    /// For which customer.
    Customer,
    /// For which site.
    Site,
    /// By which sales person.
    SalesName,
    /// The product code of their lines.
    Product,
}

/// The request for a summary.
#[derive(Debug, Clone)]
pub struct SummaryRequest {
    /// The dimensions, in the order of the keys.
    pub dimensions: Vec<Dimension>,
    /// The time zone in which the buckets begin.
    pub zone: Zone,
    /// How many groups.
    pub first: usize,
    /// What is to be counted beside the cheap figures.
    pub wants: Wants,
}

/// What costs something by itself, so that nobody pays who does not ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a figure that is selected or not")]
pub struct Wants {
    /// The groups.
    pub groups: bool,
    /// Distinct customers of each group.
    pub group_customers: bool,
    /// The totals.
    pub totals: bool,
    /// Distinct customers of all.
    pub total_customers: bool,
}

impl SummaryRequest {
    /// Reads the arguments, noting every faulty one.
    pub fn read(dimensions: Vec<Dimension>, zone: Zone, first: i32, wants: Wants) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        if dimensions.len() > MAX_DIMENSIONS {
            errors.push(fault(
                "groupBy",
                FieldErrorCode::Length,
                &format!("must name at most {MAX_DIMENSIONS} dimensions"),
            ));
        }
        if dimensions.iter().filter(|dimension| matches!(dimension, Dimension::Time(_))).count() > 1 {
            errors.push(fault(
                "groupBy",
                FieldErrorCode::Conflict,
                "must name at most one of HOUR, DAY, WEEK and MONTH",
            ));
        }
        if (1..dimensions.len()).any(|index| dimensions[..index].contains(&dimensions[index])) {
            errors.push(fault("groupBy", FieldErrorCode::Conflict, "must name each dimension once"));
        }
        let first = usize::try_from(first).ok().filter(|first| *first <= MAX_GROUPS);
        if first.is_none() {
            errors.push(fault("first", FieldErrorCode::Range, &format!("must be from 0 to {MAX_GROUPS}")));
        }
        match first {
            Some(first) if errors.is_empty() => Ok(Self { dimensions, zone, first, wants }),
            _ => Err(errors),
        }
    }

    /// The unit of time among the dimensions.
    #[must_use]
    pub fn unit(&self) -> Option<Unit> {
        self.dimensions.iter().find_map(|dimension| match dimension {
            Dimension::Time(unit) => Some(*unit),
            Dimension::Attribute(_) => None,
        })
    }

    /// What else orders are grouped by, in the order of the keys.
    #[must_use]
    pub fn attributes(&self) -> Vec<Attribute> {
        let attributes = self.dimensions.iter().filter_map(|dimension| match dimension {
            Dimension::Time(_) => None,
            Dimension::Attribute(attribute) => Some(*attribute),
        });
        attributes.collect()
    }
}

/// Totals of some orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many orders.
    pub orders: i64,
    /// How many lines.
    pub lines: i64,
    /// Sum of the lines' quantities.
    pub quantity: i64,
    /// How many different customers; 0 unless asked for.
    pub customers: i64,
    /// How many lines have no price; their amounts are in no sum.
    pub unpriced_lines: i64,
    /// Sum of the priced lines' amounts for each currency, in the order of the currencies' codes.
    pub amounts: Vec<(String, Sum)>,
}

impl Figures {
    /// Adds the figures of other orders. Customers are left out: the same one may be among both.
    pub fn add(&mut self, other: &Self) {
        self.orders += other.orders;
        self.lines += other.lines;
        self.quantity += other.quantity;
        self.unpriced_lines += other.unpriced_lines;
        for (currency, sum) in &other.amounts {
            match self.amounts.binary_search_by(|(known, _)| known.cmp(currency)) {
                Ok(index) => self.amounts[index].1 = self.amounts[index].1.plus(*sum),
                Err(index) => self.amounts.insert(index, (currency.clone(), *sum)),
            }
        }
    }
}

/// A sum of amounts, exact: a whole number of ten-thousandths, beyond what one order may cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sum(i128);

impl Sum {
    /// From a number of ten-thousandths.
    #[must_use]
    pub const fn from_ten_thousandths(sum: i128) -> Self {
        Self(sum)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl fmt::Display for Sum {
    /// The shortest exact decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_ten_thousandths(self.0, f)
    }
}

/// One value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The dimension of the key.
    pub dimension: Dimension,
    /// The value; `None` in a bucket that no order falls into, for the other dimensions.
    pub value: Option<String>,
    /// The bucket's span, for a dimension of time.
    pub span: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// One group of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What its orders have in common, in the order of the dimensions.
    pub keys: Vec<Key>,
    /// Its totals.
    pub figures: Figures,
}

/// The answer.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// By time, then the largest first.
    pub groups: Vec<Group>,
    /// Totals of all orders that were meant, also of groups that are not shown.
    pub totals: Figures,
    /// Whether there are more groups than are shown.
    pub truncated: bool,
}

/// Says that a span is too long for its unit.
#[must_use]
pub fn too_many_buckets() -> FieldError {
    let message =
        format!("spans more than {MAX_BUCKETS} buckets of the unit in groupBy; narrow it or take a larger unit");
    fault("where/createdAt", FieldErrorCode::Range, &message)
}
