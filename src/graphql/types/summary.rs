use async_graphql::{Enum, SimpleObject};

use crate::domain::buckets::Unit;
use crate::domain::summary::{self, Attribute, Dimension};
use crate::graphql::output::scalars::{DateTime, Decimal, Long};

/// By what orders may be grouped.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum SummaryDimension {
    /// The hour they were taken in; an hour that comes twice, when clocks are put back, makes two groups.
    Hour,
    /// The calendar day they were taken on.
    Day,
    /// The week they were taken in, Monday to Sunday.
    Week,
    /// The calendar month they were taken in.
    Month,
    /// Where they stand.
    Status,
    /// The client that sent them.
    Client,
    /// Their customer.
    Customer,
    /// Their site.
    Site,
    /// Their sales person.
    SalesName,
    /// The product of their lines.
    Product,
}

impl From<SummaryDimension> for Dimension {
    fn from(dimension: SummaryDimension) -> Self {
        match dimension {
            SummaryDimension::Hour => Self::Time(Unit::Hour),
            SummaryDimension::Day => Self::Time(Unit::Day),
            SummaryDimension::Week => Self::Time(Unit::Week),
            SummaryDimension::Month => Self::Time(Unit::Month),
            SummaryDimension::Status => Self::Attribute(Attribute::Status),
            SummaryDimension::Client => Self::Attribute(Attribute::Client),
            SummaryDimension::Customer => Self::Attribute(Attribute::Customer),
            SummaryDimension::Site => Self::Attribute(Attribute::Site),
            SummaryDimension::SalesName => Self::Attribute(Attribute::SalesName),
            SummaryDimension::Product => Self::Attribute(Attribute::Product),
        }
    }
}

impl From<Dimension> for SummaryDimension {
    fn from(dimension: Dimension) -> Self {
        match dimension {
            Dimension::Time(Unit::Hour) => Self::Hour,
            Dimension::Time(Unit::Day) => Self::Day,
            Dimension::Time(Unit::Week) => Self::Week,
            Dimension::Time(Unit::Month) => Self::Month,
            Dimension::Attribute(Attribute::Status) => Self::Status,
            Dimension::Attribute(Attribute::Client) => Self::Client,
            Dimension::Attribute(Attribute::Customer) => Self::Customer,
            Dimension::Attribute(Attribute::Site) => Self::Site,
            Dimension::Attribute(Attribute::SalesName) => Self::SalesName,
            Dimension::Attribute(Attribute::Product) => Self::Product,
        }
    }
}

/// Totals of orders.
#[derive(SimpleObject)]
pub struct SalesOrderSummary {
    /// The groups: by time, then the one with the most orders first. A span of time without orders is there too.
    groups: Vec<SummaryGroup>,
    /// Totals of all orders that are meant, also of groups that are not shown.
    totals: SummaryFigures,
    /// Whether there are more groups than `first`.
    truncated: bool,
}

/// Totals of the orders that have these keys in common.
#[derive(SimpleObject)]
pub struct SummaryGroup {
    /// One for each dimension, in the order of `groupBy`.
    keys: Vec<SummaryKey>,
    /// Its totals.
    figures: SummaryFigures,
}

/// What the orders of a group have in common.
#[derive(SimpleObject)]
pub struct SummaryKey {
    /// Of which dimension.
    dimension: SummaryDimension,
    /// The value. Of a span of time its start on the clocks of `timeZone`, such as `2026-11-23` or `2026-11-23T14:00`,
    /// with the offset where the hour comes twice. Null for the other dimensions of a span without orders.
    value: Option<String>,
    /// When a span of time begins.
    from: Option<DateTime>,
    /// When a span of time ends; this instant is in the next one.
    to: Option<DateTime>,
}

/// Totals of orders. By PRODUCT, `orders` counts the orders that hold the product and the other figures are of that
/// product's lines.
#[derive(SimpleObject)]
pub struct SummaryFigures {
    /// How many orders.
    orders: Long,
    /// How many lines.
    lines: Long,
    /// Sum of the lines' quantities.
    quantity: Long,
    /// How many different customers.
    customers: Long,
    /// How many lines have no price; they are in no amount.
    unpriced_lines: Long,
    /// Sum of the priced lines' amounts, for each currency, in the order of the currencies' codes.
    amounts: Vec<CurrencyAmount>,
}

/// A sum of money.
#[derive(SimpleObject)]
pub struct CurrencyAmount {
    /// ISO 4217 code.
    currency: String,
    /// The exact sum.
    amount: Decimal,
}

impl From<summary::Summary> for SalesOrderSummary {
    fn from(summary: summary::Summary) -> Self {
        let groups = summary.groups.into_iter().map(|group| SummaryGroup {
            keys: group.keys.into_iter().map(Into::into).collect(),
            figures: group.figures.into(),
        });
        Self { groups: groups.collect(), totals: summary.totals.into(), truncated: summary.truncated }
    }
}

impl From<summary::Key> for SummaryKey {
    fn from(summary::Key { dimension, value, span }: summary::Key) -> Self {
        let (from, to) = span.map(|(from, to)| (DateTime(from), DateTime(to))).unzip();
        Self { dimension: dimension.into(), value, from, to }
    }
}

impl From<summary::Figures> for SummaryFigures {
    fn from(figures: summary::Figures) -> Self {
        let summary::Figures { orders, lines, quantity, customers, unpriced_lines, amounts } = figures;
        let amounts = amounts.into_iter().map(|(currency, sum)| CurrencyAmount { currency, amount: sum.into() });
        Self {
            orders: Long(orders),
            lines: Long(lines),
            quantity: Long(quantity),
            customers: Long(customers),
            unpriced_lines: Long(unpriced_lines),
            amounts: amounts.collect(),
        }
    }
}
