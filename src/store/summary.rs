//! Totals of orders, added up by the database.
//!
//! All statements of one summary run in one read-only snapshot, so that groups and totals speak of the same orders.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, IntoCondition as _, Order, Query, SelectStatement};
use sea_orm::{
    AccessMode, ConnectionTrait as _, DatabaseTransaction, DbBackend, FromQueryResult, IsolationLevel,
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
    /// The totals, without customers.
    pub figures: Figures,
}

/// One summary under way: all that is read here is of the same moment.
pub struct SummarySnapshot {
    tx: DatabaseTransaction,
    condition: Condition,
}

/// Which groups.
#[derive(Debug, Clone, Copy)]
pub struct Grouping<'a> {
    /// The spans of time; none groups by no time.
    pub buckets: &'a [Bucket],
    /// What else is grouped by.
    pub attributes: &'a [Attribute],
    /// At most this many groups.
    pub limit: usize,
}

/// `ten_thousandths = high * SPLIT + low`: each part's sum stays in the 64 bits that SQLite adds up in.
const SPLIT: i128 = 1_000_000;

impl Store {
    /// Begins a summary of the orders that are meant.
    pub async fn summary(&self, scope: &Scope, filter: &OrderFilter) -> StoreResult<SummarySnapshot> {
        // SQLite's transactions are snapshots already and take no level.
        let level = (self.backend() == DbBackend::Postgres).then_some(IsolationLevel::RepeatableRead);
        let access = level.map(|_| AccessMode::ReadOnly);
        let tx = self.read.begin_with_config(level, access).await?;
        let condition = self.matching(&tx, scope, filter).await?;
        Ok(SummarySnapshot { tx, condition })
    }
}

impl SummarySnapshot {
    /// When the first and the last order that is meant were taken.
    pub async fn find_span(&self) -> StoreResult<Option<(DateTime<Utc>, DateTime<Utc>)>> {
        let created_at = || Expr::col((orders::Entity, orders::Column::CreatedAt));
        let span = self.orders().expr(created_at().min()).expr(created_at().max()).take();
        let Some(row) = self.tx.query_one(&span).await? else { return Ok(None) };
        match (row.try_get_by_index::<Option<i64>>(0)?, row.try_get_by_index::<Option<i64>>(1)?) {
            (Some(first), Some(last)) => Ok(Some((instant(first)?, instant(last)?))),
            _ => Ok(None),
        }
    }

    /// The groups that have orders: by time, then the largest first.
    pub async fn list_groups(&self, grouping: Grouping<'_>) -> StoreResult<Vec<SummaryRow>> {
        let by_line = grouping.attributes.contains(&Attribute::Product);
        let keys = key_names(&grouping);
        // First each currency of each group, for its amounts cannot be added to another's.
        let mut inner = self.grouped(&grouping);
        for (name, figure) in figures(by_line) {
            inner.expr_as(Expr::cust(figure), name);
        }
        inner.column((orders::Entity, orders::Column::Currency));
        inner.add_group_by([Expr::col((orders::Entity, orders::Column::Currency))]);

        let mut outer = Query::select().from_subquery(inner, "by_currency").take();
        for key in &keys {
            outer.column(*key).group_by_col(*key);
        }
        for name in ["orders", "line_sum", "quantity", "unpriced"] {
            outer.expr_as(Expr::cust(format!("CAST(coalesce(sum({name}), 0) AS bigint)")), name);
        }
        let list = if self.tx.get_database_backend() == DbBackend::Postgres { "string_agg" } else { "group_concat" };
        let amount = "currency || ' ' || high || ' ' || low";
        outer.expr_as(Expr::cust(format!("coalesce({list}({amount}, ','), '')")), "amounts");
        in_order(&mut outer, &grouping, &keys);
        let rows = self.tx.query_all(&outer).await?;
        rows.iter()
            .map(|row| {
                let figures = FigureRow::from_query_result(row, "")?;
                let (bucket, values) = read_keys(row, &keys)?;
                Ok(SummaryRow { bucket, values, figures: figures.read()? })
            })
            .collect()
    }

    /// How many different customers the groups have, in the order and number of [`SummarySnapshot::list_groups`].
    pub async fn list_customer_counts(&self, grouping: Grouping<'_>) -> StoreResult<Vec<i64>> {
        let keys = key_names(&grouping);
        let by_line = grouping.attributes.contains(&Attribute::Product);
        let mut query = self.grouped(&grouping);
        query.expr_as(Expr::cust(CUSTOMERS), "customers");
        query.expr_as(Expr::cust(figures(by_line)[0].1), "orders");
        let mut ordered = Query::select().column("customers").from_subquery(query, "groups").take();
        for key in &keys {
            ordered.column(*key);
        }
        in_order_of(&mut ordered, &grouping, &keys, Expr::col("orders"));
        let rows = self.tx.query_all(&ordered).await?;
        rows.iter().map(|row| Ok(row.try_get("", "customers")?)).collect()
    }

    /// The totals of all, without customers.
    pub async fn find_totals(&self) -> StoreResult<Figures> {
        let whole = Grouping { buckets: &[], attributes: &[], limit: 1 };
        Ok(self.list_groups(whole).await?.pop().map(|row| row.figures).unwrap_or_default())
    }

    /// How many different customers there are in all.
    pub async fn count_customers(&self) -> StoreResult<i64> {
        let row = self.tx.query_one(&self.orders().expr(Expr::cust(CUSTOMERS)).take()).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0))
    }

    /// Ends the snapshot.
    pub async fn finish(self) -> StoreResult<()> {
        Ok(self.tx.commit().await?)
    }

    fn orders(&self) -> SelectStatement {
        Query::select().from(orders::Entity).cond_where(self.condition.clone()).take()
    }

    /// The orders, or their lines, under their keys.
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
        if grouping.attributes.contains(&Attribute::Product) {
            let same = Expr::col((lines::Entity, lines::Column::OrderId)).equals((orders::Entity, orders::Column::Id));
            query.inner_join(lines::Entity, same.into_condition());
        }
        for (attribute, name) in grouping.attributes.iter().zip(VALUES) {
            query.expr_as(column(*attribute), name).add_group_by([column(*attribute)]);
        }
        query.cond_where(self.condition.clone()).take()
    }
}

const BUCKET: &str = "bucket";
const CUSTOMERS: &str = "count(DISTINCT sales_orders.customer_code)";

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

/// Name and SQL of each figure of orders, or of lines.
fn figures(by_line: bool) -> [(&'static str, &'static str); 6] {
    if by_line {
        [
            ("orders", "count(DISTINCT sales_orders.id)"),
            ("line_sum", "count(*)"),
            ("quantity", "sum(quantity)"),
            ("unpriced", "sum(CASE WHEN unit_price IS NULL THEN 1 ELSE 0 END)"),
            ("high", "sum(coalesce(quantity * unit_price, 0) / 1000000)"),
            ("low", "sum(coalesce(quantity * unit_price, 0) % 1000000)"),
        ]
    } else {
        [
            ("orders", "count(*)"),
            ("line_sum", "sum(line_count)"),
            ("quantity", "sum(total_quantity)"),
            ("unpriced", "sum(unpriced_lines)"),
            ("high", "sum(priced_amount / 1000000)"),
            ("low", "sum(priced_amount % 1000000)"),
        ]
    }
}

fn in_order(query: &mut SelectStatement, grouping: &Grouping<'_>, keys: &[&'static str]) {
    in_order_of(query, grouping, keys, Expr::cust("sum(orders)"));
}

fn in_order_of(query: &mut SelectStatement, grouping: &Grouping<'_>, keys: &[&'static str], size: Expr) {
    let has_buckets = !grouping.buckets.is_empty();
    if has_buckets {
        query.order_by(BUCKET, Order::Asc);
    }
    query.order_by_expr(size, Order::Desc);
    for key in &keys[usize::from(has_buckets)..] {
        query.order_by(*key, Order::Asc);
    }
    query.limit(u64::try_from(grouping.limit).unwrap_or(u64::MAX));
}

fn read_keys(row: &sea_orm::QueryResult, keys: &[&'static str]) -> StoreResult<(usize, Vec<String>)> {
    let (mut bucket, mut values) = (0, Vec::new());
    for key in keys {
        if *key == BUCKET {
            bucket = usize::try_from(row.try_get::<i64>("", BUCKET)?).unwrap_or_default();
        } else {
            values.push(row.try_get("", key)?);
        }
    }
    Ok((bucket, values))
}

#[derive(FromQueryResult)]
struct FigureRow {
    orders: i64,
    line_sum: i64,
    quantity: i64,
    unpriced: i64,
    amounts: String,
}

impl FigureRow {
    fn read(self) -> StoreResult<Figures> {
        let unreadable = || StoreError::Unreadable { what: "sum", value: self.amounts.clone() };
        let mut amounts = Vec::new();
        for amount in self.amounts.split(',').filter(|amount| !amount.is_empty()) {
            let [currency, high, low] = amount.split(' ').collect::<Vec<_>>()[..] else { return Err(unreadable()) };
            let part = |text: &str| text.parse::<i128>().map_err(|_| unreadable());
            amounts.push((currency.to_owned(), Sum::from_ten_thousandths(part(high)? * SPLIT + part(low)?)));
        }
        amounts.sort();
        let Self { orders, line_sum: lines, quantity, unpriced: unpriced_lines, .. } = self;
        Ok(Figures { orders, lines, quantity, customers: 0, unpriced_lines, amounts })
    }
}
