//! The query of a summary's groups.

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, IntoCondition as _, Order, Query, SelectStatement};

use super::by_period::Cut;
use super::source::{FIGURES, Part, Rows, Source, TOTALS};
use super::{Grouping, SummarySnapshot};
use crate::domain::summary::Attribute;
use crate::store::connect::micros;
use crate::store::entity::{sales_order_lines as lines, sales_orders as orders};
use crate::store::totals::{FIGURES as TOTALS_FIGURES, TOTALS_KEY};

impl SummarySnapshot {
    /// What the source holds under its keys, with its figures; `None` where nothing can be. No two tables of one source share a
    /// column's name.
    pub(super) fn grouped(&self, source: &Source, parts: &[Part], grouping: &Grouping<'_>) -> Option<SelectStatement> {
        let mut query = SelectStatement::new();
        let (of_totals, of_periods) = match source.rows {
            Rows::Totals => (self.of_totals.as_ref(), None),
            Rows::Periods => (None, self.of_periods.as_ref()),
            Rows::Orders | Rows::Lines => (None, None),
        };
        let is_kept = of_totals.or(of_periods).is_some();
        if let Some(of_totals) = of_totals {
            query.from_subquery(totals(of_totals, grouping), TOTALS.table);
        } else if let Some(of_periods) = of_periods {
            let rows = Cut::of(&self.spans(grouping.buckets)).rows(self, of_periods)?;
            query.from_subquery(rows, source.table);
            if !grouping.buckets.is_empty() {
                query.column(BUCKET).group_by_col(BUCKET);
            }
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
        if source.rows == Rows::Lines {
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
                if is_kept {
                    let orders = Expr::case(is_currency, Expr::col("orders")).sum();
                    sum = Expr::case(orders.ne(0), sum).into();
                }
                query.expr_as(sum, part.name(index));
            }
        }
        if is_kept {
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
        Some(query.limit(u64::try_from(grouping.limit).unwrap_or(u64::MAX)).take())
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

pub(super) const HAS_ORDERS: &str = "sum(orders) <> 0";

pub(super) const BUCKET: &str = "bucket";
pub(super) const CUSTOMERS: &str = "customers";

/// One for each attribute; a summary has at most three dimensions.
const VALUES: [&str; 3] = ["value_1", "value_2", "value_3"];

pub(super) fn key_names(grouping: &Grouping<'_>) -> Vec<&'static str> {
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
