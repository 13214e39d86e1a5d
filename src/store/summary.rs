//! Totals of orders, added up by the database.
//!
//! All statements of one summary run in one read-only snapshot, so that groups and totals speak of the same orders.

mod by_period;
mod customers;
mod query;
mod source;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait as _, QueryResult, Statement};

use super::connect::{Store, instant, micros};
use super::entity::sales_orders as orders;
use super::error::{StoreError, StoreResult};
use super::filter::{of_periods, of_totals};
use super::report::Report;
use crate::domain::buckets::Bucket;
use crate::domain::order_filter::OrderFilter;
use crate::domain::permission::Scope;
use crate::domain::summary::{Attribute, Figures, Sum};

use by_period::{FOREVER, Span};
pub(super) use customers::Counted;
use query::{BUCKET, CUSTOMERS, HAS_ORDERS, key_names};
use source::{FIGURES, KEPT, LINES, ORDERS, PERIODS, Part, SPLIT, Source, TOTALS, WHOLE};

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
    report: Report,
    condition: Condition,
    /// The same for the totals the database keeps, if they hold all that the filter asks about.
    of_totals: Option<Condition>,
    /// The same for those of hours and days, besides the time.
    of_periods: Option<Condition>,
    /// The time the filter asks about.
    asked: Span,
    /// Every currency there is, each of which has sums of its own.
    currencies: Vec<String>,
    counted: Counted,
}

/// The groups of a summary.
#[derive(Debug, Clone, Copy, Default)]
pub struct Grouping<'a> {
    /// The spans of time; none groups by no time.
    pub buckets: &'a [Bucket],
    /// The other dimensions.
    pub attributes: &'a [Attribute],
    /// Whether different customers are counted, which costs more than all other figures.
    pub customers: bool,
    /// At most this many groups.
    pub limit: usize,
}

impl Grouping<'_> {
    /// Whether totals of hours and days tell the groups apart. How many customers there are is counted beside them, by time only.
    fn is_kept_by_period(&self) -> bool {
        let is_kept = |attribute| matches!(attribute, &Attribute::Status | &Attribute::Client);
        self.attributes.iter().all(is_kept) && (self.attributes.is_empty() || !self.customers)
    }
}

impl Store {
    /// Begins a summary of the orders that are meant.
    pub async fn summary(&self, scope: &Scope, filter: &OrderFilter) -> StoreResult<SummarySnapshot> {
        let report = self.report().await?;
        let tx = &*report.tx;
        let condition = self.matching(tx, scope, filter).await?;
        let rows = tx.query_all_raw(Statement::from_string(tx.get_database_backend(), CURRENCIES)).await?;
        let currencies = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        let created_at = filter.times.created_at;
        let asked = (created_at.from.map_or(FOREVER.0, micros), created_at.before.map_or(FOREVER.1, micros));
        let (of_totals, of_periods) = (of_totals(scope, filter), of_periods(scope, filter));
        let counted = self.counted.of(scope, filter);
        Ok(SummarySnapshot { report, condition, of_totals, of_periods, asked, currencies, counted })
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
        let Some(row) = self.report.tx.query_one(&span).await? else { return Ok(None) };
        match (row.try_get_by_index::<Option<i64>>(0)?, row.try_get_by_index::<Option<i64>>(1)?) {
            (Some(first), Some(last)) => Ok(Some((instant(first)?, instant(last)?))),
            _ => Ok(None),
        }
    }

    /// The groups that have orders: by time, then the largest first.
    pub async fn list_groups(&self, grouping: Grouping<'_>) -> StoreResult<Vec<SummaryRow>> {
        let source = if grouping.attributes.contains(&Attribute::Product) {
            &LINES
        } else if grouping.buckets.is_empty() && self.of_totals.is_some() {
            return self.list_groups_of(&TOTALS, &KEPT, &grouping).await;
        } else if self.of_periods.is_some() && grouping.is_kept_by_period() {
            return self.list_groups_by_period(grouping).await;
        } else {
            &ORDERS
        };
        match self.list_groups_of(source, &WHOLE, &grouping).await {
            // SQLite's own words (`sums_beyond_64_bits_are_exact`). PostgreSQL's sums have no bound.
            Err(StoreError::Failed(error)) if error.to_string().contains("integer overflow") => {
                self.list_groups_of(source, &SPLIT, &grouping).await
            }
            rows => rows,
        }
    }

    async fn list_groups_by_period(&self, grouping: Grouping<'_>) -> StoreResult<Vec<SummaryRow>> {
        let figures = Grouping { customers: false, ..grouping };
        let mut rows = self.list_groups_of(&PERIODS, &KEPT, &figures).await?;
        if grouping.customers && !rows.is_empty() {
            let customers = self.count_customers_in(&self.spans(grouping.buckets)).await?;
            for row in &mut rows {
                row.figures.customers = customers.get(row.bucket).copied().unwrap_or_default();
            }
        }
        Ok(rows)
    }

    /// The buckets as far as the filter asks about them; without any, all that it asks about.
    fn spans(&self, buckets: &[Bucket]) -> Vec<Span> {
        if buckets.is_empty() {
            return vec![self.asked];
        }
        let (from, to) = self.asked;
        buckets.iter().map(|bucket| (Ord::max(micros(bucket.from), from), Ord::min(micros(bucket.to), to))).collect()
    }

    async fn list_groups_of(
        &self,
        source: &Source,
        parts: &[Part],
        grouping: &Grouping<'_>,
    ) -> StoreResult<Vec<SummaryRow>> {
        let Some(query) = self.grouped(source, parts, grouping) else { return Ok(Vec::new()) };
        let rows = self.report.tx.query_all(&query).await?;
        rows.iter().map(|row| self.read(row, grouping, parts)).collect()
    }

    /// The totals of all, without customers.
    pub async fn find_totals(&self) -> StoreResult<Figures> {
        let whole = Grouping { limit: 1, ..Grouping::default() };
        Ok(self.list_groups(whole).await?.pop().map(|row| row.figures).unwrap_or_default())
    }

    /// Ends the snapshot.
    pub async fn finish(self) -> StoreResult<()> {
        self.report.finish().await
    }

    fn read(&self, row: &QueryResult, grouping: &Grouping<'_>, parts: &[Part]) -> StoreResult<SummaryRow> {
        let (mut bucket, mut values) = (0, Vec::new());
        for key in key_names(grouping) {
            if key == BUCKET {
                bucket = usize::try_from(row.try_get::<i64>("", BUCKET)?).unwrap_or_default();
            } else {
                values.push(row.try_get("", key)?);
            }
        }
        let mut amounts = Vec::new();
        for (index, currency) in self.currencies.iter().enumerate() {
            let mut sum = None;
            for part in parts {
                if let Some(text) = row.try_get::<Option<String>>("", &part.name(index))? {
                    let unreadable = |_| StoreError::Unreadable { what: "sum", value: text.clone() };
                    *sum.get_or_insert(0) += part.worth * text.parse::<i128>().map_err(unreadable)?;
                }
            }
            amounts.extend(sum.map(|sum| (currency.clone(), Sum::from_ten_thousandths(sum))));
        }
        let [orders, lines, quantity, unpriced_lines] = FIGURES;
        let figures = Figures {
            orders: row.try_get("", orders)?,
            lines: row.try_get("", lines)?,
            quantity: row.try_get("", quantity)?,
            unpriced_lines: row.try_get("", unpriced_lines)?,
            customers: if grouping.customers { row.try_get("", CUSTOMERS)? } else { 0 },
            amounts,
        };
        Ok(SummaryRow { bucket, values, figures })
    }
}
