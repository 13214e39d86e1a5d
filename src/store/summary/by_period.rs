//! Figures of spans of time out of what the database keeps of hours and days, and out of orders at the ends of a span.

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query, SelectStatement, UnionType};
use sea_orm::{ConnectionTrait as _, DbBackend};

use super::{BUCKET, SummarySnapshot};
use crate::store::entity::sales_orders as orders;
use crate::store::error::StoreResult;
use crate::store::totals::FIGURES;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const MICROS: i64 = 1_000_000;

/// From one time until just before another, in microseconds.
pub type Span = (i64, i64);

/// The index of a bucket, and a span of it.
pub type IndexedSpan = (i64, i64, i64);

/// All times that there are, in whole days.
pub const FOREVER: Span = (-100_000_000 * DAY * MICROS, 100_000_000 * DAY * MICROS);

/// What rows are told apart by besides the time.
const KEY: [&str; 3] = ["client_id", "status", "currency"];

/// Spans of time, in microseconds and each with the index of its bucket, cut so that each is read where that costs least.
#[derive(Debug)]
pub struct Cut {
    /// By the length of the periods in seconds, what is read of such periods.
    periods: [(i64, Vec<IndexedSpan>); 2],
    /// All whole hours.
    hours: Vec<IndexedSpan>,
    /// The rest.
    ends: Vec<IndexedSpan>,
}

impl Cut {
    pub fn of(buckets: &[Span]) -> Self {
        let mut cut = Self { periods: [(HOUR, Vec::new()), (DAY, Vec::new())], hours: Vec::new(), ends: Vec::new() };
        for (bucket, index) in buckets.iter().zip(0..) {
            cut.add(index, *bucket);
        }
        cut
    }

    fn add(&mut self, index: i64, (from, to): Span) {
        let (first_hour, last_hour) = (round_up(from, HOUR), round_down(to, HOUR));
        if first_hour >= last_hour {
            self.ends.extend((from < to).then_some((index, from, to)));
            return;
        }
        let ends = [(index, from, first_hour), (index, last_hour, to)];
        self.ends.extend(ends.into_iter().filter(|(_, from, to)| from < to));
        self.hours.push((index, first_hour, last_hour));
        let (first_day, last_day) = (round_up(first_hour, DAY), round_down(last_hour, DAY));
        let [(_, hours), (_, days)] = &mut self.periods;
        if first_day < last_day {
            let around = [(index, first_hour, first_day), (index, last_day, last_hour)];
            hours.extend(around.into_iter().filter(|(_, from, to)| from < to));
            days.push((index, first_day, last_day));
        } else {
            hours.push((index, first_hour, last_hour));
        }
    }

    pub fn hours(&self) -> &[IndexedSpan] {
        &self.hours
    }

    pub fn ends(&self) -> &[IndexedSpan] {
        &self.ends
    }

    /// The rows of all spans, each with its bucket, key and figures; `None` where there is no span.
    pub fn rows(&self, snapshot: &SummarySnapshot, is_meant: &Condition) -> Option<SelectStatement> {
        let is_postgres = snapshot.report.tx.get_database_backend() == DbBackend::Postgres;
        let whole = self.of_periods(is_meant, &FIGURES);
        let recent = (is_postgres && !self.hours.is_empty()).then(|| self.of_changes(is_meant, &FIGURES));
        let ends = (!self.ends.is_empty()).then(|| self.of_orders(&snapshot.condition));
        union_all([whole, recent, ends].into_iter().flatten())
    }

    fn of_periods(&self, is_meant: &Condition, figures: &[&'static str]) -> Option<SelectStatement> {
        // Each length by itself: compared with a column of the list, PostgreSQL would join all periods of one length with all
        // spans. The list comes first, so that each span is one stretch of the table; SQLite keeps the order of a cross join.
        let of_length = |(length, spans): &(i64, Vec<IndexedSpan>)| {
            let mut rows = Query::select();
            rows.from_values(spans.clone(), "spans").cross_join("sales_order_totals_by_period");
            rows.and_where(Expr::col("period_seconds").eq(Expr::cust(length.to_string())));
            rows.and_where(Expr::col("period_start").gte(Expr::col(("spans", "column2"))));
            rows.and_where(Expr::col("period_start").lt(Expr::col(("spans", "column3"))));
            rows.cond_where(is_meant.clone()).expr_as(Expr::col(("spans", "column1")), BUCKET);
            rows.columns(KEY).columns(figures.iter().copied()).take()
        };
        union_all(self.periods.iter().filter(|(_, spans)| !spans.is_empty()).map(of_length))
    }

    /// What PostgreSQL has not merged yet. Added up first: there may be thousands, of one hour or two.
    fn of_changes(&self, is_meant: &Condition, figures: &[&'static str]) -> SelectStatement {
        let mut changes = Query::select().column("hour").columns(KEY).from("sales_order_totals_delta").take();
        changes.and_where(Expr::col("hour").is_not_null()).cond_where(is_meant.clone());
        changes.exprs(figures.iter().map(|figure| Expr::cust(format!("CAST(sum({figure}) AS bigint) AS {figure}"))));
        changes.group_by_col("hour").group_by_columns(KEY);
        let mut rows = Query::select();
        rows.from_values(self.hours.clone(), "spans").join_subquery(
            sea_orm::sea_query::JoinType::InnerJoin,
            changes,
            "changes",
            Condition::all()
                .add(Expr::col("hour").gte(Expr::col(("spans", "column2"))))
                .add(Expr::col("hour").lt(Expr::col(("spans", "column3")))),
        );
        rows.expr_as(Expr::col(("spans", "column1")), BUCKET).columns(KEY).columns(figures.iter().copied()).take()
    }

    fn of_orders(&self, is_meant: &Condition) -> SelectStatement {
        let mut rows = Query::select();
        rows.from_values(self.ends.clone(), "spans").cross_join(orders::Entity);
        let created_at = || Expr::col((orders::Entity, orders::Column::CreatedAt));
        rows.and_where(created_at().gte(Expr::col(("spans", "column2"))));
        rows.and_where(created_at().lt(Expr::col(("spans", "column3"))));
        let figures = [
            "1",
            "line_count",
            "total_quantity",
            "unpriced_lines",
            "priced_amount / 1000000",
            "priced_amount % 1000000",
        ];
        rows.cond_where(is_meant.clone()).expr_as(Expr::col(("spans", "column1")), BUCKET).columns(KEY);
        for (figure, name) in figures.into_iter().zip(FIGURES) {
            rows.expr_as(Expr::cust(format!("CAST({figure} AS bigint)")), name);
        }
        rows.take()
    }

    /// For each bucket the sum of its periods' stamps and how many there are: the same as long as nothing changed. Without one whose
    /// changes are not merged yet.
    pub async fn find_stamps(
        &self,
        snapshot: &SummarySnapshot,
        is_meant: &Condition,
        buckets: usize,
    ) -> StoreResult<Vec<Option<(i64, i64)>>> {
        let tx = &*snapshot.report.tx;
        let mut stamps = vec![Some((0, 0)); buckets];
        let Some(periods) = self.of_periods(is_meant, &["stamp"]) else { return Ok(stamps) };
        let mut sums = Query::select();
        sums.from_subquery(periods, "stamps").column(BUCKET).group_by_col(BUCKET);
        sums.expr(Expr::cust("CAST(sum(stamp) AS bigint)")).expr(Expr::cust("count(*)"));
        for row in tx.query_all(&sums).await? {
            let (index, sum, count): (i64, i64, i64) =
                (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            if let Some(stamp) = usize::try_from(index).ok().and_then(|index| stamps.get_mut(index)) {
                *stamp = Some((sum, count));
            }
        }
        if tx.get_database_backend() == DbBackend::Postgres {
            let mut changed = Query::select();
            changed.distinct().column(BUCKET).from_subquery(self.of_changes(is_meant, &[]), "changed");
            for row in tx.query_all(&changed).await? {
                let index: i64 = row.try_get_by_index(0)?;
                if let Some(stamp) = usize::try_from(index).ok().and_then(|index| stamps.get_mut(index)) {
                    *stamp = None;
                }
            }
        }
        Ok(stamps)
    }
}

fn union_all(parts: impl IntoIterator<Item = SelectStatement>) -> Option<SelectStatement> {
    let mut parts = parts.into_iter();
    let mut rows = parts.next()?;
    for part in parts {
        rows.union(UnionType::All, part);
    }
    Some(rows)
}

fn round_down(micros: i64, seconds: i64) -> i64 {
    micros.saturating_sub(micros.rem_euclid(seconds * MICROS))
}

fn round_up(micros: i64, seconds: i64) -> i64 {
    let length = seconds * MICROS;
    micros.saturating_add((length - micros.rem_euclid(length)) % length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time() -> impl Strategy<Value = i64> {
        let hour = HOUR * MICROS;
        (-100 * hour..100 * hour, 0..3_u8).prop_map(move |(micros, kind)| match kind {
            0 => micros - micros % hour,
            1 => micros - micros % (24 * hour),
            _ => micros,
        })
    }

    proptest! {
        #[test]
        fn each_moment_of_a_span_is_in_one_part_and_none_of_another(from in time(), to in time(), at in time()) {
            let cut = Cut::of(&[(from, to)]);
            let is_in = |start: i64, end: i64| at >= start && at < end;
            let periods: Vec<_> = cut.periods.iter().flat_map(|(seconds, spans)| spans.iter().map(move |span| (seconds, span))).collect();
            let of_periods = periods.iter().filter(|(_, (_, start, end))| is_in(*start, *end)).count();
            let of_ends = cut.ends.iter().filter(|(_, start, end)| is_in(*start, *end)).count();
            prop_assert_eq!(of_periods + of_ends, usize::from(is_in(from, to)));
            let of_hours = cut.hours.iter().filter(|(_, start, end)| is_in(*start, *end)).count();
            prop_assert_eq!(of_hours, of_periods, "hours that are not merged yet are those of the periods");
            for (seconds, (_, start, end)) in periods {
                let is_whole = |micros: i64| micros.rem_euclid(seconds * MICROS) == 0;
                prop_assert!(is_whole(*start) && is_whole(*end));
            }
            let hours: i64 = cut.ends.iter().map(|(_, start, end)| end - start).sum();
            prop_assert!(hours < 2 * HOUR * MICROS, "orders are read of less than an hour at each end");
        }
    }

    #[test]
    fn all_time_is_whole_days() {
        let cut = Cut::of(&[FOREVER]);
        assert_eq!(cut.periods, [(HOUR, vec![]), (DAY, vec![(0, FOREVER.0, FOREVER.1)])]);
        assert!(cut.ends.is_empty());
    }
}
