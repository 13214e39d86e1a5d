//! Texts that searches look through, folded anew where an earlier version stored them, or one that still runs beside this one
//! does: in batches, each a short transaction of its own, which keeps how far it came. So it goes on wherever it was broken
//! off, and orders are taken meanwhile.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement, Value};

use super::connect::Store;
use super::error::StoreResult;
use crate::domain::folding::{FORM, fold};
use crate::domain::order::OrderNumber;

/// The most orders that a batch looks at. Most texts are of ASCII alone, which every version folded alike; they stay in the
/// database.
const SPAN: u32 = 2000;

/// The most texts that a batch reads and writes.
const BATCH: usize = 200;

/// How many of the latest ids are looked at again the next time: an order with a low number may be committed late.
const LATE: i64 = 1000;

/// A stretch of ids, of which it is kept how far it is folded. Running numbers and random ones are one each: where both are given,
/// neither are the latest orders the ones with the greatest ids, nor is a number between the two.
struct Stretch {
    /// Below which row it is kept.
    form: i32,
    /// The id before the first.
    begin: i64,
    /// The last.
    end: i64,
}

const RUNNING: Stretch = Stretch { form: FORM, begin: 0, end: OrderNumber::FIRST_RANDOM.id() - 1 };
const RANDOM: Stretch = Stretch { form: -FORM, begin: RUNNING.end, end: i64::MAX };

/// The last id that no order is committed before any more, where this one is the last there is.
fn settled(last: i64) -> i64 {
    // A day's random numbers come in any order, and clocks may not agree on the day.
    let yesterday = OrderNumber::from_id(last).day().and_then(|day| day.pred_opt());
    yesterday.map_or(last - LATE, |day| OrderNumber::first_random_of(day).id() - 1)
}

/// What a batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// Every text up to the order with this id is folded, and there are more.
    UpTo(i64),
    /// All that there are.
    All,
    /// Nothing: another instance is at it, or it is left to the owner of the tables.
    Elsewhere,
}

impl Store {
    /// Folds all texts that are not; whether they are afterwards. They are not where that is somebody else's.
    pub async fn fold_search_texts(&self) -> StoreResult<bool> {
        let mut from = 0;
        loop {
            match self.fold_batch(from).await? {
                Folded::UpTo(id) => from = id,
                Folded::All => return Ok(true),
                Folded::Elsewhere => return Ok(false),
            }
        }
    }

    /// Folds the next texts behind `from`, or behind where it was left off.
    pub async fn fold_batch(&self, from: i64) -> StoreResult<Folded> {
        self.transaction(move |tx| Box::pin(async move { Ok(batch(tx, from).await?) })).await
    }
}

async fn batch(tx: &DatabaseTransaction, from: i64) -> Result<Folded, DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres && !is_allowed(tx).await? {
        return Ok(Folded::Elsewhere);
    }
    let Stretch { form, begin, end } = if from < RANDOM.begin { RUNNING } else { RANDOM };
    let insert = "INSERT INTO sales_order_search_folding (form, folded_up_to) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let postgres = tx.get_database_backend() == DbBackend::Postgres;
    // One instance at a time; SQLite's transaction holds everything already.
    let lock = if postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let find = format!("SELECT folded_up_to FROM sales_order_search_folding WHERE form = $1 {lock}");
    let mut found = one(tx, &find, [form.into()]).await?;
    if found.is_none() {
        // Elsewhere, or nobody began.
        run(tx, insert, [form.into(), begin.into()]).await?;
        found = one(tx, &find, [form.into()]).await?;
    }
    let Some(kept) = found else { return Ok(Folded::Elsewhere) };
    let kept: i64 = kept.try_get_by_index(0)?;
    let from = from.max(kept);
    let last = last_id(tx, end).await?.max(begin);
    let next = format!(
        "SELECT max(id) FROM (SELECT id FROM sales_orders WHERE id > $1 AND id <= $2 ORDER BY id LIMIT {SPAN}) AS following"
    );
    let next = one(tx, &next, [from.into(), last.into()]).await?.map(|row| row.try_get_by_index(0)).transpose()?;
    let up_to = fold_between(tx, from, next.flatten().unwrap_or(last)).await?;
    let keep = up_to.min(settled(last));
    if keep > kept {
        let sql = "UPDATE sales_order_search_folding SET folded_up_to = $1 WHERE form = $2";
        run(tx, sql, [keep.into(), form.into()]).await?;
    }
    Ok(if up_to < last {
        Folded::UpTo(up_to)
    } else if end == RUNNING.end && last_id(tx, RANDOM.end).await? > end {
        Folded::UpTo(end)
    } else {
        Folded::All
    })
}

/// The last id up to `end`; 0 where there is none.
async fn last_id(tx: &DatabaseTransaction, end: i64) -> Result<i64, DbErr> {
    let row = one(tx, "SELECT max(id) FROM sales_orders WHERE id <= $1", [end.into()]).await?;
    Ok(row.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?.flatten().unwrap_or(0))
}

/// Serving itself needs no right to the table.
async fn is_allowed(tx: &DatabaseTransaction) -> Result<bool, DbErr> {
    let sql = "SELECT bool_and(has_table_privilege('sales_order_search_folding', act))
        FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) act";
    one(tx, sql, []).await?.map_or(Ok(false), |row| row.try_get_by_index(0))
}

/// Folds texts behind `from`, up to `end` or as many as a batch may; gives up to where.
async fn fold_between(tx: &DatabaseTransaction, from: i64, end: i64) -> Result<i64, DbErr> {
    let has_more_bytes_than_characters = if tx.get_database_backend() == DbBackend::Postgres {
        "octet_length(search_text) <> char_length(search_text)"
    } else {
        "length(CAST(search_text AS blob)) <> length(search_text)"
    };
    let sql = format!(
        "SELECT id, search_text FROM sales_orders
         WHERE id > $1 AND id <= $2 AND {has_more_bytes_than_characters} ORDER BY id LIMIT {BATCH}"
    );
    let rows = tx.query_all_raw(statement(tx, &sql, [from.into(), end.into()])).await?;
    let mut last = from;
    for row in &rows {
        last = row.try_get_by_index(0)?;
        let stored: String = row.try_get_by_index(1)?;
        let folded = fold(&stored);
        if folded != stored {
            // Unless it was erased meanwhile.
            let sql = "UPDATE sales_orders SET search_text = $1 WHERE id = $2 AND search_text = $3";
            run(tx, sql, [folded.into(), last.into(), stored.into()]).await?;
        }
    }
    Ok(if rows.len() < BATCH { end.max(from) } else { last })
}

fn statement<const N: usize>(tx: &DatabaseTransaction, sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(tx.get_database_backend(), sql, values)
}

async fn one<const N: usize>(
    tx: &DatabaseTransaction,
    sql: &str,
    values: [Value; N],
) -> Result<Option<QueryResult>, DbErr> {
    tx.query_one_raw(statement(tx, sql, values)).await
}

async fn run<const N: usize>(tx: &DatabaseTransaction, sql: &str, values: [Value; N]) -> Result<(), DbErr> {
    tx.execute_raw(statement(tx, sql, values)).await.map(drop)
}
