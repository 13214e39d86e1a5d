//! Totals of orders, added up by the database.
//!
//! All statements of one summary run in one read-only snapshot, so that groups and totals speak of the same orders.

mod source;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, IntoCondition as _, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait as _, DbBackend, QueryResult, Statement};

use super::connect::{Store, instant, micros};
use super::entity::{sales_order_lines as lines, sales_orders as orders};
use super::error::{StoreError, StoreResult};
use super::filter::of_totals;
use super::report::Report;
use super::totals::{FIGURES as TOTALS_FIGURES, TOTALS_KEY};
use crate::domain::buckets::Bucket;
use crate::domain::order_filter::OrderFilter;
use crate::domain::permission::Scope;
use crate::domain::summary::{Attribute, Figures, Sum};

use source::{FIGURES, KEPT, LINES, ORDERS, Part, SPLIT, Source, TOTALS, WHOLE};

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
    /// Every currency there is, each of which has sums of its own.
    currencies: Vec<String>,
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

impl Store {
    /// Begins a summary of the orders that are meant.
    pub async fn summary(&self, scope: &Scope, filter: &OrderFilter) -> StoreResult<SummarySnapshot> {
        let report = self.report().await?;
        let tx = &*report.tx;
        let condition = self.matching(tx, scope, filter).await?;
        let rows = tx.query_all_raw(Statement::from_string(tx.get_database_backend(), CURRENCIES)).await?;
        let currencies = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        Ok(SummarySnapshot { report, condition, of_totals: of_totals(scope, filter), currencies })
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

    async fn list_groups_of(
        &self,
        source: &Source,
        parts: &[Part],
        grouping: &Grouping<'_>,
    ) -> StoreResult<Vec<SummaryRow>> {
        let rows = self.report.tx.query_all(&self.grouped(source, parts, grouping)).await?;
        rows.iter().map(|row| self.read(row, grouping, parts)).collect()
    }

    /// The totals of all, without customers.
    pub async fn find_totals(&self) -> StoreResult<Figures> {
        let whole = Grouping { limit: 1, ..Grouping::default() };
        Ok(self.list_groups(whole).await?.pop().map(|row| row.figures).unwrap_or_default())
    }

    /// How many different customers there are in all. By itself: told apart beside other figures, they would be sorted.
    pub async fn count_customers(&self) -> StoreResult<i64> {
        let mut customers = Query::select().expr(Expr::cust(self.customer())).take();
        match &self.of_totals {
            Some(of_totals) => customers
                .from(TOTALS.table)
                .cond_where(of_totals.clone())
                .group_by_col("customer_code")
                .and_having(Expr::cust(HAS_ORDERS)),
            None => customers.distinct().from(ORDERS.table).cond_where(self.condition.clone()),
        };
        let count = Query::select().expr(Expr::cust("count(*)")).from_subquery(customers, "customers").take();
        let row = self.report.tx.query_one(&count).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0))
    }

    /// A customer as customers are told apart: by the bytes of the code, which sort faster than a language's letters.
    fn customer(&self) -> &'static str {
        match self.report.tx.get_database_backend() {
            DbBackend::Postgres => "customer_code COLLATE \"C\"",
            _ => "customer_code",
        }
    }

    /// Ends the snapshot.
    pub async fn finish(self) -> StoreResult<()> {
        self.report.finish().await
    }

    /// What the source holds under its keys, with its figures. No two tables of one source share a column's name.
    fn grouped(&self, source: &Source, parts: &[Part], grouping: &Grouping<'_>) -> SelectStatement {
        let mut query = SelectStatement::new();
        let of_totals = self.of_totals.as_ref().filter(|_| source.table == TOTALS.table);
        let is_of_totals = of_totals.is_some();
        if let Some(of_totals) = of_totals {
            query.from_subquery(totals(of_totals, grouping), TOTALS.table);
        } else if grouping.buckets.is_empty() {
            query.from(source.table);
        } else {
            // Spans, not arithmetic: a day has 23 or 25 hours where clocks change. The list comes first, so that each
            // span is one stretch of the index by time; SQLite keeps the order of a cross join.
            let spans = grouping.buckets.iter().zip(0_i64..);
            let spans = spans.map(|(bucket, index)| (index, micros(bucket.from), micros(bucket.to)));
            query.from_values(spans, "spans").cross_join(source.table);
            let created_at = || Expr::col((orders::Entity, orders::Column::CreatedAt));
            query.and_where(created_at().gte(Expr::col(("spans", "column2"))));
            query.and_where(created_at().lt(Expr::col(("spans", "column3"))));
            query.expr_as(Expr::col(("spans", "column1")), BUCKET).add_group_by([Expr::col(("spans", "column1"))]);
        }
        if source.has_lines {
            let same = Expr::col((lines::Entity, lines::Column::OrderId)).equals((orders::Entity, orders::Column::Id));
            query.inner_join(lines::Entity, same.into_condition());
        }
        for (attribute, name) in grouping.attributes.iter().zip(VALUES) {
            query.expr_as(Expr::col(column(*attribute)), name).add_group_by([Expr::col(column(*attribute))]);
        }
        for (name, figure) in FIGURES.into_iter().zip(source.figures) {
            // PostgreSQL's sums of 64 bits are of another type.
            query.expr_as(Expr::cust(format!("CAST(coalesce({figure}, 0) AS bigint)")), name);
        }
        if grouping.customers {
            query.expr_as(Expr::cust(format!("count(DISTINCT {})", self.customer())), CUSTOMERS);
        }
        for (index, currency) in self.currencies.iter().enumerate() {
            for part in parts {
                let summand = Expr::cust(format!("{}{}", source.amount, part.of_amount));
                let is_currency = Expr::col("currency").eq(currency.as_str());
                // Without an order of the currency the sum is null.
                let summand = match self.currencies.len() {
                    1 => summand,
                    _ => Expr::case(is_currency.clone(), summand).into(),
                };
                let mut sum = summand.sum().cast_as("text");
                if is_of_totals {
                    let orders = Expr::case(is_currency, Expr::col("orders")).sum();
                    sum = Expr::case(orders.ne(0), sum).into();
                }
                query.expr_as(sum, part.name(index));
            }
        }
        if is_of_totals {
            query.and_having(Expr::cust(HAS_ORDERS));
        } else {
            query.cond_where(self.condition.clone());
        }
        let keys = key_names(grouping);
        if !grouping.buckets.is_empty() {
            query.order_by(BUCKET, Order::Asc);
        }
        query.order_by(FIGURES[0], Order::Desc);
        for key in keys.into_iter().filter(|key| *key != BUCKET) {
            query.order_by(key, Order::Asc);
        }
        query.limit(u64::try_from(grouping.limit).unwrap_or(u64::MAX)).take()
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

/// The totals that are meant. Where customers are counted, those of each are put together first: a row is a change, and all
/// that there are of a customer may come to no order.
fn totals(are_meant: &Condition, grouping: &Grouping<'_>) -> SelectStatement {
    let mut totals = Query::select().from(TOTALS.table).cond_where(are_meant.clone()).take();
    if !grouping.customers {
        return totals.columns(TOTALS_KEY).columns(TOTALS_FIGURES).take();
    }
    let attributes = grouping.attributes.iter().map(|attribute| column(*attribute));
    let mut key: Vec<_> = attributes.chain(["customer_code", "currency"]).collect();
    key.sort_unstable();
    key.dedup();
    let sums = TOTALS_FIGURES.map(|figure| Expr::cust(format!("sum({figure}) AS {figure}")));
    totals.columns(key.clone()).exprs(sums).group_by_columns(key).and_having(Expr::cust(HAS_ORDERS)).take()
}

const HAS_ORDERS: &str = "sum(orders) <> 0";

const BUCKET: &str = "bucket";
const CUSTOMERS: &str = "customers";

/// One for each attribute; a summary has at most three dimensions.
const VALUES: [&str; 3] = ["value_1", "value_2", "value_3"];

fn key_names(grouping: &Grouping<'_>) -> Vec<&'static str> {
    let bucket = (!grouping.buckets.is_empty()).then_some(BUCKET);
    bucket.into_iter().chain(VALUES.into_iter().take(grouping.attributes.len())).collect()
}

const fn column(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::Product => "product_code",
        Attribute::Status => "status",
        Attribute::Client => "client_id",
        Attribute::Customer => "customer_code",
        Attribute::Site => "site_code",
        Attribute::SalesName => "sales_name",
    }
}
