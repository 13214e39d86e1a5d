use async_graphql::{Enum, SimpleObject};

use crate::domain::buckets::Unit;
use crate::domain::summary::{self, Attribute, Dimension};
use crate::graphql::output::scalars::{DateTime, Decimal, Long};

/// A property by which orders can be grouped.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum SummaryDimension {
    /// Hour of `createdAt`; an hour that occurs twice, when clocks are set back, makes two groups.
    Hour,
    /// Calendar day of `createdAt`.
    Day,
    /// Week of `createdAt`, Monday to Sunday.
    Week,
    /// Calendar month of `createdAt`.
    Month,
    /// Status of the order.
    Status,
    /// Client id of the order's sender.
    Client,
    /// Customer code.
    Customer,
    /// Site code.
    Site,
    /// Sales person's name.
    SalesName,
    /// Product code of the lines: an order is in the group of each of its products.
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

/// Totals of orders, by group and over all groups.
#[derive(SimpleObject)]
pub struct SalesOrderSummary {
    /// Groups, sorted by time, then by number of orders, the largest first. Time spans without orders are included.
    groups: Vec<SummaryGroup>,
    /// Totals of all orders that match `where`, groups beyond `first` included.
    totals: SummaryFigures,
    /// Whether groups were left out because there are more than `first`.
    truncated: bool,
}

/// Orders that have the same keys, with their totals.
#[derive(SimpleObject)]
pub struct SummaryGroup {
    /// One key for each dimension, in the order of `groupBy`.
    keys: Vec<SummaryKey>,
    /// Totals of the group.
    figures: SummaryFigures,
}

/// The value of one dimension that the orders of a group have in common.
#[derive(SimpleObject)]
pub struct SummaryKey {
    /// Dimension of the key.
    dimension: SummaryDimension,
    /// Value of the key. For a time span its start in local time of `timeZone`, such as `2026-11-23` or `2026-11-23T14:00`,
    /// with the UTC offset when the hour occurs twice. Null for the other dimensions of a time span without orders.
    value: Option<String>,
    /// Start of the time span; null for other dimensions.
    from: Option<DateTime>,
    /// End of the time span, which belongs to the next one; null for other dimensions.
    to: Option<DateTime>,
}

/// Totals of a set of orders. When grouped by PRODUCT, `orders` is the number of orders that hold the product, and the
/// other figures are those of that product's lines.
#[derive(SimpleObject)]
pub struct SummaryFigures {
    /// Number of orders.
    orders: Long,
    /// Number of lines.
    lines: Long,
    /// Sum of the lines' quantities.
    quantity: Long,
    /// Number of different customer codes.
    customers: Long,
    /// Number of lines without a price; they are in no amount.
    unpriced_lines: Long,
    /// Sums of the priced lines' amounts, one for each currency, sorted by currency code.
    amounts: Vec<CurrencyAmount>,
}

/// A sum of money in one currency.
#[derive(SimpleObject)]
pub struct CurrencyAmount {
    /// ISO 4217 code, such as `IDR`.
    currency: String,
    /// The exact sum, such as `250000`.
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
