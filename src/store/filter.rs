//! The filter of orders as SQL.
//!
//! A text that an order must hold is found through an index of trigrams, a product through the lines. Whether starting
//! there pays depends on how many orders that leaves: for a rare text it saves reading a million orders, for a common
//! one it is dearer than reading a page's orders in their own order and looking at each. PostgreSQL knows from its
//! statistics. SQLite does not, so it is told: [`Store::matching`] counts first, up to a bound.

mod starts;

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, IntoCondition as _, LikeExpr, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend};

use super::connect::{Store, micros};
use super::entity::{sales_order_acknowledgements, sales_order_lines, sales_order_requests, sales_orders};
use super::error::StoreResult;
use crate::domain::folding::Sought;
use crate::domain::order::OrderStatus;
use crate::domain::order_filter::{Moment, OrderFilter, Range, TextFilter, Times, named_order};
use crate::domain::permission::Scope;

use sales_orders::Column;
use starts::{Start, lines_of, sample, starts};

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
        let sample = if starts.iter().any(|start| matches!(start, Start::Texts { .. })) {
            sample(connection).await?
        } else {
            Vec::new()
        };
        let starts: Vec<_> = starts.into_iter().map(|start| start.query(&sample)).collect();
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
    (asked == *filter && filter.texts.all().iter().all(has)).then(|| of_kept(scope, filter))
}

/// The same for the rows of `sales_order_totals_by_period`, besides the time orders were taken at.
pub(super) fn of_periods(scope: &Scope, filter: &OrderFilter) -> Option<Condition> {
    let OrderFilter { statuses, client_ids, times, .. } = filter.clone();
    let times = Times { created_at: times.created_at, ..Times::default() };
    let asked = OrderFilter { statuses, client_ids, times, ..OrderFilter::default() };
    (asked == *filter).then(|| of_kept(scope, filter))
}

fn of_kept(scope: &Scope, filter: &OrderFilter) -> Condition {
    let is_in = |column: &'static str, values: Option<Vec<String>>| values.map(|all| Expr::col(column).is_in(all));
    let statuses = filter.statuses.as_ref().map(|all| all.iter().map(|status| status.as_str().to_owned()).collect());
    let own = match scope {
        Scope::All => None,
        Scope::Client(client_id) => Some(vec![client_id.to_string()]),
    };
    let texts = filter.texts.all().into_iter().filter_map(|(column, _, text)| is_in(column, text.any_of.clone()));
    texts
        .fold(Condition::all(), Condition::add)
        .add_option(is_in("client_id", own))
        .add_option(is_in("client_id", filter.client_ids.clone()))
        .add_option(is_in("status", statuses))
}

fn condition(filter: &OrderFilter) -> Condition {
    // Taken apart so that a new part cannot be forgotten here.
    let OrderFilter {
        numbers,
        statuses,
        texts,
        product_code,
        client_ids,
        times,
        search,
        request_states,
        not_acknowledged_by,
    } = filter;
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
        .add_option(request_states.as_ref().map(|states| {
            // By itself, for few orders have any: with PENDING, which is asked for most, through an index of just these.
            let in_states = states
                .iter()
                .map(|state| Expr::cust(format!("sales_order_requests.state = '{}'", state.as_str())))
                .fold(Condition::any(), Condition::add);
            let requests = Query::select()
                .column(sales_order_requests::Column::OrderId)
                .from(sales_order_requests::Entity)
                .cond_where(in_states.add_option(states.is_empty().then(|| Expr::cust("1 = 0"))))
                .take();
            Column::Id.in_subquery(requests)
        }))
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
