//! Texts that searches look through, folded anew where an earlier version stored them, or one that still runs beside this one
//! does: in batches, each a short transaction of its own, which keeps how far it came. So it goes on wherever it was broken
//! off, and orders are taken meanwhile.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement, Value};

use super::connect::Store;
use super::error::StoreResult;
use crate::domain::folding::{FORM, fold};

/// The most ids that a batch looks at. Most texts are of ASCII alone, which every version folded alike; they stay in the
/// database.
const SPAN: i64 = 2000;

/// The most texts that a batch reads and writes.
const BATCH: usize = 200;

/// How many of the latest ids are looked at again the next time: an order with a low number may be committed late.
const LATE: i64 = 1000;

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
    let begin = "INSERT INTO sales_order_search_folding (form, folded_up_to) VALUES ($1, 0) ON CONFLICT DO NOTHING";
    let postgres = tx.get_database_backend() == DbBackend::Postgres;
    // One instance at a time; SQLite's transaction holds everything already.
    let lock = if postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let find = format!("SELECT folded_up_to FROM sales_order_search_folding WHERE form = $1 {lock}");
    let mut found = one(tx, &find, [FORM.into()]).await?;
    if found.is_none() {
        // Elsewhere, or nobody began.
        run(tx, begin, [FORM.into()]).await?;
        found = one(tx, &find, [FORM.into()]).await?;
    }
    let Some(kept) = found else { return Ok(Folded::Elsewhere) };
    let kept: i64 = kept.try_get_by_index(0)?;
    let from = from.max(kept);
    let last: i64 = match one(tx, "SELECT coalesce(max(id), 0) FROM sales_orders", []).await? {
        Some(row) => row.try_get_by_index(0)?,
        None => 0,
    };
    let end = last.min(from.saturating_add(SPAN));
    let up_to = fold_between(tx, from, end).await?;
    let keep = up_to.min(last - LATE);
    if keep > kept {
        let sql = "UPDATE sales_order_search_folding SET folded_up_to = $1 WHERE form = $2";
        run(tx, sql, [keep.into(), FORM.into()]).await?;
    }
    Ok(if up_to < last { Folded::UpTo(up_to) } else { Folded::All })
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
