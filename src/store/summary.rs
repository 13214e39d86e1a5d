//! Totals of orders, added up by the database.
//!
//! All statements of one summary run in one read-only snapshot, so that groups and totals speak of the same orders.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, IntoCondition as _, Order, Query, SelectStatement};
use sea_orm::{
    AccessMode, ConnectionTrait as _, DatabaseTransaction, DbBackend, IsolationLevel, QueryResult, Statement,
    TransactionTrait as _,
};

use super::connect::{Store, instant, micros};
use super::entity::{sales_order_lines as lines, sales_orders as orders};
use super::error::{StoreError, StoreResult};
use crate::domain::buckets::Bucket;
use crate::domain::order_filter::OrderFilter;
use crate::domain::permission::Scope;
use crate::domain::summary::{Attribute, Figures, Sum};

/// One group as the database adds it up.
#[derive(Debug, Clone)]
pub struct SummaryRow {
    /// Which bucket, by its index; 0 where there are none.
    pub bucket: usize,
    /// The attributes' values.
    pub values: Vec<String>,
    /// The totals.
    pub figures: Figures,
}

/// One summary under way: all that is read here is of the same moment.
pub struct SummarySnapshot {
    tx: DatabaseTransaction,
    condition: Condition,
    /// Every currency there is, each of which has sums of its own.
    currencies: Vec<String>,
}

/// Which groups.
#[derive(Debug, Clone, Copy, Default)]
pub struct Grouping<'a> {
    /// The spans of time; none groups by no time.
    pub buckets: &'a [Bucket],
    /// What else is grouped by.
    pub attributes: &'a [Attribute],
    /// Whether different customers are counted, which costs more than all other figures.
    pub customers: bool,
    /// At most this many groups.
    pub limit: usize,
}

impl Store {
    /// Begins a summary of the orders that are meant.
    pub async fn summary(&self, scope: &Scope, filter: &OrderFilter) -> StoreResult<SummarySnapshot> {
        // SQLite's transactions are snapshots already and take no level.
        let level = (self.backend() == DbBackend::Postgres).then_some(IsolationLevel::RepeatableRead);
        let access = level.map(|_| AccessMode::ReadOnly);
        let tx = self.read.begin_with_config(level, access).await?;
        let condition = self.matching(&tx, scope, filter).await?;
        let rows = tx.query_all_raw(Statement::from_string(tx.get_database_backend(), CURRENCIES)).await?;
        let currencies = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        Ok(SummarySnapshot { tx, condition, currencies })
    }
}

/// Goes from one currency to the next in their index instead of reading every order's.
const CURRENCIES: &str = "WITH RECURSIVE known (currency) AS (
        SELECT min(currency) FROM sales_orders
        UNION ALL
        SELECT (SELECT min(o.currency) FROM sales_orders o WHERE o.currency > known.currency)
        FROM known WHERE known.currency IS NOT NULL)
    SELECT currency FROM known WHERE currency IS NOT NULL";

impl SummarySnapshot {
    /// When the first and the last order that is meant were taken.
    pub async fn find_span(&self) -> StoreResult<Option<(DateTime<Utc>, DateTime<Utc>)>> {
        let created_at = || Expr::col((orders::Entity, orders::Column::CreatedAt));
        let mut span = Query::select().from(orders::Entity).cond_where(self.condition.clone()).take();
        span.expr(created_at().min()).expr(created_at().max());
        let Some(row) = self.tx.query_one(&span).await? else { return Ok(None) };
        match (row.try_get_by_index::<Option<i64>>(0)?, row.try_get_by_index::<Option<i64>>(1)?) {
            (Some(first), Some(last)) => Ok(Some((instant(first)?, instant(last)?))),
            _ => Ok(None),
        }
    }

    /// The groups that have orders: by time, then the largest first.
    pub async fn list_groups(&self, grouping: Grouping<'_>) -> StoreResult<Vec<SummaryRow>> {
        let rows = self.tx.query_all(&self.grouped(&grouping)).await?;
        let keys = key_names(&grouping);
        rows.iter().map(|row| self.read(row, &keys, grouping.customers)).collect()
    }

    /// The totals of all.
    pub async fn find_totals(&self, customers: bool) -> StoreResult<Figures> {
        let whole = Grouping { customers, limit: 1, ..Grouping::default() };
        Ok(self.list_groups(whole).await?.pop().map(|row| row.figures).unwrap_or_default())
    }

    /// Ends the snapshot.
    pub async fn finish(self) -> StoreResult<()> {
        Ok(self.tx.commit().await?)
    }

    /// The orders, or their lines, under their keys, with their figures.
    fn grouped(&self, grouping: &Grouping<'_>) -> SelectStatement {
        let mut query = SelectStatement::new();
        if grouping.buckets.is_empty() {
            query.from(orders::Entity);
        } else {
            // Spans, not arithmetic: a day has 23 or 25 hours where clocks change. The list comes first, so that each
            // span is one stretch of the index by time; SQLite keeps the order of a cross join.
            let spans = grouping.buckets.iter().zip(0_i64..);
            let spans = spans.map(|(bucket, index)| (index, micros(bucket.from), micros(bucket.to)));
            query.from_values(spans, "spans").cross_join(orders::Entity);
            let created_at = || Expr::col((orders::Entity, orders::Column::CreatedAt));
            query.and_where(created_at().gte(Expr::col(("spans", "column2"))));
            query.and_where(created_at().lt(Expr::col(("spans", "column3"))));
            query.expr_as(Expr::col(("spans", "column1")), BUCKET).add_group_by([Expr::col(("spans", "column1"))]);
        }
        let by_line = grouping.attributes.contains(&Attribute::Product);
        if by_line {
            let same = Expr::col((lines::Entity, lines::Column::OrderId)).equals((orders::Entity, orders::Column::Id));
            query.inner_join(lines::Entity, same.into_condition());
        }
        for (attribute, name) in grouping.attributes.iter().zip(VALUES) {
            query.expr_as(column(*attribute), name).add_group_by([column(*attribute)]);
        }
        let [orders, figures @ .., amount] = if by_line { OF_LINES } else { OF_ORDERS };
        query.expr_as(Expr::cust(orders), ORDERS);
        for (name, figure) in FIGURES.into_iter().zip(figures) {
            // PostgreSQL's sums of 64 bits are of another type.
            query.expr_as(Expr::cust(format!("CAST(coalesce({figure}, 0) AS bigint)")), name);
        }
        if grouping.customers {
            query.expr_as(Expr::cust("count(DISTINCT sales_orders.customer_code)"), CUSTOMERS);
        }
        for (index, currency) in self.currencies.iter().enumerate() {
            // Each part's sum stays in the 64 bits that SQLite adds up in. Without an order of the currency it is null.
            for (part, name) in [("/", high(index)), ("%", low(index))] {
                let is_currency = Expr::col((orders::Entity, orders::Column::Currency)).eq(currency.as_str());
                let part = Expr::case(is_currency, Expr::cust(format!("{amount} {part} {SPLIT}")));
                query.expr_as(Expr::expr(part).sum().cast_as("text"), name);
            }
        }
        query.cond_where(self.condition.clone());
        let keys = key_names(grouping);
        if !grouping.buckets.is_empty() {
            query.order_by(BUCKET, Order::Asc);
        }
        query.order_by(ORDERS, Order::Desc);
        for key in keys.into_iter().filter(|key| *key != BUCKET) {
            query.order_by(key, Order::Asc);
        }
        query.limit(u64::try_from(grouping.limit).unwrap_or(u64::MAX)).take()
    }

    fn read(&self, row: &QueryResult, keys: &[&str], has_customers: bool) -> StoreResult<SummaryRow> {
        let (mut bucket, mut values) = (0, Vec::new());
        for key in keys {
            if *key == BUCKET {
                bucket = usize::try_from(row.try_get::<i64>("", BUCKET)?).unwrap_or_default();
            } else {
                values.push(row.try_get("", key)?);
            }
        }
        let mut amounts = Vec::new();
        for (index, currency) in self.currencies.iter().enumerate() {
            let part = |name: String| row.try_get::<Option<String>>("", &name);
            if let (Some(high), Some(low)) = (part(high(index))?, part(low(index))?) {
                amounts.push((currency.clone(), read_sum(&high, &low)?));
            }
        }
        let [lines, quantity, unpriced_lines] = FIGURES;
        let figures = Figures {
            orders: row.try_get("", ORDERS)?,
            lines: row.try_get("", lines)?,
            quantity: row.try_get("", quantity)?,
            unpriced_lines: row.try_get("", unpriced_lines)?,
            customers: if has_customers { row.try_get("", CUSTOMERS)? } else { 0 },
            amounts,
        };
        Ok(SummaryRow { bucket, values, figures })
    }
}

/// `ten_thousandths = high * SPLIT + low`.
const SPLIT: i128 = 1_000_000;

fn high(index: usize) -> String {
    format!("high_{index}")
}

fn low(index: usize) -> String {
    format!("low_{index}")
}

fn read_sum(high: &str, low: &str) -> StoreResult<Sum> {
    let part =
        |text: &str| text.parse::<i128>().map_err(|_| StoreError::Unreadable { what: "sum", value: text.to_owned() });
    Ok(Sum::from_ten_thousandths(part(high)? * SPLIT + part(low)?))
}

const BUCKET: &str = "bucket";
const ORDERS: &str = "orders";
const CUSTOMERS: &str = "customers";

/// What stands between the orders and the amount in [`OF_ORDERS`] and [`OF_LINES`].
const FIGURES: [&str; 3] = ["line_sum", "quantity_sum", "unpriced_sum"];
const OF_ORDERS: [&str; 5] =
    ["count(*)", "sum(line_count)", "sum(total_quantity)", "sum(unpriced_lines)", "priced_amount"];
const OF_LINES: [&str; 5] = [
    "count(DISTINCT sales_orders.id)",
    "count(*)",
    "sum(quantity)",
    "sum(CASE WHEN unit_price IS NULL THEN 1 ELSE 0 END)",
    "coalesce(quantity * unit_price, 0)",
];

/// One for each attribute; a summary has at most three dimensions.
const VALUES: [&str; 3] = ["value_1", "value_2", "value_3"];

fn key_names(grouping: &Grouping<'_>) -> Vec<&'static str> {
    let bucket = (!grouping.buckets.is_empty()).then_some(BUCKET);
    bucket.into_iter().chain(VALUES.into_iter().take(grouping.attributes.len())).collect()
}

fn column(attribute: Attribute) -> Expr {
    let column = match attribute {
        Attribute::Product => return Expr::col((lines::Entity, lines::Column::ProductCode)),
        Attribute::Status => orders::Column::Status,
        Attribute::Client => orders::Column::ClientId,
        Attribute::Customer => orders::Column::CustomerCode,
        Attribute::Site => orders::Column::SiteCode,
        Attribute::SalesName => orders::Column::SalesName,
    };
    Expr::col((orders::Entity, column))
}
