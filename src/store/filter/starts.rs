//! The ways to find the orders of a filter on SQLite without reading all of them.

use sea_orm::sea_query::{Expr, Order, Query, SelectStatement, UnionType};
use sea_orm::{ColumnTrait as _, ConnectionTrait};

use super::{INDEXED_TEXTS, sections, time};
use crate::domain::folding::Sought;
use crate::domain::order::OrderNumber;
use crate::domain::order_filter::{OrderFilter, named_order};
use crate::store::entity::sales_orders::Column;
use crate::store::entity::{sales_order_lines, sales_orders};
use crate::store::error::StoreResult;

/// A way to find orders: what it gives holds all that are meant, and maybe others.
pub(super) enum Start {
    /// Orders that hold one of the texts, and the one with a number.
    Texts { texts: Vec<String>, number: Option<OrderNumber> },
    /// A query for their ids.
    Ids(Box<SelectStatement>),
}

impl Start {
    /// The query for the ids of the orders.
    pub(super) fn query(self, sample: &[String]) -> SelectStatement {
        match self {
            Self::Ids(query) => *query,
            Self::Texts { texts, number } => {
                let mut holding = holding(&texts, sample);
                if let Some(number) = number {
                    holding.union(UnionType::All, Query::select().expr(Expr::value(number.id())).take());
                }
                holding
            }
        }
    }
}

/// Each way that there is.
pub(super) fn starts(filter: &OrderFilter) -> Vec<Start> {
    let texts = filter.texts.all();
    let wholes = texts.iter().filter(|(column, ..)| !INDEXED_TEXTS.contains(column)).filter_map(|(_, mark, text)| {
        let texts: Vec<_> = text.any_of.as_ref()?.iter().flat_map(|text| sections(*mark, text)).collect();
        (!texts.is_empty()).then_some(Start::Texts { texts, number: None })
    });
    let parts = texts.iter().map(|(_, _, text)| *text).chain([&filter.product_code]);
    let parts = parts.filter_map(|text| text.contains.as_ref()).filter_map(|part| forms(part, None));
    let words = filter.search.iter().filter_map(|word| forms(word, named_order(word.folded())));
    let lines = filter.product_code.any_of.as_ref().map(|codes| {
        let mut lines = lines_of(codes);
        lines.clear_selects().column(sales_order_lines::Column::OrderId).take()
    });
    let times = filter.times.all().into_iter().filter(|(column, range)| *column != "created_at" && !range.is_open());
    let times =
        times.map(|range| Query::select().column(Column::Id).from(sales_orders::Entity).cond_where(time(range)).take());
    wholes
        .chain(parts)
        .chain(words)
        .chain(lines.into_iter().chain(times).map(|ids| Start::Ids(Box::new(ids))))
        .collect()
}

pub(super) fn lines_of(codes: &[String]) -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(sales_order_lines::Entity)
        .and_where(sales_order_lines::Column::ProductCode.is_in(codes))
        .take()
}

/// Orders that hold the text in one of its forms, if the index can tell.
fn forms(text: &Sought, number: Option<OrderNumber>) -> Option<Start> {
    let texts: Vec<_> = text.forms().map(str::to_owned).collect();
    texts.iter().all(|form| form.chars().count() >= TRIGRAM).then_some(Start::Texts { texts, number })
}

/// The index is one of trigrams.
const TRIGRAM: usize = 3;

/// So many of the latest orders tell which trigrams are common.
const SAMPLE: u64 = 200;

/// What the latest orders are searched by.
pub(super) async fn sample(connection: &impl ConnectionTrait) -> StoreResult<Vec<String>> {
    let latest = Query::select()
        .column(Column::SearchText)
        .from(sales_orders::Entity)
        .order_by(Column::CreatedAt, Order::Desc)
        .order_by(Column::Id, Order::Desc)
        .limit(SAMPLE)
        .take();
    let rows = connection.query_all(&latest).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}

/// The ids of the orders that hold one of these texts, from SQLite's index of trigrams. Of a text only what is rare is looked up
/// there: for each trigram the index reads all its orders, and a common one has a million. What is found is compared with the
/// whole text anyhow.
fn holding(texts: &[String], sample: &[String]) -> SelectStatement {
    let quoted = |part: &str| format!("\"{}\"", part.replace('"', "\"\""));
    let phrases = texts.iter().map(|text| {
        let parts = rare_parts(text, sample);
        format!("({})", parts.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(" AND "))
    });
    let phrases = phrases.collect::<Vec<_>>().join(" OR ");
    Query::select()
        .expr(Expr::cust("rowid"))
        .from("sales_order_search")
        .and_where(Expr::cust_with_values("sales_order_search MATCH ?", [phrases]))
        .take()
}

/// The parts of a text without its common trigrams: those that one of 32 orders holds. All of it where each is common.
fn rare_parts<'t>(text: &'t str, sample: &[String]) -> Vec<&'t str> {
    let mut starts: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
    starts.push(text.len());
    let trigrams: Vec<_> = starts.windows(TRIGRAM + 1).map(|ends| ends[0]..ends[TRIGRAM]).collect();
    let is_common = |trigram: &str| sample.iter().filter(|other| other.contains(trigram)).count() * 32 > sample.len();
    let mut parts: Vec<std::ops::Range<usize>> = Vec::new();
    for (index, trigram) in trigrams.iter().enumerate() {
        if is_common(&text[trigram.clone()]) {
            continue;
        }
        match parts.last_mut() {
            Some(part) if index > 0 && part.end == trigrams[index - 1].end => part.end = trigram.end,
            _ => parts.push(trigram.clone()),
        }
    }
    if parts.is_empty() { vec![text] } else { parts.into_iter().map(|part| &text[part]).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_text_only_what_few_orders_hold_is_looked_up() {
        let sample: Vec<_> = (0..200).map(|n| format!("\u{1}cust-{:05}\u{2}site-007", n * 17)).collect();
        assert_eq!(rare_parts("cust-98765", &sample), ["t-98765"]);
        assert_eq!(rare_parts("xyz cust-98765", &sample), ["xyz cu", "t-98765"]);
        assert_eq!(rare_parts("site-007", &sample), ["site-007"], "all of it is common");
        assert_eq!(rare_parts("cust-98765", &[]), ["cust-98765"], "nothing is known");
        assert_eq!(rare_parts("\u{1}größe", &sample), ["\u{1}größe"]);
        assert_eq!(rare_parts("ab", &sample), ["ab"]);
    }
}
