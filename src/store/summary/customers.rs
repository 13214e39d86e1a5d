//! How many different customers there are, which cannot be added up: a customer may order in two hours of one day.

use moka::sync::Cache;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{ConnectionTrait as _, DbBackend};
use sha2::{Digest as _, Sha256};

use super::by_period::{Cut, FOREVER, IndexedSpan, Span};
use super::source::{ORDERS, TOTALS};
use super::{BUCKET, HAS_ORDERS, SummarySnapshot};
use crate::domain::order_filter::OrderFilter;
use crate::domain::permission::Scope;
use crate::store::entity::sales_orders as orders;
use crate::store::error::StoreResult;

/// So many numbers are remembered: about 1.5 MB.
const MOST_REMEMBERED: u64 = 10_000;

/// Of which orders customers are counted, as a hash, and when these were taken.
type Key = ([u8; 32], Span);

/// Numbers of customers that were counted before. One is used for as long as the stamps of its span's periods are the same, so it
/// is never an old one.
#[derive(Debug, Clone)]
pub struct Counted {
    numbers: Cache<Key, ((i64, i64), i64)>,
    of: [u8; 32],
}

impl Default for Counted {
    fn default() -> Self {
        Self { numbers: Cache::new(MOST_REMEMBERED), of: [0; 32] }
    }
}

impl Counted {
    /// Those of the orders that are meant, whenever they were taken.
    pub fn of(&self, scope: &Scope, filter: &OrderFilter) -> Self {
        let of = Sha256::digest(format!("{scope:?} {:?} {:?}", filter.statuses, filter.client_ids)).into();
        Self { numbers: self.numbers.clone(), of }
    }
}

impl SummarySnapshot {
    /// How many different customers there are in all. By itself: told apart beside other figures, they would be sorted.
    pub async fn count_customers(&self) -> StoreResult<i64> {
        if self.of_periods.is_some() {
            return Ok(self.count_customers_in(&[self.asked]).await?[0]);
        }
        self.count_rows(self.customers_in_all()).await
    }

    fn customers_in_all(&self) -> SelectStatement {
        let mut customers = Query::select().expr(Expr::cust(self.customer())).take();
        match &self.of_totals {
            Some(of_totals) => customers
                .from(TOTALS.table)
                .cond_where(of_totals.clone())
                .group_by_col("customer_code")
                .and_having(Expr::cust(HAS_ORDERS)),
            None => customers.distinct().from(ORDERS.table).cond_where(self.condition.clone()),
        };
        customers
    }

    async fn count_rows(&self, rows: SelectStatement) -> StoreResult<i64> {
        let count = Query::select().expr(Expr::cust("count(*)")).from_subquery(rows, "customers").take();
        let row = self.report.tx.query_one(&count).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0))
    }

    /// The same for each span, of a filter that the totals by period hold all of. What was counted of a span's whole hours is
    /// remembered; of the orders at its ends only those customers are added that have none in these hours.
    pub(super) async fn count_customers_in(&self, spans: &[Span]) -> StoreResult<Vec<i64>> {
        let cut = Cut::of(spans);
        let stamps = match &self.of_periods {
            Some(is_meant) => cut.find_stamps(self, is_meant, spans.len()).await?,
            None => vec![None; spans.len()],
        };
        let (mut counts, mut wholes, mut open) = (vec![0; spans.len()], vec![(0, 0); spans.len()], Vec::new());
        for &(index, from, to) in cut.hours() {
            let Some((at, stamp)) = at(&stamps, index) else { continue };
            wholes[at] = (from, to);
            match (stamp, self.counted.numbers.get(&(self.counted.of, (from, to)))) {
                (Some(now), Some((then, count))) if now == then => counts[at] = count,
                _ => open.push((index, from, to)),
            }
        }
        for (index, count) in self.count_customers_of(&open).await? {
            let Some((at, stamp)) = at(&stamps, index) else { continue };
            counts[at] = count;
            if let Some(stamp) = stamp {
                self.counted.numbers.insert((self.counted.of, wholes[at]), (stamp, count));
            }
        }
        let ends = cut.ends().iter().filter_map(|&(index, from, to)| {
            let (_, (whole_from, whole_to)) = at(&wholes, index)?;
            Some((index, from, to, whole_from, whole_to))
        });
        for (index, count) in self.count_customers_only_in(ends.collect()).await? {
            if let Some((at, _)) = at(&stamps, index) {
                counts[at] += count;
            }
        }
        Ok(counts)
    }

    async fn count_customers_of(&self, spans: &[IndexedSpan]) -> StoreResult<Vec<(i64, i64)>> {
        match (spans, &self.of_totals) {
            ([], _) => return Ok(Vec::new()),
            // The totals tell of all times together, and have far fewer rows than there are orders.
            ([(index, from, to)], Some(_)) if (*from, *to) == FOREVER => {
                return Ok(vec![(*index, self.count_rows(self.customers_in_all()).await?)]);
            }
            _ => {}
        }
        let mut customers = Query::select();
        customers.distinct().from_values(spans.to_vec(), "spans").cross_join(ORDERS.table);
        customers.cond_where(taken_between("column2", "column3")).cond_where(self.condition.clone());
        customers.expr_as(Expr::col(("spans", "column1")), BUCKET).expr_as(Expr::cust(self.customer()), "customer");
        self.count_by_bucket(customers).await
    }

    /// How many customers there are in the first span of each element that have no order in the second one.
    async fn count_customers_only_in(&self, ends: Vec<(i64, i64, i64, i64, i64)>) -> StoreResult<Vec<(i64, i64)>> {
        if ends.is_empty() {
            return Ok(Vec::new());
        }
        let mut others = Query::select();
        others.expr(Expr::cust("1")).from(ORDERS.table);
        others.and_where(customer_code().equals(("ends", "customer"))).cond_where(self.condition.clone());
        others.and_where(created_at().gte(Expr::col(("ends", "whole_from"))));
        others.and_where(created_at().lt(Expr::col(("ends", "whole_to"))));
        // With an offset PostgreSQL looks for each customer by itself; otherwise it reads all orders of the other span, for it
        // cannot know how few customers there are.
        others.limit(1).offset(0);
        let mut of_ends = Query::select();
        of_ends.from_values(ends, "spans").cross_join(ORDERS.table);
        of_ends.cond_where(taken_between("column2", "column3")).cond_where(self.condition.clone());
        let columns = [("column1", BUCKET), ("column4", "whole_from"), ("column5", "whole_to")];
        for (column, name) in columns {
            of_ends.expr_as(Expr::col(("spans", column)), name);
        }
        of_ends.distinct().expr_as(customer_code(), "customer");
        let mut customers = Query::select();
        customers.column(BUCKET).column("customer").from_subquery(of_ends, "ends");
        customers.and_where(Expr::exists(others).not());
        self.count_by_bucket(customers).await
    }

    /// How many rows there are of each bucket that has any.
    async fn count_by_bucket(&self, rows: SelectStatement) -> StoreResult<Vec<(i64, i64)>> {
        let mut sums = Query::select();
        sums.column(BUCKET).expr(Expr::cust("count(*)")).group_by_col(BUCKET).from_subquery(rows, "customers");
        let rows = self.report.tx.query_all(&sums).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
    }

    /// A customer as customers are told apart: by the bytes of the code, which sort faster than a language's letters.
    pub(super) fn customer(&self) -> &'static str {
        match self.report.tx.get_database_backend() {
            DbBackend::Postgres => "customer_code COLLATE \"C\"",
            _ => "customer_code",
        }
    }
}

fn created_at() -> Expr {
    Expr::col((orders::Entity, orders::Column::CreatedAt))
}

fn customer_code() -> Expr {
    Expr::col((orders::Entity, "customer_code"))
}

fn taken_between(from: &'static str, to: &'static str) -> Condition {
    let bound = |column| Expr::col(("spans", column));
    Condition::all().add(created_at().gte(bound(from))).add(created_at().lt(bound(to)))
}

/// The element of an index that the database gave, with the index as a slice takes it.
fn at<T: Copy>(list: &[T], index: i64) -> Option<(usize, T)> {
    let index = usize::try_from(index).ok()?;
    Some((index, *list.get(index)?))
}
