//! How many different customers there are, which cannot be added up: a customer may order in two hours of one day.

use std::mem;

use moka::sync::Cache;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait as _, DbBackend};
use sha2::{Digest as _, Sha256};

use super::by_period::{Cut, Span};
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
        let mut customers = Query::select().expr(Expr::cust(self.customer())).take();
        match &self.of_totals {
            Some(of_totals) => customers
                .from(TOTALS.table)
                .cond_where(of_totals.clone())
                .group_by_col("customer_code")
                .and_having(Expr::cust(HAS_ORDERS)),
            None if self.of_periods.is_some() => return Ok(self.count_customers_in(&[self.asked]).await?[0]),
            None => customers.distinct().from(ORDERS.table).cond_where(self.condition.clone()),
        };
        let count = Query::select().expr(Expr::cust("count(*)")).from_subquery(customers, "customers").take();
        let row = self.report.tx.query_one(&count).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0))
    }

    /// The same for each span, of a filter that the totals by period hold all of.
    pub(super) async fn count_customers_in(&self, spans: &[Span]) -> StoreResult<Vec<i64>> {
        let mut counts = vec![0; spans.len()];
        let mut open = Vec::new();
        let stamps = match &self.of_periods {
            Some(is_meant) => Cut::of(spans).find_stamps(self, is_meant, spans.len()).await?,
            None => vec![None; spans.len()],
        };
        let stamps: Vec<_> =
            stamps.into_iter().zip(spans).map(|(stamp, span)| stamp.filter(|_| Cut::of(&[*span]).is_whole())).collect();
        for ((index, span), stamp) in (0_i64..).zip(spans).zip(&stamps) {
            match (stamp, self.counted.numbers.get(&(self.counted.of, *span))) {
                (Some(now), Some((then, count))) if *now == then => {
                    if let Some(slot) = usize::try_from(index).ok().and_then(|index| counts.get_mut(index)) {
                        *slot = count;
                    }
                }
                _ if span.0 < span.1 => open.push((index, span.0, span.1)),
                _ => {}
            }
        }
        if open.is_empty() {
            return Ok(counts);
        }
        let mut customers = Query::select();
        customers.distinct().from_values(mem::take(&mut open), "spans").cross_join(ORDERS.table);
        let created_at = || Expr::col((orders::Entity, orders::Column::CreatedAt));
        customers.and_where(created_at().gte(Expr::col(("spans", "column2"))));
        customers.and_where(created_at().lt(Expr::col(("spans", "column3"))));
        customers.cond_where(self.condition.clone()).expr_as(Expr::col(("spans", "column1")), BUCKET);
        customers.expr_as(Expr::cust(self.customer()), "customer");
        let mut sums = Query::select().column(BUCKET).expr(Expr::cust("count(*)")).group_by_col(BUCKET).take();
        sums.from_subquery(customers.take(), "customers");
        for row in self.report.tx.query_all(&sums).await? {
            let (index, count): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            if let Some(slot) = usize::try_from(index).ok().and_then(|index| counts.get_mut(index)) {
                *slot = count;
            }
        }
        for ((span, stamp), count) in spans.iter().zip(&stamps).zip(&counts) {
            if let Some(stamp) = stamp {
                self.counted.numbers.insert((self.counted.of, *span), (*stamp, *count));
            }
        }
        Ok(counts)
    }

    /// A customer as customers are told apart: by the bytes of the code, which sort faster than a language's letters.
    pub(super) fn customer(&self) -> &'static str {
        match self.report.tx.get_database_backend() {
            DbBackend::Postgres => "customer_code COLLATE \"C\"",
            _ => "customer_code",
        }
    }
}
