//! The filter of orders as SQL.
//!
//! A text that an order must hold is found through an index of trigrams, a product through the lines. Whether starting
//! there pays depends on how many orders that leaves: for a rare text it saves reading a million orders, for a common
//! one it is dearer than reading a page's orders in their own order and looking at each. PostgreSQL knows from its
//! statistics. SQLite does not, so it is told: [`Store::matching`] counts first, up to a bound.

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, IntoCondition as _, LikeExpr, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend};

use super::connect::{Store, micros};
use super::entity::{sales_order_acknowledgements, sales_order_lines, sales_orders};
use super::error::StoreResult;
use crate::domain::folding::Sought;
use crate::domain::order::OrderStatus;
use crate::domain::order_filter::{Moment, OrderFilter, Range, TextFilter, named_order};
use crate::domain::permission::Scope;

use sales_orders::Column;

/// More orders than this are not looked up one by one.
const FEW: u32 = 1000;

/// The rows a caller may see.
pub(super) fn in_scope(scope: &Scope) -> Condition {
    let condition = Condition::all();
    match scope {
        Scope::All => condition,
        Scope::Client(client_id) => condition.add(Column::ClientId.eq(client_id.as_str())),
    }
}

impl Store {
    /// What the orders of this scope and filter have in common, with a way to find them fast.
    pub(super) async fn matching(
        &self,
        connection: &impl ConnectionTrait,
        scope: &Scope,
        filter: &OrderFilter,
    ) -> StoreResult<Condition> {
        let condition = in_scope(scope).add(condition(filter));
        if self.backend() != DbBackend::Sqlite {
            return Ok(condition);
        }
        let starts = starts(filter);
        let [count, counts @ ..] = starts.as_slice() else { return Ok(condition) };
        let mut probe = Query::select();
        for start in std::iter::once(count).chain(counts) {
            let bounded = start.clone().limit(u64::from(FEW) + 1).take();
            probe.expr(Expr::SubQuery(
                None,
                Box::new(Query::select().expr(Expr::cust("count(*)")).from_subquery(bounded, "some").take().into()),
            ));
        }
        let Some(row) = connection.query_one(&probe).await? else { return Ok(condition) };
        let mut rarest = (i64::from(FEW) + 1, None);
        for (index, start) in starts.into_iter().enumerate() {
            let count = row.try_get_by_index::<i64>(index)?;
            if count < rarest.0 {
                rarest = (count, Some(start));
            }
        }
        Ok(match rarest.1 {
            Some(start) => condition.add(Column::Id.in_subquery(start)),
            None => condition,
        })
    }
}

/// The texts that have an index of their own and by which totals are kept. What another one is to be is looked for in the
/// text that searches look through, whose index each has.
const INDEXED_TEXTS: [&str; 3] = ["customer_code", "site_code", "sales_name"];

/// The same for the rows of `sales_order_totals`, where these hold all that the filter asks about.
pub(super) fn of_totals(scope: &Scope, filter: &OrderFilter) -> Option<Condition> {
    let OrderFilter { statuses, texts, client_ids, .. } = filter.clone();
    let asked = OrderFilter { statuses, texts, client_ids, ..OrderFilter::default() };
    let has = |(column, _, text): &(&'static str, char, &TextFilter)| {
        **text == TextFilter::default() || (text.contains.is_none() && INDEXED_TEXTS.contains(column))
    };
    if asked != *filter || !filter.texts.all().iter().all(has) {
        return None;
    }
    let is_in = |column: &'static str, values: Option<Vec<String>>| values.map(|all| Expr::col(column).is_in(all));
    let statuses = asked.statuses.map(|all| all.iter().map(|status| status.as_str().to_owned()).collect());
    let own = match scope {
        Scope::All => None,
        Scope::Client(client_id) => Some(vec![client_id.to_string()]),
    };
    let condition = Condition::all();
    let texts = asked.texts.all().into_iter().filter_map(|(column, _, text)| is_in(column, text.any_of.clone()));
    Some(
        texts
            .fold(condition, Condition::add)
            .add_option(is_in("client_id", own))
            .add_option(is_in("client_id", asked.client_ids))
            .add_option(is_in("status", statuses)),
    )
}

fn condition(filter: &OrderFilter) -> Condition {
    // Taken apart so that a new part cannot be forgotten here.
    let OrderFilter { numbers, statuses, texts, product_code, client_ids, times, search, not_acknowledged_by } = filter;
    let condition = Condition::all()
        .add_option(numbers.as_ref().map(|numbers| Column::Id.is_in(numbers.iter().map(|number| number.id()))))
        .add_option(statuses.as_ref().map(|all| Column::Status.is_in(all.iter().copied().map(OrderStatus::as_str))));
    let condition = texts.all().into_iter().map(text).fold(condition, Condition::add);
    let condition = times.all().into_iter().map(time).fold(condition, Condition::add);
    condition
        .add_option(product_code.any_of.as_ref().map(|codes| {
            let of_order = sales_order_lines::Column::OrderId.eq_order_id();
            Expr::exists(lines_of(codes).cond_where(of_order).take())
        }))
        .add_option(product_code.contains.as_ref().map(|part| holds_in_section(part, '\u{4}')))
        .add_option(client_ids.as_ref().map(|ids| Column::ClientId.is_in(ids)))
        .add_option(search.iter().map(word_condition).reduce(Condition::add))
        .add_option(not_acknowledged_by.as_ref().map(|system| {
            let acknowledged = Query::select()
                .expr(Expr::value(1))
                .from(sales_order_acknowledgements::Entity)
                .cond_where(sales_order_acknowledgements::Column::OrderId.eq_order_id())
                .and_where(sales_order_acknowledgements::Column::System.eq(system))
                .take();
            Expr::exists(acknowledged).not()
        }))
}

/// Joins another table's order id to the order of the query around it.
trait OfOrder: ColumnTrait {
    fn eq_order_id(&self) -> Condition {
        Expr::col(self.as_column_ref()).equals((sales_orders::Entity, Column::Id)).into_condition()
    }
}
impl OfOrder for sales_order_lines::Column {}
impl OfOrder for sales_order_acknowledgements::Column {}

fn text((column, mark, filter): (&'static str, char, &TextFilter)) -> Condition {
    let is_in = |values: &Vec<String>| {
        let is_one = Condition::all().add(Expr::col((sales_orders::Entity, column)).is_in(values));
        if INDEXED_TEXTS.contains(&column) {
            return is_one;
        }
        is_one.add(any_like(values.iter().flat_map(|value| sections(mark, value))))
    };
    Condition::all()
        .add_option(filter.any_of.as_ref().map(is_in))
        .add_option(filter.contains.as_ref().map(|part| holds_in_section(part, mark)))
}

fn time((column, range): (&'static str, Range<Moment>)) -> Condition {
    let column = || Expr::col((sales_orders::Entity, column));
    let stored = |moment: Moment| match moment {
        Moment::Instant(instant) => Expr::value(micros(instant)),
        Moment::Date(date) => Expr::value(date.to_string()),
    };
    Condition::all()
        .add_option(range.from.map(|from| column().gte(stored(from))))
        .add_option(range.before.map(|before| column().lt(stored(before))))
}

fn word_condition(word: &Sought) -> Condition {
    let number = named_order(word.folded()).map(|number| Column::Id.eq(number.id()));
    Condition::all().add(any_like(word.forms().map(str::to_owned)).add_option(number))
}

/// Each kind of text stands between its mark and the next one, see `NewOrder::search_text`.
fn holds_in_section(part: &Sought, mark: char) -> Condition {
    let within = part.forms().map(|part| like(&format!("%{mark}%{}%{}%", escape(part), next(mark))));
    within.fold(Condition::any(), Condition::add)
}

/// A whole text as it stands there, in each form.
fn sections(mark: char, text: &str) -> Vec<String> {
    Sought::new(text).forms().map(|text| format!("{mark}{text}{}", next(mark))).collect()
}

/// Whether one of the texts is held anywhere.
fn any_like(texts: impl Iterator<Item = String>) -> Condition {
    texts.map(|text| like(&format!("%{}%", escape(&text)))).fold(Condition::any(), Condition::add)
}

fn next(mark: char) -> char {
    char::from_u32(u32::from(mark) + 1).unwrap_or(mark)
}

fn like(pattern: &str) -> Expr {
    Expr::col((sales_orders::Entity, Column::SearchText)).like(LikeExpr::new(pattern).escape('\\'))
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Each way to find the filter's orders without reading all of them: a query for their ids.
fn starts(filter: &OrderFilter) -> Vec<SelectStatement> {
    let texts = filter.texts.all();
    let wholes = texts.iter().filter(|(column, ..)| !INDEXED_TEXTS.contains(column)).filter_map(|(_, mark, text)| {
        let sections: Vec<_> = text.any_of.as_ref()?.iter().flat_map(|text| sections(*mark, text)).collect();
        (!sections.is_empty()).then(|| holding(&sections))
    });
    let parts = texts.iter().map(|(_, _, text)| *text).chain([&filter.product_code]);
    let parts = parts.filter_map(|text| text.contains.as_ref()).filter_map(holding_form);
    let words = filter.search.iter().filter_map(|word| match (named_order(word.folded()), holding_form(word)?) {
        (None, holding) => Some(holding),
        (Some(number), mut holding) => {
            let named = Query::select().expr(Expr::value(number.id())).take();
            Some(holding.union(sea_orm::sea_query::UnionType::All, named).take())
        }
    });
    let lines = filter.product_code.any_of.as_ref().map(|codes| {
        let mut lines = lines_of(codes);
        lines.clear_selects().column(sales_order_lines::Column::OrderId).take()
    });
    let times = filter.times.all().into_iter().filter(|(column, range)| *column != "created_at" && !range.is_open());
    let times =
        times.map(|range| Query::select().column(Column::Id).from(sales_orders::Entity).cond_where(time(range)).take());
    wholes.chain(parts).chain(words).chain(lines).chain(times).collect()
}

/// The ids of the orders that hold the text in one of its forms, if the index can tell.
fn holding_form(text: &Sought) -> Option<SelectStatement> {
    let forms: Vec<_> = text.forms().collect();
    forms.iter().all(|form| form.chars().count() >= 3).then(|| holding(&forms))
}

/// The ids of the orders that hold one of these texts, from SQLite's index of trigrams.
fn holding(texts: &[impl AsRef<str>]) -> SelectStatement {
    let phrases = texts.iter().map(|text| format!("\"{}\"", text.as_ref().replace('"', "\"\"")));
    let phrases = phrases.collect::<Vec<_>>().join(" OR ");
    Query::select()
        .expr(Expr::cust("rowid"))
        .from("sales_order_search")
        .and_where(Expr::cust_with_values("sales_order_search MATCH ?", [phrases]))
        .take()
}

fn lines_of(codes: &[String]) -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(sales_order_lines::Entity)
        .and_where(sales_order_lines::Column::ProductCode.is_in(codes))
        .take()
}
